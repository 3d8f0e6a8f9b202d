//! What a request brings, and how it is stored: a fragment for each trace, compressed by whoever took the request, so that the
//! writer only writes.

use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use opentelemetry_proto::tonic::trace::v1 as otlp;
use prost::{
    Message,
    encoding::{WireType, encode_key, encode_varint},
};

use super::StoreError;
use crate::{otlp::Facts, trace::TraceId};

/// What one request brings of one trace.
#[derive(Debug)]
pub struct Incoming {
    /// The trace.
    pub trace_id: TraceId,
    pub(super) parts: Vec<Part>,
    /// All of it, as it is stored.
    pub(super) fragment: Vec<u8>,
}

impl Incoming {
    /// Its spans, by sender and scope.
    pub fn new(trace_id: TraceId, parts: Vec<Part>) -> Self {
        let fragment = fragment(&parts, |_| true);
        Self { trace_id, parts, fragment }
    }

    /// A fragment without some of the spans, by their place in it; `some` is in order.
    pub(super) fn without(&self, some: &[usize]) -> Vec<u8> {
        fragment(&self.parts, |place| some.binary_search(&place).is_err())
    }
}

fn fragment(parts: &[Part], keep: impl Fn(usize) -> bool) -> Vec<u8> {
    let mut fragment = Fragment::default();
    let mut place = 0;
    for part in parts {
        let mut stored = StoredPart { resource: part.sender.id, scope_spans: part.scope.to_vec() };
        let mut is_empty = true;
        for span in &part.spans {
            if keep(place) {
                stored.push(&span.body);
                is_empty = false;
            }
            place += 1;
        }
        if !is_empty {
            fragment.parts.push(stored);
        }
    }
    lz4_flex::compress_prepend_size(&fragment.encode_to_vec())
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
    pub(super) id: i64,
    pub(super) body: Vec<u8>,
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

/// A row of `fragments`.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Fragment {
    #[prost(message, repeated, tag = "1")]
    pub(super) parts: Vec<StoredPart>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct StoredPart {
    /// Its row in `resources`.
    #[prost(int64, tag = "1")]
    pub(super) resource: i64,
    /// A `ScopeSpans`, protobuf.
    #[prost(bytes = "vec", tag = "2")]
    pub(super) scope_spans: Vec<u8>,
}

impl StoredPart {
    /// Adds a span as protobuf concatenates: field 2 of `ScopeSpans`, once more.
    fn push(&mut self, span: &[u8]) {
        encode_key(2, WireType::LengthDelimited, &mut self.scope_spans);
        encode_varint(span.len() as u64, &mut self.scope_spans);
        self.scope_spans.extend_from_slice(span);
    }

    pub(super) fn spans(&self) -> Result<otlp::ScopeSpans, prost::DecodeError> {
        otlp::ScopeSpans::decode(self.scope_spans.as_slice())
    }
}

impl Fragment {
    pub(super) fn read(stored: &[u8]) -> Result<Self, StoreError> {
        let bytes =
            lz4_flex::decompress_size_prepended(stored).map_err(|error| StoreError::Failed(error.to_string()))?;
        Self::decode(bytes.as_slice()).map_err(|error| StoreError::Failed(error.to_string()))
    }
}
