//! What is called, and what goes along with it.

use std::collections::HashMap;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use futures_util::FutureExt;
use lambda_runtime::LambdaEvent;
use opentelemetry::{
    Context,
    trace::{SpanContext, SpanKind, TraceContextExt, TraceId},
};
use serde_json::{Value, json};
use tenant_telemetry::{InvocationLayer, context_of_input};
use tower::{Layer, ServiceExt};

use crate::aws::{Aws, BAGGAGE, ID, assert_told, attributes, failed, one, told, traceparent, xray};

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
async fn a_call_that_its_caller_gives_up_is_cancelled() {
    let client = client!(aws_sdk_dynamodb, Aws::default());
    let given_up = |_| async { client.scan().table_name("orders").send().now_or_never() };
    let (answer, span) = one(given_up).await;
    assert!(answer.is_none() && failed(&span));
    assert_eq!(attributes(&span)["error.type"], "cancelled");
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
    let carried = context_of_input(&input);
    assert_eq!(carried["traceparent"], traceparent(&span));

    let aws = Aws::default().answer(200, &[ID], answer);
    let client = client!(aws_sdk_sfn, aws);
    let call = client.start_execution().state_machine_arn(machine).name("order-1").input(r#"{"order": 1}"#);
    let (_, span) = one(|_| call.send()).await;
    let sent = aws.sent();
    assert_eq!(sent.json()["input"], r#"{"order": 1}"#, "the same name with another input would be refused");
    assert_eq!(sent.headers["x-amzn-trace-id"], xray(&span));
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

/// The context in which a function's handler runs, invoked with this.
async fn handled(
    layer: InvocationLayer<Value>,
    payload: Value,
    custom: HashMap<String, String>,
    xray: Option<&str>,
) -> SpanContext {
    let mut context = lambda_runtime::Context::default();
    context.client_context = serde_json::from_value(json!({ "custom": custom })).unwrap();
    context.xray_trace_id = xray.map(str::to_owned);
    let event = LambdaEvent { payload, context };
    let service = layer.layer(tower::service_fn(async |_: LambdaEvent<Value>| {
        Ok::<_, std::convert::Infallible>(Context::current().span().span_context().clone())
    }));
    let (span, _) = told(async |_| service.oneshot(event).await.unwrap()).await;
    span
}

#[tokio::test]
async fn a_function_continues_the_trace_of_who_invokes_it() {
    let traceparent = |trace: u8| format!("00-{trace:032x}-00f067aa0ba902b7-01");
    let custom = |trace| HashMap::from([("traceparent".to_owned(), traceparent(trace))]);
    let input = json!({ "order": 1, "metadata": { "traceparent": traceparent(2), "n": 1 } });
    let layer = || InvocationLayer::new("other");
    let continued = handled(layer(), input.clone(), custom(1), None).await;
    assert_eq!(continued.trace_id(), TraceId::from(1));
    let continued = handled(layer().continuing(context_of_input), input.clone(), HashMap::new(), None).await;
    assert_eq!(continued.trace_id(), TraceId::from(2));
    let continued = handled(layer().continuing(context_of_input), input.clone(), custom(1), None).await;
    assert_eq!(
        continued.trace_id(),
        TraceId::from(1),
        "who invokes the function stands nearer than who started the machine"
    );
    let unasked = handled(layer(), input, HashMap::new(), None).await;
    assert_ne!(unasked.trace_id(), TraceId::from(2), "an event is believed only where that was asked for");
    let xray = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1";
    let continued = handled(layer(), Value::Null, custom(1), Some(xray)).await;
    assert_eq!(continued.trace_id().to_string(), "5759e988bd862e3fe1be46a994272793");
}
