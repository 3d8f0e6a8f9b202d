//! Reservations and cancellations came out of the table's stream: publish them.
//!
//! The stream delivers at least once and in order per user; consumers take a message twice without harm. So any failure
//! fails the whole batch, and it comes again.

use std::{collections::HashMap, time::SystemTime};

use airline_events::{BOOKING_NUMBER, BookingConfirmed};
use aws_lambda_events::dynamodb::EventRecord;
use lambda_http_client::aws::describe;
use lambda_runtime::LambdaEvent;
use serde::Deserialize;
use serde_json::Value;
use tenancy::TenantLabel;
use tenant_messages::{InvalidMessage, TenantMessage, Written};
use tenant_telemetry::{MessageContexts, MessageSpan, Received, Thresholds};

use crate::reservations::{StoredCancellation, StoredReservation};

/// The most entries SNS takes in one call.
const MAX_ENTRIES: usize = 10;

/// Why a batch comes again.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// The event has no records.
    #[error("not a DynamoDB stream event")]
    UnknownEvent,
    /// SNS did not take a batch, or not all of it.
    #[error("not published: {0}")]
    NotPublished(String),
    /// A record that cannot be read could not be set aside.
    #[error("not parked: {0}")]
    NotParked(String),
}

/// What there is to publish.
#[derive(Debug, Clone)]
pub enum BookingChange {
    /// A flight was booked.
    Reservation(StoredReservation),
    /// A booking was cancelled.
    Cancellation(StoredCancellation),
}

/// Publishes what happened to bookings to the topic, and sets aside what it cannot read.
#[derive(Debug, Clone)]
pub struct Publisher {
    /// The client that publishes bookings.
    pub sns: aws_sdk_sns::Client,
    /// The client that parks records which cannot be read.
    pub sqs: aws_sdk_sqs::Client,
    /// The topic to which bookings are published.
    pub topic_arn: String,
    /// The queue for records that cannot be read.
    pub parking_queue_url: String,
}

/// What cannot be published, since its message would not be one of the contract.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unwritable {
    /// The number of the booking that could not be published.
    pub booking_number: String,
    /// What is wrong with it.
    pub reason: String,
}

/// A message on its way out, in the trace of the request that it tells of.
struct Outgoing {
    span: MessageSpan,
    written: Written,
}

impl Publisher {
    /// Publishes every reservation and cancellation of a stream event.
    pub async fn publish(&self, event: LambdaEvent<Value>) -> Result<(), PublishError> {
        let Some(records) = event.payload.get("Records").and_then(Value::as_array) else {
            return Err(PublishError::UnknownEvent);
        };
        let mut outgoing = Vec::new();
        for record in records {
            match read(record) {
                Ok(message) => outgoing.push(message),
                Err(reason) => self.park(record, &reason).await?,
            }
        }
        self.send_all(outgoing).await
    }

    /// Publishes what is in `table` once more, each in the trace of its own request: for those whose stream records were
    /// given up. Consumers take a message twice without harm. What cannot be written is left out, and answered.
    pub async fn republish(&self, table: &str, stored: &[BookingChange]) -> Result<Vec<Unwritable>, PublishError> {
        let (outgoing, unwritable) = written(stored, table);
        self.send_all(outgoing).await?;
        Ok(unwritable)
    }

    async fn send_all(&self, mut outgoing: Vec<Outgoing>) -> Result<(), PublishError> {
        while !outgoing.is_empty() {
            let rest = outgoing.split_off(outgoing.len().min(MAX_ENTRIES));
            self.send(std::mem::replace(&mut outgoing, rest)).await?;
        }
        Ok(())
    }

    async fn send(&self, batch: Vec<Outgoing>) -> Result<(), PublishError> {
        let contexts = batch.iter().map(|message| message.span.context().clone()).collect();
        let entries: Result<Vec<_>, PublishError> = batch
            .iter()
            .enumerate()
            .map(|(index, message)| message.written.clone().sns_entry(index.to_string()))
            .map(|entry| entry.map_err(|error| PublishError::NotPublished(error.to_string())))
            .collect();
        let call =
            self.sns.publish_batch().topic_arn(&self.topic_arn).set_publish_batch_request_entries(Some(entries?));
        let sent = call.customize().interceptor(MessageContexts::new(contexts)).send().await;
        let failed = match sent {
            Ok(output) => {
                output.failed().iter().map(|failed| (failed.id().to_owned(), failed.code().to_owned())).collect()
            }
            Err(error) => {
                let error = PublishError::NotPublished(describe(&error));
                batch.into_iter().for_each(|message| message.span.finish(Some(&error)));
                return Err(error);
            }
        };
        finish(batch, failed)
    }

    /// Sets a whole record aside where it can be looked at; the reason is logged under its id.
    async fn park(&self, record: &Value, reason: &str) -> Result<(), PublishError> {
        let event_id = record["eventID"].as_str().unwrap_or_default();
        tracing::error!(event_id, reason, "record not readable: parked");
        let send = self.sqs.send_message().queue_url(&self.parking_queue_url).message_body(record.to_string());
        send.send().await.map(|_| ()).map_err(|error| PublishError::NotParked(describe(&error)))
    }
}

/// Ends each message's span with its own outcome.
fn finish(batch: Vec<Outgoing>, failed: Vec<(String, String)>) -> Result<(), PublishError> {
    for (index, message) in batch.into_iter().enumerate() {
        let code = failed.iter().find(|(id, _)| *id == index.to_string()).map(|(_, code)| code);
        if code.is_none() {
            let entered = message.span.context().clone().attach();
            tracing::info!("published");
            drop(entered);
        }
        message.span.finish(code);
    }
    match failed.first() {
        None => Ok(()),
        Some((_, code)) => Err(PublishError::NotPublished(format!("{} of the batch: {code}", failed.len()))),
    }
}

#[derive(Deserialize)]
struct Key {
    sk: String,
}

fn read(record: &Value) -> Result<Outgoing, String> {
    let record: EventRecord = serde_json::from_value(record.clone()).map_err(|error| error.to_string())?;
    let Key { sk } = serde_dynamo::from_item(record.change.keys).map_err(|error| error.to_string())?;
    let image = record.change.new_image;
    let stored = if sk.starts_with(StoredCancellation::PREFIX) {
        serde_dynamo::from_item(image).map(BookingChange::Cancellation)
    } else {
        serde_dynamo::from_item(image).map(BookingChange::Reservation)
    };
    // arn:aws:dynamodb:<region>:<account>:table/<table>/stream/<label>
    let table = record.event_source_arn.as_deref().and_then(|arn| arn.split('/').nth(1)).unwrap_or_default();
    let stored = stored.map_err(|error| error.to_string())?;
    // Without it, a record says that it is of 1970.
    let changed = Some(SystemTime::from(record.change.approximate_creation_date_time));
    let changed = changed.filter(|time| *time > SystemTime::UNIX_EPOCH);
    outgoing(&stored, table, &record.event_id, changed).map_err(|error| error.to_string())
}

fn outgoing(
    stored: &BookingChange,
    table: &str,
    message_id: &str,
    changed: Option<SystemTime>,
) -> Result<Outgoing, InvalidMessage> {
    let (written, label, trace) = match stored {
        BookingChange::Reservation(stored) => message_of(&BookingConfirmed(stored.booking()), &stored.trace)?,
        BookingChange::Cancellation(stored) => message_of(&stored.event(), &stored.trace)?,
    };
    let received = Received {
        system: "aws.dynamodb",
        destination: table,
        message_id,
        carrier: trace,
        xray: None,
        sent: changed,
        deliveries: None,
        // booking-api wrote it, and left strangers' thresholds out.
        thresholds: Thresholds::Believed,
    };
    let span = MessageSpan::start(received, Some(label));
    span.annotate(BOOKING_NUMBER, stored.booking_number());
    Ok(Outgoing { span, written })
}

/// The messages of these, and what no message can be written of.
fn written(stored: &[BookingChange], table: &str) -> (Vec<Outgoing>, Vec<Unwritable>) {
    let (mut messages, mut unwritable) = (Vec::new(), Vec::new());
    for stored in stored {
        let booking_number = stored.booking_number();
        match outgoing(stored, table, booking_number, None) {
            Ok(message) => messages.push(message),
            Err(error) => {
                unwritable.push(Unwritable { booking_number: booking_number.to_owned(), reason: error.to_string() });
            }
        }
    }
    (messages, unwritable)
}

type Trace = HashMap<String, String>;

fn message_of<'a>(
    event: &impl TenantMessage,
    trace: &'a Trace,
) -> Result<(Written, TenantLabel, &'a Trace), InvalidMessage> {
    Ok((event.write()?, event.label()?, trace))
}

impl BookingChange {
    fn booking_number(&self) -> &str {
        match self {
            Self::Reservation(stored) => stored.reservation.booking_number.as_str(),
            Self::Cancellation(stored) => stored.booking_number.as_str(),
        }
    }
}

#[cfg(test)]
mod tests {
    use opentelemetry::trace::TraceContextExt;

    use super::*;

    fn record() -> Value {
        let event: Value = serde_json::from_str(include_str!("payloads/stream.json")).unwrap();
        event["Records"][0].clone()
    }

    #[test]
    fn a_stream_record_becomes_a_message_of_its_tenant() {
        let Outgoing { written, span } = read(&record()).unwrap();
        let entry = written.sns_entry("0").unwrap();
        assert!(entry.message().contains("\"7T42H7MK\""), "{entry:?}");
        let attributes = entry.message_attributes().unwrap();
        assert_eq!(attributes["tenant_id"].string_value(), Some("acme"));
        assert_eq!(entry.message_group_id(), Some("acme"));
        assert!(span.context().has_active_span());
        span.finish(None::<&String>);
    }

    #[test]
    fn a_cancellation_becomes_the_other_event() {
        let mut record = record();
        record["dynamodb"]["Keys"]["sk"]["S"] = "CANCELLATION#7T42H7MK".into();
        let image = record["dynamodb"]["NewImage"].as_object_mut().unwrap();
        image.remove("passenger_name");
        image.remove("created_at");
        image.insert("cancelled_at".into(), serde_json::json!({ "S": "2026-11-22T05:10:06.207Z" }));
        let Outgoing { written, span } = read(&record).unwrap();
        assert_eq!(written.attributes[2], ("event_type", "booking.cancelled".to_owned()));
        assert!(["\"7T42H7MK\"", "\"LHR\"", "\"JFK\""].iter().all(|part| written.body.contains(part)), "{written:?}");
        span.finish(None::<&String>);
    }

    #[test]
    fn what_cannot_be_written_keeps_nothing_else_from_being_published_again() {
        let stored = |from_airport: &str| {
            let mut image = record()["dynamodb"]["NewImage"].clone();
            image["from_airport"]["S"] = from_airport.into();
            let image: serde_dynamo::Item = serde_json::from_value(image).unwrap();
            BookingChange::Reservation(serde_dynamo::from_item(image).unwrap())
        };
        let (messages, unwritable) = written(&[stored("LHR"), stored("?"), stored("CDG")], "reservations");
        assert_eq!(messages.len(), 2);
        assert_eq!(unwritable.iter().map(|one| one.booking_number.as_str()).collect::<Vec<_>>(), ["7T42H7MK"]);
        messages.into_iter().for_each(|message| message.span.finish(None::<&String>));
    }

    #[test]
    fn a_record_without_what_a_message_needs_is_not_read() {
        let mut record = record();
        let image = record["dynamodb"]["NewImage"].as_object_mut().unwrap();
        image.remove("tenant_id");
        assert!(read(&record).is_err_and(|reason| reason.contains("tenant_id")));
        assert!(read(&Value::Null).is_err());
    }
}
