//! The sums of one series in one bucket of time.

use serde::Deserialize;
use slo::Histogram;

use crate::otlp::Sample;

/// Sums that can be added, and taken away again. Plain ones count spans as received, weighted ones by their adjusted count.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
pub struct Cell {
    /// Spans.
    pub count: i64,
    /// With a 4xx.
    pub errors: i64,
    /// With a 5xx, or failed otherwise: what an SLO counts as failed.
    pub faults: i64,
    /// With a 429.
    pub throttles: i64,
    /// Sum of durations, nanoseconds.
    pub duration_ns: i64,
    /// Sum of adjusted counts.
    pub weight: f64,
    /// The same of errors.
    pub weighted_errors: f64,
    /// The same of faults.
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
        self.count += sign;
        self.errors += when(sample.flags.error());
        self.faults += when(sample.flags.fault());
        self.throttles += when(sample.flags.throttle());
        // A clock that is wrong by decades must not overflow the sum.
        let duration = i64::try_from(sample.duration_ns).unwrap_or(i64::MAX);
        self.duration_ns = self.duration_ns.saturating_add(sign * duration);
        self.weight += weight;
        self.weighted_errors += weighted(sample.flags.error());
        self.weighted_faults += weighted(sample.flags.fault());
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
