//! Two functions of another domain, each a process behind a Runtime API: one trace id goes through both, and each span says whose parcel it was.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::{collections::BTreeSet, time::Duration};

use jsonwebtoken::Algorithm;
use lambda_host::{
    aws::{Aws, USER_POOL_ID},
    function::{Config, Function},
    sink::{Behaviour, Sink, Span},
};
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use serde_json::{Value, json};

const DEADLINE: Duration = Duration::from_secs(20);
const QUEUE_ARN: &str = "arn:aws:sqs:us-east-1:111111111111:parcels";
const ISSUER: &str = "https://login.warehouse.example/";
const AUDIENCE: &str = "parcels";

/// Both functions, an AWS between them, and a collector.
struct Warehouse {
    api: Function,
    labels: Function,
    aws: Aws,
    sink: Sink,
}

impl Warehouse {
    async fn start() -> Self {
        let (aws, sink) = (Aws::start(Duration::ZERO).await.unwrap(), Sink::otlp(Behaviour::Ok).await.unwrap());
        let (spans, keys) = (sink.url(), format!("{}/{USER_POOL_ID}/.well-known/jwks.json", aws.url));
        let always = [
            ("AWS_ENDPOINT_URL", aws.url.as_str()),
            ("OTEL_TRACES_EXPORTER", "otlp"),
            ("OTEL_TRACES_SAMPLER", "always_on"),
            ("OTEL_EXPORTER_OTLP_ENDPOINT", spans.as_str()),
        ];
        let api = [
            ("OTEL_SERVICE_NAME", "parcel-api"),
            ("JWT_ISSUER", ISSUER),
            ("JWT_AUDIENCE", AUDIENCE),
            ("JWKS_URL", keys.as_str()),
            ("PARCELS_QUEUE_URL", "http://127.0.0.1:9/111111111111/parcels"),
        ];
        let labels = [("OTEL_SERVICE_NAME", "parcel-labels"), ("BELIEVED_SOURCES", QUEUE_ARN)];
        let api = Config::new(env!("CARGO_BIN_EXE_parcel-api"), "parcel-api", &[&always[..], &api].concat());
        let labels =
            Config::new(env!("CARGO_BIN_EXE_parcel-labels"), "parcel-labels", &[&always[..], &labels].concat());
        let (api, labels) = (Function::start(&api).await.unwrap(), Function::start(&labels).await.unwrap());
        Self { api, labels, aws, sink }
    }

    /// Hands an order of this shop to the API: status and body.
    async fn order(&mut self, issuer: &str, plan: &str, order: &Value) -> (u64, Value) {
        let now = jiff::Timestamp::now().as_second();
        let header = json!({ "alg": "RS256", "kid": "key-1", "typ": "JWT" });
        let claims = json!({
            "iss": issuer, "aud": AUDIENCE, "sub": "auth0|65f1", "iat": now, "exp": now + 300, "tenant_id": "haberdasher", "tier": plan,
        });
        let token = self.aws.sign(&header.to_string(), &claims.to_string(), Algorithm::RS256).unwrap();
        let event = json!({
            "resource": "/parcels", "path": "/parcels", "httpMethod": "POST", "headers": {},
            "multiValueHeaders": { "authorization": [format!("Bearer {token}")], "content-type": ["application/json"] },
            "requestContext": { "accountId": "111111111111", "resourcePath": "/parcels", "httpMethod": "POST", "path": "/parcels",
                "requestId": "request-1", "stage": "dev", "identity": {} },
            "body": order.to_string(), "isBase64Encoded": false,
        });
        let outcome = self.api.invoke(event.to_string(), DEADLINE).await.unwrap();
        self.api.idle().await.unwrap();
        outcome.http()
    }

    /// What the API has sent, as Lambda reads it from this queue.
    fn sent(&self, queue_arn: &str) -> Value {
        let sent = self.aws.requests().into_iter().filter(|(action, _)| action == "SendMessage");
        let record = |(index, (_, body)): (usize, (String, String))| {
            let sent: Value = serde_json::from_str(&body).unwrap();
            let attributes = sent["MessageAttributes"].as_object().unwrap().iter().map(|(name, attribute)| {
                let attribute = json!({ "dataType": attribute["DataType"], "stringValue": attribute["StringValue"] });
                (name.clone(), attribute)
            });
            json!({
                "messageId": format!("message-{index}"), "body": sent["MessageBody"], "attributes": {},
                "messageAttributes": attributes.collect::<serde_json::Map<_, _>>(),
                "eventSource": "aws:sqs", "eventSourceARN": queue_arn, "awsRegion": "us-east-1",
            })
        };
        json!({ "Records": sent.enumerate().map(record).collect::<Vec<_>>() })
    }

    /// Hands a batch to the consumer: the ids of the messages that it gives back.
    async fn print(&mut self, batch: &Value) -> BTreeSet<String> {
        let answer = self.labels.invoke(batch.to_string(), DEADLINE).await.unwrap().result.unwrap();
        self.labels.idle().await.unwrap();
        let answer: Value = serde_json::from_slice(&answer).unwrap();
        let failed = answer["batchItemFailures"].as_array().unwrap().iter();
        failed.map(|failure| failure["itemIdentifier"].as_str().unwrap().to_owned()).collect()
    }

    /// What the consumer has printed.
    fn printed(&self) -> usize {
        self.labels.logs().iter().filter(|line| line.contains("label printed")).count()
    }

    async fn spans(&self, expected: usize) -> Vec<Span> {
        assert_eq!(self.sink.wait_for(expected, DEADLINE).await, expected, "{:#?}", self.sink.spans());
        self.sink.spans()
    }
}

fn attribute<'a>(span: &'a Span, name: &str) -> Option<&'a str> {
    span.attributes.get(name).map(String::as_str)
}

#[tokio::test(flavor = "multi_thread")]
async fn one_trace_id_goes_through_both_and_each_span_names_its_tenant() {
    let mut warehouse = Warehouse::start().await;
    let (status, body) = warehouse.order(ISSUER, "pro", &json!({ "parcel": "P-1", "to": "20095" })).await;
    assert_eq!((status, &body["parcel"]), (202, &json!("P-1")), "{body}");
    assert_eq!(warehouse.print(&warehouse.sent(QUEUE_ARN)).await, BTreeSet::new());
    assert_eq!(warehouse.printed(), 1);

    let spans = warehouse.spans(4).await;
    let of = |kind: SpanKind, name: &str| {
        spans.iter().find(|span| span.kind == kind && span.name == name).unwrap_or_else(|| panic!("{name}: {spans:#?}"))
    };
    let (request, send) = (of(SpanKind::Server, "POST /parcels"), of(SpanKind::Producer, "send parcels"));
    let process = of(SpanKind::Consumer, "process parcels");
    assert_eq!([&send.parent_span_id, &process.parent_span_id], [&request.span_id, &send.span_id]);
    for span in [request, send, process] {
        assert_eq!(span.trace_id, request.trace_id, "{span:#?}");
        let whose = (attribute(span, "tenant.id"), attribute(span, "tenant.tier"));
        assert_eq!(whose, (Some("haberdasher"), Some("pro")), "{span:#?}");
    }
    // A batch may serve several: its own span names none.
    assert_eq!(attribute(of(SpanKind::Server, "parcel-labels"), "tenant.id"), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_of_a_source_that_is_not_believed_is_refused() {
    let mut warehouse = Warehouse::start().await;
    assert_eq!(warehouse.order(ISSUER, "free", &json!({ "parcel": "P-1", "to": "20095" })).await.0, 202);
    let strange = warehouse.sent("arn:aws:sqs:us-east-1:666666666666:parcels");
    assert_eq!(warehouse.print(&strange).await, BTreeSet::from(["message-0".to_owned()]));
    assert_eq!(warehouse.printed(), 0);
    let spans = warehouse.spans(4).await;
    let process = spans.iter().find(|span| span.kind == SpanKind::Consumer).unwrap();
    assert!(process.failed && attribute(process, "tenant.id").is_none(), "{process:#?}");

    let mut disagreeing = warehouse.sent(QUEUE_ARN);
    disagreeing["Records"][0]["messageAttributes"]["tenant_id"]["stringValue"] = json!("another");
    assert_eq!(warehouse.print(&disagreeing).await, BTreeSet::from(["message-0".to_owned()]));
    assert_eq!(warehouse.printed(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_parcel_that_goes_nowhere_fails_alone() {
    let mut warehouse = Warehouse::start().await;
    for to in ["20095", ""] {
        assert_eq!(warehouse.order(ISSUER, "pro", &json!({ "parcel": "P-1", "to": to })).await.0, 202);
    }
    assert_eq!(warehouse.print(&warehouse.sent(QUEUE_ARN)).await, BTreeSet::from(["message-1".to_owned()]));
    assert_eq!(warehouse.printed(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_of_another_issuer_or_plan_or_sends_no_order_is_told_so() {
    let mut warehouse = Warehouse::start().await;
    let order = json!({ "parcel": "P-1", "to": "20095" });
    for (issuer, plan, order, refused) in [
        ("https://login.elsewhere.example/", "pro", &order, (401, "invalid_token")),
        (ISSUER, "gold", &order, (403, "no_tenant")),
        (ISSUER, "pro", &json!({ "parcel": "P-1" }), (400, "no_order")),
    ] {
        let (status, body) = warehouse.order(issuer, plan, order).await;
        assert_eq!((status, body["code"].as_str().unwrap_or_default()), refused, "{body}");
    }
    assert_eq!(warehouse.sent(QUEUE_ARN)["Records"], json!([]));
}
