//! The narrow waist: whatever spans are kept in, this is what is asked of it, and all that the rest of the crate knows.
//!
//! What counts as failed is decided before rows are made, by whoever reads spans. A request is a SERVER span of HTTP, failed
//! if its status code is 5xx or the span's status is ERROR; or a CONSUMER span of a message, failed if the span's status is
//! ERROR. A 4xx is the caller's and no failure. Spans of other kinds are parts of a request and no rows.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::histogram::Histogram;

/// Bytes of a name that are kept; the span itself is kept whole.
const MAX_NAME_BYTES: usize = 256;

/// As much of a name as is kept.
pub fn cut(text: &str) -> &str {
    &text[..text.floor_char_boundary(MAX_NAME_BYTES)]
}

/// Whom a span that names this tenant counts for, or `None` if that is empty. Any other text is a tenant's id, whatever a service takes for one
/// itself: nothing that was sent is refused for it.
pub fn tenant_id(text: &str) -> Option<&str> {
    Some(cut(text)).filter(|text| !text.is_empty())
}

/// How a request came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Over HTTP.
    Server,
    /// A message that was handled (a span of kind CONSUMER).
    Consumer,
}

/// Whose requests a row counts.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Key {
    /// AWS account, where spans say it.
    pub account: Option<String>,
    /// `service.name`.
    pub service: String,
    /// Name of the span.
    pub operation: String,
    /// How the requests came in.
    pub kind: Kind,
    /// Tenant, or `None` for requests that nobody was identified for.
    pub tenant: Option<String>,
    /// The tenant's tier at the time.
    pub tier: Option<String>,
}

/// Requests of one stretch of time.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Cell {
    /// When it begins, in seconds since 1970; a multiple of `width`.
    pub start: i64,
    /// Length in seconds: 60, 300 or 3600.
    pub width: u32,
    /// How many requests were seen.
    pub requests: u64,
    /// Those of them that failed.
    pub failed: u64,
    /// Sum of the durations of requests seen, in nanoseconds.
    pub duration_ns: u128,
    /// Requests that those seen stand for: each counts the inverse of the probability it was sampled with.
    pub weight: f64,
    /// Failed requests that those seen stand for.
    pub weighted_failed: f64,
    /// Sum of weight × duration, in nanoseconds.
    pub weighted_duration_ns: f64,
    /// Requests whose probability is not known; their weight is taken as 1.
    pub estimated: u64,
    /// Durations of all requests, weighted.
    pub histogram: Histogram,
}

impl Cell {
    /// A cell without requests.
    pub fn empty(start: i64, width: u32) -> Self {
        Self { start, width, ..Self::default() }
    }

    /// Counts one request. A weight of none is one that is not known.
    pub fn add(&mut self, duration_ns: u64, failed: bool, weight: Option<f64>) {
        self.estimated += u64::from(weight.is_none());
        let weight = weight.unwrap_or(1.0);
        self.requests += 1;
        self.duration_ns += u128::from(duration_ns);
        self.weight += weight;
        self.weighted_duration_ns += weight * duration_ns as f64;
        if failed {
            self.failed += 1;
            self.weighted_failed += weight;
        }
        self.histogram.add(duration_ns, weight);
    }

    /// Counts the other's requests as well; start and width stay, so that cells of services and operations add up to one of
    /// a tenant, and short cells to a long one.
    pub fn merge(&mut self, other: &Self) {
        self.requests += other.requests;
        self.failed += other.failed;
        self.duration_ns += other.duration_ns;
        self.weight += other.weight;
        self.weighted_failed += other.weighted_failed;
        self.weighted_duration_ns += other.weighted_duration_ns;
        self.estimated += other.estimated;
        self.histogram.merge(&other.histogram);
    }

    /// When it ends, in seconds since 1970.
    pub fn end(&self) -> i64 {
        self.start + i64::from(self.width)
    }
}

/// A cell and whose it is.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// Shared by all rows of a series.
    pub key: Arc<Key>,
    /// The counts of these requests.
    pub cell: Cell,
}
