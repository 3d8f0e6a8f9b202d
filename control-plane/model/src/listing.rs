//! Searching: what is asked for, and what is found.

use serde::{Deserialize, Serialize};
use slo::{
    Histogram,
    histogram::{lower_bound, upper_bound},
};

use crate::{search::Expression, trace::Summary};

/// What is searched for.
#[derive(Debug, Clone)]
pub struct Search {
    /// Traces that began at or after this, nanoseconds since 1970.
    pub from_ns: i64,
    /// And before this.
    pub to_ns: i64,
    /// What they must match; all do if there is none.
    pub expression: Option<Expression>,
    /// The slowest first, or the newest.
    pub slowest_first: bool,
    /// How many are listed.
    pub limit: usize,
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Found {
    /// The first of them in the order asked for.
    pub traces: Vec<Summary>,
    /// How many match.
    pub matched: usize,
    /// How many were looked at.
    pub scanned: usize,
    /// Whether there were more to look at than a search may.
    pub truncated: bool,
    /// How long the matching ones took.
    pub latency: Vec<LatencyBin>,
}

/// How many traces took how long.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LatencyBin {
    /// From this many milliseconds.
    pub from_ms: f64,
    /// To this many.
    pub to_ms: f64,
    /// Traces.
    pub count: f64,
}

impl LatencyBin {
    /// Of latencies in bins.
    pub fn all(latencies: &Histogram) -> Vec<Self> {
        let bin = |(bin, count): &(u16, f64)| Self {
            from_ms: lower_bound(*bin) / 1e6,
            to_ms: upper_bound(*bin) / 1e6,
            count: *count,
        };
        latencies.bins().iter().map(bin).collect()
    }
}
