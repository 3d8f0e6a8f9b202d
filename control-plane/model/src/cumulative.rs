//! What a point adds whose sender counts since it began: what it counted since the point before.
//!
//! Points are differenced in the order of their times, however they come, so that none counts twice and one that is lost is made up for by
//! the next. <https://opentelemetry.io/docs/specs/otel/metrics/data-model/#resets-and-gaps>.

use serde::{Deserialize, Serialize};

use crate::{metrics::Kind, summary::Summary};

/// How far a point may be behind the one before, nanoseconds. What is counted over a longer time has no place in time.
pub const REACH_NS: i64 = 3_600_000_000_000;

/// A cumulative point: what a sender counted from its start to a time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CumulativePoint {
    /// When it began, nanoseconds since 1970; 0 where it does not say.
    pub since_ns: i64,
    /// Up to when, nanoseconds since 1970.
    pub time_ns: i64,
    /// The counts.
    pub summary: Summary,
}

/// What a point adds behind the one before it of its stream, which is within [`REACH_NS`]. Of a sender that began again it is all of it; so it is of the
/// first point of one that began within that time; any other first point is only where counting begins.
pub fn counted(kind: Kind, before: Option<&CumulativePoint>, point: &CumulativePoint) -> Summary {
    let Some(before) = before else {
        let is_new = point.since_ns > 0 && point.since_ns >= point.time_ns - REACH_NS;
        return if is_new { whole(point) } else { Summary::default() };
    };
    let (earlier, later) = (&before.summary, &point.summary);
    let has_buckets = earlier.bounds == later.bounds && earlier.buckets.len() == later.buckets.len();
    let mut pairs = earlier.buckets.iter().zip(&later.buckets);
    let is_less = later.count < earlier.count || (has_buckets && pairs.any(|(earlier, later)| later < earlier));
    // It has no count, and grows.
    let is_sum = kind == Kind::Sum;
    if before.since_ns != point.since_ns || is_less || (is_sum && later.sum < earlier.sum) {
        return whole(point);
    }
    let pairs = earlier.buckets.iter().zip(&later.buckets);
    let buckets = pairs.filter(|_| has_buckets).map(|(earlier, later)| later - earlier).collect();
    Summary {
        count: if is_sum { 1 } else { later.count - earlier.count },
        sum: later.sum - earlier.sum,
        // The extremes since the sender's start say nothing about this stretch.
        min: None,
        max: None,
        bounds: if has_buckets { later.bounds.clone() } else { Vec::new() },
        buckets,
    }
}

fn whole(point: &CumulativePoint) -> Summary {
    Summary { min: None, max: None, ..point.summary.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: i64 = 60_000_000_000;

    fn sum(since_ns: i64, time_ns: i64, sum: f64) -> CumulativePoint {
        CumulativePoint { since_ns, time_ns, summary: Summary { count: 1, sum, ..Summary::default() } }
    }

    fn histogram(time_ns: i64, buckets: [u64; 2]) -> CumulativePoint {
        let count = buckets.iter().sum();
        let summary = Summary {
            count,
            sum: 3.0 * count as f64,
            bounds: vec![5.0],
            buckets: buckets.into(),
            ..Summary::default()
        };
        CumulativePoint { since_ns: MINUTE, time_ns, summary }
    }

    #[test]
    fn a_point_adds_what_was_counted_since_the_one_before() {
        let begun = 600 * MINUTE;
        let first = sum(begun, begun + MINUTE, 7.0);
        assert_eq!(counted(Kind::Sum, None, &first).sum, 7.0);
        let second = sum(begun, begun + 2 * MINUTE, 9.0);
        assert_eq!(
            (counted(Kind::Sum, Some(&first), &second).sum, counted(Kind::Sum, Some(&first), &second).count),
            (2.0, 1)
        );
        let again = sum(begun + 3 * MINUTE, begun + 4 * MINUTE, 11.0);
        assert_eq!(counted(Kind::Sum, Some(&second), &again).sum, 11.0, "it began again");
        assert_eq!(
            counted(Kind::Sum, Some(&second), &sum(begun, begun + 5 * MINUTE, 3.0)).sum,
            3.0,
            "it counts from nothing"
        );
    }

    #[test]
    fn what_was_counted_before_anybody_looked_has_no_place() {
        for since in [0, MINUTE] {
            assert_eq!(counted(Kind::Sum, None, &sum(since, 600 * MINUTE, 7.0)), Summary::default());
        }
    }

    #[test]
    fn histograms_are_differenced_by_bucket() {
        let added = counted(Kind::Histogram, Some(&histogram(2 * MINUTE, [3, 1])), &histogram(3 * MINUTE, [4, 3]));
        assert_eq!((added.count, added.sum, added.buckets), (3, 9.0, vec![1, 2]));
        let fewer = counted(Kind::Histogram, Some(&histogram(2 * MINUTE, [3, 1])), &histogram(3 * MINUTE, [2, 4]));
        assert_eq!(fewer.buckets, [2, 4], "a bucket that lost some began again");
    }
}
