//! Which spans of a request can be stored, by trace.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

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

/// Attributes a span may have, and bytes all of it; X-Ray takes 200 kB.
const MAX_ATTRIBUTES: usize = 1_000;
const MAX_SPAN_BYTES: usize = 256 * 1024;
/// Events a span may have, and links.
const MAX_EVENTS: usize = 1_000;
/// What is said of a sender is stored once, and shown with each of its spans.
const MAX_RESOURCE_BYTES: usize = 64 * 1024;
/// What is said of a scope is stored with each of its traces.
const MAX_SCOPE_BYTES: usize = 4 * 1024;
/// How far ahead of ours a sender's clock may be, in seconds.
const MAX_AHEAD: i64 = 3_600;
const NANOSECONDS: i64 = 1_000_000_000;

/// What was not taken, and why.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Rejected {
    /// Spans.
    pub spans: usize,
    reasons: BTreeSet<String>,
}

impl Rejected {
    /// So many spans were not taken; none, where something is only remarked on.
    pub(super) fn add(&mut self, spans: usize, reason: &str) {
        self.spans += spans;
        self.reasons.insert(reason.to_owned());
    }

    pub(crate) fn reasons(&self) -> String {
        self.reasons.iter().map(String::as_str).collect::<Vec<_>>().join("; ")
    }
}

/// The spans of a request by trace, and those that cannot be stored. Where `account` is given, spans of another are not taken.
pub fn by_trace(request: ExportTraceServiceRequest, account: Option<&str>, now: i64) -> (Vec<Incoming>, Rejected) {
    let mut traces: Vec<(TraceId, Vec<Part>)> = Vec::new();
    let mut known: HashMap<TraceId, usize> = HashMap::new();
    let mut rejected = Rejected::default();
    for group in request.resource_spans {
        let resource = group.resource.unwrap_or_default();
        if resource.attributes.len() > MAX_ATTRIBUTES || resource.encoded_len() > MAX_RESOURCE_BYTES {
            let spans = group.scope_spans.iter().map(|scope| scope.spans.len()).sum();
            rejected.add(spans, "a resource has at most 1000 attributes and 64 kB");
            continue;
        }
        let sent_by = Resource::of(&resource);
        let sender = Arc::new(Sender::new(resource.encode_to_vec()));
        for scope in group.scope_spans {
            let ScopeSpans { scope, spans, schema_url } = scope;
            let header = ScopeSpans { scope, spans: Vec::new(), schema_url };
            if header.encoded_len() > MAX_SCOPE_BYTES {
                rejected.add(spans.len(), "a scope has at most 4 kB");
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
    let latest = u64::try_from((now + MAX_AHEAD) * NANOSECONDS).unwrap_or(u64::MAX);
    if span.start_time_unix_nano > latest || span.end_time_unix_nano > latest {
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
