//! What a list of traces says of one, as Jaeger's query service sums it up (`querysvc/summary.go`).

use std::{
    collections::{BTreeMap, HashSet},
    sync::Arc,
};

use control_plane_model::{otlp, trace::TraceId};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, Span, status::StatusCode};
use serde::Serialize;

/// A line of the list.
#[derive(Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Summary {
    trace_id: String,
    root_service_name: String,
    root_operation_name: String,
    /// Nanoseconds since 1970, as text: JavaScript holds no number as large.
    min_start_time_unix_nano: String,
    max_end_time_unix_nano: String,
    span_count: usize,
    error_span_count: usize,
    /// Spans whose parent has not come.
    orphan_span_count: usize,
    services: Vec<Service>,
}

/// A service's share of it.
#[derive(Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Service {
    name: String,
    span_count: usize,
    error_span_count: usize,
}

impl Summary {
    /// Makes the summary of a trace's spans.
    pub(super) fn of(trace_id: TraceId, groups: &[ResourceSpans]) -> Self {
        let senders: Vec<_> = groups.iter().map(service).collect();
        let spans: Vec<(&str, &Span)> = groups
            .iter()
            .zip(&senders)
            .flat_map(|(group, sender)| {
                group.scope_spans.iter().flat_map(|part| &part.spans).map(|span| (&**sender, span))
            })
            .collect();
        let ids: HashSet<&[u8]> = spans.iter().map(|(_, span)| span.span_id.as_slice()).collect();
        let mut services: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
        let mut orphans = 0;
        for &(service, span) in &spans {
            let failed = span.status.as_ref().is_some_and(|status| status.code() == StatusCode::Error);
            let (all, errors) = services.entry(service).or_default();
            *all += 1;
            *errors += usize::from(failed);
            orphans += usize::from(parent_of(span).is_some_and(|id| !ids.contains(id)));
        }
        let roots = spans.iter().filter(|(_, span)| parent_of(span).is_none());
        let root = roots.min_by_key(|(_, span)| span.start_time_unix_nano);
        let start = spans.iter().map(|(_, span)| span.start_time_unix_nano).min().unwrap_or_default();
        let end = spans.iter().map(|(_, span)| span.end_time_unix_nano.max(span.start_time_unix_nano)).max();
        Self {
            trace_id: trace_id.to_string(),
            root_service_name: root.map(|(service, _)| (*service).to_owned()).unwrap_or_default(),
            root_operation_name: root.map(|(_, span)| span.name.clone()).unwrap_or_default(),
            min_start_time_unix_nano: start.to_string(),
            max_end_time_unix_nano: end.unwrap_or_default().to_string(),
            span_count: spans.len(),
            error_span_count: services.values().map(|(_, errors)| errors).sum(),
            orphan_span_count: orphans,
            services: services
                .into_iter()
                .map(|(name, (span_count, error_span_count))| Service {
                    name: name.to_owned(),
                    span_count,
                    error_span_count,
                })
                .collect(),
        }
    }
}

/// What whoever sent these spans is called.
fn service(group: &ResourceSpans) -> Arc<str> {
    let nothing = otlp::SentResource::default();
    otlp::Resource::of(group.resource.as_ref().unwrap_or(&nothing)).service
}

/// The id of a span's parent, if it has one.
fn parent_of(span: &Span) -> Option<&[u8]> {
    let id = &span.parent_span_id;
    (id.iter().any(|byte| *byte != 0) && *id != span.span_id).then_some(id)
}
