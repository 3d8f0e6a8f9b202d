//! A message that was written for SQS, alone or in a batch, comes out of a real queue as what a consumer accepts: body, tenant and event type,
//! and its tenant is its message group.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use aws_sdk_sqs::types::{Message, MessageSystemAttributeName, QueueAttributeName};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use tenant_messages::{BelievedSources, TenantMessage, receive, tenant_message};
use testkit::Cloud;

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct KettleBoiled {
    kettle: String,
    house: String,
    plan: String,
}
tenant_message!("kettle.boiled", 1, KettleBoiled { tenant_id: house, tier: plan });

fn boiled(kettle: &str, house: &str) -> KettleBoiled {
    KettleBoiled { kettle: kettle.to_owned(), house: house.to_owned(), plan: "basic".to_owned() }
}

/// What Lambda makes of what it read from a queue.
fn record(message: &Message, queue_arn: &str) -> Value {
    let attributes = message.message_attributes().into_iter().flatten().map(|(name, attribute)| {
        let attribute = json!({ "dataType": attribute.data_type(), "stringValue": attribute.string_value() });
        (name.clone(), attribute)
    });
    json!({
        "messageId": message.message_id(), "body": message.body(), "attributes": {},
        "messageAttributes": attributes.collect::<Map<_, _>>(),
        "eventSource": "aws:sqs", "eventSourceARN": queue_arn, "awsRegion": "us-east-1",
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn alone_and_in_a_batch() {
    let cloud = Cloud::start();
    let sqs = cloud.sqs().await;
    let queue = sqs.create_queue().queue_name("kettles").send().await.unwrap().queue_url.unwrap();
    let asked = sqs.get_queue_attributes().queue_url(&queue).attribute_names(QueueAttributeName::QueueArn);
    let arn = asked.send().await.unwrap().attributes.unwrap()[&QueueAttributeName::QueueArn].clone();

    let sent = [boiled("1", "acme"), boiled("2", "globex"), boiled("3", "acme")];
    let [alone, batch @ ..] = sent.clone();
    alone.write().unwrap().send(sqs.send_message().queue_url(&queue)).unwrap().send().await.unwrap();
    let entries = batch.map(|kettle| kettle.write().unwrap().sqs_entry(kettle.kettle).unwrap());
    let call = sqs.send_message_batch().queue_url(&queue).set_entries(Some(entries.to_vec()));
    let answer = call.send().await.unwrap();
    assert_eq!((answer.successful().len(), answer.failed().len()), (2, 0), "{answer:?}");

    let messages = cloud.drain(&queue, sent.len()).await;
    for message in &messages {
        let tenant = message.message_attributes().unwrap()["tenant_id"].string_value().unwrap();
        assert_eq!(message.attributes().unwrap()[&MessageSystemAttributeName::MessageGroupId], tenant);
    }
    let event = json!({ "Records": messages.iter().map(|message| record(message, &arn)).collect::<Vec<_>>() });
    let believed: BelievedSources = [arn].into_iter().collect();
    let accepted = receive(event)
        .unwrap()
        .iter()
        .map(|message| message.accept::<KettleBoiled>(&believed).unwrap())
        .collect::<Vec<_>>();
    for (kettle, tenant) in &accepted {
        assert_eq!((tenant.tenant_id.as_str(), tenant.tier.as_str()), (kettle.house.as_str(), "basic"));
    }
    let mut kettles: Vec<_> = accepted.into_iter().map(|(kettle, _)| kettle).collect();
    kettles.sort();
    assert_eq!(kettles, sent);
}
