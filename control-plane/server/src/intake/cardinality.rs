//! How many series there may be: a sender that puts ids of requests into attributes must not fill the store with series of one point each.

use std::collections::{HashMap, HashSet};

use control_plane_model::{incoming::number_of, metrics::IncomingPoints};

use super::Rejected;

/// Series of one service and day, and of all.
const OF_SERVICE: usize = 10_000;
const OF_ALL: usize = 100_000;
const DAY: i64 = 86_400;

/// The series that came today, UTC, by their numbers. It is in memory: a server that starts again counts anew.
#[derive(Debug, Default)]
pub(super) struct Cardinality {
    day: i64,
    known: HashSet<i64>,
    services: HashMap<i64, usize>,
}

impl Cardinality {
    /// Leaves out what is of a new series beyond the bounds. `now` are Unix seconds.
    pub(super) fn bound(&mut self, points: &mut Vec<IncomingPoints>, now: i64, rejected: &mut Rejected) {
        let day = now.div_euclid(DAY);
        if day != self.day {
            *self = Self { day, ..Self::default() };
        }
        points.retain(|of_stream| {
            let is_taken = self.takes(of_stream);
            if !is_taken {
                rejected
                    .add(of_stream.points.len(), "a service has at most 10000 series a day, and all together 100000");
            }
            is_taken
        });
    }

    fn takes(&mut self, points: &IncomingPoints) -> bool {
        let series = &points.series;
        if self.known.contains(&series.id) {
            return true;
        }
        let account = series.account.as_deref().unwrap_or_default();
        let service = self.services.entry(number_of([series.service.as_bytes(), account.as_bytes()])).or_default();
        let has_room = *service < OF_SERVICE && self.known.len() < OF_ALL;
        if has_room {
            *service += 1;
            self.known.insert(series.id);
        }
        has_room
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, sync::Arc};

    use control_plane_model::metrics::{Kind, Point, Series, Summary};

    use super::*;

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
}
