//! Traces that failed, by how: the type of the error and the shape of its message, where it happened first.

use std::collections::{BTreeSet, HashMap};

use control_plane_model::{
    otlp::{StoredAttribute, StoredSpan, text},
    trace::TraceId,
};
use serde::{Deserialize, Serialize};

use crate::{
    items::{Items, name},
    mask::masked,
    read::{SentSpan, status},
};

/// Ways to fail that are told apart; what is beyond them is counted together.
const MAX_GROUPS: usize = 500;
/// The most names that a group lists of its services, and of its operations.
const NAMED: usize = 20;

/// Traces that failed in the same way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailureGroup {
    /// `error.type`, else the type of the exception, else the HTTP status; empty where the span says none of them.
    pub error_type: String,
    /// The shape of the message: of the exception, else of the span's status; see [`masked`].
    pub message: String,
    /// How many traces failed in this way.
    pub traces: usize,
    /// The services in which it happened.
    pub services: BTreeSet<String>,
    /// The names of the spans in which it happened.
    pub operations: BTreeSet<String>,
    /// One of the traces.
    pub example: TraceId,
}

/// Traces that failed, grouped by how.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failures {
    /// How many of the compared traces failed.
    pub traces: usize,
    /// The most frequent first.
    pub groups: Vec<FailureGroup>,
    /// Traces that failed in another way than these.
    pub others: usize,
}

/// Failures as they are counted.
#[derive(Default)]
pub(crate) struct FailureCounts {
    traces: usize,
    groups: HashMap<(String, String), FailureGroup>,
}

impl FailureCounts {
    /// Counts a trace by the span that failed first.
    pub(crate) fn add(&mut self, items: &Items, trace_id: TraceId, first: &SentSpan) {
        self.traces += 1;
        let (error_type, message) = (error_type(&first.span), masked(message(&first.span)));
        let is_full = self.groups.len() >= MAX_GROUPS;
        let key = (error_type, message);
        if is_full && !self.groups.contains_key(&key) {
            return;
        }
        let (error_type, message) = key.clone();
        let group = self.groups.entry(key).or_insert_with(|| FailureGroup {
            error_type,
            message,
            traces: 0,
            services: BTreeSet::new(),
            operations: BTreeSet::new(),
            example: trace_id,
        });
        group.traces += 1;
        // The smallest id, so that the example does not depend on the order of the traces.
        group.example = group.example.min(trace_id);
        for (names, name) in [
            (&mut group.services, items.service_name(first.sender.service)),
            (&mut group.operations, name(&first.span)),
        ] {
            if names.len() < NAMED && !names.contains(name) {
                names.insert(name.to_owned());
            }
        }
    }

    /// The most frequent first.
    pub(crate) fn ranked(self) -> Failures {
        let mut groups: Vec<FailureGroup> = self.groups.into_values().collect();
        groups.sort_by(|a, b| {
            let order = b.traces.cmp(&a.traces);
            order.then_with(|| (&a.error_type, &a.message).cmp(&(&b.error_type, &b.message)))
        });
        groups.truncate(NAMED);
        let named: usize = groups.iter().map(|group| group.traces).sum();
        Failures { traces: self.traces, groups, others: self.traces - named }
    }
}

fn error_type(span: &StoredSpan) -> String {
    let own = span.attribute("error.type").and_then(|value| Some(value.scalar()?.into_owned()));
    let thrown = || of_exception(span, "exception.type").map(str::to_owned);
    let status = || status(span).map(|status| status.to_string());
    let found = own.filter(|text| !text.is_empty()).or_else(thrown).or_else(status).unwrap_or_default();
    control_plane_model::otlp::up_to(&found, 256).to_owned()
}

fn message(span: &StoredSpan) -> &str {
    let of_status = || span.status.as_ref().map(|status| text(&status.message));
    of_exception(span, "exception.message").or_else(of_status).unwrap_or_default()
}

/// What the last exception says that the span recorded.
fn of_exception<'a>(span: &'a StoredSpan, key: &str) -> Option<&'a str> {
    let exceptions = span.events.iter().rev().filter(|event| text(&event.name) == "exception");
    exceptions.flat_map(|event| &event.attributes).find(|attribute| text(&attribute.key) == key).and_then(scalar)
}

fn scalar(attribute: &StoredAttribute) -> Option<&str> {
    match attribute.value.as_ref()?.value.as_ref()? {
        control_plane_model::otlp::Value::Text(value) => Some(text(value)).filter(|value| !value.is_empty()),
        _ => None,
    }
}
