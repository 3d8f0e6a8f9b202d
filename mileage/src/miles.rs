//! How many miles a flight earns.

use std::fmt;

use geographiclib_rs::{Geodesic, InverseGeodesic};
use iata_airports::Airport;
use serde::{Deserialize, Serialize};

/// Metres in an international statute mile.
const METRES_PER_MILE: f64 = 1_609.344;
/// What the shortest flight earns.
const MINIMUM: u32 = 500;

/// A number of award miles.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Miles(pub u32);

impl fmt::Display for Miles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The miles between two airports: the geodesic distance on the WGS84 ellipsoid in statute miles, rounded up, at least 500.
///
/// The distance is Karney's solution of the inverse problem (C. F. F. Karney, "Algorithms for geodesics", J. Geodesy 87,
/// 2013), exact to nanometres, which converges for antipodal points too.
pub fn miles_between(from: &Airport, to: &Airport) -> Miles {
    let geodesic = Geodesic::wgs84();
    let metres: f64 = geodesic.inverse(from.latitude(), from.longitude(), to.latitude(), to.longitude());
    // At most half the earth's circumference: fits.
    Miles(((metres / METRES_PER_MILE).ceil() as u32).max(MINIMUM))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn miles(from: &str, to: &str) -> u32 {
        let find = |code: &str| iata_airports::find(code.parse().unwrap()).unwrap();
        miles_between(find(from), find(to)).0
    }

    #[test]
    fn known_routes_earn_their_published_distance() {
        for (from, to, published) in
            [("LHR", "JFK", 3_451), ("SYD", "SCL", 7_061), ("SIN", "JFK", 9_537), ("FRA", "HND", 5_825)]
        {
            assert!(miles(from, to).abs_diff(published) <= 10, "{from}-{to}: {}", miles(from, to));
            assert_eq!(miles(from, to), miles(to, from));
        }
    }

    #[test]
    fn a_short_hop_earns_the_minimum() {
        assert_eq!(miles("LHR", "LGW"), 500);
    }

    #[test]
    fn every_route_earns_a_possible_number() {
        let all = iata_airports::all();
        for (index, from) in all.iter().enumerate().step_by(53) {
            let to = &all[(index * 7 + 4_001) % all.len()];
            assert!((500..=12_451).contains(&miles_between(from, to).0), "{}-{}", from.code, to.code);
        }
    }
}
