//! Ten thousand interleaved invocations of a hundred tenants in one process: no span, log line or message names another
//! tenant than its own.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::{collections::BTreeMap, time::Duration};

use futures_util::{StreamExt, stream};
use lambda_host::sink::{Behaviour, Sink};
use serde_json::Value;
use testkit::{BookingApi, DEADLINE, Setup};

const INVOCATIONS: usize = 10_000;
const TENANTS: usize = 100;
const AT_ONCE: usize = 16;

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_interleaved_invocations_of_a_hundred_tenants() {
    let sink = Sink::otlp(Behaviour::Ok).await.unwrap();
    let url = sink.url();
    let env =
        vec![("OTEL_EXPORTER_OTLP_ENDPOINT", url.as_str()), ("TELEMETRY_FLUSH", "adaptive"), ("LOG_TENANT", "plain")];
    let api = BookingApi::start(Setup { env, concurrency: Some(8) }).await;
    let trace_of = |n: usize| format!("{:032x}", n + 1);
    let tenant_of = |n: usize| format!("tenant-{:02}", n % TENANTS);
    let events: Vec<String> =
        (0..TENANTS).map(|tenant| api.event(&tenant_of(tenant), &[("traceparent", "@")])).collect();

    let answers = stream::iter(0..INVOCATIONS).map(|n| {
        let traceparent = format!("00-{}-00000000000000ff-01", trace_of(n));
        let event = events[n % TENANTS].replace('@', &traceparent);
        api.function.queue(event.into(), DEADLINE, None)
    });
    let outcomes: Vec<_> = answers.buffer_unordered(AT_ONCE).collect().await;
    assert!(outcomes.iter().all(|outcome| outcome.as_ref().is_ok_and(|outcome| outcome.http().0 == 201)));

    assert_eq!(sink.wait_for(2 * INVOCATIONS, Duration::from_secs(30)).await, 2 * INVOCATIONS);
    let expected: BTreeMap<String, String> = (0..INVOCATIONS).map(|n| (trace_of(n), tenant_of(n))).collect();
    for span in sink.spans() {
        assert_eq!(span.attributes["tenant.id"], expected[&span.trace_id], "{}", span.name);
        assert_eq!(span.attributes["enduser.id"], format!("user-of-{}", expected[&span.trace_id]), "{}", span.name);
    }
    let logs: Vec<Value> = api.function.logs().iter().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let served: Vec<_> = logs.iter().filter(|line| line["message"] == "request served").collect();
    assert_eq!(served.len(), INVOCATIONS);
    for line in served {
        assert_eq!(line["tenant.id"], expected[line["trace_id"].as_str().unwrap()].as_str(), "{line}");
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
