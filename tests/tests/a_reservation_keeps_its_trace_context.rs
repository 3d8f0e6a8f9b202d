//! Trace context that is stored with a reservation is read as W3C Trace Context Level 2 says, and goes on in the message to the other account.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::{collections::BTreeMap, time::Duration};

use lambda_host::{
    aws::Aws,
    sink::{Behaviour, Sink},
};
use serde_json::{Value, json};
use testkit::{DEADLINE, Setup, booking_publisher, trace_contexts::Case};

const STREAM: &str = include_str!("../../booking/src/handlers/payloads/stream.json");

/// Trace context of the messages of the latest batch.
fn published(aws: &Aws) -> Vec<(String, Option<String>)> {
    let (_, form) = aws.requests().into_iter().rfind(|(action, _)| action == "PublishBatch").unwrap();
    let form: BTreeMap<_, _> = form_urlencoded::parse(form.as_bytes()).into_owned().collect();
    let attribute = |entry: &str, name: &str| {
        let (key, _) = form.iter().find(|(key, value)| key.starts_with(entry) && *value == name)?;
        Some(form[&key.replace(".Name", ".Value.StringValue")].clone())
    };
    let entries = (1..).map(|n| format!("PublishBatchRequestEntries.member.{n}."));
    let entries = entries.take_while(|entry| form.keys().any(|key| key.starts_with(entry.as_str())));
    entries.map(|entry| (attribute(&entry, "traceparent").unwrap(), attribute(&entry, "tracestate"))).collect()
}

fn stream_event(traces: &[BTreeMap<&str, String>]) -> String {
    let mut event: Value = serde_json::from_str(STREAM).unwrap();
    let record = event["Records"][0].clone();
    let records = traces.iter().map(|trace| {
        let mut record = record.clone();
        let trace: BTreeMap<_, _> = trace.iter().map(|(name, value)| (name, json!({ "S": value }))).collect();
        record["dynamodb"]["NewImage"]["trace"]["M"] = json!(trace);
        record
    });
    event["Records"] = records.collect();
    event.to_string()
}

fn env(sink_url: &str) -> Setup<'_> {
    let env = vec![("OTEL_EXPORTER_OTLP_ENDPOINT", sink_url), ("OTEL_TRACES_SAMPLER", "always_on")];
    Setup { env, ..Setup::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn in_what_is_stored_with_a_reservation() {
    let sink = Sink::otlp(Behaviour::Ok).await.unwrap();
    let url = sink.url();
    let aws = Aws::start(Duration::ZERO).await.unwrap();
    let mut publisher = booking_publisher(&aws, env(&url)).await;
    for case in Case::all() {
        let Some(trace) = case.attributes() else { continue };
        publisher.invoke(stream_event(&[trace]), DEADLINE).await.unwrap().result.unwrap();
        let [(traceparent, tracestate)] = &published(&aws)[..] else { panic!("{case:?}") };
        case.check(traceparent, tracestate.as_deref());
    }
    // Several calls of one trace: each is a span of its own.
    let trace = BTreeMap::from([("traceparent", "00-12345678901234567890123456789012-1234567890123456-01".to_owned())]);
    publisher.invoke(stream_event(&vec![trace; 3]), DEADLINE).await.unwrap().result.unwrap();
    let mut sent: Vec<_> = published(&aws).into_iter().map(|(traceparent, _)| traceparent).collect();
    sent.sort();
    sent.dedup();
    assert_eq!(sent.len(), 3);
    assert!(sent.iter().all(|traceparent| traceparent.contains("12345678901234567890123456789012")), "{sent:?}");
}
