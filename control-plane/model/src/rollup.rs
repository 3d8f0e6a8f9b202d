//! What many spans come to: counts and latency histograms that can be added, and taken away again, by buckets of time.

use serde::Deserialize;
use slo::Histogram;

use crate::otlp::{Flags, Sample};

/// The seconds of a minute.
pub const MINUTE: i64 = 60;
/// The seconds of an hour.
pub const HOUR: i64 = 3_600;
/// The seconds of a day.
pub const DAY: i64 = 86_400;

/// How long requests are kept in finer counts than by the day, in seconds.
pub const KEPT: i64 = 35 * DAY;

/// How wide the bucket is that `time` falls into, in seconds: a minute for two days, five minutes for eight, an hour for thirty-five.
/// `None` for what is older, and so counted no more.
pub fn width(time: i64, now: i64) -> Option<i64> {
    match now - time {
        age if age < 2 * DAY => Some(MINUTE),
        age if age < 8 * DAY => Some(5 * MINUTE),
        age if age < KEPT => Some(HOUR),
        _ => None,
    }
}

/// The start of the bucket that `time` falls into, Unix seconds; `None` for what is counted no more.
pub fn bucket(time: i64, now: i64) -> Option<i64> {
    width(time, now).map(|width| time.div_euclid(width) * width)
}

/// The start of the day, UTC.
pub fn day(time: i64) -> i64 {
    time.div_euclid(DAY) * DAY
}

/// Sums that can be added, and taken away again. Plain ones count spans as received, weighted ones by their adjusted count.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
pub struct Cell {
    /// Spans.
    pub count: i64,
    /// How many were answered with a 4xx.
    pub errors: i64,
    /// How many were answered with a 5xx or failed otherwise, which is what an SLO counts as failed.
    pub faults: i64,
    /// How many were answered with a 429.
    pub throttles: i64,
    /// Sum of durations, nanoseconds.
    pub duration_ns: i64,
    /// Sum of adjusted counts.
    pub weight: f64,
    /// Errors, each as often as its span stands for.
    pub weighted_errors: f64,
    /// Faults, each as often as its span stands for.
    pub weighted_faults: f64,
    /// Sum of durations, each as often as its span stands for.
    pub weighted_duration_ns: f64,
    /// Spans whose adjusted count is a guess.
    pub estimated: i64,
    /// Durations, by adjusted count.
    pub histogram: Histogram,
}

impl Cell {
    /// Adds a sample, or takes it away.
    pub fn add(&mut self, sample: &Sample, sign: i64) {
        let weight = sample.weight * sign as f64;
        let when = |condition: bool| if condition { sign } else { 0 };
        let weighted = |condition: bool| if condition { weight } else { 0.0 };
        let (error, fault) = (sample.flags.contains(Flags::ERROR), sample.flags.contains(Flags::FAULT));
        self.count += sign;
        self.errors += when(error);
        self.faults += when(fault);
        self.throttles += when(sample.flags.contains(Flags::THROTTLE));
        // A clock that is wrong by decades must not overflow the sum.
        let duration = i64::try_from(sample.duration_ns).unwrap_or(i64::MAX);
        self.duration_ns = self.duration_ns.saturating_add(sign * duration);
        self.weight += weight;
        self.weighted_errors += weighted(error);
        self.weighted_faults += weighted(fault);
        self.weighted_duration_ns += weight * sample.duration_ns as f64;
        self.estimated += when(sample.estimated);
        self.histogram.add(sample.duration_ns, weight);
    }

    /// Adds another cell.
    pub fn merge(&mut self, other: &Self) {
        self.count += other.count;
        self.errors += other.errors;
        self.faults += other.faults;
        self.throttles += other.throttles;
        self.duration_ns = self.duration_ns.saturating_add(other.duration_ns);
        self.weight += other.weight;
        self.weighted_errors += other.weighted_errors;
        self.weighted_faults += other.weighted_faults;
        self.weighted_duration_ns += other.weighted_duration_ns;
        self.estimated += other.estimated;
        self.histogram.merge(&other.histogram);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_widen_with_age() {
        let now = 1_800_000_000;
        assert_eq!(bucket(now - 61, now), Some((now - 61).div_euclid(60) * 60));
        assert_eq!(bucket(now - 3 * DAY - 7, now).map(|start| start % 300), Some(0));
        assert_eq!(bucket(now - 20 * DAY - 7, now).map(|start| start % 3_600), Some(0));
        assert_eq!(bucket(0, now), None);
        assert_eq!(bucket(now + 30, now), Some(now.div_euclid(60) * 60));
    }
}
