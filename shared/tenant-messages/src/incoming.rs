//! Messages as a function receives them: through SQS with the SNS envelope or raw, from SNS directly, or from EventBridge.

use std::{
    collections::HashMap,
    fmt,
    time::{Duration, SystemTime},
};

use aws_lambda_events::{sns::SnsRecord, sqs::SqsMessage};
use serde::Deserialize;
use serde_json::Value;

/// One message, whatever carried it. [`receive`] makes it and nothing can change it afterwards, since code that could change a believed message could
/// make it name another tenant.
///
/// ```compile_fail,E0616
/// fn forge(genuine: &mut tenant_messages::IncomingMessage) {
///     genuine.body = r#"{"version":1,"tenant":"another"}"#.to_owned();
/// }
/// ```
///
/// ```compile_fail,E0451
/// # use tenant_messages::IncomingMessage;
/// fn forge(genuine: IncomingMessage) -> IncomingMessage {
///     IncomingMessage { body: String::new(), ..genuine }
/// }
/// ```
///
/// ```compile_fail,E0596
/// fn forge(genuine: &mut tenant_messages::IncomingMessage) {
///     genuine.attributes().insert("tenant_id".to_owned(), "another".to_owned());
/// }
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct IncomingMessage {
    /// The carrier's message id: SQS's, by which a failure is reported, or SNS's where SNS invoked the function.
    pub message_id: String,
    /// `aws_sqs`, `aws.sns` or `aws.eventbridge`, as semantic conventions name them or would.
    pub system: &'static str,
    /// The name of the queue or topic that it came from.
    pub source: String,
    /// SQS's `AWSTraceHeader`: the X-Ray header of the call that sent the message.
    pub aws_trace_header: Option<String>,
    /// When the queue, SNS or EventBridge accepted it.
    pub sent: Option<SystemTime>,
    /// How many times the queue has delivered it, this time included. Only SQS says so.
    pub deliveries: Option<u32>,
    /// What carried it, the last carrier first: the queue that Lambda read it from, then the topic or bus before that. With raw delivery a message
    /// does not name its topic.
    pub(crate) carriers: Vec<Carrier>,
    pub(crate) body: String,
    pub(crate) attributes: HashMap<String, String>,
}

impl IncomingMessage {
    /// The message's body, as its sender published it.
    pub fn body(&self) -> &str {
        &self.body
    }

    /// The string attributes, as the sender published them.
    pub fn attributes(&self) -> &HashMap<String, String> {
        &self.attributes
    }
}

/// A queue, topic or bus that carried a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Carrier {
    /// A queue of SQS, by its ARN.
    Queue(String),
    /// A topic of SNS, by its ARN.
    Topic(String),
    /// An event bus of EventBridge. An event does not say which bus of its account it came through.
    Bus {
        /// The region of the event.
        region: String,
        /// The account that the event came from.
        account: String,
    },
}

impl fmt::Display for Carrier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Queue(arn) | Self::Topic(arn) => f.write_str(arn),
            Self::Bus { region, account } => write!(f, "an event bus of account {account} in {region}"),
        }
    }
}

/// The function was invoked with another event than one of SQS, SNS or EventBridge.
#[derive(Debug, thiserror::Error)]
#[error("not an SQS, SNS or EventBridge event: {0}")]
pub struct UnknownEvent(String);

/// The messages of an SQS, SNS or EventBridge event, as Lambda hands it to a function.
///
/// # Errors
///
/// [`UnknownEvent`] where the event, or one of its records, is of another kind.
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
    let queue = message.event_source_arn.unwrap_or_default();
    let body = message.body.unwrap_or_default();
    // <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ReceiveMessage.html>
    let of_queue = |name: &str| message.attributes.get(name);
    let sent = of_queue("SentTimestamp").and_then(|milliseconds| milliseconds.parse().ok());
    let deliveries = of_queue("ApproximateReceiveCount").and_then(|count| count.parse().ok());
    let trace_header = of_queue("AWSTraceHeader").cloned();
    let (before, body, attributes) = match unwrapped(&body) {
        Some(inner) => inner,
        None => {
            let attributes = message.message_attributes.into_iter();
            (None, body, attributes.filter_map(|(name, attribute)| Some((name, attribute.string_value?))).collect())
        }
    };
    IncomingMessage {
        message_id: message.message_id.unwrap_or_default(),
        system: "aws_sqs",
        source: last_of_arn(&queue),
        carriers: std::iter::once(Carrier::Queue(queue)).chain(before).collect(),
        body,
        attributes,
        aws_trace_header: trace_header,
        sent: sent.and_then(|milliseconds| SystemTime::UNIX_EPOCH.checked_add(Duration::from_millis(milliseconds))),
        deliveries,
    }
}

/// Unwraps the body of a queue's message that SNS or EventBridge has put there, into the carrier, the message and its attributes.
fn unwrapped(body: &str) -> Option<(Option<Carrier>, String, HashMap<String, String>)> {
    match serde_json::from_str::<Notification>(body) {
        Ok(wrapped) if wrapped.r#type == "Notification" => {
            let attributes = wrapped.message_attributes.into_iter();
            let strings = attributes.filter(|(_, attribute)| attribute.r#type == "String");
            let strings = strings.map(|(name, attribute)| (name, attribute.value)).collect();
            Some((wrapped.topic_arn.map(Carrier::Topic), wrapped.message, strings))
        }
        _ => {
            // Through a queue: it is the queue's message that may fail, and its id that counts.
            let event = from_eventbridge(&serde_json::from_str(body).ok()?)?;
            Some((event.carriers.into_iter().next(), event.body, event.attributes))
        }
    }
}

fn from_sns(record: SnsRecord) -> IncomingMessage {
    let message = record.sns;
    let attributes = message.message_attributes.into_iter();
    IncomingMessage {
        message_id: message.message_id,
        system: "aws.sns",
        source: last_of_arn(&message.topic_arn),
        carriers: vec![Carrier::Topic(message.topic_arn)],
        body: message.message,
        attributes: attributes
            .filter(|(_, attribute)| attribute.data_type == "String")
            .map(|(name, attribute)| (name, attribute.value))
            .collect(),
        aws_trace_header: None,
        sent: Some(message.timestamp.into()),
        deliveries: None,
    }
}

/// EventBridge has no attributes: `detail` holds the message as `data` and, as `metadata`, what attributes would hold. In an event without these two
/// members, the whole `detail` is the message, without attributes.
fn from_eventbridge(event: &Value) -> Option<IncomingMessage> {
    event.get("detail-type")?.as_str()?;
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let detail = event.get("detail")?;
    let (body, metadata) = match (detail.get("data"), detail.get("metadata").and_then(Value::as_object)) {
        (Some(data), Some(metadata)) => (data, Some(metadata)),
        _ => (detail, None),
    };
    Some(IncomingMessage {
        message_id: text(event.get("id")?)?,
        system: "aws.eventbridge",
        source: text(event.get("source")?)?,
        carriers: vec![Carrier::Bus { region: text(event.get("region")?)?, account: text(event.get("account")?)? }],
        body: body.to_string(),
        attributes: metadata
            .into_iter()
            .flatten()
            .filter_map(|(name, value)| Some((name.clone(), text(value)?)))
            .collect(),
        aws_trace_header: None,
        sent: event.get("time").and_then(|time| time.as_str()?.parse::<jiff::Timestamp>().ok()).map(Into::into),
        deliveries: None,
    })
}

fn last_of_arn(arn: &str) -> String {
    arn.rsplit(':').next().unwrap_or_default().to_owned()
}
