//! Spans as received.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use base64::{Engine, engine::general_purpose::STANDARD};
use opentelemetry_proto::tonic::{collector::trace::v1::ExportTraceServiceRequest, trace::v1::span::SpanKind};

use super::{Brought, Received, hex, intake::decode, texts};

/// A span as received.
#[derive(Debug, Clone, PartialEq)]
pub struct Span {
    /// 32 hex digits.
    pub trace_id: String,
    /// 16 hex digits.
    pub span_id: String,
    /// 16 hex digits; empty for a root.
    pub parent_span_id: String,
    /// Its name.
    pub name: String,
    /// Its kind.
    pub kind: SpanKind,
    /// Whether its status is ERROR.
    pub failed: bool,
    /// Its attributes as text.
    pub attributes: BTreeMap<String, String>,
    /// Its `tracestate`.
    pub trace_state: String,
    /// When it began and ended, nanoseconds since 1970.
    pub times: (u64, u64),
}

impl Brought for ExportTraceServiceRequest {
    fn keep(self, received: &mut Received) {
        for group in self.resource_spans {
            received.schemas.insert(group.schema_url);
            received.name(group.resource.iter().flat_map(|resource| &resource.attributes));
            for scope in group.scope_spans {
                received.schemas.insert(scope.schema_url);
                for span in scope.spans {
                    let events = span.events.iter().flat_map(|event| &event.attributes);
                    let links = span.links.iter().flat_map(|link| &link.attributes);
                    received.name(span.attributes.iter().chain(events).chain(links));
                    received.spans.push(of(span));
                }
            }
        }
    }
}

pub(super) fn of_datagram(datagram: &[u8]) -> Result<ExportTraceServiceRequest> {
    let text = std::str::from_utf8(datagram)?;
    let (header, body) = text.split_once('\n').context("no header line")?;
    ensure!(header == "{\"format\":\"json\",\"version\":1}", "an unknown header");
    decode(false, &STANDARD.decode(body.strip_prefix("T1S").context("not marked as OTLP")?)?)
}

fn of(span: opentelemetry_proto::tonic::trace::v1::Span) -> Span {
    Span {
        kind: span.kind(),
        times: (span.start_time_unix_nano, span.end_time_unix_nano),
        failed: span.status.as_ref().is_some_and(|status| status.code == 2),
        trace_id: hex(&span.trace_id),
        span_id: hex(&span.span_id),
        parent_span_id: hex(&span.parent_span_id),
        attributes: texts(span.attributes),
        name: span.name,
        trace_state: span.trace_state,
    }
}
