//! What a registration that fails half-way leaves behind: at most a tenant without users, never a user of no tenant.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::time::Duration;

use harness::DEADLINE;
use lambda_host::{
    aws::{Aws, CLIENT_ID, USER_POOL_ID},
    function::{Config, Function},
    payloads,
};
use local::ministack::sibling;
use serde_json::{Value, json};

async fn registration_api(aws: &Aws) -> Function {
    let env = [
        ("OTEL_SERVICE_NAME", "registration-api"),
        ("AWS_ENDPOINT_URL", aws.url.as_str()),
        ("TENANTS_TABLE", "tenants"),
        ("REGISTRATIONS_TABLE", "registrations"),
        ("USER_POOL_ID", USER_POOL_ID),
        ("USER_POOL_CLIENT_ID", CLIENT_ID),
        ("REGISTRATIONS_PER_SOURCE_AND_HOUR", "5"),
        ("MAILS_PER_ADDRESS_AND_DAY", "3"),
        ("INVITATIONS_PER_TENANT_AND_DAY", "50"),
    ];
    let config = Config::new(sibling("registration-api").unwrap(), "registration-api", &env);
    Function::start(&config).await.unwrap()
}

fn event() -> String {
    let mut event: Value = serde_json::from_str(&payloads::create_booking("", &[])).unwrap();
    event["resource"] = json!("/registrations");
    event["path"] = json!("/registrations");
    event["requestContext"]["resourcePath"] = json!("/registrations");
    event["body"] = json!(json!({ "company_name": "Hooli Air", "email": "ada@hooli.example" }).to_string());
    event.to_string()
}

/// The calls that change something, in order.
fn writes(aws: &Aws) -> Vec<String> {
    aws.requests().into_iter().map(|(action, _)| action).collect()
}

#[tokio::test]
async fn without_a_clear_answer_of_the_pool_the_tenant_stays_and_nothing_is_tried_twice() {
    // This AWS has no AdminCreateUser: it answers 501, without a reason.
    let aws = Aws::start(Duration::from_millis(1)).await.unwrap();
    let mut function = registration_api(&aws).await;
    let outcome = function.invoke(event(), DEADLINE).await.unwrap();
    assert_eq!(outcome.http().0, 503, "{outcome:?}");
    assert_eq!(writes(&aws), ["UpdateItem", "UpdateItem", "PutItem", "AdminCreateUser"]);
}

#[tokio::test]
async fn nobody_is_let_in_uncounted() {
    let aws = Aws::start(Duration::from_millis(1)).await.unwrap();
    let mut function = registration_api(&aws).await;
    aws.hang(true);
    let outcome = function.invoke(event(), DEADLINE).await.unwrap();
    assert_eq!(outcome.http().0, 503, "{outcome:?}");
    assert!(writes(&aws).iter().all(|action| action == "UpdateItem"), "{:?}", writes(&aws));
}
