//! Whatever a span carries, no page and no answer grows beyond a megabyte because of it, and no control character in it reaches a page or
//! a terminal as it is.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::process::Command;

use opentelemetry_proto::tonic::{
    collector::trace::v1::{ExportTraceServiceRequest, ExportTraceServiceResponse},
    common::v1::{AnyValue, ArrayValue, InstrumentationScope, KeyValue, any_value::Value},
    resource::v1::Resource,
    trace::v1::{
        ResourceSpans, ScopeSpans, Span, Status,
        span::{Event, Link},
    },
};
use prost::Message;
use testkit::{
    control_plane::{Server, request_of, span, text},
    program,
};

const MAX_BYTES: usize = 1_000_000;
const TRACE: &str = "07070707070707070707070707070707";

fn server() -> (Server, tempfile::TempDir) {
    let dir = tempfile::tempdir().unwrap();
    (Server::start(dir.path()), dir)
}

async fn every_answer_is_small(server: &Server, what: &str) {
    let trace = format!("/traces/{TRACE}");
    let chosen = format!("{trace}?span=0000000000000001");
    let panel = format!("{trace}/spans/0000000000000001");
    let api = format!("/api/traces/{TRACE}");
    let rows = format!("{api}/rows");
    for path in [
        "/",
        "/traces",
        "/tenants",
        "/cost",
        &trace,
        &chosen,
        &panel,
        "/api/map",
        "/api/traces",
        &api,
        &rows,
        "/api/facets",
        "/api/slo",
        "/api/cost?window=2d",
        "/api/cost?window=2d&format=csv",
    ] {
        let answer = reqwest::get(format!("{}{path}", server.url)).await.unwrap();
        assert!(answer.status().is_success() || answer.status() == 404, "{what}, {path}: {}", answer.status());
        let body = answer.text().await.unwrap();
        assert!(body.len() < MAX_BYTES, "{what}, {path}: {} bytes", body.len());
    }
}

fn of(value: Value) -> Option<AnyValue> {
    Some(AnyValue { value: Some(value) })
}

/// One span, each as large as may be in a way of its own.
fn large() -> Vec<(&'static str, Span)> {
    let attribute = |key: &str, value| KeyValue { key: key.into(), value: of(value), ..KeyValue::default() };
    let with = |attributes| Span { attributes, ..span(7, 0) };
    let string = |letter: &str, bytes: usize| letter.repeat(bytes / letter.len());
    let nothing = Value::ArrayValue(ArrayValue { values: vec![AnyValue::default(); 120_000] });
    let links = |n: u64| Link { trace_id: vec![1; 16], span_id: n.to_be_bytes().into(), ..Link::default() };
    vec![
        ("quotes", with(vec![text("x", &string("\"", 250_000))])),
        ("control characters", with(vec![text("x", &string("\x01", 250_000))])),
        ("C1", with(vec![text("x", &string("\u{9b}", 250_000))])),
        ("bytes", with(vec![attribute("x", Value::BytesValue(vec![0xff; 250_000]))])),
        ("nothing, often", with(vec![attribute("x", nothing)])),
        ("many attributes", with((0..1_000).map(|n| text(&format!("{n}"), &string("&", 240))).collect())),
        ("a key", with(vec![text(&string("<", 250_000), "x")])),
        (
            "tenant and account",
            with(vec![text("tenant.id", &string("<", 120_000)), text("cloud.account.id", &string("\"", 120_000))]),
        ),
        (
            "user and url",
            with(vec![text("enduser.id", &string("<", 120_000)), text("url.full", &string("\"", 120_000))]),
        ),
        ("a name", Span { name: string("<", 250_000), ..span(7, 0) }),
        ("an error", Span { status: Some(Status { message: string("\"", 250_000), code: 2 }), ..span(7, 0) }),
        ("events", Span { events: vec![Event { name: string("\"", 240), ..Event::default() }; 1_000], ..span(7, 0) }),
        ("links", Span { links: (1..1_000).map(links).collect(), ..span(7, 0) }),
        ("trace state", Span { trace_state: string("a", 250_000), ..span(7, 0) }),
    ]
}

#[tokio::test]
async fn whatever_is_large() {
    for (what, span) in large() {
        let (server, _dir) = server();
        let answer = server.send(vec![span]).await.unwrap();
        let response = ExportTraceServiceResponse::decode(answer.bytes().await.unwrap()).unwrap();
        assert_eq!(response.partial_success, None, "{what} is stored");
        every_answer_is_small(&server, what).await;
    }
}

/// The critical path leaves the root for each of them and comes back to it.
#[tokio::test]
async fn many_spans_one_after_the_other_below_one_make_no_page_large() {
    let (server, _dir) = server();
    let root = span(7, 0);
    let begin = root.start_time_unix_nano;
    let below = (1..20_000).map(|n| {
        let child = span(7, n);
        let (start, parent_span_id) = (begin + n * 1_000, root.span_id.clone());
        Span { start_time_unix_nano: start, end_time_unix_nano: start + 500, parent_span_id, ..child }
    });
    let spans = [Span { end_time_unix_nano: begin + 20_000_000, ..root.clone() }].into_iter().chain(below).collect();
    server.send(spans).await.unwrap();
    for path in ["", "?page=2", "?span=0000000000000001", "/spans/0000000000000001"] {
        let answer = reqwest::get(format!("{}/traces/{TRACE}{path}", server.url)).await.unwrap();
        assert_eq!(answer.status(), 200, "{path}");
        let body = answer.text().await.unwrap();
        assert!(body.len() < MAX_BYTES, "{path}: {} bytes", body.len());
    }
}

#[tokio::test]
async fn more_events_or_links_than_anybody_reads_are_refused() {
    let (server, _dir) = server();
    let events = Span { events: vec![Event::default(); 1_001], ..span(7, 0) };
    let links = Span { links: vec![Link::default(); 1_001], ..span(7, 1) };
    let answer = server.send(vec![events, links, span(7, 2)]).await.unwrap();
    let response = ExportTraceServiceResponse::decode(answer.bytes().await.unwrap()).unwrap();
    assert_eq!(response.partial_success.unwrap().rejected_spans, 2);
}

/// Five megabytes of account id, service name, scope: of the sender, for all its spans.
#[tokio::test]
async fn what_a_sender_says_of_itself_is_bounded() {
    let five = "x".repeat(5_000_000);
    let of_scope = |scope| ScopeSpans { scope: Some(scope), spans: vec![span(7, 0)], ..ScopeSpans::default() };
    let of_resource = |attributes| ResourceSpans {
        resource: Some(Resource { attributes, ..Resource::default() }),
        scope_spans: vec![of_scope(InstrumentationScope::default())],
        ..ResourceSpans::default()
    };
    let scope = InstrumentationScope { name: five.clone(), ..InstrumentationScope::default() };
    let groups = [
        of_resource(vec![text("cloud.account.id", &five)]),
        of_resource(vec![text("service.name", &five)]),
        of_resource((0..1_001).map(|n| text(&n.to_string(), "")).collect()),
        ResourceSpans { scope_spans: vec![of_scope(scope)], ..ResourceSpans::default() },
    ];
    for group in groups {
        let (server, _dir) = server();
        let mut body = ExportTraceServiceRequest { resource_spans: vec![group] }.encode_to_vec();
        body.extend(request_of(vec![span(8, 0)]));
        let answer = server.post("application/x-protobuf", body).await;
        let response = ExportTraceServiceResponse::decode(answer.bytes().await.unwrap()).unwrap();
        let partial = response.partial_success.unwrap();
        assert!(partial.rejected_spans == 1 && partial.error_message.contains("kB"), "{partial:?}");
        assert!(server.trace(&[8; 16]).await.is_some(), "what comes beside it is stored");
        every_answer_is_small(&server, "a sender").await;
    }
}

#[tokio::test]
async fn control_characters_are_shown_escaped() {
    let (server, _dir) = server();
    let hostile = "\x1b[2J\u{9b}31m\x07\u{202e}";
    let mut named = span(7, 0);
    named.name = format!("clear{hostile}\nforged line");
    named.attributes = ["tenant.id", "tenant.tier", "cloud.account.id", hostile].map(|key| text(key, hostile)).into();
    named.status = Some(Status { message: hostile.into(), code: 2 });
    server.send(vec![named]).await.unwrap();
    let acted_on = |letter: char| (letter.is_control() && letter != '\n') || letter == '\u{202e}';
    for path in [
        "/",
        "/traces",
        &format!("/traces/{TRACE}"),
        "/cost",
        "/traces?filter=%1b",
        "/tenant?id=%1b%5b2J",
        "/traces/%1b",
    ] {
        let page = reqwest::get(format!("{}{path}", server.url)).await.unwrap().text().await.unwrap();
        assert!(!page.contains(acted_on), "{path}");
    }
    let run = |args: &[&str]| {
        let mut command = Command::new(program("control-plane"));
        let output = command.args(args).args(["--url", &server.url, "--color", "never"]).output().unwrap();
        (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap())
    };
    for args in [
        &["trace", TRACE][..],
        &["trace", TRACE, "--json"],
        &["traces"],
        &["traces", "--json"],
        &["map"],
        &["map", "--json"],
        &["cost"],
        &["cost", "--format", "csv"],
        &["slo"],
        &["alerts"],
        &["traces", "\x1b[2J"],
    ] {
        let (out, errors) = run(args);
        assert!(!out.contains(acted_on) && !errors.contains(acted_on), "{args:?}: {out:?} {errors:?}");
    }
    let (tree, _) = run(&["trace", TRACE]);
    assert!(
        tree.contains("clear\\u001b[2J\\u009b31m\\u0007\\u202e\\u000aforged line") && tree.lines().count() == 4,
        "{tree}"
    );
    let (json, _) = run(&["trace", TRACE, "--json"]);
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["spans"][0]["tenant"], hostile, "JSON stays the same JSON");
}
