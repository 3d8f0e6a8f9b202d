//! Searches: the query and its result.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use slo::{
    Histogram,
    histogram::{lower_bound, upper_bound},
};

use crate::{lookup::Lookup, sample::SampleQuery, search::Expression, trace::Summary};

/// What is searched for.
#[derive(Debug, Clone)]
pub struct Search {
    /// Traces that began at or after this, nanoseconds since 1970.
    pub from_ns: i64,
    /// Only traces that begin before this time.
    pub to_ns: i64,
    /// What traces must match. Without an expression, all match.
    pub expression: Option<Expression>,
    /// The order in which traces are listed.
    pub order: Order,
    /// How many are listed.
    pub limit: usize,
}

/// The traces that a search or a sample chooses from.
#[derive(Debug, Clone, Copy)]
pub struct TraceSelection<'a> {
    /// Traces that began at or after this, nanoseconds since 1970.
    pub from_ns: i64,
    /// Only traces that begin before this time.
    pub to_ns: i64,
    /// What traces must match. Without an expression, all match.
    pub expression: Option<&'a Expression>,
}

impl<'a> From<&'a Search> for TraceSelection<'a> {
    fn from(search: &'a Search) -> Self {
        Self { from_ns: search.from_ns, to_ns: search.to_ns, expression: search.expression.as_ref() }
    }
}

impl<'a> From<&'a SampleQuery> for TraceSelection<'a> {
    fn from(query: &'a SampleQuery) -> Self {
        Self { from_ns: query.from_ns, to_ns: query.to_ns, expression: query.expression.as_ref() }
    }
}

/// Which traces come first; of those that are alike in this, the newest.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Order {
    /// The traces that began last.
    #[default]
    Newest,
    /// The traces that took longest.
    Slowest,
    /// The traces with the most spans.
    MostSpans,
}

impl Order {
    /// All orders.
    pub const ALL: [Self; 3] = [Self::Newest, Self::Slowest, Self::MostSpans];

    /// The name that queries use.
    pub fn name(self) -> &'static str {
        match self {
            Self::Newest => "newest",
            Self::Slowest => "slowest",
            Self::MostSpans => "spans",
        }
    }
}

/// The traces that a search found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SearchResult {
    /// The first of them in the order asked for.
    pub traces: Vec<Summary>,
    /// How many traces match; not all of them may be listed.
    pub matched: usize,
    /// How many were looked at.
    pub scanned: usize,
    /// Whether there were more to look at than a search may.
    pub truncated: bool,
    /// How long the matching ones took.
    pub latency: Vec<LatencyBin>,
    /// When the matching ones began.
    #[serde(default)]
    pub starts: Vec<StartBin>,
    /// What was looked for in the spans themselves, where the index did not answer all of the expression.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lookup: Option<Lookup>,
}

/// Stretches that a window is cut into at most, to tell when traces began.
const STRETCHES: i64 = 60;

/// How many traces began when.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StartBin {
    /// The beginning of a stretch of the window; all of them are equally long. Nanoseconds since 1970.
    pub from_unix_ns: i64,
    /// Traces.
    pub count: f64,
    /// How many of these have a fault.
    pub failed: f64,
}

/// Counts when traces of a window began.
#[derive(Debug)]
pub struct Starts {
    from_ns: i64,
    /// How long a stretch is, nanoseconds.
    pub width_ns: i64,
    /// Traces, and those with a fault, by their stretch.
    counts: BTreeMap<i64, (u64, u64)>,
}

impl Starts {
    /// Makes counters for a window.
    pub fn of(TraceSelection { from_ns, to_ns, .. }: &TraceSelection<'_>) -> Self {
        let length = to_ns.saturating_sub(*from_ns).max(1);
        // The stretches divide the window evenly, an hour into minutes.
        let width_ns = length / STRETCHES + i64::from(length % STRETCHES > 0);
        Self { from_ns: *from_ns, width_ns, counts: BTreeMap::new() }
    }

    /// Adds a trace.
    pub fn add(&mut self, start_ns: i64, has_fault: bool) {
        self.add_to(start_ns.saturating_sub(self.from_ns).div_euclid(self.width_ns), 1, u64::from(has_fault));
    }

    /// Adds traces of a stretch, by its number from 0, and how many of them have a fault.
    pub fn add_to(&mut self, stretch: i64, traces: u64, failed: u64) {
        let counts = self.counts.entry(stretch).or_default();
        *counts = (counts.0 + traces, counts.1 + failed);
    }

    /// The stretches in which any began, in order.
    pub fn all(self) -> Vec<StartBin> {
        let Self { from_ns, width_ns, counts } = self;
        let bin = |(stretch, (count, failed))| StartBin {
            from_unix_ns: from_ns.saturating_add(width_ns.saturating_mul(stretch)),
            count: count as f64,
            failed: failed as f64,
        };
        counts.into_iter().map(bin).collect()
    }
}

/// How many traces took how long.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LatencyBin {
    /// The lower bound of the bin, in milliseconds.
    pub from_ms: f64,
    /// The upper bound of the bin, in milliseconds.
    pub to_ms: f64,
    /// Traces.
    pub count: f64,
}

impl LatencyBin {
    /// Makes the bins of a histogram of latencies.
    pub fn all(latencies: &Histogram) -> Vec<Self> {
        let bin = |(bin, count): &(u16, f64)| Self {
            from_ms: lower_bound(*bin) / 1e6,
            to_ms: upper_bound(*bin) / 1e6,
            count: *count,
        };
        latencies.bins().iter().map(bin).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_is_cut_into_sixty_stretches_at_most() {
        for (from_ns, to_ns) in [(0, 3_600_000_000_000), (1_000, 1_059), (5, 5), (0, i64::MAX), (-60, 7)] {
            let mut starts = Starts::of(&TraceSelection { from_ns, to_ns, expression: None });
            assert!(to_ns != 3_600_000_000_000 || starts.width_ns == 60_000_000_000);
            starts.add(from_ns, true);
            starts.add((to_ns - 1).max(from_ns), false);
            assert!(starts.counts.keys().all(|stretch| (0..60).contains(stretch)), "{from_ns} to {to_ns}: {starts:?}");
            let all = starts.all();
            assert_eq!(all[0].from_unix_ns, from_ns);
            assert_eq!(
                all.iter().map(|bin| (bin.count, bin.failed)).fold((0.0, 0.0), |a, b| (a.0 + b.0, a.1 + b.1)),
                (2.0, 1.0)
            );
        }
    }
}
