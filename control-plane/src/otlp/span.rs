//! A span as the API and the pages show it.

use opentelemetry_proto::tonic::{resource::v1::Resource, trace::v1 as otlp};
use serde_json::Value;

use super::{
    attributes::{hex, object},
    facts,
};
use crate::trace::{Event, Link, Span};

/// The span with all it carries, and who sent it.
pub fn span(resource: &Resource, span: otlp::Span) -> Span {
    let sender = facts::Resource::of(resource);
    let facts = facts::Facts::of(&sender, &span);
    let nanoseconds = |time: u64| i64::try_from(time).unwrap_or(i64::MAX);
    let (start, end) = (nanoseconds(span.start_time_unix_nano), nanoseconds(span.end_time_unix_nano));
    let status = span.status.clone().unwrap_or_default();
    let attributes = object(span.attributes);
    let (status, error) = match status.code() {
        otlp::status::StatusCode::Ok => ("OK", None),
        otlp::status::StatusCode::Unset => ("UNSET", None),
        otlp::status::StatusCode::Error => {
            let kind = attributes.get("error.type").and_then(Value::as_str).unwrap_or("error").to_owned();
            ("ERROR", Some(if status.message.is_empty() { kind } else { status.message }))
        }
    };
    Span {
        span_id: hex(&span.span_id),
        parent_span_id: (!span.parent_span_id.is_empty()).then(|| hex(&span.parent_span_id)),
        name: span.name,
        kind: facts.kind.name().to_owned(),
        service: sender.service.to_string(),
        account: facts.account.as_deref().map(Into::into),
        tenant: facts.tenant.map(Into::into),
        tier: facts.tier.map(Into::into),
        start_unix_ns: start,
        end_unix_ns: end,
        duration_ns: end.saturating_sub(start),
        status: status.into(),
        error,
        attributes,
        resource: object(resource.attributes.clone()),
        links: span
            .links
            .into_iter()
            .map(|link| Link {
                trace_id: hex(&link.trace_id),
                span_id: hex(&link.span_id),
                attributes: object(link.attributes),
            })
            .collect(),
        events: span
            .events
            .into_iter()
            .map(|event| Event {
                name: event.name,
                time_unix_ns: nanoseconds(event.time_unix_nano),
                attributes: object(event.attributes),
            })
            .collect(),
    }
}
