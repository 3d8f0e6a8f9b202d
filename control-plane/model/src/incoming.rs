//! What a request brings: the spans of each trace, by sender and scope, as they came.

use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};

use crate::{otlp::Facts, trace::TraceId};

/// What one request brings of one trace.
#[derive(Debug)]
pub struct Incoming {
    /// The trace.
    pub trace_id: TraceId,
    /// Its spans, by sender and scope.
    pub parts: Vec<Part>,
}

/// Spans of one sender and scope.
#[derive(Debug)]
pub struct Part {
    /// Who sends them.
    pub sender: Arc<Sender>,
    /// A `ScopeSpans` without spans, protobuf.
    pub scope: Arc<[u8]>,
    /// The spans.
    pub spans: Vec<IncomingSpan>,
}

/// A sender's resource.
#[derive(Debug)]
pub struct Sender {
    /// Its number.
    pub id: i64,
    /// The `Resource`, protobuf.
    pub body: Vec<u8>,
}

impl Sender {
    /// From a `Resource`, protobuf. Its number follows from its content: the first 64 bits of its SHA-256.
    pub fn new(body: Vec<u8>) -> Self {
        let hash = digest(&SHA256, &body);
        let id = hash.as_ref().iter().take(8).fold(0_i64, |id, byte| id << 8 | i64::from(*byte));
        Self { id, body }
    }
}

/// A span: its facts, and itself in protobuf.
#[derive(Debug)]
pub struct IncomingSpan {
    /// Its facts.
    pub facts: Facts,
    /// The span, protobuf.
    pub body: Vec<u8>,
}
