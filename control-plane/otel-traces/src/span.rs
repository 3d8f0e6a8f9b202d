//! A row as a span.

use clickhouse::Row;
use opentelemetry_proto::tonic::trace::v1::{
    Span, Status,
    span::{Event, Link},
};
use serde::Deserialize;

use crate::json::attributes;

/// A row of the queue, its columns in the order in which they are asked for.
#[derive(Row, Deserialize)]
pub(crate) struct SpanRow {
    trace_id: String,
    span_id: String,
    parent_id: String,
    trace_state: String,
    name: String,
    kind: String,
    start_ns: i64,
    duration: u64,
    status: String,
    status_message: String,
    pub(crate) resource: String,
    pub(crate) scope_name: String,
    pub(crate) scope_version: String,
    attributes: String,
    events: Vec<(i64, String, String)>,
    links: Vec<(String, String, String, String)>,
}

impl SpanRow {
    /// As its sender sent it. What is wrong with it is for the intake to tell.
    pub(crate) fn span(self) -> Span {
        let start = time(self.start_ns);
        let event = |(at, name, of_event): (i64, String, String)| Event {
            time_unix_nano: time(at),
            name,
            attributes: attributes(&of_event),
            dropped_attributes_count: 0,
        };
        let link = |(trace_id, span_id, trace_state, of_link): (String, String, String, String)| Link {
            trace_id: bytes::<16>(&trace_id),
            span_id: bytes::<8>(&span_id),
            trace_state,
            attributes: attributes(&of_link),
            ..Link::default()
        };
        Span {
            trace_id: bytes::<16>(&self.trace_id),
            span_id: bytes::<8>(&self.span_id),
            parent_span_id: bytes::<8>(&self.parent_id),
            trace_state: self.trace_state,
            name: self.name,
            kind: kind(&self.kind),
            start_time_unix_nano: start,
            // The exporter subtracts without a sign: of an end before its start, this is that end again.
            end_time_unix_nano: start.wrapping_add(self.duration),
            attributes: attributes(&self.attributes),
            events: self.events.into_iter().map(event).collect(),
            links: self.links.into_iter().map(link).collect(),
            status: Some(Status { code: code(&self.status), message: self.status_message }),
            ..Span::default()
        }
    }
}

fn time(nanoseconds: i64) -> u64 {
    u64::try_from(nanoseconds).unwrap_or_default()
}

/// An id; of what is none, nothing.
fn bytes<const N: usize>(hex: &str) -> Vec<u8> {
    let is_id = hex.len() == 2 * N && hex.bytes().all(|digit| digit.is_ascii_hexdigit());
    let number = u128::from_str_radix(hex, 16).ok().filter(|_| is_id);
    number.and_then(|number| Some(number.to_be_bytes().get(16 - N..)?.to_vec())).unwrap_or_default()
}

/// Older exporters write `SPAN_KIND_SERVER`, newer ones `Server`.
fn kind(name: &str) -> i32 {
    match name.trim_start_matches("SPAN_KIND_").to_ascii_uppercase().as_str() {
        "INTERNAL" => 1,
        "SERVER" => 2,
        "CLIENT" => 3,
        "PRODUCER" => 4,
        "CONSUMER" => 5,
        _ => 0,
    }
}

/// The status code of OTLP by the name that the exporter writes.
fn code(name: &str) -> i32 {
    match name.trim_start_matches("STATUS_CODE_").to_ascii_uppercase().as_str() {
        "OK" => 1,
        "ERROR" => 2,
        _ => 0,
    }
}
