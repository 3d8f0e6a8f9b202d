//! A handler for one event, called for each message of an invocation.

use std::{
    fmt::Display,
    future::Future,
    marker::PhantomData,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use aws_lambda_events::sqs::{BatchItemFailure, SqsBatchResponse};
use lambda_runtime::{Error, LambdaEvent, tower::Service};
use serde_json::Value;
use tenancy::TenantContext;
use tenant_telemetry::process;

use crate::{BelievedSources, IncomingMessage, InvalidMessage, TenantMessage, Turns, incoming::Carrier, receive};

/// SNS or EventBridge invoked the function. They take no answer about single messages, so they deliver all of them again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0} message(s) failed")]
pub struct MessagesFailed(pub usize);

/// A function's handler that calls `handle` for each message, with the event and the tenant whom the message names. Put
/// `tenant_telemetry::InvocationLayer` around it.
///
/// Messages are handled one after another, and tenants take turns ([`Turns`]). Each message has a CONSUMER span of its own, which continues its
/// sender's trace and names its tenant. A message that [`IncomingMessage::accept`] refuses, or whose handler fails, is logged and reported to SQS as
/// failed, so that only this message is delivered again; the event source mapping needs `ReportBatchItemFailures` for that. Messages of a FIFO queue
/// keep their order: after the first failure, the others are left for the next delivery.
pub fn each_message<T, F, R, E>(believed: BelievedSources, handle: F) -> EachMessage<T, F>
where
    T: TenantMessage,
    F: Fn(T, TenantContext) -> R,
    R: Future<Output = Result<(), E>>,
{
    EachMessage { shared: Arc::new((believed, handle)), event: PhantomData }
}

/// The handler that [`each_message`] makes.
pub struct EachMessage<T, F> {
    shared: Arc<(BelievedSources, F)>,
    event: PhantomData<fn(T)>,
}

impl<T, F> Clone for EachMessage<T, F> {
    fn clone(&self) -> Self {
        Self { shared: self.shared.clone(), event: PhantomData }
    }
}

impl<T, F, R, E> Service<LambdaEvent<Value>> for EachMessage<T, F>
where
    T: TenantMessage + Send + 'static,
    F: Fn(T, TenantContext) -> R + Send + Sync + 'static,
    R: Future<Output = Result<(), E>> + Send,
    E: Display + Send,
{
    type Response = SqsBatchResponse;
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<SqsBatchResponse, Error>> + Send>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, event: LambdaEvent<Value>) -> Self::Future {
        let shared = self.shared.clone();
        Box::pin(async move {
            let (believed, handle) = &*shared;
            let messages = receive(event.payload)?.into_iter().map(|message| {
                let accepted = message.accept::<T>(believed);
                (message, accepted)
            });
            let mut failed = Vec::new();
            let mut direct = 0;
            for (message, accepted) in in_turns(messages.collect()) {
                if ordered(&message) && !failed.is_empty() {
                    failed.push(failure(message.message_id));
                } else if let Err(reason) = handle_one(&message, accepted, believed, handle).await {
                    tracing::error!(message_id = message.message_id, reason, "message failed");
                    direct += usize::from(!from_queue(&message));
                    failed.push(failure(message.message_id));
                }
            }
            if direct > 0 {
                return Err(MessagesFailed(direct).into());
            }
            let mut response = SqsBatchResponse::default();
            response.batch_item_failures = failed;
            Ok(response)
        })
    }
}

type Accepted<T> = Result<(T, TenantContext), InvalidMessage>;

/// The messages in the order in which they are handled: tenants take turns, unless the queue is FIFO.
fn in_turns<T>(messages: Vec<(IncomingMessage, Accepted<T>)>) -> Vec<(IncomingMessage, Accepted<T>)> {
    if messages.iter().any(|(message, _)| ordered(message)) {
        return messages;
    }
    let mut turns = Turns::new(messages.into_iter().map(|(message, accepted)| {
        let tenant = accepted.as_ref().ok().map(|(_, tenant)| tenant.label());
        let (tenant, user) =
            (tenant.map(|label| label.tenant_id.clone()), tenant.and_then(|label| label.user_id.clone()));
        (tenant, user, (message, accepted))
    }));
    std::iter::from_fn(|| {
        let (handled, message) = turns.take()?;
        turns.done(handled);
        Some(message)
    })
    .collect()
}

async fn handle_one<T, F, R, E>(
    message: &IncomingMessage,
    accepted: Accepted<T>,
    believed: &BelievedSources,
    handle: &F,
) -> Result<(), String>
where
    T: TenantMessage,
    F: Fn(T, TenantContext) -> R,
    R: Future<Output = Result<(), E>>,
    E: Display,
{
    let label = accepted.as_ref().ok().map(|(_, tenant)| tenant.label().clone());
    process(believed.received(message), label, async {
        let (event, tenant) = accepted.map_err(|error| error.to_string())?;
        handle(event, tenant).await.map_err(|error| error.to_string())
    })
    .await
}

fn from_queue(message: &IncomingMessage) -> bool {
    matches!(message.carriers.first(), Some(Carrier::Queue(_)))
}

/// <https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html>: a function stops at a FIFO queue's first failure.
fn ordered(message: &IncomingMessage) -> bool {
    matches!(message.carriers.first(), Some(Carrier::Queue(arn)) if arn.ends_with(".fifo"))
}

fn failure(message_id: String) -> BatchItemFailure {
    let mut failure = BatchItemFailure::default();
    failure.item_identifier = message_id;
    failure
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use serde::{Deserialize, Serialize};
    use serde_json::json;

    use super::*;

    #[derive(Serialize, Deserialize)]
    struct ParcelPacked {
        parcel: String,
        tenant: String,
        tier: String,
    }
    crate::tenant_message!("parcel.packed", 1, ParcelPacked { tenant_id: tenant, tier: tier });

    const QUEUE: &str = "arn:aws:sqs:us-east-1:111111111111:parcels";

    /// What SQS would hand over of these parcels, each of the tenant before its dash, or of acme.
    fn batch(queue: &str, parcels: &[&str]) -> Value {
        let record = |parcel: &&str| {
            let tenant = parcel.split_once('-').map_or("acme", |(tenant, _)| tenant);
            let attribute = |value: &str| json!({ "dataType": "String", "stringValue": value });
            json!({
                "messageId": parcel,
                "body": json!({ "version": 1, "parcel": parcel, "tenant": tenant, "tier": "pro" }).to_string(),
                "attributes": {},
                "messageAttributes": {
                    "tenant_id": attribute(tenant),
                    "tenant_tier": attribute("pro"),
                    "event_type": attribute("parcel.packed"),
                },
                "eventSource": "aws:sqs",
                "eventSourceARN": queue,
            })
        };
        json!({ "Records": parcels.iter().map(record).collect::<Vec<_>>() })
    }

    /// The parcels that were handled, of which "broken" fails, and those that SQS is told of.
    async fn handled(queue: &str, parcels: &[&str]) -> (Vec<String>, Vec<String>) {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let handle = {
            let seen = seen.clone();
            move |packed: ParcelPacked, tenant: TenantContext| {
                let seen = seen.clone();
                async move {
                    assert_eq!((tenant.tenant_id.as_str(), tenant.tier.as_str()), (packed.tenant.as_str(), "pro"));
                    let outcome = if packed.parcel == "broken" { Err("broken") } else { Ok(()) };
                    seen.lock().unwrap().push(packed.parcel);
                    outcome
                }
            }
        };
        let believed = [QUEUE.to_owned(), format!("{QUEUE}.fifo")].into_iter().collect();
        let event = LambdaEvent::new(batch(queue, parcels), lambda_runtime::Context::default());
        let response = each_message(believed, handle).call(event).await.unwrap();
        let failed = response.batch_item_failures.into_iter().map(|failure| failure.item_identifier).collect();
        let seen = seen.lock().unwrap().clone();
        (seen, failed)
    }

    fn texts(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|text| (*text).to_owned()).collect()
    }

    #[tokio::test]
    async fn a_message_that_fails_is_told_alone() {
        assert_eq!(handled(QUEUE, &["a", "broken", "b"]).await, (texts(&["a", "broken", "b"]), texts(&["broken"])));
    }

    #[tokio::test]
    async fn tenants_take_turns_but_in_a_fifo_queue() {
        let came = ["noisy-1", "noisy-2", "noisy-3", "quiet-1"];
        assert_eq!(handled(QUEUE, &came).await.0, texts(&["noisy-1", "quiet-1", "noisy-2", "noisy-3"]));
        assert_eq!(handled(&format!("{QUEUE}.fifo"), &came).await.0, texts(&came));
    }

    #[tokio::test]
    async fn after_a_failure_a_fifo_queues_others_wait() {
        let fifo = format!("{QUEUE}.fifo");
        assert_eq!(handled(&fifo, &["a", "broken", "b"]).await, (texts(&["a", "broken"]), texts(&["broken", "b"])));
    }

    #[tokio::test]
    async fn a_message_of_a_stranger_is_not_handled() {
        assert_eq!(handled("arn:aws:sqs:us-east-1:666666666666:parcels", &["a"]).await, (vec![], texts(&["a"])));
    }

    #[tokio::test]
    async fn who_takes_no_partial_answer_gets_an_error() {
        let event = json!({
            "detail-type": "parcel.packed", "id": "1", "source": "shop", "region": "us-east-1", "account": "666666666666",
            "detail": { "metadata": {}, "data": {} },
        });
        let handle = async |_: ParcelPacked, _: TenantContext| Ok::<(), String>(());
        let event = LambdaEvent::new(event, lambda_runtime::Context::default());
        let mut handler = each_message(BelievedSources::default(), handle);
        assert_eq!(handler.call(event).await.unwrap_err().to_string(), "1 message(s) failed");
    }
}
