//! Requests with spans.

use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest,
    trace::v1::{
        ResourceSpans, ScopeSpans, Span, Status,
        span::{Event, Link, SpanKind},
        status::StatusCode,
    },
};

use super::{Broken, Cursor, Field, Message, Request, id, integer, list, message, named, object, text, unknown};

impl Request for ExportTraceServiceRequest {
    const LIST: &'static str = "resourceSpans";

    fn is_empty(&self) -> bool {
        self.resource_spans.iter().flat_map(|group| &group.scope_spans).all(|scope| scope.spans.is_empty())
    }
}

message!(ExportTraceServiceRequest, "request", { "resourceSpans" => resource_spans = list });
message!(ResourceSpans, "resourceSpans", {
    "resource" => resource = object, "scopeSpans" => scope_spans = list, "schemaUrl" => schema_url = text,
});
message!(ScopeSpans, "scopeSpans", {
    "scope" => scope = object, "spans" => spans = list, "schemaUrl" => schema_url = text,
});
message!(Span, "spans", {
    "traceId" => trace_id = id, "spanId" => span_id = id, "parentSpanId" => parent_span_id = id,
    "traceState" => trace_state = text, "flags" => flags = integer, "name" => name = text, "kind" => kind = kind,
    "startTimeUnixNano" => start_time_unix_nano = integer, "endTimeUnixNano" => end_time_unix_nano = integer,
    "attributes" => attributes = list, "droppedAttributesCount" => dropped_attributes_count = integer,
    "events" => events = list, "droppedEventsCount" => dropped_events_count = integer,
    "links" => links = list, "droppedLinksCount" => dropped_links_count = integer, "status" => status = object,
});
message!(Event, "events", {
    "timeUnixNano" => time_unix_nano = integer, "name" => name = text, "attributes" => attributes = list,
    "droppedAttributesCount" => dropped_attributes_count = integer,
});
message!(Link, "links", {
    "traceId" => trace_id = id, "spanId" => span_id = id, "traceState" => trace_state = text, "flags" => flags = integer,
    "attributes" => attributes = list, "droppedAttributesCount" => dropped_attributes_count = integer,
});
message!(Status, "status", { "message" => message = text, "code" => code = code });

fn kind(cursor: &mut Cursor<'_>, _: &str) -> Field<i32> {
    named(cursor, |name| Some(SpanKind::from_str_name(name)? as i32))
}

fn code(cursor: &mut Cursor<'_>, _: &str) -> Field<i32> {
    named(cursor, |name| Some(StatusCode::from_str_name(name)? as i32))
}
