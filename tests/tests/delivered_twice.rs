//! Delivering every message twice changes no balance.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use futures_util::future::join_all;
use testkit::{Cloud, book, eventually};

#[tokio::test]
async fn delivering_every_message_twice_changes_no_balance() {
    let cloud = Cloud::start();
    let outputs = &cloud.outputs;
    let callers = join_all((0..3).map(|index| cloud.caller(index))).await;
    let copies = cloud.eavesdrop("delivered-twice").await;

    let mut trace_ids = Vec::new();
    for (caller, (from, to)) in callers.iter().cycle().zip([("LHR", "JFK"), ("CDG", "NRT"), ("AKL", "DOH")].repeat(4)) {
        let booked = book(caller, from, to).await;
        caller.miles(&booked.booking_number()).await;
        trace_ids.push(booked.trace_id());
    }
    for caller in &callers {
        let booked = book(caller, "FRA", "SIN").await;
        let number = booked.booking_number();
        trace_ids.push(booked.trace_id());
        let cancelled = caller.cancel(&number).await;
        eventually("the miles taken back", async || {
            let posting = caller.get_mileage(&format!("/mileage/{number}")).await;
            let (_, bookings) = caller.balance().await;
            (posting.body["status"] == "cancelled" && bookings == 4).then_some(())
        })
        .await;
        trace_ids.push(cancelled.trace_id());
    }
    let balances = join_all(callers.iter().map(|caller| caller.balance())).await;
    let mut entries = cloud.keys(&outputs.mileage_account, &outputs.ledger_table, "").await;

    let sqs = cloud.sqs().await;
    for message in cloud.drain(&copies, trace_ids.len()).await {
        let send = sqs.send_message().queue_url(&outputs.queue_url).message_body(message.body().unwrap());
        send.send().await.unwrap();
    }
    for trace_id in &trace_ids {
        let trace = cloud
            .trace(trace_id, |trace| {
                let processed = trace.spans.iter().filter(|span| span.name == "process mileage-bookings-local");
                processed.count() >= 2
            })
            .await;
        // The failed condition of the second write is how a redelivery is recognized: no error.
        let failed: Vec<_> = trace.spans.iter().filter(|span| span.status == "ERROR").map(|span| &span.name).collect();
        assert!(failed.is_empty(), "{trace_id}: {failed:?}");
    }

    assert_eq!(join_all(callers.iter().map(|caller| caller.balance())).await, balances);
    let mut entries_after = cloud.keys(&outputs.mileage_account, &outputs.ledger_table, "").await;
    entries.sort();
    entries_after.sort();
    assert_eq!(entries_after, entries);
    let dead = sqs
        .get_queue_attributes()
        .queue_url(&outputs.dead_letters_url)
        .attribute_names(aws_sdk_sqs::types::QueueAttributeName::ApproximateNumberOfMessages)
        .send()
        .await
        .unwrap();
    assert_eq!(dead.attributes().unwrap().values().collect::<Vec<_>>(), ["0"]);
}
