//! What a registration that fails half-way leaves behind: at most a tenant without users, never a user of no tenant.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::time::Duration;

use lambda_host::{aws::Aws, payloads};
use serde_json::{Value, json};
use testkit::{DEADLINE, Setup, registration_api};

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
    let mut function = registration_api(&aws, Setup::default()).await;
    let outcome = function.invoke(event(), DEADLINE).await.unwrap();
    assert_eq!(outcome.http().0, 503, "{outcome:?}");
    assert_eq!(writes(&aws), ["UpdateItem", "UpdateItem", "PutItem", "AdminCreateUser"]);
}

#[tokio::test]
async fn nobody_is_let_in_uncounted() {
    let aws = Aws::start(Duration::from_millis(1)).await.unwrap();
    let mut function = registration_api(&aws, Setup::default()).await;
    aws.hang(true);
    let outcome = function.invoke(event(), DEADLINE).await.unwrap();
    assert_eq!(outcome.http().0, 503, "{outcome:?}");
    assert!(writes(&aws).iter().all(|action| action == "UpdateItem"), "{:?}", writes(&aws));
}
