//! Spans that a Collector has written to ClickHouse are what they are when they are sent: in each trace, list, map and sum.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::{path::Path, process::Command};

use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest,
    common::v1::{AnyValue, ArrayValue, KeyValue, any_value},
    resource::v1::Resource,
    trace::v1::{
        ResourceSpans, ScopeSpans, Span, Status,
        span::{Event, Link},
    },
};
use prost::Message;
use serde_json::{Value, json};
use testkit::{
    clickhouse::ClickHouse,
    control_plane::{Server, number, span, text},
    program,
};

const TRACES: u8 = 12;

/// The exporter's table in its newer form, which a collector makes with `json: true`.
fn json_form(table: &str) -> String {
    // Indexes of maps are not there.
    let lines = table.lines().filter(|line| !line.contains("INDEX") || !line.contains("_attr_"));
    lines.collect::<Vec<_>>().join("\n").replace("Map(LowCardinality(String), String)", "JSON")
}

fn attribute(key: &str, value: any_value::Value) -> KeyValue {
    KeyValue { key: key.to_owned(), value: Some(AnyValue { value: Some(value) }), ..KeyValue::default() }
}

/// Each span is a trace of its own, with what its sender says of itself.
fn spans() -> Vec<(Vec<KeyValue>, Span)> {
    let of = |trace: u8, attributes: Vec<KeyValue>| Span { attributes, ..span(trace, 0) };
    let sender = || vec![text("service.name", "booking-api"), text("cloud.account.id", "111111111111")];
    let tenant_of_sender = || [sender(), vec![text("tenant.id", "acme"), text("tenant.tier", "premium")]].concat();
    let annotated = ["route", "class"].map(|name| AnyValue { value: Some(any_value::Value::StringValue(name.into())) });
    let annotated = any_value::Value::ArrayValue(ArrayValue { values: annotated.into() });
    let backwards = of(1, vec![text("tenant.id", "acme")]);
    let start = backwards.start_time_unix_nano;
    let http = vec![text("tenant.id", "acme"), text("faas.trigger", "http"), number("http.response.status_code", 503)];
    let counted =
        vec![text("tenant.id", "acme"), attribute("sampling.adjusted_count", any_value::Value::DoubleValue(2.5))];
    let call = vec![
        text("db.system.name", "aws.dynamodb"),
        attribute(
            "aws.dynamodb.table_names",
            any_value::Value::ArrayValue(ArrayValue {
                values: vec![AnyValue { value: Some(any_value::Value::StringValue("ledger".into())) }],
            }),
        ),
    ];
    let event = Event {
        time_unix_nano: start + 7,
        name: "retry".into(),
        attributes: vec![text("why", "a \"throttle\"")],
        ..Event::default()
    };
    let link =
        Link { trace_id: vec![9; 16], span_id: vec![8; 8], attributes: vec![text("why", "batch")], ..Link::default() };
    vec![
        (sender(), Span { end_time_unix_nano: start - 191_305, ..backwards }),
        (tenant_of_sender(), of(2, vec![])),
        (tenant_of_sender(), of(3, vec![text("tenant.id", "globex")])),
        (sender(), of(4, vec![number("tenant.id", 42), text("tenant.tier", "basic")])),
        (sender(), of(5, http)),
        (sender(), Span { kind: 3, ..of(6, call) }),
        (sender(), of(7, counted)),
        (sender(), Span { trace_state: "ot=th:8".into(), ..of(8, vec![text("tenant.id", "acme")]) }),
        (
            sender(),
            Span {
                kind: 5,
                parent_span_id: vec![0; 8],
                ..of(9, vec![attribute("sampling.estimated", any_value::Value::BoolValue(true))])
            },
        ),
        (
            sender(),
            of(10, vec![attribute("aws.xray.annotations", annotated), text("route", "LHR-JFK"), number("class", 2)]),
        ),
        (
            sender(),
            Span {
                status: Some(Status { code: 2, message: "the table's \\ did not answer".into() }),
                events: vec![event],
                links: vec![link],
                ..of(11, vec![text("tenant.id", "acme")])
            },
        ),
        // Only a map of strings has a key twice.
        (sender(), of(12, vec![text("tenant.id", "acme"), text("tenant.id", "globex")])),
    ]
}

/// As the exporter writes attributes: Go's `AsString` in a map, and JSON in JSON.
fn exported(attributes: &[KeyValue], as_json: bool) -> String {
    let plain = |value: &any_value::Value| match value {
        any_value::Value::StringValue(text) => json!(text),
        any_value::Value::BoolValue(truth) => json!(truth),
        any_value::Value::IntValue(number) => json!(number),
        any_value::Value::DoubleValue(number) => json!(number),
        any_value::Value::ArrayValue(array) => array
            .values
            .iter()
            .map(|value| match value.value.as_ref() {
                Some(any_value::Value::StringValue(text)) => json!(text),
                other => panic!("{other:?}"),
            })
            .collect(),
        other => panic!("{other:?}"),
    };
    let pairs = attributes.iter().map(|KeyValue { key, value, .. }| {
        let value = plain(value.as_ref().unwrap().value.as_ref().unwrap());
        let value = if as_json || value.is_string() { value } else { Value::String(value.to_string()) };
        format!("{}:{value}", json!(key))
    });
    format!("{{{}}}", pairs.collect::<Vec<_>>().join(","))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A row, as the exporter makes it of a span.
fn row(sender: &[KeyValue], span: &Span, as_json: bool) -> String {
    let time = |nanoseconds: u64| format!("{}.{:09}", nanoseconds / 1_000_000_000, nanoseconds % 1_000_000_000);
    let kind = ["Unspecified", "Internal", "Server", "Client", "Producer", "Consumer"][span.kind as usize];
    let status = span.status.clone().unwrap_or_default();
    let list = |parts: Vec<String>| format!("[{}]", parts.join(","));
    let events = &span.events;
    let links = &span.links;
    format!(
        "{{\"Timestamp\":\"{}\",\"TraceId\":\"{}\",\"SpanId\":\"{}\",\"ParentSpanId\":\"{}\",\"TraceState\":{},\"SpanName\":{},\
         \"SpanKind\":\"{kind}\",\"ServiceName\":\"booking-api\",\"ResourceAttributes\":{},\"ScopeName\":\"s\",\"SpanAttributes\":{},\
         \"Duration\":{},\"StatusCode\":\"{}\",\"StatusMessage\":{},\
         \"Events.Timestamp\":{},\"Events.Name\":{},\"Events.Attributes\":{},\
         \"Links.TraceId\":{},\"Links.SpanId\":{},\"Links.TraceState\":{},\"Links.Attributes\":{}}}",
        time(span.start_time_unix_nano),
        hex(&span.trace_id),
        hex(&span.span_id),
        hex(&span.parent_span_id),
        json!(span.trace_state),
        json!(span.name),
        exported(sender, as_json),
        exported(&span.attributes, as_json),
        // Without a sign.
        span.end_time_unix_nano.wrapping_sub(span.start_time_unix_nano),
        ["Unset", "Ok", "Error"][status.code as usize],
        json!(status.message),
        list(events.iter().map(|event| format!("\"{}\"", time(event.time_unix_nano))).collect()),
        list(events.iter().map(|event| json!(event.name).to_string()).collect()),
        list(events.iter().map(|event| exported(&event.attributes, as_json)).collect()),
        list(links.iter().map(|link| format!("\"{}\"", hex(&link.trace_id))).collect()),
        list(links.iter().map(|link| format!("\"{}\"", hex(&link.span_id))).collect()),
        list(links.iter().map(|link| json!(link.trace_state).to_string()).collect()),
        list(links.iter().map(|link| exported(&link.attributes, as_json)).collect()),
    )
}

async fn get(server: &Server, path: &str) -> Value {
    let answer = reqwest::get(format!("{}{path}", server.url)).await.unwrap();
    answer.json().await.unwrap()
}

/// Numbers and lists as text: a map of strings has no types.
fn without_types(value: &mut Value) {
    match value {
        Value::Object(fields) => fields.values_mut().for_each(without_types),
        Value::Array(values) => values.iter_mut().for_each(without_types),
        Value::Number(_) | Value::Bool(_) => *value = Value::String(value.to_string()),
        _ => {}
    }
}

/// All that is known of the spans, but for what differs between two servers at all times.
async fn answers(server: &Server, traces: u8) -> Vec<Value> {
    let mut answers = Vec::new();
    for trace in 1..=traces {
        answers.push(get(server, &format!("/api/traces/{}", hex(&[trace; 16]))).await);
    }
    for filter in [
        "",
        "fault",
        "annotation.route%3D%22LHR-JFK%22",
        "annotation.class%3D%222%22",
        "annotation.tenant_id%3D%2242%22",
    ] {
        let mut found = get(server, &format!("/api/traces?filter={filter}&window=2h")).await;
        found.as_object_mut().unwrap().retain(|key, _| ["traces", "matched"].contains(&key.as_str()));
        answers.push(found);
    }
    let map = get(server, "/api/map?window=2h").await;
    let mut edges: Vec<Value> = map["edges"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|edge| json!([edge["stats"]["count"], edge["stats"]["p99_ms"], edge["stats"]["fault_rate"]]))
        .collect();
    edges.sort_by_key(ToString::to_string);
    answers.push(edges.into());
    let mut cost = get(server, "/api/cost?window=2d").await;
    cost.as_object_mut().unwrap().retain(|key, _| ["tenants", "total", "lines"].contains(&key.as_str()));
    answers.push(cost);
    answers.iter_mut().for_each(without_types);
    answers
}

async fn run(clickhouse: &ClickHouse, sql: String) {
    let answer = reqwest::Client::new().post(&clickhouse.url).body(sql).send().await.unwrap();
    assert!(answer.status().is_success(), "{}", answer.text().await.unwrap());
}

async fn written_or_sent(as_json: bool) {
    let clickhouse = ClickHouse::start();
    let [ours, theirs] = ["control_plane", "otel"].map(|name| format!("{name}_{}_{as_json}", std::process::id()));
    let store = format!("{}/{ours}", clickhouse.url.replace("http://", "clickhouse://"));
    let table = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../infra/clickhouse/otel_traces.sql");
    let table =
        std::fs::read_to_string(table).unwrap().replace("EXISTS otel_traces", &format!("EXISTS {theirs}.otel_traces"));
    run(&clickhouse, format!("CREATE DATABASE {theirs}")).await;
    run(&clickhouse, if as_json { json_form(&table) } else { table }).await;
    for _ in 0..2 {
        let followed = format!("{theirs}.otel_traces");
        let migrate = ["migrate", "--store", &store, "--otel-traces", &followed];
        let output = Command::new(program("control-plane")).args(migrate).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    let mut spans = spans();
    if as_json {
        spans.pop();
    }
    let traces = TRACES - u8::from(as_json);
    let rows: Vec<String> = spans.iter().map(|(sender, span)| row(sender, span, as_json)).collect();
    let insert = |rows: &[String]| format!("INSERT INTO {theirs}.otel_traces FORMAT JSONEachRow\n{}", rows.join("\n"));
    let dirs = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let sent = Server::start(dirs[0].path());
    let groups = spans.into_iter().map(|(attributes, span)| ResourceSpans {
        resource: Some(Resource { attributes, ..Resource::default() }),
        scope_spans: vec![ScopeSpans { spans: vec![span], ..ScopeSpans::default() }],
        ..ResourceSpans::default()
    });
    let body = ExportTraceServiceRequest { resource_spans: groups.collect() }.encode_to_vec();
    assert_eq!(sent.post("application/x-protobuf", body).await.status(), 200);
    let expected = answers(&sent, traces).await;

    let written = Server::configured(dirs[1].path(), &format!("store = '{store}'"));
    // A collector that was not answered inserts again.
    for rows in [&rows[..5], &rows[5..], &rows[..7]] {
        run(&clickhouse, insert(rows)).await;
    }
    let mut found = Vec::new();
    for _ in 0..600 {
        found = answers(&written, traces).await;
        if found == expected {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    for (expected, found) in expected.iter().zip(&found) {
        assert_eq!(expected, found);
    }
}

#[tokio::test]
async fn maps_of_strings() {
    written_or_sent(false).await;
}

#[tokio::test]
async fn json() {
    written_or_sent(true).await;
}
