//! One trace id from the HTTP response to the ledger of the other account: in spans, logs and message attributes.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::sync::LazyLock;

use reqwest::Method;
use serde_json::Value;
use testkit::{
    CANCELLATION, Cloud, JOURNEY, assert_journey, assert_steps, book, eventually, has_steps, of_any_request,
};

static CLOUD: LazyLock<Cloud> = LazyLock::new(Cloud::start);

#[tokio::test]
async fn a_booking_is_one_trace_across_both_accounts() {
    let caller = CLOUD.caller(0).await;
    let copies = CLOUD.eavesdrop("one-trace-id").await;

    let booked = book(&caller, "LHR", "JFK").await;
    let (trace_id, number) = (booked.trace_id(), booked.booking_number());

    let trace = CLOUD.trace(&trace_id, |trace| has_steps(trace, JOURNEY.len())).await;
    assert_journey(&trace, &caller.user, &number);
    assert_eq!(caller.get(&format!("/bookings/{number}")).await.body["trace_id"], *trace_id, "it is told later too");

    // Other tests book too.
    let copy = loop {
        let copies = CLOUD.drain(&copies, 1).await;
        let mut copies = copies.iter().map(|copy| serde_json::from_str::<Value>(copy.body().unwrap()).unwrap());
        if let Some(copy) = copies.find(|copy| copy["Message"].as_str().unwrap().contains(&number)) {
            break copy;
        }
    };
    let attribute = |name: &str| copy["MessageAttributes"][name]["Value"].as_str().unwrap_or_default().to_owned();
    let sent = trace.spans.iter().find(|span| span.kind == "PRODUCER").unwrap();
    assert_eq!(attribute("traceparent"), format!("00-{trace_id}-{}-01", sent.span_id));
    assert_eq!(sent.attributes["messaging.message.id"], copy["MessageId"]);
    assert_eq!(attribute("baggage"), "tenant.id=acme,tenant.tier=basic");
    assert_eq!((attribute("tenant_id"), attribute("tenant_tier")), ("acme".into(), "basic".into()));
    assert_eq!(attribute("event_type"), "booking.confirmed");
    let message: Value = serde_json::from_str(copy["Message"].as_str().unwrap()).unwrap();
    assert_eq!((&message["booking_number"], &message["Tenant-id"]), (&number.into(), &"acme".into()));

    let outputs = &CLOUD.outputs;
    for (account, function) in [
        (&outputs.booking_account, "booking-api-local"),
        (&outputs.booking_account, "booking-publisher-local"),
        (&outputs.mileage_account, "mileage-accrual-local"),
    ] {
        let lines = eventually(&format!("a log line of {function}"), async || {
            let lines = local::logs::lines(outputs, account, function).await.ok()?;
            let of_trace: Vec<_> = lines.into_iter().filter(|line| line["trace_id"] == trace_id.as_str()).collect();
            (!of_trace.is_empty()).then_some(of_trace)
        })
        .await;
        for line in lines {
            assert_eq!(line["xray_trace_id"], trace.xray_trace_id.as_str(), "{line}");
            assert!(trace.spans.iter().any(|span| line["span_id"] == span.span_id.as_str()), "{line}");
            assert!(!line.to_string().contains("acme"), "a tenant id in a log: {line}");
        }
    }
}

#[tokio::test]
async fn a_cancellation_is_one_trace_across_both_accounts() {
    let caller = CLOUD.caller(1).await;
    let number = book(&caller, "LHR", "JFK").await.booking_number();
    let cancelled = caller.cancel(&number).await;
    assert_eq!(cancelled.status, 200, "{}", cancelled.body);
    let trace = CLOUD.trace(&cancelled.trace_id(), |trace| has_steps(trace, CANCELLATION.len())).await;
    assert_steps(&trace, &CANCELLATION, &caller.user, &number);
}

#[tokio::test]
async fn the_callers_trace_goes_on() {
    let caller = CLOUD.caller(1).await;
    let traceparent = "00-6b01275c56c1ddfef50d217aeb3329a1-b7ad6b7169203331-01";
    let request = caller.booking(Method::POST, "/bookings").header("traceparent", traceparent);
    let booked = caller.send(request.json(&testkit::a_booking("FRA", "SIN"))).await;
    assert_eq!((booked.status, booked.trace_id().as_str()), (201, "6b01275c56c1ddfef50d217aeb3329a1"));

    let trace = CLOUD.trace(&booked.trace_id(), |trace| has_steps(trace, JOURNEY.len())).await;
    let root = trace.spans.iter().find(|span| span.kind == "SERVER").unwrap();
    assert_eq!(root.parent_span_id.as_deref(), Some("b7ad6b7169203331"));
}

#[tokio::test]
async fn a_quote_is_one_trace_across_both_accounts() {
    let caller = CLOUD.caller(2).await;
    let quote = caller.get("/quotes?from=CDG&to=NRT").await;
    assert_eq!((quote.status, &quote.body["miles"]), (200, &6049.into()), "{}", quote.body);

    let trace = CLOUD.trace(&quote.trace_id(), |trace| has_steps(trace, 3)).await;
    let spans: Vec<_> = of_any_request(&trace).collect();
    let steps: Vec<_> =
        spans.iter().map(|span| (span.service.as_str(), span.kind.as_str(), span.account.as_deref())).collect();
    assert_eq!(
        steps,
        [
            ("booking-api", "SERVER", Some("111111111111")),
            ("booking-api", "CLIENT", Some("111111111111")),
            ("mileage-api", "SERVER", Some("222222222222")),
        ]
    );
    for (span, parent) in spans.iter().skip(1).zip(&spans) {
        assert_eq!(span.parent_span_id.as_ref(), Some(&parent.span_id));
    }
    let booking_side = &spans[..2];
    assert!(booking_side.iter().all(|span| span.tenant.as_deref() == Some("oceanic")));
}

#[tokio::test]
async fn a_batch_is_linked_from_its_messages_and_has_no_tenant() {
    let caller = CLOUD.caller(0).await;
    let booked = book(&caller, "SFO", "HNL").await;
    let trace = CLOUD.trace(&booked.trace_id(), |trace| has_steps(trace, JOURNEY.len())).await;
    let consumers: Vec<_> = trace.spans.iter().filter(|span| span.kind == "CONSUMER").collect();
    assert_eq!(consumers.len(), 2);
    for consumer in consumers {
        let [link] = &consumer.links[..] else { panic!("{} has {} links", consumer.name, consumer.links.len()) };
        let batch =
            CLOUD.trace(&link.trace_id, |batch| batch.spans.iter().any(|span| span.span_id == link.span_id)).await;
        let invocation = batch.spans.iter().find(|span| span.span_id == link.span_id).unwrap();
        assert_eq!((invocation.kind.as_str(), &invocation.tenant), ("SERVER", &None));
        assert_eq!(invocation.service, consumer.service);
    }
}
