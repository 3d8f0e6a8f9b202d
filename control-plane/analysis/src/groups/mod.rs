//! Rate, errors and percentiles over time, by the values of any attribute.
//!
//! Requests are counted where requests carry the attribute, or their sender does; else the spans of other kinds that carry it, such as calls of
//! tables. Each counts as often as it stands for: by its adjusted count, and where traces were sampled, by the share that was taken.

mod counting;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};
use slo::Summary;

pub use counting::Grouping;

/// What the name of a span is called among its attributes.
pub const OPERATION: &str = "span.name";
/// Values that are shown by themselves; the others are the rest.
pub const SHOWN: usize = 10;
/// A p99 of this many times the former one counts as much slower.
const MUCH_SLOWER: f64 = 1.5;
/// Fewer spans say nothing of percentiles.
const LEAST_SPANS: u64 = 20;

/// Which spans are counted, and by which attribute.
#[derive(Debug, Clone)]
pub struct GroupsQuery {
    /// The attribute; [`OPERATION`] is the name of a span.
    pub by: String,
    /// Only spans that count for this tenant.
    pub tenant: Option<String>,
    /// Only spans of this service.
    pub service: Option<String>,
    /// Spans that began at or after this, nanoseconds since 1970.
    pub from_ns: i64,
    /// Only spans that began before this, nanoseconds since 1970.
    pub to_ns: i64,
    /// How long each stretch of the window is, in seconds; the first begins with the window.
    pub width: i64,
}

/// The order of the values.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Order {
    /// The values of the most spans.
    #[default]
    Most,
    /// The values with the most failures.
    Failing,
    /// The values with the longest p99.
    Slowest,
}

/// Which spans were counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SpanSet {
    /// Requests, and messages that were handled: what objectives count.
    #[default]
    Requests,
    /// All other spans.
    Calls,
}

/// A stretch of time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Stretch {
    /// When it begins, Unix seconds.
    pub start: i64,
    /// How long it is, in seconds.
    pub seconds: i64,
    /// Its numbers.
    pub summary: Summary,
}

/// The numbers of the spans that have a value.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Group {
    /// The value, as text.
    pub value: String,
    /// Its numbers. `requests` and `failed` are spans that were looked at, `weight` is how many they stand for.
    pub summary: Summary,
    /// Its numbers in the window that this one is compared with, or `None` without such a window.
    pub before: Option<Summary>,
    /// The window in stretches; those without any are left out.
    pub points: Vec<Stretch>,
}

/// What came with the values that are not shown by themselves.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Rest {
    /// How many values these are, of those that are told apart: 10,000.
    pub values: usize,
    /// Their numbers together.
    pub summary: Summary,
    /// The numbers of the window that this one is compared with.
    pub before: Option<Summary>,
    /// The window in stretches.
    pub points: Vec<Stretch>,
}

impl Rest {
    /// What they are called together, such as "12 others".
    pub fn name(&self) -> String {
        if self.values == 1 { "1 other".to_owned() } else { format!("{} others", self.values) }
    }
}

/// Spans by the values of an attribute.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Groups {
    /// What was counted.
    pub counted: SpanSet,
    /// The first values in the order asked for.
    pub values: Vec<Group>,
    /// All others, or `None` if there are none.
    pub rest: Option<Rest>,
    /// How many of the spans that are counted do not carry it: of requests only.
    pub without: f64,
    /// Whether numbers are estimates: traces were sampled, or the weight of a span is a guess.
    pub estimated: bool,
    /// Whether the numbers of the window before are estimated.
    pub before_estimated: bool,
    /// Names of attributes that spans had, by the alphabet: of some of the traces.
    pub attributes: Vec<String>,
}

/// Whether it is much slower than before, by spans enough to say so.
pub fn is_much_slower(now: &Summary, before: Option<&Summary>) -> bool {
    let enough = |summary: &Summary| summary.requests >= LEAST_SPANS;
    let p99 = |summary: &Summary| summary.p99_ns.unwrap_or_default();
    before.is_some_and(|before| enough(now) && enough(before) && p99(now) > MUCH_SLOWER * p99(before))
}
