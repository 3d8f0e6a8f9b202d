//! Ten thousand interleaved invocations of a hundred tenants in one process: no span, metric, log line or message names another
//! tenant than its own, or another note, and metrics count them all. The messages of one batch name no other message's either.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::{collections::BTreeMap, ops::Range, time::Duration};

use futures_util::{StreamExt, stream};
use lambda_host::{
    aws::Aws,
    sink::{Behaviour, Sink},
};
use serde_json::Value;
use testkit::{
    DEADLINE, Setup,
    notes::{NOTES, NotesApi, batch, note_sent, notes_inbox},
};

const INVOCATIONS: usize = 10_000;
const TENANTS: usize = 100;
/// After so many, metrics name every tenant: there are no more than they may name.
const UNTIL_ALL_ARE_NAMED: usize = 1_000;
const AT_ONCE: usize = 16;
const PATIENCE: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_interleaved_invocations_of_a_hundred_tenants() {
    let sink = Sink::otlp(Behaviour::Ok).await.unwrap();
    let url = sink.url();
    let env = vec![
        ("OTEL_EXPORTER_OTLP_ENDPOINT", url.as_str()),
        ("OTEL_METRICS_EXPORTER", "otlp"),
        ("METRICS_TENANT", "top"),
        ("METRICS_TENANT_TOP", "100"),
        ("TELEMETRY_FLUSH", "adaptive"),
        ("LOG_TENANT", "plain"),
    ];
    let api = NotesApi::start(Setup { env, concurrency: Some(8) }).await;
    let trace_of = |n: usize| format!("{:032x}", n + 1);
    let tenant_of = |n: usize| format!("tenant-{:02}", n % TENANTS);
    let events: Vec<String> =
        (0..TENANTS).map(|tenant| api.event(&tenant_of(tenant), &[("traceparent", "@")])).collect();

    let invoke = async |invocations: Range<usize>| {
        let answers = stream::iter(invocations).map(|n| {
            let traceparent = format!("00-{}-00000000000000ff-01", trace_of(n));
            let event = events[n % TENANTS].replace('@', &traceparent);
            api.function.queue(event.into(), DEADLINE, None)
        });
        answers.buffered(AT_ONCE).collect::<Vec<_>>().await
    };
    let (counted, measured) = ("faas.invocations", "http.server.request.duration");
    let are_counted = async |invocations: usize| {
        let counted = |sink: &Sink| [counted, measured].map(|metric| sink.total(metric));
        sink.wait_until(|sink| counted(sink).iter().all(|total| *total >= invocations as f64), PATIENCE).await;
        assert_eq!(counted(&sink), [invocations as f64; 2]);
    };
    let by_tenant = |metric: &str| {
        let mut served = BTreeMap::<String, f64>::new();
        for point in sink.points().into_iter().filter(|point| point.metric == metric) {
            *served.entry(point.attributes["tenant.id"].clone()).or_default() += point.value;
        }
        served
    };
    let mut outcomes = invoke(0..UNTIL_ALL_ARE_NAMED).await;
    are_counted(UNTIL_ALL_ARE_NAMED).await;
    let before = [counted, measured].map(by_tenant);
    outcomes.extend(invoke(UNTIL_ALL_ARE_NAMED..INVOCATIONS).await);
    let mut notes = BTreeMap::new();
    for (n, outcome) in outcomes.into_iter().enumerate() {
        let (status, note) = outcome.unwrap().http();
        assert_eq!(status, 201, "{note}");
        notes.insert(trace_of(n), note["id"].as_str().unwrap().to_owned());
    }

    assert_eq!(sink.wait_for(2 * INVOCATIONS, PATIENCE).await, 2 * INVOCATIONS);
    let expected: BTreeMap<String, String> = (0..INVOCATIONS).map(|n| (trace_of(n), tenant_of(n))).collect();
    for span in sink.spans() {
        assert_eq!(span.attributes["tenant.id"], expected[&span.trace_id], "{}", span.name);
        assert_eq!(span.attributes["enduser.id"], format!("user-of-{}", expected[&span.trace_id]), "{}", span.name);
        assert_eq!(span.attributes["note.id"], notes[&span.trace_id], "{}", span.name);
    }
    are_counted(INVOCATIONS).await;
    for (metric, before) in [counted, measured].into_iter().zip(before) {
        let mut since = by_tenant(metric);
        since.iter_mut().for_each(|(tenant, served)| *served -= before.get(tenant).copied().unwrap_or_default());
        let each = ((INVOCATIONS - UNTIL_ALL_ARE_NAMED) / TENANTS) as f64;
        let all = (0..TENANTS).map(|n| (tenant_of(n), each));
        assert_eq!(since, all.chain([("(other)".to_owned(), 0.0)]).collect(), "{metric}");
    }
    for point in sink.points().into_iter().filter(|point| point.metric == measured) {
        // A function has one thread, so nothing is measured while points are gathered, and each has its exemplar.
        let [slowest] = &point.exemplars[..] else { panic!("{point:?}") };
        let (tenant, served) = (&point.attributes["tenant.id"], &expected[&slowest.trace_id]);
        assert!(tenant == served || tenant == "(other)", "{point:?} leads to a request of {served}");
    }
    let logs: Vec<Value> = api.function.logs().iter().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let served: Vec<_> = logs.iter().filter(|line| line["message"] == "request served").collect();
    assert_eq!(served.len(), INVOCATIONS);
    let invocations: BTreeMap<String, String> = sink
        .spans()
        .into_iter()
        .filter_map(|mut span| Some((span.trace_id, span.attributes.remove("faas.invocation_id")?)))
        .collect();
    for line in served {
        let trace = line["trace_id"].as_str().unwrap();
        assert_eq!(line["tenant.id"], expected[trace].as_str(), "{line}");
        assert_eq!(line["faas.invocation_id"], invocations[trace].as_str(), "{line}");
    }
    let writes: Vec<_> = api.aws.requests().into_iter().filter(|(action, _)| action == "TransactWriteItems").collect();
    assert_eq!(writes.len(), INVOCATIONS);
    for (_, body) in writes {
        let body: Value = serde_json::from_str(&body).unwrap();
        let item = &body["TransactItems"][0]["Put"]["Item"];
        let tenant = item["tenant_id"]["S"].as_str().unwrap();
        let traceparent = item["trace"]["M"]["traceparent"]["S"].as_str().unwrap();
        assert_eq!(tenant, expected[traceparent.split('-').nth(1).unwrap()]);
        assert!(item["pk"]["S"].as_str().unwrap().starts_with(&format!("TENANT#{tenant}#")));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_messages_of_one_batch() {
    let sink = Sink::otlp(Behaviour::Ok).await.unwrap();
    let url = sink.url();
    let env = vec![("OTEL_EXPORTER_OTLP_ENDPOINT", url.as_str())];
    let aws = Aws::start(Duration::ZERO).await.unwrap();
    let mut inbox = notes_inbox(&aws, Setup { env, ..Setup::default() }).await;
    let ids: BTreeMap<String, String> = (1..=10).map(|n| (format!("{n:032x}"), format!("note-{n}"))).collect();
    let records = ids.iter().map(|(trace, id)| {
        let traceparent = format!("00-{trace}-00000000000000ff-01");
        note_sent(NOTES, id, &[("traceparent", traceparent.as_str())])
    });
    inbox.invoke(batch(records).to_string(), DEADLINE).await.unwrap().result.unwrap();

    // Of each message its own and its write, and the invocation that carries them all.
    let spans = 2 * ids.len() + 1;
    assert_eq!(sink.wait_for(spans, PATIENCE).await, spans);
    for span in sink.spans() {
        assert_eq!(span.attributes.get("note.id"), ids.get(&span.trace_id), "{}", span.name);
    }
}
