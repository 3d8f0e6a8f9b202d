//! Selects the spans of a request that can be stored, by trace.

use std::{collections::HashMap, sync::Arc};

use control_plane_model::{
    incoming::{Incoming, IncomingSpan, Part, Sender},
    otlp::{Facts, Resource},
    trace::TraceId,
};
use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest,
    trace::v1::{ScopeSpans, Span},
};
use prost::Message;

use super::rejected::{MAX_ATTRIBUTES, Rejected, check_resource, check_scope, is_future};

/// Bytes a span may have; X-Ray takes 200 kB.
const MAX_SPAN_BYTES: usize = 256 * 1024;
/// Events a span may have, and links.
const MAX_EVENTS: usize = 1_000;

/// The spans of a request by trace, and those that cannot be stored. Where `account` is given, spans of another are not taken.
pub fn by_trace(request: ExportTraceServiceRequest, account: Option<&str>, now: i64) -> (Vec<Incoming>, Rejected) {
    let mut traces: Vec<(TraceId, Vec<Part>)> = Vec::new();
    let mut known: HashMap<TraceId, usize> = HashMap::new();
    let mut rejected = Rejected::default();
    for group in request.resource_spans {
        let resource = group.resource.unwrap_or_default();
        if let Err(reason) = check_resource(&resource) {
            rejected.add(group.scope_spans.iter().map(|scope| scope.spans.len()).sum(), reason);
            continue;
        }
        let sent_by = Resource::of(&resource);
        let sender = Arc::new(Sender::new(resource.encode_to_vec()));
        for scope in group.scope_spans {
            let ScopeSpans { scope, spans, schema_url } = scope;
            let header = ScopeSpans { scope, spans: Vec::new(), schema_url };
            if let Err(reason) = check_scope(&header) {
                rejected.add(spans.len(), reason);
                continue;
            }
            let header: Arc<[u8]> = header.encode_to_vec().into();
            for span in spans {
                let (trace_id, span) = match check(&sent_by, span, account, now) {
                    Ok(checked) => checked,
                    Err(reason) => {
                        rejected.add(1, reason);
                        continue;
                    }
                };
                let index = *known.entry(trace_id).or_insert_with(|| {
                    traces.push((trace_id, Vec::new()));
                    traces.len() - 1
                });
                let Some((_, parts)) = traces.get_mut(index) else { continue };
                match parts.last_mut() {
                    Some(part) if Arc::ptr_eq(&part.scope, &header) => part.spans.push(span),
                    _ => parts.push(Part { sender: sender.clone(), scope: header.clone(), spans: vec![span] }),
                }
            }
        }
    }
    (traces.into_iter().map(|(trace_id, parts)| Incoming { trace_id, parts }).collect(), rejected)
}

fn check(
    sender: &Resource,
    span: Span,
    account: Option<&str>,
    now: i64,
) -> Result<(TraceId, IncomingSpan), &'static str> {
    let trace_id = TraceId::from_bytes(&span.trace_id)
        .map_err(|_| "a trace id is 16 bytes (in JSON 32 hexadecimal digits), not all zero")?;
    if span.span_id.len() != 8 || span.span_id == [0; 8] {
        return Err("a span id is 8 bytes (in JSON 16 hexadecimal digits), not all zero");
    }
    if !matches!(span.parent_span_id.len(), 0 | 8) {
        return Err("a parent's span id is 8 bytes (in JSON 16 hexadecimal digits)");
    }
    if is_future(span.start_time_unix_nano.max(span.end_time_unix_nano), now) {
        return Err("a span cannot be of the future");
    }
    if span.attributes.len() > MAX_ATTRIBUTES {
        return Err("a span has at most 1000 attributes");
    }
    if span.events.len() > MAX_EVENTS || span.links.len() > MAX_EVENTS {
        return Err("a span has at most 1000 events and 1000 links");
    }
    let body = span.encode_to_vec();
    if body.len() > MAX_SPAN_BYTES {
        return Err("a span has at most 256 kB");
    }
    let facts = Facts::of(sender, &span);
    if account.is_some_and(|account| facts.account.as_deref() != Some(account)) {
        return Err("a key is good for spans of its own account only");
    }
    Ok((trace_id, IncomingSpan { facts, body }))
}
