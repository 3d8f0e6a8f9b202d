//! A span as the API and the pages show it.

use opentelemetry_proto::tonic::{resource::v1::Resource, trace::v1 as otlp};
use serde_json::Value;

use super::{allowance::Allowance, attributes::hex, facts};
use crate::trace::{Event, Link, Span};

/// What an event or a link takes besides its texts, in JSON.
const PER_ENTRY: usize = 128;

/// The span with all it carries, and who sent it. Times, parent and tenant are those that sums and lists rest on.
pub fn span(resource: &Resource, span: otlp::Span) -> Span {
    let sender = facts::Resource::of(resource);
    let facts = facts::Facts::of(&sender, &span);
    let mut allowance = Allowance::default();
    let status = span.status.clone().unwrap_or_default();
    let attributes = allowance.object(span.attributes);
    let (status, error) = match status.code() {
        otlp::status::StatusCode::Ok => ("OK", None),
        otlp::status::StatusCode::Unset => ("UNSET", None),
        otlp::status::StatusCode::Error => {
            let kind = attributes.get("error.type").and_then(Value::as_str).unwrap_or("error").to_owned();
            ("ERROR", Some(allowance.text(if status.message.is_empty() { kind } else { status.message })))
        }
    };
    let resource = allowance.object(resource.attributes.clone());
    // A link that names no span leads nowhere.
    let links = span.links.into_iter().filter(|link| link.trace_id.len() == 16 && link.span_id.len() == 8);
    let links = links.map_while(|link| {
        allowance.takes(PER_ENTRY).then(|| Link {
            trace_id: hex(&link.trace_id),
            span_id: hex(&link.span_id),
            attributes: allowance.object(link.attributes),
        })
    });
    let links = links.collect();
    let events = span.events.into_iter().map_while(|event| {
        allowance.takes(PER_ENTRY).then(|| Event {
            name: allowance.text(event.name),
            time_unix_ns: i64::try_from(event.time_unix_nano).unwrap_or(i64::MAX),
            attributes: allowance.object(event.attributes),
        })
    });
    let events = events.collect();
    Span {
        span_id: format!("{:016x}", facts.id),
        parent_span_id: facts.parent.map(|parent| format!("{parent:016x}")),
        name: facts.operation.into(),
        kind: facts.kind.as_str_name().trim_start_matches("SPAN_KIND_").to_owned(),
        service: facts.service.to_string(),
        account: facts.account.as_deref().map(Into::into),
        tenant: facts.tenant.as_deref().map(Into::into),
        tier: facts.tier.as_deref().map(Into::into),
        start_unix_ns: facts.start_ns,
        end_unix_ns: facts.end_ns,
        duration_ns: facts.end_ns - facts.start_ns,
        status: status.into(),
        error,
        attributes,
        resource,
        links,
        events,
    }
}
