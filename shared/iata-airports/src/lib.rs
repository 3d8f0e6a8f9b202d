//! Every airport with an IATA code, compiled in from an open data set (`data/README.md`).
//!
//! It is a crate of its own because booking needs it to refuse unknown codes and mileage to measure distances, and neither depends on the other.
//!
//! | item | idea |
//! |---|---|
//! | [`IataCode`] | three letters that an airport may have |
//! | [`find`] | the airport with a code |
//! | [`all`] | all airports, by code |
//! | [`Airport`] | a code and where it is |
//!
//! ```
//! let heathrow = iata_airports::find("LHR".parse()?).unwrap();
//! assert!((51.0..52.0).contains(&heathrow.latitude()));
//! assert!("lhr".parse::<iata_airports::IataCode>().is_err());
//! assert!(iata_airports::find("ZZX".parse()?).is_none(), "well formed, and nobody's");
//! # Ok::<(), iata_airports::InvalidIataCode>(())
//! ```
//!
//! # Errors
//!
//! [`InvalidIataCode`]: a text is not three letters `A` to `Z`.
//!
//! # Guarantees
//!
//! - The table is sorted when the crate is built: [`find`] allocates nothing and compares at most thirteen times.
//! - Coordinates are WGS84 degrees and lie on the globe.

use std::{fmt, str::FromStr};

/// Text that cannot be an IATA airport code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an IATA airport code is three letters A to Z")]
pub struct InvalidIataCode;

/// An IATA airport code: three letters `A`–`Z`. Being well formed does not mean that an airport has it: see [`find`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct IataCode([u8; 3]);

impl FromStr for IataCode {
    type Err = InvalidIataCode;
    fn from_str(text: &str) -> Result<Self, InvalidIataCode> {
        let code: [u8; 3] = text.as_bytes().try_into().map_err(|_| InvalidIataCode)?;
        if code.iter().all(u8::is_ascii_uppercase) { Ok(Self(code)) } else { Err(InvalidIataCode) }
    }
}

impl fmt::Display for IataCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|letter| write!(f, "{}", char::from(*letter)))
    }
}

/// An airport as far as bookings and miles need it. Its name is left out, so that functions stay small.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Airport {
    /// The airport's IATA code.
    pub code: IataCode,
    // Hundred-thousandths of a degree: half as large as two floating-point numbers, in every function that links the table.
    latitude: i32,
    longitude: i32,
}

impl Airport {
    /// WGS84 latitude in degrees.
    pub fn latitude(&self) -> f64 {
        f64::from(self.latitude) / 1e5
    }

    /// WGS84 longitude in degrees.
    pub fn longitude(&self) -> f64 {
        f64::from(self.longitude) / 1e5
    }
}

static AIRPORTS: &[Airport] = &include!(concat!(env!("OUT_DIR"), "/airports.rs"));

/// The airport with this code, if there is one.
pub fn find(code: IataCode) -> Option<&'static Airport> {
    AIRPORTS.binary_search_by_key(&code, |airport| airport.code).ok().map(|index| &AIRPORTS[index])
}

/// All airports, sorted by code.
pub fn all() -> &'static [Airport] {
    AIRPORTS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_airport_is_found_by_its_code() {
        assert!(all().len() >= 7_000);
        for airport in all() {
            assert_eq!(find(airport.code.to_string().parse().unwrap()), Some(airport));
        }
    }

    #[test]
    fn coordinates_are_on_the_globe() {
        for airport in all() {
            assert!(airport.latitude().abs() <= 90.0 && airport.longitude().abs() <= 180.0, "{}", airport.code);
        }
    }

    #[test]
    fn what_is_no_code_is_refused() {
        for text in ["", "LH", "LHRR", "lhr", "L1R", "LÄ"] {
            assert_eq!(text.parse::<IataCode>(), Err(InvalidIataCode), "{text:?}");
        }
        assert_eq!(find("ZZX".parse().unwrap()), None);
    }
}
