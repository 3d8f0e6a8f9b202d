//! Each function on the Lambda host: what it answers, and what its spans say.

use std::{path::Path, time::Duration};

use jsonwebtoken::Algorithm;
use lambda_host::{
    aws::{Aws, USER_POOL_ID},
    function::{Config, Function},
    payloads,
    sink::{Behaviour, Sink, Span},
};
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use serde_json::{Value, json};

const DEADLINE: Duration = Duration::from_secs(20);
const QUEUE_ARN: &str = "arn:aws:sqs:us-east-1:111111111111:parcels";
const ISSUER: &str = "https://login.example.com/";
const TRACE: &str = "5759e988bd862e3fe1be46a994272793";

/// A function with this environment, and the collector that it sends its spans to.
async fn start(binary: &Path, env: &[(&str, &str)]) -> (Function, Sink) {
    let sink = Sink::otlp(Behaviour::Ok).await.unwrap();
    let url = sink.url();
    let always = [
        ("OTEL_SERVICE_NAME", "hello"),
        ("OTEL_TRACES_EXPORTER", "otlp"),
        ("OTEL_TRACES_SAMPLER", "always_on"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", url.as_str()),
    ];
    (Function::start(&Config::new(binary, "hello", &[&always, env].concat())).await.unwrap(), sink)
}

async fn invoke(function: &mut Function, event: &str) -> Value {
    let answer = function.invoke(event.to_owned(), DEADLINE).await.unwrap().result;
    function.idle().await.unwrap();
    serde_json::from_slice(&answer.unwrap_or_else(|error| panic!("{}", String::from_utf8_lossy(&error)))).unwrap()
}

/// The latest span of this name and kind, which must be there.
async fn span(sink: &Sink, count: usize, kind: SpanKind, name: &str) -> Span {
    assert_eq!(sink.wait_for(count, DEADLINE).await, count, "{:#?}", sink.spans());
    let spans = sink.spans();
    let found = spans.iter().rev().find(|span| span.kind == kind && span.name == name);
    found.unwrap_or_else(|| panic!("{name}: {spans:#?}")).clone()
}

fn whose(span: &Span) -> [Option<&str>; 2] {
    ["tenant.id", "tenant.tier"].map(|name| span.attributes.get(name).map(String::as_str))
}

/// Tokens of an issuer of one's own are believed, with the tiers free and pro and no other.
pub(crate) async fn greeted(binary: &Path) {
    let aws = Aws::start(Duration::ZERO).await.unwrap();
    let keys = format!("{}/{USER_POOL_ID}/.well-known/jwks.json", aws.url);
    let env = [("JWT_ISSUER", ISSUER), ("JWT_AUDIENCE", "hello"), ("JWKS_URL", keys.as_str())];
    let (mut function, sink) = start(binary, &env).await;
    let header = json!({ "alg": "RS256", "kid": "key-1", "typ": "JWT" }).to_string();
    let expires = jiff::Timestamp::now().as_second() + 300;
    let of = |issuer: &str, tier: &str| {
        let claims = json!({ "iss": issuer, "aud": "hello", "sub": "auth0|65f1", "exp": expires, "tenant_id": "acme", "tier": tier });
        let token = aws.sign(&header, &claims.to_string(), Algorithm::RS256).unwrap();
        payloads::get("/greeting", &format!("Bearer {token}"))
    };
    for (count, tier) in ["free", "pro"].into_iter().enumerate() {
        let answer = invoke(&mut function, &of(ISSUER, tier)).await;
        assert_eq!((&answer["statusCode"], &answer["body"]), (&json!(200), &json!("hello acme from /dev/greeting")));
        let served = span(&sink, count + 1, SpanKind::Server, "GET /greeting").await;
        assert_eq!((whose(&served), served.failed), ([Some("acme"), Some(tier)], false), "{served:#?}");
        let told = answer["multiValueHeaders"]["traceparent"][0].as_str().unwrap_or_default();
        assert!(told.contains(&served.trace_id), "{answer}");
    }
    for (issuer, tier, status) in [(ISSUER, "gold", 403), ("https://elsewhere.example.com/", "pro", 401)] {
        let answer = invoke(&mut function, &of(issuer, tier)).await;
        assert_eq!(answer["statusCode"], status, "{answer}");
    }
}

/// A message continues its sender's trace, a stranger's is given back and does nothing.
pub(crate) async fn printed(binary: &Path) {
    let (mut function, sink) = start(binary, &[("BELIEVED_SOURCES", QUEUE_ARN)]).await;
    let batch = |queue: &str| {
        let attribute = |value: &str| json!({ "dataType": "String", "stringValue": value });
        let record = json!({
            "messageId": "message-1",
            "body": json!({ "version": 1, "parcel": "P-1", "shop": "acme", "plan": "pro" }).to_string(),
            "attributes": {},
            "messageAttributes": {
                "tenant_id": attribute("acme"), "tenant_tier": attribute("pro"), "event_type": attribute("parcel.packed"),
                "traceparent": attribute(&format!("00-{TRACE}-53995c3f42cd8ad8-01")),
            },
            "eventSource": "aws:sqs", "eventSourceARN": queue, "awsRegion": "us-east-1",
        });
        json!({ "Records": [record] }).to_string()
    };
    let labels = |function: &Function| {
        function.logs().iter().filter(|line| line.contains("label of parcel P-1 of acme (pro)")).count()
    };
    assert_eq!(invoke(&mut function, &batch(QUEUE_ARN)).await, json!({ "batchItemFailures": [] }));
    assert_eq!(labels(&function), 1, "{:#?}", function.logs());
    let processed = span(&sink, 2, SpanKind::Consumer, "process parcels").await;
    assert_eq!(
        (processed.trace_id.as_str(), whose(&processed)),
        (TRACE, [Some("acme"), Some("pro")]),
        "{processed:#?}"
    );

    let strange = invoke(&mut function, &batch("arn:aws:sqs:us-east-1:666666666666:parcels")).await;
    assert_eq!(strange, json!({ "batchItemFailures": [{ "itemIdentifier": "message-1" }] }));
    assert_eq!(labels(&function), 1);
    let refused = span(&sink, 4, SpanKind::Consumer, "process parcels").await;
    assert_eq!((whose(&refused), refused.failed), ([None, None], true), "{refused:#?}");
}

/// The span names whom the caller named.
pub(crate) async fn priced(binary: &Path) {
    let (mut function, sink) = start(binary, &[]).await;
    let event = json!({ "grams": 100, "tenant": "acme", "tier": "pro" }).to_string();
    assert_eq!(invoke(&mut function, &event).await, json!({ "cents": 95 }));
    let served = span(&sink, 1, SpanKind::Server, "hello").await;
    assert_eq!(whose(&served), [Some("acme"), Some("pro")], "{served:#?}");
}
