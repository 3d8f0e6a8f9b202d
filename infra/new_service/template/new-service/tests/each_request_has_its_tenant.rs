//! On the Lambda host: who has a token is answered as a tenant, and the request's span names that tenant; who has none is refused.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::{collections::BTreeSet, time::Duration};

use lambda_host::{
    aws::{Aws, CLIENT_ID, TENANTS_TABLE, USER_POOL_ID},
    function::{Config, Function},
    payloads,
    sink::{Behaviour, Sink},
};
use serde_json::Value;

const DEADLINE: Duration = Duration::from_secs(20);

/// The function as it was built, with AWS and a collector of its own.
async fn start(aws: &Aws, collector: &Sink) -> Function {
    let collector = collector.url();
    let env = [
        ("OTEL_SERVICE_NAME", "new-service-api"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", collector.as_str()),
        ("AWS_ENDPOINT_URL", aws.url.as_str()),
        ("TENANTS_TABLE", TENANTS_TABLE),
        ("USER_POOL_ID", USER_POOL_ID),
        ("USER_POOL_CLIENT_ID", CLIENT_ID),
    ];
    Function::start(&Config::new(env!("CARGO_BIN_EXE_new-service-api"), "new-service-api", &env)).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_makes_a_tenant_of_the_request_and_of_its_span() {
    let aws = Aws::start(Duration::from_millis(1)).await.unwrap();
    let collector = Sink::otlp(Behaviour::Ok).await.unwrap();
    let mut function = start(&aws, &collector).await;

    for (tenant, tier) in [("acme", "basic"), ("globex", "premium")] {
        let token = aws.token(tenant, tier, "user-1").unwrap();
        let event = payloads::get("/new-service", &format!("Bearer {token}"));
        let (status, body) = function.invoke(event, DEADLINE).await.unwrap().http();
        assert_eq!((status, &body["tenant_id"], &body["tier"]), (200, &tenant.into(), &tier.into()), "{body}");
        // Spans are sent before the next invocation is asked for.
        function.idle().await.unwrap();
        let spans = collector.spans();
        let request = spans.iter().find(|span| span.name == "GET /new-service").unwrap();
        assert_eq!(request.attributes["tenant.id"], tenant, "{request:?}");
        assert_eq!(request.attributes["tenant.tier"], tier, "{request:?}");
        assert!(!request.failed, "{request:?}");
        collector.clear();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_token_nobody_is_a_tenant() {
    let aws = Aws::start(Duration::from_millis(1)).await.unwrap();
    let collector = Sink::otlp(Behaviour::Ok).await.unwrap();
    let mut function = start(&aws, &collector).await;

    for authorization in ["", "Bearer nonsense"] {
        let event = payloads::get("/new-service", authorization);
        let (status, body) = function.invoke(event, DEADLINE).await.unwrap().http();
        assert_eq!(status, 401, "{body}");
    }
    function.idle().await.unwrap();
    let spans = collector.spans();
    assert!(spans.iter().any(|span| span.name == "GET /new-service"), "{spans:?}");
    assert!(spans.iter().all(|span| !span.attributes.contains_key("tenant.id")), "{spans:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_path_that_is_none_is_a_problem() {
    let aws = Aws::start(Duration::from_millis(1)).await.unwrap();
    let collector = Sink::otlp(Behaviour::Ok).await.unwrap();
    let mut function = start(&aws, &collector).await;
    let token = aws.token("acme", "basic", "user-1").unwrap();
    let event = payloads::get("/elsewhere", &format!("Bearer {token}"));
    let (status, body) = function.invoke(event, DEADLINE).await.unwrap().http();
    assert_eq!((status, &body["status"]), (404, &404.into()), "{body}");
}

/// What infra/iam compares the function's policy with.
#[tokio::test(flavor = "multi_thread")]
async fn it_asks_of_aws_what_is_recorded() {
    let aws = Aws::start(Duration::from_millis(1)).await.unwrap();
    let collector = Sink::otlp(Behaviour::Ok).await.unwrap();
    let mut function = start(&aws, &collector).await;
    let token = aws.token("acme", "basic", "user-1").unwrap();
    function.invoke(payloads::get("/new-service", &format!("Bearer {token}")), DEADLINE).await.unwrap();

    let asked: BTreeSet<String> = aws.requests().into_iter().map(|(action, _)| action).collect();
    let recorded: Vec<Value> = serde_json::from_str(include_str!("../../infra/new-service/calls.json")).unwrap();
    let recorded = recorded.iter().map(|call| call["call"].as_str().unwrap().to_owned()).collect();
    assert_eq!(asked, recorded);
}
