//! Requests that were refused with a 4xx once somebody had been verified, against what is usual for their tenant.

use serde::{Deserialize, Serialize};

/// As long as it takes until a spike of refusals counts among what is usual, in seconds.
const SPIKE: i64 = 3_600;
/// The time before, in seconds, which shows how many refusals are usual.
const USUAL: i64 = 86_400;

/// Of a tenant of which little is known it is taken to be usual that one request in so many is refused: as if it had had so many more, with one refused.
const ONE_IN: f64 = 100.0;
const HOUR: i64 = 3_600;

/// The time in which it is seen what is usual at `at`, whole hours in seconds since 1970, of what is counted, and was not removed, since a time. None before an hour of it is known.
pub fn usual_window(at: i64, since: i64) -> Option<(i64, i64)> {
    let to = at - SPIKE - (at - SPIKE).rem_euclid(HOUR);
    let from = (to - USUAL).max(since + (-since).rem_euclid(HOUR));
    (to - from >= HOUR).then_some((from, to))
}

/// Refused requests, but for those beyond a quota, which end by themselves, and those that somebody decided on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefusalCounts {
    /// Of the last five minutes.
    pub latest: u64,
    /// Of the [time in which it is seen what is usual](usual_window).
    pub before: u64,
    /// All requests of that time, or `None` where it is not known what is usual.
    pub requests_before: Option<u64>,
}

impl RefusalCounts {
    /// Those of so many requests of the last five minutes: spans of the two may not have come together.
    pub(crate) fn of(&self, requests: u64) -> u64 {
        self.latest.min(requests)
    }

    /// How many requests are usually refused for each that is served.
    fn usual(&self) -> Option<f64> {
        let requests = self.requests_before?;
        let refused = self.before.min(requests) as f64;
        Some((refused + 1.0) / (requests as f64 - refused + ONE_IN - 1.0))
    }

    /// How many requests were refused for each that was served, divided by what is usual. It is `None` without requests, or where the usual number is
    /// not known. One more counts as served, so that the result is a number even where none was.
    pub(crate) fn times_usual(&self, requests: u64) -> Option<f64> {
        let (refused, usual) = (self.of(requests), self.usual()?);
        (requests > 0).then(|| refused as f64 / ((requests - refused + 1) as f64 * usual))
    }

    /// The share of refused requests at which this many times the usual number are refused for each request that is served.
    pub(crate) fn share_at(&self, times: f64) -> f64 {
        let odds = times * self.usual().unwrap_or_default();
        odds / (1.0 + odds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(latest: u64, before: u64, requests_before: u64) -> RefusalCounts {
        RefusalCounts { latest, before, requests_before: Some(requests_before) }
    }

    #[test]
    fn what_is_usual_is_of_the_tenant_itself() {
        let times =
            |refused: RefusalCounts, requests| refused.times_usual(requests).map(|times| (times * 10.0).round() / 10.0);
        // One of a hundred of a tenant that nobody knows yet: 40 refused and 4 served, one more counted.
        assert_eq!(times(of(40, 0, 0), 44), Some(792.0));
        assert_eq!(times(of(0, 0, 0), 44), Some(0.0));
        assert_eq!(times(of(5, 0, 0), 0), None);
        // Half of a scraper's requests are always refused.
        assert_eq!(times(of(50, 50_000, 100_000), 100), Some(1.0));
        assert_eq!(times(of(50, 0, 99_900), 100), Some(98_038.2));
        assert_eq!(times(of(99, 1, 9), 10), Some(535.0), "no more are refused than there are");
    }

    #[test]
    fn what_is_usual_is_of_the_day_before_the_last_hour_as_far_as_it_is_counted() {
        let now = 1_800_000_000 + 1_500;
        let day = (1_800_000_000 - SPIKE - USUAL, 1_800_000_000 - SPIKE);
        assert_eq!(usual_window(now, 0), Some(day));
        assert_eq!(usual_window(now, day.1 - 2 * HOUR + 1), Some((day.1 - HOUR, day.1)));
        assert_eq!(usual_window(now, day.1 - HOUR + 1), None, "less than an hour");
        assert_eq!(RefusalCounts { latest: 40, ..RefusalCounts::default() }.times_usual(44), None);
    }

    #[test]
    fn the_share_at_a_threshold_is_never_all_of_them() {
        let share = |refused: RefusalCounts| (refused.share_at(3.0) * 1e3).round() / 1e3;
        assert_eq!(share(of(0, 0, 0)), 0.029);
        assert_eq!(share(of(0, 90_000, 100_000)), 0.964);
    }
}
