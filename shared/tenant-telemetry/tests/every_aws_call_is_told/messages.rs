//! What is sent: a span for each message, and what each carries.

use std::collections::BTreeMap;

use opentelemetry::trace::{SpanKind, Status, TraceId};
use serde_json::{Value, json};
use tenant_telemetry::MessageContexts;

use crate::aws::{Aws, BAGGAGE, ID, assert_told, attributes, elsewhere, failed, one, told, traceparent, xray};

const TOPIC: &str = "arn:aws:sns:eu-west-1:111111111111:orders";
const QUEUE: &str = "https://sqs.eu-west-1.amazonaws.com/111111111111/orders";

#[tokio::test]
async fn a_message_to_a_topic_carries_its_context() {
    let answer = "<PublishResponse><PublishResult><MessageId>m-1</MessageId></PublishResult></PublishResponse>";
    let aws = Aws::default().answer(200, &[ID], answer);
    let client = client!(aws_sdk_sns, aws);
    let attribute = |value: &str| {
        let attribute = aws_sdk_sns::types::MessageAttributeValue::builder().data_type("String").string_value(value);
        attribute.build().unwrap()
    };
    let message = "a=b&c+d é \u{1f680}";
    let call = client.publish().topic_arn(TOPIC).message(message).message_attributes("kind", attribute("a&b"));
    let call = call.message_attributes("traceparent", attribute("old"));
    let (_, span) = one(|_| call.send()).await;
    assert_eq!((span.name.as_ref(), span.span_kind.clone()), ("send orders", SpanKind::Producer));
    let more = [
        ("messaging.system", "aws.sns"),
        ("messaging.operation.type", "send"),
        ("messaging.operation.name", "send"),
        ("messaging.destination.name", "orders"),
        ("messaging.message.id", "m-1"),
        ("aws.sns.topic.arn", TOPIC),
    ];
    assert_told(&span, "SNS/Publish", "sns.eu-west-1.amazonaws.com", &more);
    let sent = aws.sent();
    let form = sent.form();
    assert_eq!((form["Message"].as_str(), form["TopicArn"].as_str()), (message, TOPIC));
    let values: BTreeMap<&str, &str> = (1..=3)
        .map(|index| {
            let field = |name: &str| form[&format!("MessageAttributes.entry.{index}.{name}")].as_str();
            assert_eq!(field("Value.DataType"), "String");
            (field("Name"), field("Value.StringValue"))
        })
        .collect();
    let traceparent = traceparent(&span);
    assert_eq!(values, [("kind", "a&b"), ("traceparent", &traceparent), ("baggage", BAGGAGE)].into());
    assert_eq!(form.keys().filter(|key| key.contains(".entry.")).count(), 9, "{form:?}");
    assert_eq!(sent.headers["x-amzn-trace-id"], xray(&span));
}

#[tokio::test]
async fn an_sms_carries_nothing() {
    let answer = "<PublishResponse><PublishResult><MessageId>m-1</MessageId></PublishResult></PublishResponse>";
    let aws = Aws::default().answer(200, &[ID], answer);
    let client = client!(aws_sdk_sns, aws);
    let (_, span) = one(|_| client.publish().phone_number("+15550100").message("hello").send()).await;
    assert_eq!((span.name.as_ref(), span.span_kind.clone()), ("SNS.Publish", SpanKind::Client));
    let id = ("messaging.message.id", "m-1");
    assert_told(&span, "SNS/Publish", "sns.eu-west-1.amazonaws.com", &[id]);
    assert!(!aws.sent().body.contains("Attributes"));
}

#[tokio::test]
async fn each_message_of_a_batch_has_a_span_in_its_own_trace() {
    let answer = "<PublishBatchResponse><PublishBatchResult>\
        <Failed><member><Id>b</Id><Code>InternalError</Code><Message>try &amp; wait</Message><SenderFault>false</SenderFault></member></Failed>\
        <Successful><member><Id>a</Id><MessageId>m-1</MessageId></member></Successful>\
        </PublishBatchResult></PublishBatchResponse>";
    let aws = Aws::default().answer(200, &[ID], answer);
    let client = client!(aws_sdk_sns, aws);
    let entry = |id: &str| {
        let entry = aws_sdk_sns::types::PublishBatchRequestEntry::builder().id(id).message("x");
        (0..9).fold(entry, |entry, index| {
            let value = aws_sdk_sns::types::MessageAttributeValue::builder().data_type("String").string_value("v");
            entry.message_attributes(format!("a{index}"), value.build().unwrap())
        })
    };
    let call = client.publish_batch().topic_arn(TOPIC);
    let call = call.publish_batch_request_entries(entry("a").build().unwrap());
    let call = call.publish_batch_request_entries(entry("b").build().unwrap());
    let (_, spans) = told(|cx| {
        let contexts = MessageContexts::new(vec![elsewhere(&cx, 1), elsewhere(&cx, 2)]);
        call.customize().interceptor(contexts).send()
    })
    .await;
    let [taken, refused] = &spans[..] else { panic!("{spans:?}") };
    assert_eq!(taken.span_context.trace_id(), TraceId::from(1));
    assert_eq!(refused.span_context.trace_id(), TraceId::from(2));
    assert_eq!((attributes(taken)["messaging.message.id"].as_str(), failed(taken)), ("m-1", false));
    assert_eq!(refused.status, Status::error("try & wait"));
    assert_eq!(attributes(refused)["error.type"], "InternalError");
    let sent = aws.sent();
    let form = sent.form();
    for (number, span) in [(1, taken), (2, refused)] {
        let field = |name: &str| {
            form[&format!("PublishBatchRequestEntries.member.{number}.MessageAttributes.entry.10.{name}")].clone()
        };
        assert_eq!((field("Name"), field("Value.StringValue")), ("traceparent".into(), traceparent(span)));
        let events: Vec<_> = span.events.iter().map(|event| event.name.as_ref()).collect();
        assert_eq!(events, ["no room for baggage"], "ten attributes are the most");
    }
    assert!(!sent.body.contains("entry.11."));
    assert!(!sent.headers.contains_key("x-amzn-trace-id"), "the messages are of two traces");
}

#[tokio::test]
async fn a_message_to_a_queue_carries_its_context() {
    let aws = Aws::default().answer(200, &[ID], r#"{"MessageId":"m-1","MD5OfMessageBody":"x"}"#);
    let client = client!(aws_sdk_sqs, aws);
    let (_, span) = one(|_| client.send_message().queue_url(QUEUE).message_body("{\"a\": \"é\"}").send()).await;
    assert_eq!((span.name.as_ref(), span.span_kind.clone()), ("send orders", SpanKind::Producer));
    let more = [
        ("messaging.system", "aws_sqs"),
        ("messaging.operation.type", "send"),
        ("messaging.operation.name", "send"),
        ("messaging.destination.name", "orders"),
        ("messaging.message.id", "m-1"),
        ("aws.sqs.queue.url", QUEUE),
    ];
    assert_told(&span, "SQS/SendMessage", "sqs.eu-west-1.amazonaws.com", &more);
    let sent = aws.sent();
    let attribute = |value: &str| json!({ "DataType": "String", "StringValue": value });
    let expected = json!({ "traceparent": attribute(&traceparent(&span)), "baggage": attribute(BAGGAGE) });
    assert_eq!(
        sent.json(),
        json!({ "QueueUrl": QUEUE, "MessageBody": "{\"a\": \"é\"}", "MessageAttributes": expected })
    );
    assert_eq!(sent.headers["x-amzn-trace-id"], xray(&span));
}

#[tokio::test]
async fn each_message_of_a_batch_to_a_queue_has_a_span() {
    let answer = json!({
        "Successful": [{ "Id": "a", "MessageId": "m-1", "MD5OfMessageBody": "x" }],
        "Failed": [{ "Id": "b", "Code": "InternalError", "Message": "no", "SenderFault": false }],
    });
    let aws = Aws::default().answer(200, &[ID], answer);
    let client = client!(aws_sdk_sqs, aws);
    let entry = |id: &str| {
        let entry = aws_sdk_sqs::types::SendMessageBatchRequestEntry::builder().id(id).message_body("x");
        entry.build().unwrap()
    };
    let call = client.send_message_batch().queue_url(QUEUE).entries(entry("a")).entries(entry("b"));
    let (_, spans) = told(|cx| {
        let contexts = MessageContexts::new(vec![elsewhere(&cx, 1), elsewhere(&cx, 2)]);
        call.customize().interceptor(contexts).send()
    })
    .await;
    let [taken, refused] = &spans[..] else { panic!("{spans:?}") };
    assert_eq!((attributes(taken)["messaging.message.id"].as_str(), failed(taken)), ("m-1", false));
    assert_eq!((attributes(refused)["error.type"].as_str(), failed(refused)), ("InternalError", true));
    let body = aws.sent().json();
    for (index, span) in spans.iter().enumerate() {
        let entry = &body["Entries"][index];
        assert_eq!(entry["MessageSystemAttributes"]["AWSTraceHeader"]["StringValue"], xray(span));
        assert_eq!(entry["MessageAttributes"]["baggage"]["StringValue"], BAGGAGE);
        assert_eq!(entry["MessageAttributes"]["traceparent"]["StringValue"], traceparent(span));
    }
}

#[tokio::test]
async fn other_calls_to_a_queue_name_it() {
    let error = r#"{"__type":"com.amazonaws.sqs#QueueDoesNotExist","message":"x"}"#;
    let aws = Aws::default().answer(
        400,
        &[ID, ("x-amzn-query-error", "AWS.SimpleQueueService.NonExistentQueue;Sender")],
        error,
    );
    let client = client!(aws_sdk_sqs, aws);
    let (_, span) = one(|_| client.receive_message().queue_url(QUEUE).send()).await;
    assert_eq!((span.name.as_ref(), span.span_kind.clone()), ("SQS.ReceiveMessage", SpanKind::Client));
    let more = [
        ("messaging.system", "aws_sqs"),
        ("messaging.operation.type", "receive"),
        ("messaging.operation.name", "receive"),
        ("messaging.destination.name", "orders"),
        ("aws.sqs.queue.url", QUEUE),
        ("error.type", "QueueDoesNotExist"),
        ("rpc.response.status_code", "QueueDoesNotExist"),
    ];
    assert_told(&span, "SQS/ReceiveMessage", "sqs.eu-west-1.amazonaws.com", &more);
}

#[tokio::test]
async fn each_event_has_a_span_and_carries_its_context() {
    let refused = json!({ "ErrorCode": "ThrottlingException", "ErrorMessage": "slow down" });
    let answer = json!({ "FailedEntryCount": 1, "Entries": [{ "EventId": "e-1" }, refused] });
    let aws = Aws::default().answer(200, &[ID], answer);
    let client = client!(aws_sdk_eventbridge, aws);
    let entry = |detail: &str| {
        let entry = aws_sdk_eventbridge::types::PutEventsRequestEntry::builder().source("shop").detail_type("Placed");
        entry.detail(detail).build()
    };
    let bus = aws_sdk_eventbridge::types::PutEventsRequestEntry::builder();
    let bus = bus.event_bus_name("arn:aws:events:eu-west-1:111111111111:event-bus/shop").detail("no JSON").build();
    let call =
        client.put_events().entries(entry(r#"{"data":{"n": 1},"metadata":{"event_type":"placed"}}"#)).entries(bus);
    let (_, spans) = told(|_| call.send()).await;
    let [taken, refused] = &spans[..] else { panic!("{spans:?}") };
    assert_eq!((taken.name.as_ref(), refused.name.as_ref()), ("send default", "send shop"));
    let more = [
        ("messaging.system", "aws.eventbridge"),
        ("messaging.operation.type", "send"),
        ("messaging.operation.name", "send"),
        ("messaging.destination.name", "default"),
        ("messaging.message.id", "e-1"),
    ];
    assert_told(taken, "EventBridge/PutEvents", "events.eu-west-1.amazonaws.com", &more);
    assert_eq!(refused.status, Status::error("slow down"));
    assert_eq!(attributes(refused)["error.type"], "ThrottlingException");
    let sent = aws.sent();
    let entries = &sent.json()["Entries"];
    let detail: Value = serde_json::from_str(entries[0]["Detail"].as_str().unwrap()).unwrap();
    let metadata = json!({ "event_type": "placed", "traceparent": traceparent(taken), "baggage": BAGGAGE });
    assert_eq!(detail, json!({ "data": { "n": 1 }, "metadata": metadata }));
    assert_eq!((&entries[0]["TraceHeader"], &entries[1]["TraceHeader"]), (&xray(taken).into(), &xray(refused).into()));
    assert_eq!(entries[1]["Detail"], "no JSON");
}
