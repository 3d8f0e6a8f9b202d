//! Spans that refer to a trace by a link: a link is followed backwards.

use serde::{Deserialize, Serialize};

use crate::trace::TraceId;

/// Spans that refer to a trace which is not their own, the newest first.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct LinkedFrom {
    /// The linking spans, at most as many as were asked for.
    pub spans: Vec<LinkingSpan>,
    /// Whether there are more of them.
    pub more: bool,
}

impl LinkedFrom {
    /// Of what was found, which is one more than `limit` where there are more.
    pub fn first(limit: usize, mut spans: Vec<LinkingSpan>) -> Self {
        let more = spans.len() > limit;
        spans.truncate(limit);
        Self { spans, more }
    }
}

/// A span that refers to a trace by a link.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkingSpan {
    /// The trace that it is in.
    pub trace_id: TraceId,
    /// 16 hex digits.
    pub span_id: String,
    /// The name of the span.
    pub name: String,
    /// `service.name`.
    pub service: String,
    /// `tenant.id`.
    pub tenant: Option<String>,
    /// When it began, nanoseconds since 1970.
    pub start_unix_ns: i64,
}
