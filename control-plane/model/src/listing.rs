//! Searching: what is asked for, and what is found.

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
    /// And before this.
    pub to_ns: i64,
    /// What they must match; all do if there is none.
    pub expression: Option<Expression>,
    /// Which of them come first.
    pub order: Order,
    /// How many are listed.
    pub limit: usize,
}

/// Which traces are asked for: what a search and a sample begin with.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// Traces that began at or after this, nanoseconds since 1970.
    pub from_ns: i64,
    /// And before this.
    pub to_ns: i64,
    /// What they must match; all do if there is none.
    pub expression: Option<&'a Expression>,
}

impl<'a> From<&'a Search> for Asked<'a> {
    fn from(search: &'a Search) -> Self {
        Self { from_ns: search.from_ns, to_ns: search.to_ns, expression: search.expression.as_ref() }
    }
}

impl<'a> From<&'a SampleQuery> for Asked<'a> {
    fn from(query: &'a SampleQuery) -> Self {
        Self { from_ns: query.from_ns, to_ns: query.to_ns, expression: query.expression.as_ref() }
    }
}

/// Which traces come first; of those that are alike in this, the newest.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Order {
    /// Those that began last.
    #[default]
    Newest,
    /// Those that took longest.
    Slowest,
    /// Those with the most spans.
    MostSpans,
}

impl Order {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Newest, Self::Slowest, Self::MostSpans];

    /// As queries name it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Newest => "newest",
            Self::Slowest => "slowest",
            Self::MostSpans => "spans",
        }
    }
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
    /// What spans were read for, where the index did not answer all of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lookup: Option<Lookup>,
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
