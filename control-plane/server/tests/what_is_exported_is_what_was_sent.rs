//! An export in OTLP's JSON holds what was sent, to the last attribute, and an intake takes it: a trace of its page, and those of a search.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::BTreeMap;

use control_plane_embedded::{Embedded, Retention};
use control_plane_model::{
    sample::SampleQuery,
    store::{Scope, SpanStore},
};
use futures_util::TryStreamExt;
use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest,
    common::v1::{AnyValue, ArrayValue, InstrumentationScope, KeyValue, KeyValueList, any_value::Value as Any},
    resource::v1::Resource,
    trace::v1::{
        ResourceSpans, ScopeSpans, Span, Status,
        span::{Event, Link},
    },
};
use prost::Message;
use reqwest::Response;
use serde_json::Value;
use testkit::control_plane::{Server, number, span, text};

fn attribute(key: &str, value: Any) -> KeyValue {
    KeyValue { key: key.into(), value: Some(AnyValue { value: Some(value) }), ..KeyValue::default() }
}

fn any(value: Any) -> AnyValue {
    AnyValue { value: Some(value) }
}

/// A span with a value of each kind, in each place.
fn full(trace: u8, n: u64) -> Span {
    let mut span = span(trace, n);
    let nested = KeyValueList { values: vec![attribute("list", Any::ArrayValue(ArrayValue { values: vec![] }))] };
    let values = vec![
        any(Any::IntValue(1)),
        any(Any::StringValue("é\u{1b}\"\\".into())),
        AnyValue::default(),
        any(Any::BoolValue(false)),
    ];
    span.attributes.extend([
        number("least", i64::MIN),
        number("most", i64::MAX),
        attribute("half", Any::DoubleValue(0.1)),
        attribute("infinite", Any::DoubleValue(f64::NEG_INFINITY)),
        attribute("bytes", Any::BytesValue(vec![0, 255, 62])),
        attribute("nested", Any::KvlistValue(nested)),
        attribute("list", Any::ArrayValue(ArrayValue { values })),
        text("", "no name"),
        text("twice", "one"),
        text("twice", "other"),
        KeyValue { key: "nothing".into(), ..KeyValue::default() },
    ]);
    span.trace_state = "ot=th:8,vendor=x".into();
    span.flags = 0x301;
    span.dropped_attributes_count = 3;
    span.dropped_events_count = 4;
    span.dropped_links_count = 5;
    span.parent_span_id = if n > 0 { 1_u64.to_be_bytes().to_vec() } else { Vec::new() };
    span.events.push(Event {
        time_unix_nano: span.start_time_unix_nano + 1,
        name: "exception".into(),
        attributes: vec![text("exception.type", "E")],
        dropped_attributes_count: 6,
    });
    span.links.push(Link {
        trace_id: vec![9; 16],
        span_id: vec![8; 8],
        trace_state: "a=b".into(),
        attributes: vec![text("why", "batch")],
        dropped_attributes_count: 7,
        flags: 1,
    });
    span.status = Some(Status { code: 2, message: "it failed".into() });
    span
}

/// Two traces of two services, in scopes of their own.
fn sent() -> ExportTraceServiceRequest {
    let group = |service: &str, spans: Vec<Span>| ResourceSpans {
        resource: Some(Resource {
            attributes: vec![text("service.name", service), number("process.pid", 7)],
            dropped_attributes_count: 2,
            ..Resource::default()
        }),
        scope_spans: vec![ScopeSpans {
            scope: Some(InstrumentationScope {
                name: "notes".into(),
                version: "1.2".into(),
                attributes: vec![text("a", "b")],
                dropped_attributes_count: 1,
            }),
            spans,
            schema_url: "https://opentelemetry.io/schemas/1.44.0".into(),
        }],
        ..ResourceSpans::default()
    };
    let resource_spans = vec![
        group("booking-api", vec![full(1, 0), full(2, 0)]),
        group("mileage-accrual", vec![full(1, 1), full(2, 1), full(2, 2)]),
    ];
    ExportTraceServiceRequest { resource_spans }
}

/// Each span by its ids, with who sent it and in which scope.
fn spans(request: &ExportTraceServiceRequest) -> BTreeMap<(Vec<u8>, Vec<u8>), (Resource, ScopeSpans)> {
    let mut all = BTreeMap::new();
    for group in &request.resource_spans {
        for scope in &group.scope_spans {
            for span in &scope.spans {
                let alone = ScopeSpans { spans: vec![span.clone()], ..scope.clone() };
                let id = (span.trace_id.clone(), span.span_id.clone());
                assert!(all.insert(id, (group.resource.clone().unwrap(), alone)).is_none(), "a span is there twice");
            }
        }
    }
    all
}

fn of_trace(trace: u8) -> ExportTraceServiceRequest {
    let mut request = sent();
    for scope in request.resource_spans.iter_mut().flat_map(|group| &mut group.scope_spans) {
        scope.spans.retain(|span| span.trace_id == [trace; 16]);
    }
    request
}

async fn get(server: &Server, path: &str) -> Response {
    reqwest::get(format!("{}{path}", server.url)).await.unwrap()
}

/// What another control plane stores of an export, as `spans` has it.
async fn taken(export: &[u8]) -> BTreeMap<(Vec<u8>, Vec<u8>), (Resource, ScopeSpans)> {
    let dir = tempfile::tempdir().unwrap();
    let mut server = Server::start(dir.path());
    let told: Value = server.post("application/json", export.to_vec()).await.json().await.unwrap();
    assert_eq!(told, serde_json::json!({}));
    server.kill();
    let store = Embedded::open(&dir.path().join(control_plane_embedded::FILE), Retention::default()).unwrap();
    let query = SampleQuery { from_ns: 0, to_ns: i64::MAX, expression: None, limit: 100 };
    let mut sample = store.sample(&Scope::All, query).await.unwrap();
    let mut groups = Vec::new();
    while let Some(traces) = sample.traces.try_next().await.unwrap() {
        for part in traces.into_iter().flat_map(|trace| trace.parts) {
            let mut scope = ScopeSpans::decode(part.scope).unwrap();
            scope.spans = part.spans.into_iter().map(|span| Span::decode(span).unwrap()).collect();
            let resource = Some((*part.resource).clone());
            groups.push(ResourceSpans { resource, scope_spans: vec![scope], ..ResourceSpans::default() });
        }
    }
    spans(&ExportTraceServiceRequest { resource_spans: groups })
}

#[tokio::test]
async fn a_trace_and_a_search_are_exported_whole_and_taken_again() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    assert!(server.post("application/x-protobuf", sent().encode_to_vec()).await.bytes().await.unwrap().is_empty());

    let one = get(&server, "/api/traces/01010101010101010101010101010101?format=otlp").await;
    assert_eq!((one.status().as_u16(), &one.headers()["x-traces"]), (200, &"1 of 1".parse().unwrap()));
    let name = "attachment; filename=\"01010101010101010101010101010101.otlp.json\"";
    assert_eq!(one.headers()["content-disposition"], name);
    assert_eq!(taken(&one.bytes().await.unwrap()).await, spans(&of_trace(1)));

    let both = get(&server, "/api/traces?format=otlp&filter=fault").await;
    assert_eq!(both.headers()["x-traces"], "2 of 2");
    assert_eq!(taken(&both.bytes().await.unwrap()).await, spans(&sent()));

    let some = get(&server, "/api/traces?format=otlp&limit=1").await;
    assert_eq!(some.headers()["x-traces"], "1 of 2");
    let none = get(&server, "/api/traces?format=otlp&tenant=nobody").await;
    assert_eq!(
        (none.headers()["x-traces"].clone(), none.text().await.unwrap().as_str()),
        ("0 of 0".parse().unwrap(), r#"{"resourceSpans":[]}"#)
    );
    assert_eq!(get(&server, "/api/traces?format=xml").await.status(), 400);
}
