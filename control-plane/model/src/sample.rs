//! Traces as they were received, whole: what is asked of every attribute of every span is asked of these.

use std::sync::Arc;

use futures_util::stream::BoxStream;
use opentelemetry_proto::tonic::resource::v1::Resource;
use prost::{Message, bytes::Bytes};

use crate::{
    error::StoreError,
    lookup::Lookup,
    otlp::{self, StoredSpan},
    scope::Scope,
    search::Expression,
    trace::{MAX_SPANS_PER_TRACE, TraceId},
};

/// Bytes of a trace's spans after which no more of it is read: what an intake takes in one request, unpacked.
pub const MAX_BYTES_PER_TRACE: usize = 16 * 1024 * 1024;

/// Bytes of spans that are held in memory at once; traces of which that many hold more cannot be read.
pub const MAX_BYTES_PER_BATCH: usize = 256 * 1024 * 1024;

/// Which traces are wanted.
#[derive(Debug, Clone)]
pub struct SampleQuery {
    /// Traces that began at or after this, nanoseconds since 1970.
    pub from_ns: i64,
    /// And before this.
    pub to_ns: i64,
    /// What they must match; all do if there is none.
    pub expression: Option<Expression>,
    /// How many at most. Where more match, those are taken whose [`place`] is the lowest: every trace has the same chance, and every
    /// engine takes the same.
    pub limit: usize,
}

/// What was found.
pub struct Sample {
    /// How many match. Where these are more than were wanted, the traces are a sample of them.
    pub matched: usize,
    /// Whether there were more to look at than a search may.
    pub truncated: bool,
    /// What spans were read for, where the index did not answer all of it.
    pub lookup: Option<Lookup>,
    /// The traces, some at a time, in no order.
    pub traces: BoxStream<'static, Result<Vec<StoredTrace>, StoreError>>,
}

/// A trace as its spans were received; each span once.
#[derive(Debug, Clone)]
pub struct StoredTrace {
    /// Its id.
    pub trace_id: TraceId,
    /// Its spans, by sender and scope.
    pub parts: Vec<StoredPart>,
}

impl StoredTrace {
    /// What a trace is to whoever asks, as [`Trace::seen_by`](crate::trace::Trace::seen_by) has it; `None` if they may see no span of it.
    pub fn seen_by(mut self, scope: &Scope) -> Option<Self> {
        if scope.tenant().is_some() {
            for part in &mut self.parts {
                let sender = otlp::Resource::of(&part.resource);
                part.spans.retain(|span| {
                    StoredSpan::decode(span.clone()).is_ok_and(|span| scope.sees(span.tenant(&sender).as_deref()))
                });
            }
        }
        self.parts.retain(|part| !part.spans.is_empty());
        (!self.parts.is_empty()).then_some(self)
    }
}

/// Spans of one sender and scope.
#[derive(Debug, Clone)]
pub struct StoredPart {
    /// Who sent them; the same for all parts of a sender.
    pub resource: Arc<Resource>,
    /// A `ScopeSpans` without spans, protobuf.
    pub scope: Bytes,
    /// Each a `Span`, protobuf: read them with [`StoredSpan`].
    pub spans: Vec<Bytes>,
}

/// What is said where they hold more than [`MAX_BYTES_PER_BATCH`].
pub fn too_large() -> StoreError {
    StoreError::Failed("the spans of these traces are too large to be read together".to_owned())
}

/// Traces in as many batches as it takes for each to be held at once: so many traces at most, and together no more spans than one trace may have.
pub fn batches<T>(traces: &[T], most: usize, spans_of: impl Fn(&T) -> usize) -> Vec<&[T]> {
    let mut batches = Vec::new();
    let (mut begin, mut spans) = (0, 0);
    for (at, trace) in traces.iter().enumerate() {
        let more = spans_of(trace);
        if at > begin && (at - begin >= most || spans + more > MAX_SPANS_PER_TRACE) {
            batches.extend(traces.get(begin..at));
            (begin, spans) = (at, 0);
        }
        spans += more;
    }
    batches.extend(traces.get(begin..).filter(|rest| !rest.is_empty()));
    batches
}

/// Where a trace stands when some are taken at random: its last eight bytes, which W3C trace ids and X-Ray's alike have at random.
pub fn place(trace_id: TraceId) -> u64 {
    trace_id.as_bytes().last_chunk().copied().map_or(0, u64::from_be_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_has_no_more_traces_and_spans_than_it_may() {
        let all = MAX_SPANS_PER_TRACE;
        for (spans, expected) in [
            (vec![], vec![]),
            (vec![1, 1, 1, 1, 1], vec![3, 2]),
            (vec![all, 1, all - 1, 1], vec![1, 2, 1]),
            (vec![2 * all, 2 * all], vec![1, 1]),
        ] {
            let batches = batches(&spans, 3, |spans| *spans);
            assert_eq!(batches.iter().map(|batch| batch.len()).collect::<Vec<_>>(), expected, "{spans:?}");
            assert_eq!(batches.concat(), spans);
        }
    }
}
