//! A batch of events about bookings arrived: post their miles, or take them back.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use airline_events::BOOKING_NUMBER;
use aws_lambda_events::sqs::{BatchItemFailure, SqsBatchResponse};
use futures_util::future::join_all;
use lambda_runtime::LambdaEvent;
use serde_json::Value;
use tenancy::{TenantContext, TenantId, UserId};
use tenant_messages::{BelievedSources, IncomingMessage, InvalidMessage, UnknownEvent, receive};
use tenant_store::StoreError;
use tenant_telemetry::{Work, process};

use crate::{
    booking_event::BookingEvent,
    ledger::{Entry, Ledger, Posted},
    route::{Route, UnknownAirport},
};

/// What posting one message may take. With less time than this left, the rest of a batch is left for the next delivery.
const POSTING: Duration = Duration::from_secs(10);
const LONGEST_INVOCATION: Duration = Duration::from_secs(900);

/// Why a message was not accrued.
#[derive(Debug, thiserror::Error)]
enum Rejected {
    #[error(transparent)]
    Invalid(#[from] InvalidMessage),
    #[error(transparent)]
    UnknownAirport(#[from] UnknownAirport),
    #[error(transparent)]
    Ledger(#[from] StoreError),
}

/// Why an invocation as a whole failed.
#[derive(Debug, thiserror::Error)]
pub enum Failed {
    /// The function was invoked by something else than SQS, SNS or EventBridge.
    #[error(transparent)]
    UnknownEvent(#[from] UnknownEvent),
    /// SNS or EventBridge invoked the function and has no partial answer: it will deliver again.
    #[error("{0} message(s) not accrued")]
    Direct(usize),
}

/// What SQS is told: which messages to deliver again.
pub type Accrued = SqsBatchResponse;

/// Posts what every message does to the ledger. Messages of one user go one after another, so that their transactions do not fight
/// over one balance; users go side by side. A message that fails is named, and the rest succeeds. Whose
/// messages are taken, and whose sampling thresholds count, `believed` says.
pub async fn accrue(
    ledger: Arc<Ledger>,
    believed: &BelievedSources,
    event: LambdaEvent<Value>,
) -> Result<Accrued, Failed> {
    // A host that sets no deadline gives the most there is.
    let left = event.context.deadline().duration_since(SystemTime::now()).unwrap_or(LONGEST_INVOCATION);
    let last_start = Instant::now() + left.saturating_sub(POSTING);
    let messages = receive(event.payload)?;
    // Only a queue takes a partial answer.
    let direct = messages.iter().any(|message| message.system != "aws_sqs");
    let users = by_user(messages, believed)
        .into_values()
        .map(|messages| one_after_another(&ledger, believed, messages, last_start));
    let failed: Vec<String> = join_all(users).await.into_iter().flatten().collect();
    if direct && !failed.is_empty() {
        return Err(Failed::Direct(failed.len()));
    }
    let failure = |message_id| {
        let mut failure = BatchItemFailure::default();
        failure.item_identifier = message_id;
        failure
    };
    let mut response = SqsBatchResponse::default();
    response.batch_item_failures = failed.into_iter().map(failure).collect();
    Ok(response)
}

type Parsed = Result<(BookingEvent, TenantContext), InvalidMessage>;
type User = (TenantId, Option<UserId>);

/// Messages by the user they are for, in the order in which they came. What does not parse has none.
fn by_user(
    messages: Vec<IncomingMessage>,
    believed: &BelievedSources,
) -> BTreeMap<Option<User>, Vec<(IncomingMessage, Parsed)>> {
    let mut users: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for message in messages {
        let parsed = BookingEvent::accept(&message, believed);
        let user = parsed.as_ref().ok().map(|(_, tenant)| (tenant.tenant_id.clone(), tenant.user_id.clone()));
        users.entry(user).or_default().push((message, parsed));
    }
    users
}

/// The ids of those that failed.
async fn one_after_another(
    ledger: &Ledger,
    believed: &BelievedSources,
    messages: Vec<(IncomingMessage, Parsed)>,
    last_start: Instant,
) -> Vec<String> {
    let mut failed = Vec::new();
    for (index, (message, parsed)) in messages.into_iter().enumerate() {
        if index > 0 && Instant::now() > last_start {
            tracing::warn!(message_id = message.message_id, "no time left: to be delivered again");
            failed.push(message.message_id);
            continue;
        }
        let tenant = parsed.as_ref().ok().map(|(_, tenant)| tenant.label().clone());
        let done = process(believed.received(&message), tenant, async {
            let outcome = post(ledger, parsed).await;
            match &outcome {
                Ok(Posted::Now) => tracing::info!(message_id = message.message_id, "miles posted"),
                Ok(Posted::Before) => tracing::info!(message_id = message.message_id, "delivered again: nothing to do"),
                Err(reason) => tracing::error!(message_id = message.message_id, %reason, "message not accrued"),
            }
            outcome
        });
        if done.await.is_err() {
            failed.push(message.message_id);
        }
    }
    failed
}

async fn post(ledger: &Ledger, parsed: Parsed) -> Result<Posted, Rejected> {
    let (BookingEvent { kind, booking }, tenant) = parsed?;
    Work::current().annotate(BOOKING_NUMBER, &booking.booking_number);
    let miles = Route::of(&booking)?.miles();
    Ok(ledger.post(&tenant, &Entry::of(kind, booking, miles, jiff::Timestamp::now())).await?)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const QUEUE: &str = "arn:aws:sqs:us-east-1:222222222222:mileage-bookings-dev";

    fn message(id: &str, user: &str) -> IncomingMessage {
        let body = format!(
            r#"{{"version":1,"booking_number":"0000000{id}","from_airport":"LHR","to_airport":"JFK",
                "departure_date":"2027-01-01","sub":"{user}","Tier-level":"basic","Tenant-id":"acme"}}"#
        );
        received(id, &body)
    }

    fn received(id: &str, body: &str) -> IncomingMessage {
        let text = |value: &str| json!({ "dataType": "String", "stringValue": value, "stringListValues": [], "binaryListValues": [] });
        let attributes = json!({
            "tenant_id": text("acme"), "tenant_tier": text("basic"), "event_type": text("booking.confirmed"),
        });
        let record = json!({
            "eventSource": "aws:sqs", "eventSourceARN": QUEUE, "messageId": id, "body": body, "attributes": {},
            "messageAttributes": attributes,
        });
        receive(json!({ "Records": [record] })).unwrap().remove(0)
    }

    #[test]
    fn messages_of_one_user_keep_their_order() {
        let batch = vec![message("1", "u1"), message("2", "u2"), message("3", "u1"), received("4", "{")];
        let ids = |messages: &Vec<(IncomingMessage, Parsed)>| -> Vec<String> {
            messages.iter().map(|(message, _)| message.message_id.clone()).collect()
        };
        let believed = [QUEUE.to_owned()].into_iter().collect();
        let grouped: Vec<Vec<String>> = by_user(batch, &believed).values().map(ids).collect();
        assert_eq!(grouped, [vec!["4"], vec!["1", "3"], vec!["2"]]);
    }
}
