//! The mileage stack deployed once more, into an account of the premium tier: one trace over three accounts, and miles only
//! where their tier is.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::BTreeSet;

use reqwest::Method;
use testkit::{Caller, Cloud, JOURNEY, a_booking, book, eventually, has_steps, of_any_request};

const THIRD: &str = "666666666666";

#[tokio::test]
async fn premium_bookings_stay_in_the_third_account() {
    let cloud = Cloud::start_with(&["--tier-account", "premium=666666666666"]);
    let outputs = &cloud.outputs;
    let (basic, standard, premium) = (cloud.caller(0).await, cloud.caller(1).await, cloud.caller(2).await);
    assert_eq!(premium.user.tier, "premium");

    // A quote asks account B for the miles; the booking that follows in the same trace earns them in the third.
    let trace_id = "6b01275c56c1ddfef50d217aeb3329a1";
    let in_trace = |method, path: &str| {
        let parent = format!("00-{trace_id}-b7ad6b7169203331-01");
        premium.booking(method, path).header("traceparent", parent)
    };
    let quote = premium.send(in_trace(Method::GET, "/quotes?from=CDG&to=NRT")).await;
    assert_eq!(quote.status, 200, "{}", quote.body);
    let booked = premium.send(in_trace(Method::POST, "/bookings").json(&a_booking("CDG", "NRT"))).await;
    assert_eq!((booked.status, booked.trace_id().as_str()), (201, trace_id), "{}", booked.body);

    let steps_of_a_quote = 3;
    let trace = cloud.trace(trace_id, |trace| has_steps(trace, JOURNEY.len() + steps_of_a_quote)).await;
    let steps: BTreeSet<_> = of_any_request(&trace)
        .map(|span| (span.account.as_deref().unwrap_or_default(), span.service.as_str(), span.kind.as_str()))
        .collect();
    let (a, b) = (outputs.booking_account.as_str(), outputs.mileage_account.as_str());
    assert_eq!(
        steps,
        BTreeSet::from([
            (a, "booking-api", "SERVER"),
            (a, "booking-api", "CLIENT"),
            (b, "mileage-api", "SERVER"),
            (a, "booking-publisher", "CONSUMER"),
            (a, "booking-publisher", "PRODUCER"),
            (THIRD, "mileage-accrual", "CONSUMER"),
            (THIRD, "mileage-accrual", "CLIENT"),
        ])
    );
    let [consumer] = &trace
        .spans
        .iter()
        .filter(|span| span.service == "mileage-accrual" && span.kind == "CONSUMER")
        .collect::<Vec<_>>()[..]
    else {
        panic!("the message was processed more than once")
    };
    let producer = trace.spans.iter().find(|span| span.kind == "PRODUCER").unwrap();
    assert_eq!(consumer.parent_span_id.as_ref(), Some(&producer.span_id));

    // Everybody reads their miles at the same URL, and they come from the account that has them.
    let mut expected = Vec::new();
    for (caller, number) in [
        (&premium, booked.booking_number()),
        (&basic, book(&basic, "LHR", "JFK").await.booking_number()),
        (&standard, book(&standard, "FRA", "SIN").await.booking_number()),
    ] {
        let miles = caller.miles(&number).await;
        assert_eq!(caller.balance().await, (miles, 1), "{}", caller.user.tenant);
        expected.push((caller, number));
    }

    // Ledger entries are where they belong and nowhere else.
    let [of_premium, others @ ..] = &expected[..] else { panic!("nobody booked") };
    assert_eq!(ledger(&cloud, THIRD).await, BTreeSet::from([entry(of_premium)]));
    assert_eq!(ledger(&cloud, b).await, others.iter().map(entry).collect());

    // The map draws the third account. Spans arrive after the miles.
    eventually("both accounts on the map", async || {
        let map = cloud.ask_control_plane("/api/map").await;
        let nodes = map["nodes"].as_array().unwrap().iter().filter(|node| node["name"] == "mileage-accrual");
        let accounts: BTreeSet<_> = nodes.map(|node| node["account"].as_str().unwrap_or_default()).collect();
        (accounts == BTreeSet::from([b, THIRD])).then_some(())
    })
    .await;
}

/// Tenant and booking number.
fn entry((caller, number): &(&Caller, String)) -> (String, String) {
    (caller.user.tenant.clone(), number.clone())
}

/// Tenants and booking numbers of the ledger in this account.
async fn ledger(cloud: &Cloud, account: &str) -> BTreeSet<(String, String)> {
    let keys = cloud.keys(account, &cloud.outputs.ledger_table, "BOOKING#").await;
    let part = |key: &str, index: usize| key.split('#').nth(index).unwrap().to_owned();
    keys.iter().map(|(pk, sk)| (part(pk, 1), part(sk, 1))).collect()
}
