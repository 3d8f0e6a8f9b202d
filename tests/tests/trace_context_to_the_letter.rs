//! What callers send as trace context is read as W3C Trace Context Level 2 and X-Ray say, through every way in: request headers,
//! message attributes, and what is stored with a reservation.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::{collections::BTreeMap, time::Duration};

use lambda_host::{
    aws::Aws,
    function::Function,
    payloads::{Message, bookings_confirmed},
    sink::{Behaviour, Sink, Span},
};
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use serde_json::{Value, json};
use testkit::{BookingApi, DEADLINE, Setup, booking_publisher, mileage_accrual};

const TRACEPARENTS: &str = include_str!("../cases/traceparents.tsv");
const XRAY_HEADERS: &str = include_str!("../cases/xray-headers.tsv");
const W3C_SUITE: &str = include_str!("../cases/w3c-suite.tsv");
const STREAM: &str = include_str!("../../booking/src/handlers/payloads/stream.json");

#[derive(Debug)]
struct Case {
    goes_on: bool,
    traceparents: Vec<String>,
    tracestates: Vec<String>,
    state_out: String,
}

impl Case {
    fn all() -> Vec<Self> {
        let suite = W3C_SUITE.lines().filter(|line| !line.starts_with('#')).map(|line| {
            let columns: Vec<_> = line.split('\t').collect();
            let json = |column: usize| serde_json::from_str(columns[column]).unwrap();
            Self {
                goes_on: columns[0] == "continue",
                traceparents: json(1),
                tracestates: json(2),
                state_out: serde_json::from_str(columns[3]).unwrap(),
            }
        });
        let ours = TRACEPARENTS.lines().map(|line| {
            let (outcome, header) = line.split_once('\t').unwrap();
            Self {
                goes_on: outcome.starts_with("continue"),
                traceparents: vec![serde_json::from_str(header).unwrap()],
                tracestates: Vec::new(),
                state_out: String::new(),
            }
        });
        let cases: Vec<_> = suite.chain(ours).collect();
        assert!(cases.len() > 70, "{} cases", cases.len());
        cases
    }

    fn headers(&self) -> Vec<(&str, Vec<String>)> {
        let all = [("traceparent", &self.traceparents), ("tracestate", &self.tracestates)];
        all.into_iter().filter(|(_, values)| !values.is_empty()).map(|(name, values)| (name, values.clone())).collect()
    }

    /// As attributes, of which no two have one name: several `tracestate` are one list.
    fn attributes(&self) -> Option<BTreeMap<&str, String>> {
        let mut attributes = BTreeMap::new();
        match &self.traceparents[..] {
            [] => {}
            [one] => drop(attributes.insert("traceparent", one.clone())),
            _ => return None,
        }
        if !self.tracestates.is_empty() {
            attributes.insert("tracestate", self.tracestates.join(","));
        }
        Some(attributes)
    }

    /// Checks what went out; the sampler keeps everything.
    fn check(&self, traceparent: &str, tracestate: Option<&str>) {
        let out: Vec<_> = traceparent.split('-').collect();
        assert_eq!((out.len(), out[0], out[1].len(), out[2].len()), (4, "00", 32, 16), "{traceparent}");
        let sent = self.traceparents.first().map(|sent| sent.trim_matches([' ', '\t'])).unwrap_or_default();
        if self.goes_on {
            assert_eq!((out[1], out[2] == &sent[36..52]), (&sent[3..35], false), "{self:?}");
            let random = u8::from_str_radix(&sent[53..55], 16).unwrap() & 2;
            assert_eq!(out[3], format!("{:02x}", random | 1), "{self:?}");
            assert_eq!(tracestate.unwrap_or_default(), self.state_out, "{self:?}");
        } else {
            assert!(self.traceparents.iter().all(|sent| !sent.contains(out[1])), "{traceparent} {self:?}");
            // An id of our own: all but its time is random, and it says so.
            assert_eq!((out[3], tracestate), ("03", None), "{self:?}");
        }
    }
}

fn with_headers(event: &str, headers: &[(&str, Vec<String>)]) -> String {
    let mut event: Value = serde_json::from_str(event).unwrap();
    for (name, values) in headers {
        event["multiValueHeaders"][name] = json!(values);
    }
    event.to_string()
}

/// The trace context stored with the latest reservation.
fn stored(aws: &Aws) -> (String, Option<String>) {
    let (_, write) = aws.requests().into_iter().rfind(|(action, _)| action == "TransactWriteItems").unwrap();
    let write: Value = serde_json::from_str(&write).unwrap();
    let trace = &write["TransactItems"][0]["Put"]["Item"]["trace"]["M"];
    let text = |name: &str| trace[name]["S"].as_str().map(str::to_owned);
    (text("traceparent").unwrap(), text("tracestate"))
}

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

/// An event with one message, of these attributes for its trace and with this `AWSTraceHeader`.
fn sqs_event(trace: &BTreeMap<&str, String>, xray: Option<&str>) -> String {
    let message = Message { booking_number: "7T42H7MK", tenant: "acme", tier: "basic", traceparent: "" };
    let mut event: Value = serde_json::from_str(&bookings_confirmed(&[message])).unwrap();
    let mut envelope: Value = serde_json::from_str(event["Records"][0]["body"].as_str().unwrap()).unwrap();
    envelope["MessageAttributes"].as_object_mut().unwrap().remove("traceparent");
    for (name, value) in trace {
        envelope["MessageAttributes"][name] = json!({ "Type": "String", "Value": value });
    }
    event["Records"][0]["body"] = envelope.to_string().into();
    event["Records"][0]["attributes"] = xray.map_or_else(|| json!({}), |xray| json!({ "AWSTraceHeader": xray }));
    event.to_string()
}

/// The span of the one message of an event.
async fn consumed(accrual: &Function, sink: &Sink, event: String) -> Span {
    sink.clear();
    accrual.queue(event.into(), DEADLINE, None).await.unwrap().result.unwrap();
    accrual.idle().await.unwrap();
    assert!(sink.wait_for(3, Duration::from_secs(10)).await >= 3);
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
    let mut api = BookingApi::start(env(&url)).await;
    let event = api.event("acme", &[]);
    for case in Case::all() {
        let outcome = api.function.invoke(with_headers(&event, &case.headers()), DEADLINE).await.unwrap();
        assert_eq!(outcome.http().0, 201, "{case:?}");
        let answer: Value = serde_json::from_slice(&outcome.result.unwrap()).unwrap();
        let said = answer["multiValueHeaders"]["traceparent"][0].as_str().or(answer["headers"]["traceparent"].as_str());
        let (traceparent, tracestate) = stored(&api.aws);
        case.check(&traceparent, tracestate.as_deref());
        assert_eq!(said.unwrap(), traceparent, "the answer names the span that stored the reservation");
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

#[tokio::test(flavor = "multi_thread")]
async fn in_a_message() {
    let sink = Sink::otlp(Behaviour::Ok).await.unwrap();
    let url = sink.url();
    let aws = Aws::start(Duration::ZERO).await.unwrap();
    let accrual = mileage_accrual(&aws, env(&url)).await;
    for case in Case::all() {
        let Some(trace) = case.attributes() else { continue };
        let span = consumed(&accrual, &sink, sqs_event(&trace, None)).await;
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
    let api = BookingApi::start(env(&url)).await;
    let accrual = mileage_accrual(&api.aws, env(&url)).await;
    let event = api.event("acme", &[]);
    for (header, root, parent) in xray_headers() {
        sink.clear();
        api.function.queue(event.clone().into(), DEADLINE, Some(&header)).await.unwrap().result.unwrap();
        api.function.idle().await.unwrap();
        assert!(sink.wait_for(2, Duration::from_secs(10)).await >= 2);
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

        let consumer = consumed(&accrual, &sink, sqs_event(&BTreeMap::new(), Some(&header))).await;
        assert_eq!((&consumer.trace_id, &consumer.parent_span_id), (&root, &parent), "{header}");
    }
}
