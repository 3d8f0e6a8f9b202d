//! A call of each service through its real client, on an HTTP client that keeps the request and answers as AWS would: its spans say what
//! it was about and what came of it, and the request carries trace context and tenant where the service takes them along.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    sync::{Arc, Mutex},
};

use aws_config::{BehaviorVersion, Region, SdkConfig, retry::RetryConfig};
use aws_smithy_runtime_api::client::{
    http::{HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn},
    orchestrator::{HttpRequest, HttpResponse},
};
use aws_smithy_types::body::SdkBody;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use opentelemetry::{
    Context,
    trace::{SpanContext, SpanKind, Status, TraceContextExt, TraceFlags, TraceId, TraceState},
};
use opentelemetry_sdk::trace::SpanData;
use serde_json::{Value, json};
use tenancy::TenantLabel;
use tenant_telemetry::{AwsSdkTracing, MessageContexts, bench};

/// What a client sent.
#[derive(Debug)]
struct Sent {
    headers: HashMap<String, String>,
    body: String,
}

impl Sent {
    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }

    fn form(&self) -> BTreeMap<String, String> {
        form_urlencoded::parse(self.body.as_bytes()).into_owned().collect()
    }
}

/// Answers in their order, and keeps what was asked.
#[derive(Debug, Clone, Default)]
struct Aws {
    answers: Arc<Mutex<VecDeque<(u16, Vec<(&'static str, &'static str)>, String)>>>,
    sent: Arc<Mutex<Vec<Sent>>>,
}

impl HttpConnector for Aws {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let headers: HashMap<_, _> =
            request.headers().iter().map(|(name, value)| (name.to_lowercase(), value.to_owned())).collect();
        let body = request.body().bytes().map(|body| String::from_utf8(body.to_vec()).unwrap()).unwrap_or_default();
        if let Some(length) = headers.get("content-length") {
            assert_eq!(length, &body.len().to_string());
        }
        assert!(!headers["authorization"].contains("x-amzn-trace-id"), "services on the way write it anew");
        self.sent.lock().unwrap().push(Sent { headers, body });
        let (status, headers, body) = self.answers.lock().unwrap().pop_front().expect("an answer");
        let mut response = HttpResponse::new(status.try_into().unwrap(), SdkBody::from(body));
        for (name, value) in headers {
            response.headers_mut().insert(name, value);
        }
        HttpConnectorFuture::ready(Ok(response))
    }
}

impl Aws {
    fn answer(self, status: u16, headers: &[(&'static str, &'static str)], body: impl ToString) -> Self {
        self.answers.lock().unwrap().push_back((status, headers.to_vec(), body.to_string()));
        self
    }

    fn config(&self) -> SdkConfig {
        let connector = SharedHttpConnector::new(self.clone());
        SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("eu-west-1"))
            .http_client(http_client_fn(move |_, _| connector.clone()))
            .credentials_provider(aws_sdk_sns::config::SharedCredentialsProvider::new(
                aws_sdk_sns::config::Credentials::new("AKID", "secret", None, None, "test"),
            ))
            .retry_config(RetryConfig::standard().with_initial_backoff(std::time::Duration::from_millis(1)))
            .sleep_impl(aws_sdk_sns::config::SharedAsyncSleep::new(NoSleep))
            .build()
    }

    fn sent(&self) -> Sent {
        let mut sent = self.sent.lock().unwrap();
        assert_eq!(sent.len(), 1, "{sent:?}");
        sent.remove(0)
    }
}

#[derive(Debug)]
struct NoSleep;

impl aws_sdk_sns::config::AsyncSleep for NoSleep {
    fn sleep(&self, _: std::time::Duration) -> aws_sdk_sns::config::Sleep {
        aws_sdk_sns::config::Sleep::new(std::future::ready(()))
    }
}

/// A client of this configuration with the interceptor.
macro_rules! client {
    ($service:ident, $aws:expr) => {
        $service::Client::from_conf(
            $service::config::Builder::from(&$aws.config()).interceptor(AwsSdkTracing::new()).build(),
        )
    };
}

/// The spans of a call but for the one around it, by their names in the order they ended.
async fn told<F: Future>(call: impl FnOnce(Context) -> F) -> (F::Output, Vec<SpanData>) {
    let tenant = TenantLabel {
        tenant_id: "acme".parse().unwrap(),
        tier: "basic".parse().unwrap(),
        user_id: "user".parse().unwrap(),
    };
    bench::spans_of(&tenant, call).await
}

async fn one<F: Future>(call: impl FnOnce(Context) -> F) -> (F::Output, SpanData) {
    let (output, mut spans) = told(call).await;
    assert_eq!(spans.len(), 1, "{spans:?}");
    (output, spans.remove(0))
}

fn attributes(span: &SpanData) -> BTreeMap<&str, String> {
    let all: BTreeMap<_, _> =
        span.attributes.iter().map(|attribute| (attribute.key.as_str(), attribute.value.to_string())).collect();
    assert_eq!(all.len(), span.attributes.len(), "each name once: {:?}", span.attributes);
    all
}

/// Asserts what is common to all, and that the span has these attributes besides and no others.
fn assert_told(span: &SpanData, method: &str, host: &str, more: &[(&str, &str)]) {
    let mut all = attributes(span);
    let service = method.split('/').next().unwrap();
    for (name, value) in [
        ("rpc.system", "aws-api"),
        ("rpc.system.name", "aws-api"),
        ("rpc.service", service),
        ("rpc.method", method),
        ("cloud.region", "eu-west-1"),
        ("server.address", host),
        ("server.port", "443"),
        ("aws.request_id", "req"),
    ] {
        assert_eq!(all.remove(name).as_deref(), Some(value), "{name} of {span:?}");
    }
    assert_eq!(all, more.iter().map(|(name, value)| (*name, (*value).to_owned())).collect());
}

fn traceparent(span: &SpanData) -> String {
    format!("00-{}-{}-01", span.span_context.trace_id(), span.span_context.span_id())
}

fn xray(span: &SpanData) -> String {
    let id = span.span_context.trace_id().to_string();
    format!("Root=1-{}-{};Parent={};Sampled=1", &id[..8], &id[8..], span.span_context.span_id())
}

fn failed(span: &SpanData) -> bool {
    matches!(span.status, Status::Error { .. })
}

/// A context in a trace of its own.
fn elsewhere(cx: &Context, trace: u128) -> Context {
    let span = SpanContext::new(TraceId::from(trace), 7.into(), TraceFlags::SAMPLED, true, TraceState::NONE);
    cx.with_remote_span_context(span)
}

const ID: (&str, &str) = ("x-amzn-requestid", "req");
const BAGGAGE: &str = "tenant.id=acme,tenant.tier=basic";
const TOPIC: &str = "arn:aws:sns:eu-west-1:111111111111:orders";
const QUEUE: &str = "https://sqs.eu-west-1.amazonaws.com/111111111111/orders";

#[tokio::test]
async fn dynamodb_names_its_tables() {
    let aws = Aws::default().answer(200, &[ID], "{}").answer(200, &[ID], r#"{"Responses":{}}"#);
    let client = client!(aws_sdk_dynamodb, aws);
    let (_, scan) = one(|_| client.scan().table_name("orders").index_name("by-date").send()).await;
    assert_eq!((scan.name.as_ref(), scan.span_kind.clone()), ("DynamoDB.Scan", SpanKind::Client));
    let host = "dynamodb.eu-west-1.amazonaws.com";
    let db = ("db.system.name", "aws.dynamodb");
    let tables = ("aws.dynamodb.table_names", "[\"orders\"]");
    assert_told(&scan, "DynamoDB/Scan", host, &[db, ("aws.dynamodb.index_name", "by-date"), tables]);
    let keys = aws_sdk_dynamodb::types::KeysAndAttributes::builder().keys(HashMap::new()).build().unwrap();
    let get = client.batch_get_item().request_items("b", keys.clone()).request_items("a", keys);
    let (_, get) = one(|_| get.send()).await;
    let tables = ("aws.dynamodb.table_names", "[\"a\",\"b\"]");
    assert_told(&get, "DynamoDB/BatchGetItem", host, &[db, tables]);
}

#[tokio::test]
async fn a_retry_is_counted_and_an_error_named() {
    let throttled = r#"{"__type":"com.amazonaws.dynamodb.v20120810#ThrottlingException","message":"slow down"}"#;
    let missing = r#"{"__type":"com.amazonaws.dynamodb.v20120810#ResourceNotFoundException"}"#;
    let aws = Aws::default().answer(400, &[ID], throttled).answer(400, &[ID], missing);
    let client = client!(aws_sdk_dynamodb, aws);
    let (result, span) = one(|_| client.describe_table().table_name("orders").send()).await;
    result.unwrap_err();
    assert!(failed(&span));
    let code = "ResourceNotFoundException";
    let more = [
        ("db.system.name", "aws.dynamodb"),
        ("aws.dynamodb.table_names", "[\"orders\"]"),
        ("http.request.resend_count", "1"),
        ("error.type", code),
        ("rpc.response.status_code", code),
    ];
    assert_told(&span, "DynamoDB/DescribeTable", "dynamodb.eu-west-1.amazonaws.com", &more);
}

#[tokio::test]
async fn a_condition_that_does_not_hold_is_no_error() {
    let cancelled = |code: &str| {
        let reasons = json!([{ "Code": "None" }, { "Code": code }]);
        json!({ "__type": "x#TransactionCanceledException", "CancellationReasons": reasons }).to_string()
    };
    let check = || {
        let check = aws_sdk_dynamodb::types::ConditionCheck::builder().table_name("orders").condition_expression("x");
        let check = check.set_key(Some(HashMap::new())).build().unwrap();
        aws_sdk_dynamodb::types::TransactWriteItem::builder().condition_check(check).build()
    };
    for (code, is_error) in [("ConditionalCheckFailed", false), ("ItemCollectionSizeLimitExceeded", true)] {
        let aws = Aws::default().answer(400, &[ID], cancelled(code));
        let client = client!(aws_sdk_dynamodb, aws);
        let (result, span) = one(|_| client.transact_write_items().transact_items(check()).send()).await;
        result.unwrap_err();
        assert_eq!(failed(&span), is_error, "{code}");
        let told = attributes(&span);
        assert_eq!(told["rpc.response.status_code"], "TransactionCanceledException");
        assert_eq!(told["aws.dynamodb.table_names"], "[\"orders\"]");
        assert_eq!(told.contains_key("error.type"), is_error);
    }
}

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

#[tokio::test]
async fn an_execution_carries_its_context_unless_its_name_makes_it_unique() {
    let machine = "arn:aws:states:eu-west-1:111111111111:stateMachine:checkout";
    let answer = r#"{"executionArn":"arn","startDate":1}"#;
    let aws = Aws::default().answer(200, &[ID], answer);
    let client = client!(aws_sdk_sfn, aws);
    let (_, span) = one(|_| client.start_execution().state_machine_arn(machine).input(r#"{"order": 1}"#).send()).await;
    assert_eq!((span.name.as_ref(), span.span_kind.clone()), ("SFN.StartExecution", SpanKind::Client));
    let arn = ("aws.step_functions.state_machine.arn", machine);
    assert_told(&span, "SFN/StartExecution", "states.eu-west-1.amazonaws.com", &[arn]);
    let body = aws.sent().json();
    let input: Value = serde_json::from_str(body["input"].as_str().unwrap()).unwrap();
    let metadata = json!({ "traceparent": traceparent(&span), "baggage": BAGGAGE });
    assert_eq!(input, json!({ "order": 1, "metadata": metadata }));
    assert_eq!(body["traceHeader"], xray(&span));
    let carried = tenant_telemetry::context_of_input(&input);
    assert_eq!(carried["traceparent"], traceparent(&span));

    let aws = Aws::default().answer(200, &[ID], answer);
    let client = client!(aws_sdk_sfn, aws);
    let call = client.start_execution().state_machine_arn(machine).name("order-1").input(r#"{"order": 1}"#);
    let (_, span) = one(|_| call.send()).await;
    let body = aws.sent().json();
    assert_eq!(body["input"], r#"{"order": 1}"#, "the same name with another input would be refused");
    assert_eq!(body["traceHeader"], xray(&span));
}

#[tokio::test]
async fn a_secret_is_named_only_by_its_arn() {
    let arn = "arn:aws:secretsmanager:eu-west-1:111111111111:secret:key-AbCdEf";
    for (id, more) in [(arn, &[("aws.secretsmanager.secret.arn", arn)][..]), ("key", &[])] {
        let aws = Aws::default().answer(200, &[ID], "{}");
        let client = client!(aws_sdk_secretsmanager, aws);
        let (_, span) = one(|_| client.get_secret_value().secret_id(id).send()).await;
        assert_eq!(span.name, "Secrets Manager.GetSecretValue");
        assert_told(&span, "Secrets Manager/GetSecretValue", "secretsmanager.eu-west-1.amazonaws.com", more);
    }
}

#[tokio::test]
async fn a_function_that_is_invoked_gets_its_callers_context() {
    let aws = Aws::default().answer(200, &[ID, ("x-amz-function-error", "Unhandled")], "{}");
    let client = client!(aws_sdk_lambda, aws);
    let there = STANDARD.encode(r#"{"custom":{"a":"b"}}"#);
    let (_, span) = one(|_| client.invoke().function_name("quote:live").client_context(there).send()).await;
    assert_eq!((span.name.as_ref(), failed(&span)), ("Lambda.Invoke", true));
    let more = [
        ("faas.invoked_name", "quote"),
        ("faas.invoked_provider", "aws"),
        ("faas.invoked_region", "eu-west-1"),
        ("error.type", "Unhandled"),
    ];
    assert_told(&span, "Lambda/Invoke", "lambda.eu-west-1.amazonaws.com", &more);
    let sent = aws.sent();
    let context: Value =
        serde_json::from_slice(&STANDARD.decode(&sent.headers["x-amz-client-context"]).unwrap()).unwrap();
    let custom = json!({ "a": "b", "traceparent": traceparent(&span), "baggage": BAGGAGE });
    assert_eq!(context, json!({ "custom": custom }));
    assert_eq!(sent.headers["x-amzn-trace-id"], xray(&span));

    let aws = Aws::default().answer(202, &[ID], "");
    let client = client!(aws_sdk_lambda, aws);
    let later = client.invoke().function_name("quote").invocation_type(aws_sdk_lambda::types::InvocationType::Event);
    let (_, span) = one(|_| later.send()).await;
    let sent = aws.sent();
    assert!(!sent.headers.contains_key("x-amz-client-context"), "Lambda hands it to nobody");
    assert_eq!(sent.headers["x-amzn-trace-id"], xray(&span));

    let aws = Aws::default().answer(200, &[ID], "{}");
    let client = client!(aws_sdk_lambda, aws);
    let full = STANDARD.encode(format!(r#"{{"custom":{{"a":"{}"}}}}"#, "x".repeat(2_600)));
    let (_, span) = one(|_| client.invoke().function_name("quote").client_context(&full).send()).await;
    assert_eq!(aws.sent().headers["x-amz-client-context"], full);
    assert_eq!(
        span.events.iter().map(|event| event.name.as_ref()).collect::<Vec<_>>(),
        ["no room for traceparent, baggage"]
    );
}

#[tokio::test]
async fn a_bucket_is_named_and_its_keys_are_not() {
    let headers = [("x-amz-request-id", "req"), ("x-amz-id-2", "ext")];
    let missing = "<?xml version=\"1.0\"?><Error><Code>NoSuchKey</Code><Key>passport-of-a-person</Key></Error>";
    let aws = Aws::default().answer(404, &headers, missing).answer(200, &headers, "content");
    let client = client!(aws_sdk_s3, aws);
    let get = || client.get_object().bucket("tickets").key("passport-of-a-person").send();
    let (_, span) = one(|_| get()).await;
    assert_eq!((span.name.as_ref(), failed(&span)), ("S3.GetObject", true));
    let host = "tickets.s3.eu-west-1.amazonaws.com";
    let bucket = [("aws.s3.bucket", "tickets"), ("aws.extended_request_id", "ext")];
    let error = [("error.type", "NoSuchKey"), ("rpc.response.status_code", "NoSuchKey")];
    assert_told(&span, "S3/GetObject", host, &[bucket, error].concat());
    assert!(!format!("{span:?}").contains("passport"));

    let (object, span) = one(|_| get()).await;
    assert_told(&span, "S3/GetObject", host, &bucket);
    let content = object.unwrap().body.collect().await.unwrap().into_bytes();
    assert_eq!(content, "content", "what is streamed to the caller is left to the caller");
}

#[tokio::test]
async fn a_service_that_nothing_is_known_of_has_a_span_all_the_same() {
    let aws = Aws::default().answer(503, &[ID], "<html>").answer(503, &[ID], "<html>").answer(503, &[ID], "<html>");
    let client = client!(aws_sdk_eventbridge, aws);
    let (_, span) = one(|_| client.list_event_buses().send()).await;
    let more = [("error.type", "503"), ("rpc.response.status_code", "503"), ("http.request.resend_count", "2")];
    assert_told(&span, "EventBridge/ListEventBuses", "events.eu-west-1.amazonaws.com", &more);
}
