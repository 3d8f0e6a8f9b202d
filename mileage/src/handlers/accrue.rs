//! A batch of events about bookings arrived: post their miles, or take them back.

use std::{
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use airline_events::BOOKING_NUMBER;
use aws_lambda_events::sqs::{BatchItemFailure, SqsBatchResponse};
use lambda_runtime::LambdaEvent;
use opentelemetry::metrics::Counter;
use serde_json::Value;
use tenancy::{TenantContext, TenantId, UserId};
use tenant_messages::{BelievedSources, IncomingMessage, InvalidMessage, Turns, UnknownEvent, receive};
use tenant_store::StoreError;
use tenant_telemetry::{Work, process};

use super::in_turns::in_turns;
use crate::{
    booking_event::BookingEvent,
    ledger::{EntryKind, Ledger, LedgerEntry, Posted},
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
pub enum AccrualError {
    /// The function was invoked by something else than SQS, SNS or EventBridge.
    #[error(transparent)]
    UnknownEvent(#[from] UnknownEvent),
    /// SNS or EventBridge invoked the function and has no partial answer: it will deliver again.
    #[error("{0} message(s) not accrued")]
    Direct(usize),
}

/// The answer to SQS: which messages to deliver again.
pub type Accrued = SqsBatchResponse;

/// Posts what every message does to the ledger. Messages of one user go one after another, so that their transactions do not fight
/// over one balance; users go side by side, and tenants take turns, so that none waits for another's many. A message that fails, or
/// for which there is no time, is named, and the rest succeeds. Whose messages are taken, and whose sampling thresholds count, `believed` says.
/// `miles` counts what is earned.
pub async fn accrue(
    ledger: Arc<Ledger>,
    believed: &BelievedSources,
    miles: &Counter<u64>,
    event: LambdaEvent<Value>,
) -> Result<Accrued, AccrualError> {
    // A host that sets no deadline gives the most there is.
    let left = event.context.deadline().duration_since(SystemTime::now()).unwrap_or(LONGEST_INVOCATION);
    let last_start = Instant::now() + left.saturating_sub(POSTING);
    let messages = receive(event.payload)?;
    // Only a queue takes a partial answer.
    let direct = messages.iter().any(|message| message.system != "aws_sqs");
    let post_one = |(message, parsed)| post_one(&ledger, believed, miles, message, parsed);
    let (outcomes, left) = in_turns(by_user(messages, believed), || Instant::now() < last_start, post_one).await;
    let left = left.into_iter().map(|(message, _)| {
        tracing::warn!(message_id = message.message_id, "no time left: to be delivered again");
        message.message_id
    });
    let failed: Vec<String> = outcomes.into_iter().filter_map(Result::err).chain(left).collect();
    if direct && !failed.is_empty() {
        return Err(AccrualError::Direct(failed.len()));
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

/// Messages by whom they are for. What does not parse is for nobody, and has its turns too.
fn by_user(
    messages: Vec<IncomingMessage>,
    believed: &BelievedSources,
) -> Turns<Option<UserId>, (IncomingMessage, Parsed)> {
    Turns::new(messages.into_iter().map(|message| {
        let parsed = BookingEvent::accept(&message, believed);
        let whose: Option<(TenantId, Option<UserId>)> =
            parsed.as_ref().ok().map(|(_, tenant)| (tenant.tenant_id.clone(), tenant.user_id.clone()));
        let (tenant, user) = whose.unzip();
        (tenant, user.flatten(), (message, parsed))
    }))
}

/// Posts the miles of one message, in a span of its own; its id if that failed.
async fn post_one(
    ledger: &Ledger,
    believed: &BelievedSources,
    miles: &Counter<u64>,
    message: IncomingMessage,
    parsed: Parsed,
) -> Result<(), String> {
    let tenant = parsed.as_ref().ok().map(|(_, tenant)| tenant.label().clone());
    let posted = process(believed.received(&message), tenant, async {
        let outcome = post(ledger, miles, parsed).await;
        match &outcome {
            Ok(Posted::Now) => tracing::info!(message_id = message.message_id, "miles posted"),
            Ok(Posted::Before) => tracing::info!(message_id = message.message_id, "delivered again: nothing to do"),
            Err(reason) => tracing::error!(message_id = message.message_id, %reason, "message not accrued"),
        }
        outcome
    });
    posted.await.map(drop).map_err(|_| message.message_id.clone())
}

async fn post(ledger: &Ledger, counted: &Counter<u64>, parsed: Parsed) -> Result<Posted, Rejected> {
    let (BookingEvent { kind, booking }, tenant) = parsed?;
    Work::current().annotate(BOOKING_NUMBER, &booking.booking_number);
    // What is taken back is what was earned, whatever is known of airports by now.
    let earned = match kind {
        EntryKind::Earned => None,
        EntryKind::TakenBack => ledger.earned(&tenant, &booking.booking_number).await?,
    };
    let miles = match earned {
        Some(miles) => miles,
        None => Route::of(&booking)?.miles().0.into(),
    };
    let posted = ledger.post(&tenant, &LedgerEntry::of(kind, booking, miles, jiff::Timestamp::now())).await?;
    if (kind, posted) == (EntryKind::Earned, Posted::Now) {
        counted.add(miles.unsigned_abs(), &[]);
    }
    Ok(posted)
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
        let believed = [QUEUE.to_owned()].into_iter().collect();
        let mut turns = by_user(batch, &believed);
        let begun: Vec<_> = std::iter::from_fn(|| turns.take()).collect();
        let ids: Vec<_> = begun.iter().map(|(_, (message, _))| message.message_id.as_str()).collect();
        assert_eq!(ids, ["1", "4", "2"]);
        begun.into_iter().for_each(|(whose, _)| turns.done(whose));
        assert_eq!(turns.take().map(|(_, (message, _))| message.message_id), Some("3".to_owned()));
    }
}
