//! What callers send as trace context is read as W3C Trace Context Level 2 and X-Ray say, through every way in: request headers,
//! message attributes, and X-Ray's own header.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::{collections::BTreeMap, time::Duration};

use lambda_host::{
    aws::Aws,
    function::Function,
    sink::{Behaviour, Sink, Span},
};
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use serde_json::{Value, json};
use testkit::{
    DEADLINE, Setup,
    notes::{NOTES, NotesApi, batch, note_sent, notes_inbox},
    trace_contexts::Case,
};

const XRAY_HEADERS: &str = include_str!("../../../tests/cases/xray-headers.tsv");

fn with_headers(event: &str, headers: &[(&str, Vec<String>)]) -> String {
    let mut event: Value = serde_json::from_str(event).unwrap();
    for (name, values) in headers {
        event["multiValueHeaders"][name] = json!(values);
    }
    event.to_string()
}

/// The trace context stored with the latest note.
fn stored(aws: &Aws) -> (String, Option<String>) {
    let (_, write) = aws.requests().into_iter().rfind(|(action, _)| action == "TransactWriteItems").unwrap();
    let write: Value = serde_json::from_str(&write).unwrap();
    let trace = &write["TransactItems"][0]["Put"]["Item"]["trace"]["M"];
    let text = |name: &str| trace[name]["S"].as_str().map(str::to_owned);
    (text("traceparent").unwrap(), text("tracestate"))
}

/// An event with one message, of these attributes for its trace and with this `AWSTraceHeader`.
fn sqs_event(trace: &BTreeMap<&str, String>, xray: Option<&str>) -> String {
    let trace: Vec<_> = trace.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let mut record = note_sent(NOTES, "1", &trace);
    record["attributes"] = xray.map_or_else(|| json!({}), |xray| json!({ "AWSTraceHeader": xray }));
    batch([record]).to_string()
}

/// The span of the one message of an event.
async fn consumed(inbox: &Function, sink: &Sink, event: String) -> Span {
    sink.clear();
    inbox.queue(event.into(), DEADLINE, None).await.unwrap().result.unwrap();
    inbox.idle().await.unwrap();
    assert!(sink.wait_for(3, DEADLINE).await >= 3);
    sink.spans().into_iter().find(|span| span.kind == SpanKind::Consumer).unwrap()
}

fn env(sink_url: &str) -> Setup<'_> {
    let env = vec![("OTEL_EXPORTER_OTLP_ENDPOINT", sink_url), ("OTEL_TRACES_SAMPLER", "always_on")];
    Setup { env, ..Setup::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn in_a_request() {
    let sink = Sink::otlp(Behaviour::Ok).await.unwrap();
    let url = sink.url();
    let mut api = NotesApi::start(env(&url)).await;
    let event = api.event("acme", &[]);
    for case in Case::all() {
        let outcome = api.function.invoke(with_headers(&event, &case.headers()), DEADLINE).await.unwrap();
        assert_eq!(outcome.http().0, 201, "{case:?}");
        let answer: Value = serde_json::from_slice(&outcome.result.unwrap()).unwrap();
        let said = answer["multiValueHeaders"]["traceparent"][0].as_str().or(answer["headers"]["traceparent"].as_str());
        let (traceparent, tracestate) = stored(&api.aws);
        case.check(&traceparent, tracestate.as_deref());
        assert_eq!(said.unwrap(), traceparent, "the answer names the span that stored the note");
    }
    // Names of headers are the same in any case, and no others are.
    for (name, goes_on) in
        [("TraceParent", true), ("TRACEPARENT", true), ("trace-parent", false), ("trace.parent", false)]
    {
        let sent = "00-12345678901234567890123456789012-1234567890123456-01".to_owned();
        api.function.invoke(with_headers(&event, &[(name, vec![sent])]), DEADLINE).await.unwrap();
        assert_eq!(stored(&api.aws).0.contains("12345678901234567890123456789012"), goes_on, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn in_a_message() {
    let sink = Sink::otlp(Behaviour::Ok).await.unwrap();
    let url = sink.url();
    let aws = Aws::start(Duration::ZERO).await.unwrap();
    let inbox = notes_inbox(&aws, env(&url)).await;
    for case in Case::all() {
        let Some(trace) = case.attributes() else { continue };
        let span = consumed(&inbox, &sink, sqs_event(&trace, None)).await;
        let sent = case.traceparents.first().map(|sent| sent.trim_matches([' ', '\t'])).unwrap_or_default();
        assert_eq!(sent.contains(&span.trace_id), case.goes_on, "{case:?}");
        let parent = if case.goes_on { &sent[36..52] } else { "" };
        assert_eq!(span.parent_span_id, parent, "{case:?}");
    }
}

/// The headers of the table, and what they are to come to: trace id, and parent where it is kept.
fn xray_headers() -> Vec<(String, String, String)> {
    let mut rows: Vec<_> = XRAY_HEADERS.lines().map(|line| line.split_once('\t').unwrap()).collect();
    assert!(rows.len() >= 4);
    rows.push(("continue", "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=?"));
    rows.push(("continue", "New=1;Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;x;Sampled=1"));
    let row = |(outcome, header): (&str, &str)| {
        let field = |name| header.split(';').find_map(|field| field.strip_prefix(name)).unwrap_or_default();
        let parent = if outcome.starts_with("continue") { field("Parent=") } else { "" };
        (header.to_owned(), field("Root=1-").replace('-', ""), parent.to_owned())
    };
    rows.into_iter().map(row).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn in_the_header_of_xray() {
    let sink = Sink::otlp(Behaviour::Ok).await.unwrap();
    let url = sink.url();
    let api = NotesApi::start(env(&url)).await;
    let inbox = notes_inbox(&api.aws, env(&url)).await;
    let event = api.event("acme", &[]);
    for (header, root, parent) in xray_headers() {
        sink.clear();
        api.function.queue(event.clone().into(), DEADLINE, Some(&header)).await.unwrap().result.unwrap();
        api.function.idle().await.unwrap();
        assert!(sink.wait_for(2, DEADLINE).await >= 2);
        let server = sink.spans().into_iter().find(|span| span.kind == SpanKind::Server).unwrap();
        assert_eq!((&server.trace_id, &server.parent_span_id), (&root, &parent), "{header}");
        assert!(sink.spans().iter().all(|span| span.trace_state.is_empty()), "{header}");

        let calls = api.aws.trace_headers();
        let (_, sent) = calls.iter().rfind(|(action, _)| action == "TransactWriteItems").unwrap();
        let client = sink.spans().into_iter().find(|span| span.kind == SpanKind::Client).unwrap();
        let lineage = header.split(';').find(|field| field.starts_with("Lineage="));
        let lineage = lineage.map(|lineage| format!(";{lineage}")).unwrap_or_default();
        let own = format!("Root=1-{}-{};Parent={};Sampled=1", &root[..8], &root[8..], client.span_id);
        assert_eq!(*sent, format!("{own}{lineage}"), "{header}");

        let consumer = consumed(&inbox, &sink, sqs_event(&BTreeMap::new(), Some(&header))).await;
        assert_eq!((&consumer.trace_id, &consumer.parent_span_id), (&root, &parent), "{header}");
    }
}
