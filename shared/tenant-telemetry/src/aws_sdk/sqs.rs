//! SQS: each message sent has a span, and carries context as attributes; other calls name their queue.

use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use opentelemetry::KeyValue;

use super::{
    call::{Call, CallSpan, MessageDestination, replace_body, send_entries, text},
    context::Fields,
    json::{Object, quoted},
};
use crate::{propagation, semconv};

const ATTRIBUTES: &str = "MessageAttributes";
/// System attributes do not count among the ten attributes that a message may have.
const SYSTEM_ATTRIBUTES: &str = "MessageSystemAttributes";
const TRACE_HEADER: &str = "AWSTraceHeader";

/// Starts a span for each message, and puts its context into the request.
pub(super) fn send(call: &Call<'_>, request: &mut HttpRequest) -> Option<Vec<CallSpan>> {
    let mut body = Object::parse(text(request)?)?;
    let queue = body.string("QueueUrl")?;
    let to = MessageDestination {
        system: "aws_sqs",
        name: name(&queue).to_owned(),
        identity: Some(KeyValue::new(semconv::AWS_SQS_QUEUE_URL, queue)),
    };
    let spans = if call.operation == "SendMessage" {
        let span = call.start_send(0, String::new(), &to);
        put_attributes(&mut body, &span);
        vec![span]
    } else {
        send_entries(&mut body, |index, entry| {
            let span = call.start_send(index, entry.string("Id").unwrap_or_default(), &to);
            put_attributes(entry, &span);
            put_trace_header(entry, &span);
            span
        })?
    };
    replace_body(request, body.to_string());
    Some(spans)
}

fn put_attributes(message: &mut Object<'_>, span: &CallSpan) {
    let there = message.get(ATTRIBUTES).unwrap_or("{}").to_owned();
    let Some(mut attributes) = Object::parse(&there) else { return };
    let fields = Fields::of(&span.cx).with_room_among(attributes.names(), &span.cx);
    for (name, value) in fields.into_pairs() {
        attributes.set(&name, attribute(&value));
    }
    if attributes.names().next().is_some() {
        message.set(ATTRIBUTES, attributes.to_string());
    }
}

/// Sets the X-Ray header of a single message, since the request's own header is one for all its messages.
fn put_trace_header(message: &mut Object<'_>, span: &CallSpan) {
    let there = message.get(SYSTEM_ATTRIBUTES).unwrap_or("{}").to_owned();
    let Some(mut attributes) = Object::parse(&there) else { return };
    if let (None, Some(header)) = (attributes.get(TRACE_HEADER), propagation::xray_header(&span.cx)) {
        attributes.set(TRACE_HEADER, attribute(&header));
        message.set(SYSTEM_ATTRIBUTES, attributes.to_string());
    }
}

fn attribute(value: &str) -> String {
    format!(r#"{{"DataType":"String","StringValue":{}}}"#, quoted(value))
}

/// The attributes of any other call: its queue, if it names one.
pub(super) fn attributes(operation: &str, body: &str) -> Vec<KeyValue> {
    let Some(queue) = Object::parse(body).and_then(|body| body.string("QueueUrl")) else { return Vec::new() };
    let kind = match operation {
        "ReceiveMessage" => Some(("receive", "receive")),
        "DeleteMessage" | "DeleteMessageBatch" => Some(("settle", "delete")),
        _ => None,
    };
    let mut attributes = Vec::with_capacity(5);
    if let Some((kind, operation)) = kind {
        attributes.extend([
            KeyValue::new(semconv::MESSAGING_SYSTEM, "aws_sqs"),
            KeyValue::new(semconv::MESSAGING_OPERATION_TYPE, kind),
            KeyValue::new(semconv::MESSAGING_OPERATION_NAME, operation),
            KeyValue::new(semconv::MESSAGING_DESTINATION_NAME, name(&queue).to_owned()),
        ]);
    }
    attributes.push(KeyValue::new(semconv::AWS_SQS_QUEUE_URL, queue));
    attributes
}

fn name(queue_url: &str) -> &str {
    queue_url.rsplit('/').next().unwrap_or_default()
}
