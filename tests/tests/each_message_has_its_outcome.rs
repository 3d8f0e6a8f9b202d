//! A batch is sent in one call, but each of its messages has a span of its own, in its own trace, with its own outcome.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::time::Duration;

use lambda_host::{
    aws::{Aws, Fault},
    sink::{Behaviour, Sink, Span},
};
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use serde_json::{Value, json};
use testkit::{DEADLINE, Setup, booking_publisher};

const STREAM: &str = include_str!("../../booking/src/handlers/payloads/stream.json");
const TRACES: [&str; 2] = ["5759e988bd862e3fe1be46a994272793", "5759e988bd862e3fe1be46a994272794"];
const NUMBERS: [&str; 2] = ["7T42H7MK", "P1KR9N43"];

/// A reservation and the cancellation of another, each in a trace of its own.
fn two_records() -> String {
    let mut event: Value = serde_json::from_str(STREAM).unwrap();
    let record = event["Records"][0].clone();
    let records = std::array::from_fn::<_, 2, _>(|index| {
        let (trace, number) = (TRACES[index], NUMBERS[index]);
        let mut record = record.clone();
        let kind = if index == 0 { "BOOKING" } else { "CANCELLATION" };
        record["dynamodb"]["Keys"]["sk"]["S"] = format!("{kind}#{number}").into();
        record["dynamodb"]["NewImage"]["booking_number"]["S"] = number.into();
        if index == 1 {
            record["dynamodb"]["NewImage"]["cancelled_at"] = json!({ "S": "2026-11-22T05:10:06.207Z" });
        }
        let traceparent = format!("00-{trace}-53995c3f42cd8ad8-01");
        record["dynamodb"]["NewImage"]["trace"]["M"] = json!({ "traceparent": { "S": traceparent } });
        record
    });
    event["Records"] = json!(records);
    event.to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_entry_that_sns_refuses_fails_alone() {
    let sink = Sink::otlp(Behaviour::Ok).await.unwrap();
    let url = sink.url();
    let aws = Aws::start(Duration::ZERO).await.unwrap();
    let env = vec![("OTEL_EXPORTER_OTLP_ENDPOINT", url.as_str()), ("OTEL_TRACES_SAMPLER", "always_on")];
    let publisher = booking_publisher(&aws, Setup { env, ..Setup::default() }).await;
    aws.fail("PublishBatch", Fault::Without("1"));

    let failed = publisher.queue(two_records().into(), DEADLINE, None).await.unwrap().result;
    assert!(failed.is_err(), "the stream must deliver the batch again");
    publisher.idle().await.unwrap();
    // Its tenant is each entry's message group, by which SQS tells whose messages are many.
    let calls = aws.requests();
    let (_, call) = calls.iter().find(|(action, _)| action == "PublishBatch").unwrap();
    for entry in 1..=2 {
        let group = format!("PublishBatchRequestEntries.member.{entry}.MessageGroupId=acme");
        assert!(call.split('&').any(|field| field == group), "{call}");
    }
    // The invocation, and for each record what was done for it and the sending.
    assert!(sink.wait_for(5, DEADLINE).await >= 5);

    for span in sink.spans() {
        let number = TRACES.iter().position(|trace| span.trace_id == *trace).map(|index| NUMBERS[index]);
        assert_eq!(span.attributes.get("booking.number").map(String::as_str), number, "{}", span.name);
    }
    let sends: Vec<Span> = sink.spans().into_iter().filter(|span| span.kind == SpanKind::Producer).collect();
    let of = |trace: &str| sends.iter().find(|span| span.trace_id == trace).unwrap();
    assert_eq!(sends.len(), 2);
    let (sent, refused) = (of(TRACES[0]), of(TRACES[1]));
    let attribute = |span: &Span, name: &str| span.attributes.get(name).cloned();
    assert_eq!((sent.failed, attribute(sent, "messaging.message.id")), (false, Some("message-0".to_owned())));
    assert_eq!(attribute(sent, "error.type"), None);
    assert_eq!((refused.failed, attribute(refused, "messaging.message.id")), (true, None));
    assert_eq!(attribute(refused, "error.type").as_deref(), Some("InternalError"));
}
