//! Jaeger's query API lists services and operations, finds traces and opens them, with the types of attributes, links and events as they were sent, for those who
//! may see them. `make test-jaeger` holds the same answers against Jaeger's own sources.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use opentelemetry_proto::tonic::{
    common::v1::{AnyValue, ArrayValue, KeyValue, KeyValueList, any_value::Value as Any},
    trace::v1::{
        Span, Status,
        span::{Event, Link, SpanKind},
        status::StatusCode,
    },
};
use serde_json::{Value, json};
use testkit::control_plane::{Server, now_ns, span, text};

const ID: &str = "07070707070707070707070707070707";

fn attribute(key: &str, value: Any) -> KeyValue {
    KeyValue { key: key.to_owned(), value: Some(AnyValue { value: Some(value) }), ..KeyValue::default() }
}

/// A request, and the call in it that failed; the one has all types of attributes, the other a link and an event.
fn spans(start: u64) -> Vec<Span> {
    let one = |value: Any| AnyValue { value: Some(value) };
    let list = ArrayValue { values: vec![one(Any::StringValue("a\"b".into())), one(Any::IntValue(2))] };
    let object = KeyValueList { values: vec![attribute("b", Any::BoolValue(true)), attribute("a", Any::IntValue(1))] };
    let request = Span {
        name: "POST /bookings".into(),
        kind: SpanKind::Server.into(),
        start_time_unix_nano: start,
        end_time_unix_nano: start + 20_000_900,
        trace_state: "vendor=1".into(),
        attributes: vec![
            text("tenant.id", "acme"),
            attribute("whole", Any::IntValue(-7)),
            attribute("large", Any::IntValue(i64::MAX)),
            attribute("fraction", Any::DoubleValue(0.5)),
            attribute("no.number", Any::DoubleValue(f64::NAN)),
            attribute("truth", Any::BoolValue(false)),
            attribute("bytes", Any::BytesValue(vec![251, 255])),
            attribute("list", Any::ArrayValue(list)),
            attribute("object", Any::KvlistValue(object)),
            text("whole", "said twice"),
        ],
        ..span(7, 0)
    };
    let event = Event {
        name: "exception".into(),
        time_unix_nano: start + 3_000_000,
        attributes: vec![text("exception.type", "Timeout")],
        ..Event::default()
    };
    let link =
        |trace: u8, attributes| Link { trace_id: vec![trace; 16], span_id: vec![9; 8], attributes, ..Link::default() };
    let call = Span {
        name: "DynamoDB.Query".into(),
        kind: SpanKind::Client.into(),
        parent_span_id: request.span_id.clone(),
        start_time_unix_nano: start + 1_000_000,
        end_time_unix_nano: start + 6_000_000,
        attributes: vec![text("tenant.id", "acme"), text("db.collection.name", "seats")],
        events: vec![event],
        links: vec![link(8, Vec::new()), link(9, vec![text("opentracing.ref_type", "child_of")])],
        status: Some(Status { code: StatusCode::Error.into(), message: "too slow".into() }),
        ..span(7, 1)
    };
    vec![request, call]
}

struct Here {
    server: Server,
    start: u64,
    sent: Vec<Span>,
    _dir: tempfile::TempDir,
}

impl Here {
    async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let server = Server::start(dir.path());
        let start = u64::try_from(now_ns()).unwrap() / 1_000_000 * 1_000_000 - 60_000_000_000;
        let sent = spans(start);
        assert_eq!(server.send(sent.clone()).await.unwrap().status(), 200);
        Self { server, start, sent, _dir: dir }
    }

    async fn ask(&self, path: &str) -> (u16, Value) {
        let answer = reqwest::get(format!("{}/jaeger/api/{path}", self.server.url)).await.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap())
    }

    async fn data(&self, path: &str) -> Value {
        let (status, mut answer) = self.ask(path).await;
        assert_eq!((status, &answer["errors"]), (200, &Value::Null), "{path}: {answer}");
        answer["data"].take()
    }

    /// Ids of what a search finds.
    async fn found(&self, query: &str) -> Vec<String> {
        let traces = self.data(&format!("traces?{query}")).await;
        traces.as_array().unwrap().iter().map(|trace| trace["traceID"].as_str().unwrap().to_owned()).collect()
    }

    fn id(&self, span: usize) -> String {
        self.sent[span].span_id.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

#[tokio::test]
async fn services_and_operations_are_listed_in_both_versions() {
    let here = Here::new().await;
    let services = here.data("services").await;
    let service = services[0].as_str().unwrap();
    assert_eq!(here.ask("v3/services").await, (200, json!({ "services": [service] })));
    let both =
        json!([{ "name": "DynamoDB.Query", "spanKind": "client" }, { "name": "POST /bookings", "spanKind": "server" }]);
    assert_eq!(here.data(&format!("operations?service={service}")).await, both);
    assert_eq!(here.ask(&format!("v3/operations?service={service}")).await, (200, json!({ "operations": both })));
    let names = json!(["DynamoDB.Query", "POST /bookings"]);
    assert_eq!(here.data(&format!("services/{service}/operations")).await, names);
    assert_eq!(here.data(&format!("operations?service={service}&spanKind=server")).await, json!([both[1]]));
    assert_eq!(
        here.ask(&format!("v3/operations?service={service}&spanKind=client")).await.1,
        json!({ "operations": [both[0]] })
    );
    assert_eq!(here.data("services/nobody/operations").await, json!([]));
}

#[tokio::test]
async fn a_trace_is_opened_with_its_types_links_and_events() {
    let here = Here::new().await;
    let microseconds = here.start / 1_000;
    let tag = |key: &str, kind: &str, value: Value| json!({ "key": key, "type": kind, "value": value });
    let expected = json!({
        "traceID": ID,
        "processes": { "p1": { "serviceName": here.data("services").await[0], "tags": [] } },
        "warnings": null,
        "spans": [
            {
                "traceID": ID, "spanID": here.id(0), "operationName": "POST /bookings", "references": [], "processID": "p1", "warnings": null,
                "startTime": microseconds, "duration": 20_000, "logs": [],
                "tags": [
                    tag("tenant.id", "string", json!("acme")), tag("whole", "int64", json!(-7)),
                    tag("large", "int64", json!("9223372036854775807")), tag("fraction", "float64", json!(0.5)),
                    tag("no.number", "float64", json!("NaN")), tag("truth", "bool", json!(false)), tag("bytes", "binary", json!("+/8=")),
                    tag("list", "string", json!("[\"a\\\"b\",2]")), tag("object", "string", json!("{\"a\":1,\"b\":true}")),
                    tag("span.kind", "string", json!("server")), tag("w3c.tracestate", "string", json!("vendor=1")),
                ],
            },
            {
                "traceID": ID, "spanID": here.id(1), "operationName": "DynamoDB.Query", "processID": "p1", "warnings": null,
                "startTime": microseconds + 1_000, "duration": 5_000,
                "references": [
                    { "refType": "CHILD_OF", "traceID": ID, "spanID": here.id(0) },
                    { "refType": "FOLLOWS_FROM", "traceID": "08".repeat(16), "spanID": "09".repeat(8) },
                    { "refType": "CHILD_OF", "traceID": "09".repeat(16), "spanID": "09".repeat(8) },
                ],
                "tags": [
                    tag("tenant.id", "string", json!("acme")), tag("db.collection.name", "string", json!("seats")),
                    tag("span.kind", "string", json!("client")), tag("otel.status_code", "string", json!("ERROR")),
                    tag("error", "bool", json!(true)), tag("otel.status_description", "string", json!("too slow")),
                ],
                "logs": [{
                    "timestamp": microseconds + 3_000,
                    "fields": [tag("event", "string", json!("exception")), tag("exception.type", "string", json!("Timeout"))],
                }],
            },
        ],
    });
    let mut found = here.data(&format!("traces/{ID}")).await;
    // What the test's sender says of itself is no concern of this test.
    found[0]["processes"]["p1"]["tags"] = json!([]);
    assert_eq!(found, json!([expected]));
    // As OTLP in version 3, exactly as it is exported.
    let exported: Value =
        reqwest::get(format!("{}/api/traces/{ID}?format=otlp", here.server.url)).await.unwrap().json().await.unwrap();
    assert_eq!(here.ask(&format!("v3/traces/{ID}")).await, (200, json!({ "result": exported })));
    // Once, however often and in whichever form it is asked for.
    let by_ids = here.data(&format!("traces?traceID={ID}&traceID={ID}&traceID=1-{}-{}", &ID[..8], &ID[8..])).await;
    assert_eq!(by_ids, here.data(&format!("traces/{ID}")).await);
}

#[tokio::test]
async fn a_trace_is_found_by_what_one_span_of_it_has() {
    let here = Here::new().await;
    let service = here.data("services").await[0].as_str().unwrap().to_owned();
    let tags = |tags: &Value| format!("tags={}", tags.to_string().replace('"', "%22"));
    for (query, is_found) in [
        (String::new(), true),
        ("operation=DynamoDB.Query".into(), true),
        ("operation=DynamoDB.PutItem".into(), false),
        (tags(&json!({ "error": "true" })), true),
        (tags(&json!({ "error": "true", "db.collection.name": "seats" })), true),
        // The one failed, the other is of that kind.
        (tags(&json!({ "error": "true", "span.kind": "server" })), false),
        (tags(&json!({ "span.kind": "server", "whole": "-7" })), true),
        (tags(&json!({ "exception.type": "Timeout" })), true),
        ("tag=db.collection.name:seats".into(), true),
        ("tag=db.collection.name:miles".into(), false),
        ("minDuration=20ms".into(), true),
        ("minDuration=21ms".into(), false),
        ("maxDuration=5ms".into(), true),
        ("maxDuration=4ms".into(), false),
        ("operation=DynamoDB.Query&minDuration=6ms".into(), false),
        (format!("start={}", here.start / 1_000 + 1_000_000), false),
    ] {
        let found = here.found(&format!("service={service}&{query}")).await;
        assert_eq!(found, if is_found { vec![ID] } else { vec![] }, "{query}");
    }
    assert!(here.found("service=nobody").await.is_empty());
}

#[tokio::test]
async fn a_search_that_did_not_look_at_all_says_so() {
    let here = Here::new().await;
    let service = here.data("services").await[0].as_str().unwrap().to_owned();
    here.server.send((20..24).map(|trace| span(trace, 0)).collect()).await.unwrap();
    let said = "of 5 traces that may be meant, the newest 3 were looked at";
    let tags = "%7B%22span.kind%22:%22producer%22%7D";
    let (status, answer) = here.ask(&format!("traces?service={service}&tags={tags}&limit=1")).await;
    assert_eq!((status, &answer["data"]), (200, &json!([])));
    assert!(answer["errors"][0]["msg"].as_str().unwrap().contains(said), "{answer}");
    let window = "query.startTimeMin=2020-01-01T00:00:00Z&query.startTimeMax=2100-01-01T00:00:00Z";
    let query = format!("query.serviceName={service}&query.attributes={tags}&query.searchDepth=1&{window}");
    let (status, answer) = here.ask(&format!("v3/traces?{query}")).await;
    assert_eq!(status, 404);
    assert!(answer["error"]["message"].as_str().unwrap().contains(said), "{answer}");
    // All that may be meant were looked at, or as many as were wanted were found.
    assert!(here.found(&format!("service={service}&tags={tags}&limit=2")).await.is_empty());
    assert_eq!(here.found(&format!("service={service}&limit=2")).await.len(), 2);
}

#[tokio::test]
async fn traces_are_asked_for_by_so_many_ids_at_once() {
    let here = Here::new().await;
    let ids = |count: u32| (1..=count).map(|id| format!("&traceID={id:x}")).collect::<String>();
    let (status, answer) = here.ask(&format!("traces?traceID={ID}{}", ids(99))).await;
    assert_eq!((status, answer["data"].as_array().unwrap().len()), (200, 1));
    assert_eq!(answer["errors"].as_array().unwrap().len(), 99);
    let (status, answer) = here.ask(&format!("traces?traceID={ID}{}", ids(100))).await;
    assert_eq!(status, 400);
    assert!(answer["errors"][0]["msg"].as_str().unwrap().contains("101 traces are asked for at once"), "{answer}");
}

#[tokio::test]
async fn traces_too_large_for_one_answer_are_told_of() {
    let here = Here::new().await;
    // 9 MiB each, in spans as large as an intake takes.
    let note = text("note", &"x".repeat(250 << 10));
    for trace in 30..33 {
        let large = |n| Span { attributes: vec![note.clone()], ..span(trace, n) };
        assert_eq!(here.server.send((0..38).map(large).collect()).await.unwrap().status(), 200);
    }
    let ids: Vec<_> = (30..33u8).map(|byte| format!("{byte:02x}").repeat(16)).collect();
    let (status, answer) = here.ask(&format!("traces?traceID={}", ids.join("&traceID="))).await;
    assert_eq!((status, answer["data"].as_array().unwrap().len()), (200, 2));
    let told = json!([{ "msg": "not read: an answer ends after 16 MiB of spans", "traceID": ids[2] }]);
    assert_eq!(answer["errors"], told);
}

#[tokio::test]
async fn version_3_finds_traces_and_sums_them_up() {
    let here = Here::new().await;
    let service = here.data("services").await[0].as_str().unwrap().to_owned();
    let window = "query.startTimeMin=2020-01-01T00:00:00Z&query.startTimeMax=2100-01-01T00:00:00.5%2B01:00";
    let (status, traces) = here.ask(&format!("v3/traces?query.serviceName={service}&{window}")).await;
    assert_eq!(status, 200);
    assert_eq!(traces, here.ask(&format!("v3/traces/{ID}")).await.1);
    let nothing = json!({ "error": { "httpCode": 404, "message": "No traces found" } });
    assert_eq!(here.ask(&format!("v3/traces?query.service_name=nobody&{window}")).await, (404, nothing));
    let summary = json!({
        "traceId": ID, "rootServiceName": service, "rootOperationName": "POST /bookings",
        "minStartTimeUnixNano": here.start.to_string(), "maxEndTimeUnixNano": (here.start + 20_000_900).to_string(),
        "spanCount": 2, "errorSpanCount": 1, "orphanSpanCount": 0,
        "services": [{ "name": service, "spanCount": 2, "errorSpanCount": 1 }],
    });
    // Whichever service, where none is named.
    assert_eq!(here.ask(&format!("v3/trace-summaries?{window}")).await, (200, json!({ "summaries": [summary] })));
}

#[tokio::test]
async fn errors_are_in_the_forms_that_jaegers_clients_read() {
    let here = Here::new().await;
    for (path, status, said) in [
        ("traces/nonsense", 400, "a trace id is"),
        ("traces/0f0f", 404, "trace not found"),
        ("traces", 400, "parameter 'service' is required"),
        ("traces?service=s&minDuration=5", 400, "malformed parameter minDuration"),
        ("dependencies?endTs=soon", 400, "malformed parameter endTs"),
        ("dependencies?lookback=-60000", 400, "from must be before to"),
        ("metrics/latencies?service=s&quantile=0.5", 501, "metrics querying is currently disabled"),
        ("v3/traces/nonsense", 400, "malformed parameter trace_id"),
        ("v3/traces/0f0f", 404, "trace not found"),
        ("v3/traces", 400, "query.startTimeMin and query.startTimeMax are required"),
        ("v3/trace-summaries?query.attributes=x", 400, "are required"),
    ] {
        let (found, answer) = here.ask(path).await;
        let (code, message) = match path.starts_with("v3/") {
            true => (&answer["error"]["httpCode"], &answer["error"]["message"]),
            false => (&answer["errors"][0]["code"], &answer["errors"][0]["msg"]),
        };
        assert_eq!((found, code), (status, &json!(status)), "{path}: {answer}");
        assert!(message.as_str().unwrap().contains(said), "{path}: {answer}");
    }
    let (status, answer) = here.ask("traces?traceID=0f0f").await;
    assert_eq!((status, &answer["data"]), (200, &json!([])));
    assert_eq!(answer["errors"], json!([{ "msg": "trace not found", "traceID": "0000000000000f0f" }]));
}

#[tokio::test]
async fn dependencies_are_the_edges_of_the_map() {
    let here = Here::new().await;
    let service = here.data("services").await[0].as_str().unwrap().to_owned();
    let edges = here.data("dependencies?lookback=3600000").await;
    assert_eq!(edges, json!([{ "parent": "clients", "child": service, "callCount": 1 }]));
    assert_eq!(here.data(&format!("dependencies?lookback=3600000&service={service}")).await, edges);
    assert_eq!(here.data("dependencies?lookback=3600000&service=nobody").await, json!([]));
}
