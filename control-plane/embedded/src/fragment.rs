//! How spans are stored: a fragment for each trace, compressed by whoever took the request, so that the writer only writes.

use control_plane_model::{
    incoming::{Incoming, Part},
    trace::TraceId,
};
use opentelemetry_proto::tonic::trace::v1 as otlp;
use prost::{
    Message,
    bytes::Bytes,
    encoding::{WireType, encode_key, encode_varint},
    length_delimiter_len,
};

use crate::failure::Failure;

/// What one request brings of one trace, and all of it as it is stored.
#[derive(Debug)]
pub(crate) struct Compressed {
    pub(crate) trace_id: TraceId,
    pub(crate) parts: Vec<Part>,
    pub(crate) fragment: Vec<u8>,
}

impl From<Incoming> for Compressed {
    fn from(Incoming { trace_id, parts }: Incoming) -> Self {
        let fragment = fragment(&parts, |_| true);
        Self { trace_id, parts, fragment }
    }
}

impl Compressed {
    /// A fragment without some of the spans, by their place in it; `some` is in order.
    pub(crate) fn without(&self, some: &[usize]) -> Vec<u8> {
        fragment(&self.parts, |place| some.binary_search(&place).is_err())
    }
}

fn fragment(parts: &[Part], keep: impl Fn(usize) -> bool) -> Vec<u8> {
    let mut fragment = Fragment::default();
    let mut place = 0;
    for part in parts {
        let mut scope_spans = part.scope.to_vec();
        let mut is_empty = true;
        for span in &part.spans {
            if keep(place) {
                push(&mut scope_spans, &span.body);
                is_empty = false;
            }
            place += 1;
        }
        if !is_empty {
            fragment.parts.push(StoredPart { resource: part.sender.id, scope_spans: scope_spans.into() });
        }
    }
    lz4_flex::compress_prepend_size(&fragment.encode_to_vec())
}

/// A row of `fragments`.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Fragment {
    #[prost(message, repeated, tag = "1")]
    pub(crate) parts: Vec<StoredPart>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct StoredPart {
    /// Its row in `resources`.
    #[prost(int64, tag = "1")]
    pub(crate) resource: i64,
    /// A `ScopeSpans`, protobuf.
    #[prost(bytes = "bytes", tag = "2")]
    pub(crate) scope_spans: Bytes,
}

/// A `ScopeSpans` whose spans stay as they are.
#[derive(Clone, PartialEq, Message)]
struct Bodies {
    #[prost(bytes = "bytes", repeated, tag = "2")]
    spans: Vec<Bytes>,
}

/// Bytes that say that a span follows.
const SPAN_KEY: usize = 1;

/// Adds a span as protobuf concatenates: field 2 of `ScopeSpans`, once more.
fn push(scope_spans: &mut Vec<u8>, span: &[u8]) {
    encode_key(2, WireType::LengthDelimited, scope_spans);
    encode_varint(span.len() as u64, scope_spans);
    scope_spans.extend_from_slice(span);
}

impl StoredPart {
    pub(crate) fn spans(&self) -> Result<otlp::ScopeSpans, prost::DecodeError> {
        otlp::ScopeSpans::decode(self.scope_spans.clone())
    }

    /// What stands before the spans, and the spans as they were stored, where they are in the fragment.
    pub(crate) fn bodies(&self) -> Result<(Bytes, Vec<Bytes>), prost::DecodeError> {
        let Bodies { spans } = Bodies::decode(self.scope_spans.clone())?;
        let bytes: usize = spans.iter().map(|span| SPAN_KEY + length_delimiter_len(span.len()) + span.len()).sum();
        Ok((self.scope_spans.slice(..self.scope_spans.len().saturating_sub(bytes)), spans))
    }
}

impl Fragment {
    pub(crate) fn read(stored: &[u8]) -> Result<Self, Failure> {
        Ok(Self::decode(Bytes::from(lz4_flex::decompress_size_prepended(stored)?))?)
    }
}
