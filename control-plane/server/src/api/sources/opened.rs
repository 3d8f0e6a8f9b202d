//! Traces whose pages were opened lately: whoever opens a span of one after the other has its trace read once.

use std::{
    collections::VecDeque,
    sync::Arc,
    time::{Duration, Instant},
};

use control_plane_model::{
    store::Scope,
    trace::{Span, Trace, TraceId},
};
use parking_lot::Mutex;
use serde_json::Value;
use tokio::time::sleep;

/// How long a trace is kept. What comes of it meanwhile is seen once its page is opened again.
const KEPT_FOR: Duration = Duration::from_secs(60);
/// Bytes that traces which are kept take together, about; one that takes more by itself is not kept.
const MOST_BYTES: usize = 48 * 1024 * 1024;
/// What a span takes besides its texts, and an attribute.
const SPAN_BYTES: usize = 600;
const ATTRIBUTE_BYTES: usize = 120;

/// A trace as somebody sees it.
#[derive(Debug)]
struct Opened {
    scope: Scope,
    trace: Arc<Trace>,
    bytes: usize,
    at: Instant,
}

/// Traces that were read a moment ago, each with the eyes that it was read for: nobody is shown one that was read for others.
#[derive(Debug, Clone, Default)]
pub(crate) struct OpenedTraces(Arc<Mutex<VecDeque<Opened>>>);

impl OpenedTraces {
    /// Keeps a trace as this scope read it, in place of what was kept for the scope before.
    pub(super) fn keep(&self, scope: &Scope, trace: &Arc<Trace>) {
        let is_first = self.keep_at(scope, trace.clone(), trace.spans.iter().map(bytes).sum(), Instant::now());
        if is_first {
            // What nobody opens any more takes no memory.
            let opened = self.clone();
            tokio::spawn(async move {
                while let Some(left) = opened.longest_left(Instant::now()) {
                    sleep(left).await;
                }
            });
        }
    }

    /// Whether there was none before.
    fn keep_at(&self, scope: &Scope, trace: Arc<Trace>, bytes: usize, at: Instant) -> bool {
        let mut opened = self.0.lock();
        let was_empty = opened.is_empty();
        opened.retain(|kept| !(kept.scope == *scope && kept.trace.trace_id == trace.trace_id));
        opened.push_back(Opened { scope: scope.clone(), trace, bytes, at });
        let mut all: usize = opened.iter().map(|kept| kept.bytes).sum();
        while all > MOST_BYTES
            && let Some(oldest) = opened.pop_front()
        {
            all -= oldest.bytes;
        }
        was_empty && !opened.is_empty()
    }

    /// Lets go of what was kept long enough; how long the next is kept yet, and `None` where nothing is left.
    fn longest_left(&self, now: Instant) -> Option<Duration> {
        let mut opened = self.0.lock();
        opened.retain(|kept| now.duration_since(kept.at) < KEPT_FOR);
        opened.front().map(|kept| KEPT_FOR.saturating_sub(now.duration_since(kept.at)))
    }

    /// The trace as this scope read it a moment ago, if this span was in it.
    pub(super) fn with_span(&self, scope: &Scope, trace_id: TraceId, span_id: &str) -> Option<Arc<Trace>> {
        self.with_span_at(scope, trace_id, span_id, Instant::now())
    }

    fn with_span_at(&self, scope: &Scope, trace_id: TraceId, span_id: &str, now: Instant) -> Option<Arc<Trace>> {
        let opened = self.0.lock();
        let is_meant = |kept: &&Opened| kept.trace.trace_id == trace_id && kept.scope == *scope;
        let kept = opened.iter().find(is_meant).filter(|kept| now.duration_since(kept.at) < KEPT_FOR)?;
        let trace = kept.trace.clone();
        drop(opened);
        trace.spans.iter().any(|span| span.span_id == span_id).then_some(trace)
    }
}

/// What a span takes in memory, about.
fn bytes(span: &Span) -> usize {
    let links = span.links.iter().map(|link| &link.attributes);
    let events = span.events.iter().map(|event| &event.attributes);
    let all = [&span.attributes, &span.resource].into_iter().chain(links).chain(events);
    let attributes = all.map(|attributes| {
        let entry = |(name, value): (&String, &Value)| ATTRIBUTE_BYTES + name.len() + value_bytes(value);
        SPAN_BYTES / 4 + attributes.iter().map(entry).sum::<usize>()
    });
    SPAN_BYTES + span.name.len() + span.error.as_ref().map_or(0, String::len) + attributes.sum::<usize>()
}

fn value_bytes(value: &Value) -> usize {
    match value {
        Value::String(text) => text.len(),
        Value::Array(values) => values.iter().map(|value| ATTRIBUTE_BYTES / 2 + value_bytes(value)).sum(),
        Value::Object(values) => {
            values.iter().map(|(name, value)| ATTRIBUTE_BYTES + name.len() + value_bytes(value)).sum()
        }
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trace(id: u8, spans: usize) -> Arc<Trace> {
        let span = |number: usize| {
            serde_json::from_value(serde_json::json!({
                "span_id": format!("{number:016x}"), "parent_span_id": null, "name": "GET", "kind": "SERVER", "service": "api",
                "account": null, "tenant": "acme", "tier": null, "start_unix_ns": 0, "end_unix_ns": 1, "duration_ns": 1,
                "status": "UNSET", "error": null, "attributes": {}, "resource": {}, "links": [], "events": [],
            }))
            .unwrap()
        };
        let trace_id = of(id);
        let xray_trace_id = trace_id.xray();
        Arc::new(Trace { trace_id, xray_trace_id, spans: (0..spans).map(span).collect(), others: false })
    }

    fn of(id: u8) -> TraceId {
        TraceId::from_bytes(&[id; 16]).unwrap()
    }

    fn tenant(name: &str) -> Scope {
        Scope::Tenant(name.to_owned())
    }

    const FIRST: &str = "0000000000000000";

    #[test]
    fn a_trace_is_shown_to_those_for_whom_it_was_read_and_to_nobody_else() {
        let opened = OpenedTraces::default();
        let now = Instant::now();
        opened.keep_at(&Scope::All, trace(1, 2), 2, now);
        opened.keep_at(&tenant("acme"), trace(1, 1), 1, now);
        let spans = |scope: &Scope, id| Some(opened.with_span_at(scope, of(id), FIRST, now)?.spans.len());
        assert_eq!((spans(&Scope::All, 1), spans(&tenant("acme"), 1)), (Some(2), Some(1)));
        assert_eq!((spans(&tenant("globex"), 1), spans(&tenant(""), 1), spans(&Scope::All, 2)), (None, None, None));
        // The second span was not there when the tenant's trace was read: it is read again.
        assert!(opened.with_span_at(&tenant("acme"), of(1), "0000000000000001", now).is_none());
    }

    #[test]
    fn a_trace_is_kept_for_a_minute_and_what_is_read_later_takes_its_place() {
        let opened = OpenedTraces::default();
        let begin = Instant::now();
        assert!(opened.keep_at(&Scope::All, trace(1, 1), 1, begin));
        assert!(!opened.keep_at(&Scope::All, trace(1, 3), 3, begin + KEPT_FOR / 2));
        let spans = |at| Some(opened.with_span_at(&Scope::All, of(1), FIRST, at)?.spans.len());
        assert_eq!(spans(begin + KEPT_FOR), Some(3));
        assert_eq!(spans(begin + KEPT_FOR * 3 / 2), None);
        assert_eq!(opened.longest_left(begin + KEPT_FOR), Some(KEPT_FOR / 2));
        assert_eq!(opened.longest_left(begin + KEPT_FOR * 3 / 2), None);
        assert!(opened.0.lock().is_empty(), "what is old takes no memory");
    }

    #[test]
    fn what_is_kept_takes_no_more_memory_than_it_may() {
        let opened = OpenedTraces::default();
        let now = Instant::now();
        for id in 1..=3 {
            opened.keep_at(&Scope::All, trace(id, 1), MOST_BYTES / 2, now);
        }
        let are_kept = |id| opened.with_span_at(&Scope::All, of(id), FIRST, now).is_some();
        assert_eq!([1, 2, 3].map(are_kept), [false, true, true]);
        opened.keep_at(&Scope::All, trace(4, 1), MOST_BYTES + 1, now);
        assert_eq!([2, 3, 4].map(are_kept), [false, false, false]);

        let of_texts = |length: usize| {
            let mut span = trace(1, 1).spans[0].clone();
            span.attributes
                .insert("list".into(), serde_json::json!(["x".repeat(length), { "of": "y".repeat(length) }]));
            bytes(&span)
        };
        assert_eq!(of_texts(1_000) - of_texts(0), 2_000);
    }
}
