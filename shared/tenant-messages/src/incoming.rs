//! Messages as a function receives them: through SQS with the SNS envelope or raw, from SNS directly, or from EventBridge.

use std::collections::HashMap;

use aws_lambda_events::{sns::SnsRecord, sqs::SqsMessage};
use serde::Deserialize;
use serde_json::Value;
use tenant_telemetry::{BelievedSenders, Received, Thresholds};

/// One message, whatever carried it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct IncomingMessage {
    /// The carrier's message id: SQS's, by which a failure is reported, or SNS's where SNS invoked the function.
    pub message_id: String,
    /// `aws_sqs`, `aws.sns` or `aws.eventbridge`, as semantic conventions name them or would.
    pub system: &'static str,
    /// Name of the queue or topic it came from.
    pub source: String,
    /// The topic it was published to, where what carried it says so: raw delivery and EventBridge do not.
    pub topic_arn: Option<String>,
    /// What was published.
    pub body: String,
    /// String attributes as published.
    pub attributes: HashMap<String, String>,
    /// SQS's `AWSTraceHeader`: the X-Ray header of the call that sent the message.
    pub aws_trace_header: Option<String>,
}

impl IncomingMessage {
    /// The message for a CONSUMER span that continues its trace. Its sender's sampling threshold is believed if it came through one of
    /// these topics. What names the topic is the message itself: give it only topics of a queue whose policy lets nobody else send.
    pub fn received_through(&self, topics: &BelievedSenders) -> Received<'_> {
        Received { thresholds: topics.thresholds(self.topic_arn.as_deref()), ..Received::from(self) }
    }
}

impl<'a> From<&'a IncomingMessage> for Received<'a> {
    fn from(message: &'a IncomingMessage) -> Self {
        Self {
            system: message.system,
            destination: &message.source,
            message_id: &message.message_id,
            carrier: &message.attributes,
            xray: message.aws_trace_header.as_deref(),
            thresholds: Thresholds::LeftOut,
        }
    }
}

/// The event is none of those.
#[derive(Debug, thiserror::Error)]
#[error("not an SQS, SNS or EventBridge event: {0}")]
pub struct UnknownEvent(String);

/// The messages of an SQS, SNS or EventBridge event.
pub fn receive(event: Value) -> Result<Vec<IncomingMessage>, UnknownEvent> {
    if let Some(message) = from_eventbridge(&event) {
        return Ok(vec![message]);
    }
    let Value::Object(mut event) = event else { return Err(UnknownEvent("not an object".into())) };
    let Some(Value::Array(records)) = event.remove("Records") else { return Err(UnknownEvent("no Records".into())) };
    records.into_iter().map(message).collect()
}

fn message(record: Value) -> Result<IncomingMessage, UnknownEvent> {
    let unknown = |error: serde_json::Error| UnknownEvent(error.to_string());
    if record["eventSource"] == "aws:sqs" {
        Ok(from_sqs(serde_json::from_value(record).map_err(unknown)?))
    } else if record["EventSource"] == "aws:sns" {
        Ok(from_sns(serde_json::from_value(record).map_err(unknown)?))
    } else {
        Err(UnknownEvent("a record with another event source".into()))
    }
}

/// What SNS puts into an SQS body unless raw delivery is on.
/// <https://docs.aws.amazon.com/sns/latest/dg/sns-message-and-json-formats.html>
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Notification {
    r#type: String,
    message: String,
    topic_arn: Option<String>,
    #[serde(default)]
    message_attributes: HashMap<String, NotificationAttribute>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct NotificationAttribute {
    r#type: String,
    value: String,
}

fn from_sqs(message: SqsMessage) -> IncomingMessage {
    let body = message.body.unwrap_or_default();
    let (body, topic_arn, attributes) = match serde_json::from_str::<Notification>(&body) {
        Ok(wrapped) if wrapped.r#type == "Notification" => {
            let attributes = wrapped.message_attributes.into_iter();
            let strings = attributes.filter(|(_, attribute)| attribute.r#type == "String");
            (wrapped.message, wrapped.topic_arn, strings.map(|(name, attribute)| (name, attribute.value)).collect())
        }
        _ => {
            let event = serde_json::from_str::<Value>(&body).ok();
            if let Some(inner) = event.as_ref().and_then(from_eventbridge) {
                // Through a queue: it is the queue's message that may fail.
                return IncomingMessage {
                    message_id: message.message_id.unwrap_or_default(),
                    system: "aws_sqs",
                    source: last_of_arn(message.event_source_arn.as_deref()),
                    ..inner
                };
            }
            let attributes = message.message_attributes.into_iter();
            (body, None, attributes.filter_map(|(name, attribute)| Some((name, attribute.string_value?))).collect())
        }
    };
    IncomingMessage {
        message_id: message.message_id.unwrap_or_default(),
        system: "aws_sqs",
        source: last_of_arn(message.event_source_arn.as_deref()),
        topic_arn,
        body,
        attributes,
        aws_trace_header: message.attributes.get("AWSTraceHeader").cloned(),
    }
}

fn from_sns(record: SnsRecord) -> IncomingMessage {
    let message = record.sns;
    let attributes = message.message_attributes.into_iter();
    IncomingMessage {
        message_id: message.message_id,
        system: "aws.sns",
        source: last_of_arn(Some(&message.topic_arn)),
        topic_arn: Some(message.topic_arn),
        body: message.message,
        attributes: attributes
            .filter(|(_, attribute)| attribute.data_type == "String")
            .map(|(name, attribute)| (name, attribute.value))
            .collect(),
        aws_trace_header: None,
    }
}

/// EventBridge has no attributes: `detail` holds the message as `data`, and beside it, as `metadata`, what attributes would.
fn from_eventbridge(event: &Value) -> Option<IncomingMessage> {
    event.get("detail-type")?.as_str()?;
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let detail = event.get("detail")?;
    let metadata = detail.get("metadata").and_then(Value::as_object).into_iter().flatten();
    Some(IncomingMessage {
        message_id: text(event.get("id")?)?,
        system: "aws.eventbridge",
        source: text(event.get("source")?)?,
        topic_arn: None,
        body: detail.get("data")?.to_string(),
        attributes: metadata.filter_map(|(name, value)| Some((name.clone(), text(value)?))).collect(),
        aws_trace_header: None,
    })
}

fn last_of_arn(arn: Option<&str>) -> String {
    arn.and_then(|arn| arn.rsplit(':').next()).unwrap_or_default().to_owned()
}
