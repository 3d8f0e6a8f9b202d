//! How many series there may be: a sender that puts ids of requests into attributes must not fill the store with series of one point each.

use std::collections::{HashMap, HashSet};

use control_plane_model::{
    incoming::number_of,
    metrics::{IncomingPoints, Series},
};

use super::Rejected;

/// Series of one service and day, of one account, and of all.
const OF_SERVICE: usize = 10_000;
const OF_ACCOUNT: usize = 20_000;
const OF_ALL: usize = 100_000;
const DAY: i64 = 86_400;

/// The series that came today, UTC, by their numbers; histograms of other bounds are others. It is in memory: a server that starts again
/// counts anew.
#[derive(Debug, Default)]
pub(super) struct Cardinality {
    day: i64,
    known: HashSet<i64>,
    services: HashMap<i64, usize>,
    accounts: HashMap<String, usize>,
}

impl Cardinality {
    /// Leaves out what is of a new series beyond the bounds. `now` are Unix seconds.
    pub(super) fn bound(&mut self, points: &mut Vec<IncomingPoints>, now: i64, rejected: &mut Rejected) {
        let day = now.div_euclid(DAY);
        if day != self.day {
            *self = Self { day, ..Self::default() };
        }
        for IncomingPoints { series, points, .. } in points.iter_mut() {
            let before = points.len();
            points.retain(|point| self.takes(series, &point.summary.bounds));
            if points.len() < before {
                let most = "a service has at most 10000 series a day, an account 20000, and all together 100000";
                rejected.add(before - points.len(), most);
            }
        }
        points.retain(|of_stream| !of_stream.points.is_empty());
    }

    fn takes(&mut self, series: &Series, bounds: &[f64]) -> bool {
        let id = series.with_bounds(bounds);
        if self.known.contains(&id) {
            return true;
        }
        let account = series.account.as_deref().unwrap_or_default();
        let of_service = number_of([series.service.as_bytes(), account.as_bytes()]);
        let known = |of: Option<&usize>| of.copied().unwrap_or_default();
        let has_room = known(self.services.get(&of_service)) < OF_SERVICE
            && known(self.accounts.get(account)) < OF_ACCOUNT
            && self.known.len() < OF_ALL;
        if has_room {
            *self.services.entry(of_service).or_default() += 1;
            *self.accounts.entry(account.to_owned()).or_default() += 1;
            self.known.insert(id);
        }
        has_room
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, sync::Arc};

    use control_plane_model::metrics::{Kind, Point, Series, Summary};

    use super::*;

    fn of_account(account: &str, service: &str, id: i64) -> IncomingPoints {
        let points = points(service, id);
        let series = Series { account: Some(account.into()), ..Series::clone(&points.series) };
        IncomingPoints { series: Arc::new(series), ..points }
    }

    fn points(service: &str, id: i64) -> IncomingPoints {
        let series = Series {
            id,
            metric: "m".into(),
            unit: "1".into(),
            kind: Kind::Sum,
            service: service.into(),
            account: None,
            tenant: None,
            attributes: BTreeMap::new(),
        };
        let point = Point { time_ns: 1, since_ns: None, summary: Summary::default(), exemplars: vec![] };
        IncomingPoints { series: Arc::new(series), stream: id, points: vec![point.clone(), point] }
    }

    #[test]
    fn a_service_that_makes_series_without_end_is_stopped_alone() {
        let mut bounds = Cardinality::default();
        let mut many: Vec<_> = (0..10_003).map(|id| points("a", id)).collect();
        let mut rejected = Rejected::default();
        bounds.bound(&mut many, 5 * DAY, &mut rejected);
        assert_eq!((many.len(), rejected.count), (10_000, 6));
        let mut beside = vec![points("a", 3), points("a", 10_001), points("b", -1)];
        bounds.bound(&mut beside, 5 * DAY, &mut rejected);
        assert_eq!(beside.iter().map(|points| points.stream).collect::<Vec<_>>(), [3, -1]);
        let mut tomorrow = vec![points("a", 10_001)];
        bounds.bound(&mut tomorrow, 6 * DAY, &mut rejected);
        assert_eq!(tomorrow.len(), 1);
    }
    #[test]
    fn an_account_that_names_services_without_end_is_stopped_alone() {
        let mut bounds = Cardinality::default();
        let mut many: Vec<_> = (0..30_000).map(|id| of_account("1", &format!("s{}", id / 100), id)).collect();
        let mut rejected = Rejected::default();
        bounds.bound(&mut many, 5 * DAY, &mut rejected);
        assert_eq!((many.len(), rejected.count), (20_000, 20_000));
        let mut beside = vec![of_account("1", "new", -1), of_account("2", "s1", -2), points("a", -3)];
        bounds.bound(&mut beside, 5 * DAY, &mut rejected);
        assert_eq!(beside.iter().map(|points| points.stream).collect::<Vec<_>>(), [-2, -3]);
    }

    #[test]
    fn histograms_of_other_bounds_are_other_series() {
        let mut bounds = Cardinality::default();
        let mut of_stream = points("a", 1);
        let with = |bound: i32| Summary { bounds: vec![f64::from(bound)], buckets: vec![1, 0], ..Summary::default() };
        of_stream.points =
            (0..10_001).map(|bound| Point { summary: with(bound), ..of_stream.points[0].clone() }).collect();
        let mut sent = vec![of_stream];
        let mut rejected = Rejected::default();
        bounds.bound(&mut sent, 5 * DAY, &mut rejected);
        assert_eq!((sent[0].points.len(), rejected.count), (10_000, 1));
    }
}
