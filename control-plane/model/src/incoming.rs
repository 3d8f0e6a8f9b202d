//! What a request brings: the spans of each trace, by sender and scope, as they came.

use std::sync::Arc;

use aws_lc_rs::digest::{Context, Digest, SHA256, digest};

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
    /// The sender of these spans.
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
        Self { id: first_bits(&digest(&SHA256, &body)), body }
    }
}

/// The number of some content: the first 64 bits of the SHA-256 of its parts, each with its length.
pub fn number_of<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> i64 {
    let mut hash = Context::new(&SHA256);
    for part in parts {
        hash.update(&(part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    first_bits(&hash.finish())
}

fn first_bits(hash: &Digest) -> i64 {
    hash.as_ref().iter().take(8).fold(0_i64, |id, byte| id << 8 | i64::from(*byte))
}

/// A span: its facts, and itself in protobuf.
#[derive(Debug)]
pub struct IncomingSpan {
    /// The facts of the span, which counting and searching rest on.
    pub facts: Facts,
    /// The span, protobuf.
    pub body: Vec<u8>,
}
