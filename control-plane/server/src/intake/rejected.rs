//! What was not taken of a request, and why; and what is checked of every sender.

use std::collections::BTreeSet;

use opentelemetry_proto::tonic::resource::v1::Resource;
use prost::Message;

/// Attributes that a resource, a span or a log record may have.
pub(super) const MAX_ATTRIBUTES: usize = 1_000;
/// What is said of a sender is stored once, and shown with all that it sent.
const MAX_RESOURCE_BYTES: usize = 64 * 1024;
/// What is said of a scope is stored with each of its traces.
const MAX_SCOPE_BYTES: usize = 4 * 1024;
/// How far ahead of ours a sender's clock may be, in seconds.
const MAX_AHEAD: i64 = 3_600;
const NANOSECONDS: i64 = 1_000_000_000;

/// What was not taken, and why.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Rejected {
    /// How many spans, points or log records.
    pub count: usize,
    reasons: BTreeSet<String>,
}

impl Rejected {
    /// Adds items that were rejected. With a count of 0, the reason is only a warning.
    pub(super) fn add(&mut self, count: usize, reason: &str) {
        self.count += count;
        self.reasons.insert(reason.to_owned());
    }

    pub(crate) fn reasons(&self) -> String {
        self.reasons.iter().map(String::as_str).collect::<Vec<_>>().join("; ")
    }
}

/// Whether a resource is one that is stored.
pub(super) fn check_resource(resource: &Resource) -> Result<(), &'static str> {
    let fits = resource.attributes.len() <= MAX_ATTRIBUTES && resource.encoded_len() <= MAX_RESOURCE_BYTES;
    fits.then_some(()).ok_or("a resource has at most 1000 attributes and 64 kB")
}

/// Whether a scope is one that is stored: a message of it alone.
pub(super) fn check_scope(scope: &impl Message) -> Result<(), &'static str> {
    (scope.encoded_len() <= MAX_SCOPE_BYTES).then_some(()).ok_or("a scope has at most 4 kB")
}

/// Whether a time, nanoseconds since 1970, is later than a sender's clock may be; `now` are Unix seconds.
pub(super) fn is_future(time: u64, now: i64) -> bool {
    time > u64::try_from((now + MAX_AHEAD) * NANOSECONDS).unwrap_or(u64::MAX)
}
