//! A message that cannot be accrued goes to the dead-letter queue after its retries, with its reason logged under its id;
//! the rest of its batch succeeds.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_sqs::types::SendMessageBatchRequestEntry;
use serde_json::Value;
use testkit::{Cloud, book, eventually};

#[tokio::test]
async fn bad_messages_reach_the_dlq_and_good_ones_the_ledger() {
    let cloud = Cloud::start_for_failures(&[]);
    let caller = cloud.caller(0).await;
    let copies = cloud.eavesdrop("bad-messages").await;
    let first = book(&caller, "LHR", "JFK").await.booking_number();
    caller.miles(&first).await;
    let genuine: Value = serde_json::from_str(cloud.drain(&copies, 1).await[0].body().unwrap()).unwrap();

    // Variations of a genuine message, each in the envelope that SNS puts into the queue.
    let message = |change: &dyn Fn(&mut Value)| {
        let mut envelope = genuine.clone();
        let mut message: Value = serde_json::from_str(envelope["Message"].as_str().unwrap()).unwrap();
        change(&mut message);
        envelope["Message"] = message.to_string().into();
        envelope.to_string()
    };
    let attribute = |name: &str, value: &str| {
        let mut envelope = genuine.clone();
        envelope["MessageAttributes"][name]["Value"] = value.into();
        envelope["Message"] = envelope["Message"].as_str().unwrap().replace(&first, "BADBAD99").into();
        envelope.to_string()
    };
    let bad: BTreeMap<&str, String> = BTreeMap::from([
        ("not-json", "{".to_owned()),
        ("no-booking", "\"hello\"".to_owned()),
        ("missing-field", message(&|m| drop(m.as_object_mut().unwrap().remove("departure_date")))),
        ("unknown-version", message(&|m| m["version"] = 99.into())),
        ("unknown-airport", message(&|m| m["to_airport"] = "XXQ".into())),
        ("bad-number", message(&|m| m["booking_number"] = "A#B".into())),
        ("bad-date", message(&|m| m["departure_date"] = "2026-99-99".into())),
        ("same-airport", message(&|m| m["to_airport"] = m["from_airport"].clone())),
        ("bad-tenant", message(&|m| m["Tenant-id"] = "a#b".into())),
        ("tenant-disagrees", attribute("tenant_id", "globex")),
        ("tier-disagrees", attribute("tenant_tier", "premium")),
    ]);
    let good = ["GQQDAAA2", "GQQDAAA3"];
    let entry =
        |id: &str, body: &str| SendMessageBatchRequestEntry::builder().id(id).message_body(body).build().unwrap();
    let mut batch: Vec<_> = bad.iter().map(|(id, body)| entry(id, body)).collect();
    batch.insert(0, entry("good-first", &message(&|m| m["booking_number"] = good[0].into())));
    batch.push(entry("good-last", &message(&|m| m["booking_number"] = good[1].into())));
    let sqs = cloud.sqs().await;
    let mut sent = Vec::new();
    // SQS takes ten at once.
    for entries in batch.chunks(batch.len().div_ceil(2)) {
        let send = sqs.send_message_batch().queue_url(&cloud.outputs.queue_url).set_entries(Some(entries.to_vec()));
        sent.extend(send.send().await.unwrap().successful);
    }
    assert_eq!(sent.len(), bad.len() + good.len());
    let id_of: BTreeMap<&str, &str> = sent.iter().map(|entry| (entry.id(), entry.message_id())).collect();

    for number in good {
        caller.miles(number).await;
    }
    let dead = cloud.drain(&cloud.outputs.dead_letters_url, bad.len()).await;
    let dead: BTreeSet<&str> = dead.iter().map(|message| message.message_id().unwrap()).collect();
    assert_eq!(dead, bad.keys().map(|id| id_of[id]).collect());
    let (_, bookings) = caller.balance().await;
    assert_eq!(bookings, 3, "one booking and two good messages");

    for (case, reason) in [
        ("not-json", ""),
        ("unknown-version", "version"),
        ("unknown-airport", "XXQ"),
        ("bad-number", "booking_number"),
        ("bad-date", "departure_date"),
        ("same-airport", "from_airport and to_airport are the same"),
        ("tenant-disagrees", "tenant_id"),
        ("tier-disagrees", "tenant_tier"),
    ] {
        let lines = eventually(&format!("the reason of {case}"), async || {
            let outputs = &cloud.outputs;
            let lines = local::logs::lines(outputs, &outputs.mileage_account, "mileage-accrual-local").await.ok()?;
            let lines = lines.into_iter().filter(|line| line["message_id"] == id_of[case]).collect::<Vec<_>>();
            (lines.len() >= 3).then_some(lines)
        })
        .await;
        for line in lines {
            assert_eq!(line["level"], "ERROR", "{line}");
            assert!(line["reason"].as_str().is_some_and(|text| text.contains(reason)), "{case}: {line}");
        }
    }
}
