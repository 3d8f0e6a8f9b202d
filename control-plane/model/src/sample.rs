//! Traces as they were received, whole: what is asked of every attribute of every span is asked of these.

use std::{collections::HashMap, sync::Arc};

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

/// Selects the traces to sample.
#[derive(Debug, Clone)]
pub struct SampleQuery {
    /// Traces that began at or after this, nanoseconds since 1970.
    pub from_ns: i64,
    /// Only traces that begin before this time.
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

/// Spans of one sender and scope.
#[derive(Debug, Clone)]
pub struct StoredPart {
    /// The sender, shared by all of its parts.
    pub resource: Arc<Resource>,
    /// A `ScopeSpans` without spans, protobuf.
    pub scope: Bytes,
    /// Each a `Span`, protobuf: read them with [`StoredSpan`].
    pub spans: Vec<Bytes>,
}

/// A trace while it is read for somebody: of its spans those that they may see, as [`Trace::seen_by`](crate::trace::Trace::seen_by) has it, and
/// as many of these as there is room for.
#[derive(Debug)]
pub struct Reading<'a> {
    seen_by: &'a Scope,
    trace: StoredTrace,
    /// Which of the parts it is, by where its sender is kept, and by its scope.
    places: HashMap<(usize, Bytes), usize>,
    /// The sender whose spans were read last.
    sender: Option<(Arc<Resource>, otlp::Resource)>,
    bytes: usize,
}

impl<'a> Reading<'a> {
    /// A trace of which nothing is read yet.
    pub fn new(seen_by: &'a Scope, trace_id: TraceId) -> Self {
        let trace = StoredTrace { trace_id, parts: Vec::new() };
        Self { seen_by, trace, places: HashMap::new(), sender: None, bytes: 0 }
    }

    /// The trace's id.
    pub fn trace_id(&self) -> TraceId {
        self.trace.trace_id
    }

    /// Whether more of it is wanted.
    pub fn has_room(&self) -> bool {
        self.bytes <= MAX_BYTES_PER_TRACE
    }

    /// Takes what may be seen of the next spans, which are of one sender and scope; how many bytes these are.
    pub fn take(&mut self, resource: &Arc<Resource>, scope: &Bytes, spans: Vec<Bytes>) -> usize {
        let before = self.bytes;
        for span in spans {
            if !self.has_room() {
                break;
            }
            if !self.sees(resource, &span) {
                continue;
            }
            self.bytes += span.len();
            let next = self.trace.parts.len();
            let place = *self.places.entry((Arc::as_ptr(resource).addr(), scope.clone())).or_insert(next);
            match self.trace.parts.get_mut(place) {
                Some(part) => part.spans.push(span),
                None => {
                    let (resource, scope) = (resource.clone(), scope.clone());
                    self.trace.parts.push(StoredPart { resource, scope, spans: vec![span] });
                }
            }
        }
        self.bytes - before
    }

    fn sees(&mut self, resource: &Arc<Resource>, span: &Bytes) -> bool {
        if self.seen_by.tenant().is_none() {
            return true;
        }
        if self.sender.as_ref().is_none_or(|(known, _)| !Arc::ptr_eq(known, resource)) {
            self.sender = Some((resource.clone(), otlp::Resource::of(resource)));
        }
        let Some((_, sender)) = &self.sender else { return false };
        StoredSpan::decode(span.clone()).is_ok_and(|span| self.seen_by.sees(span.tenant(sender).as_deref()))
    }

    /// What was taken; `None` if that is no span.
    pub fn trace(self) -> Option<StoredTrace> {
        (!self.trace.parts.is_empty()).then_some(self.trace)
    }
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
    use opentelemetry_proto::tonic::{
        common::v1::{AnyValue, KeyValue, any_value::Value},
        trace::v1::Span,
    };

    use super::*;

    fn span(tenant: &str, bytes: usize) -> Bytes {
        let value = Some(AnyValue { value: Some(Value::StringValue(tenant.to_owned())) });
        let attributes = vec![KeyValue { key: "tenant.id".to_owned(), value, ..KeyValue::default() }];
        Span { name: "x".repeat(bytes), attributes, ..Span::default() }.encode_to_vec().into()
    }

    #[test]
    fn what_others_sent_takes_no_room_from_what_a_tenant_sees() {
        let trace_id: TraceId = "5759e988bd862e3fe1be46a994272793".parse().unwrap();
        let read = |scope: &Scope| {
            let mut reading = Reading::new(scope, trace_id);
            let (resource, scope) = (Arc::new(Resource::default()), Bytes::new());
            for (tenant, bytes) in [("globex", MAX_BYTES_PER_TRACE + 1), ("acme", 10), ("acme", 10)] {
                if reading.has_room() {
                    reading.take(&resource, &scope, vec![span(tenant, bytes)]);
                }
            }
            reading.trace().map(|trace| trace.parts.iter().map(|part| part.spans.len()).collect::<Vec<_>>())
        };
        let own = |tenant: &str| Scope::Tenant(tenant.to_owned());
        assert_eq!(read(&own("acme")), Some(vec![2]), "of one sender and scope");
        assert_eq!((read(&own("globex")), read(&Scope::All)), (Some(vec![1]), Some(vec![1])));
        assert_eq!(read(&own("oceanic")), None);
    }

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
