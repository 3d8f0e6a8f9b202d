//! What a function can do before its first request it has done by then, and what needs the tenant it does side by side.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::time::Duration;

use lambda_host::{
    aws::{Aws, Fault},
    payloads,
};
use testkit::{BookingApi, DEADLINE, Setup, mileage_api};

#[tokio::test(flavor = "multi_thread")]
async fn signing_keys_are_there_before_the_first_request() {
    let mut api = BookingApi::start(Setup::default()).await;
    assert_eq!(api.aws.key_readings(), 1, "read before the function asked for an invocation");
    api.book().await;
    assert_eq!(api.aws.key_readings(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_other_accounts_function_has_its_keys_before_the_first_request_too() {
    let aws = Aws::start(Duration::ZERO).await.unwrap();
    let _function = mileage_api(&aws, Setup::default()).await;
    assert_eq!(aws.key_readings(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_that_cannot_be_had_at_the_start_are_asked_for_with_the_first_request() {
    let aws = Aws::start(Duration::ZERO).await.unwrap();
    // The first reading is not answered.
    aws.fail("Jwks", Fault::Throttle(1));
    let mut api = BookingApi::start_with(aws, Setup::default()).await;
    assert_eq!(api.aws.key_readings(), 1);
    api.book().await;
    assert_eq!(api.aws.key_readings(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_session_is_asked_for_while_the_registry_is() {
    let mut api = BookingApi::start(Setup::default()).await;
    // Whoever waited for the registry first would never get to the session.
    api.aws.fail("GetItem", Fault::Hang);
    let outcome = api.function.invoke(api.event("acme", &[]), DEADLINE).await.unwrap();
    assert_eq!(outcome.http().0, 503, "{outcome:?}");
    assert_eq!(api.aws.calls("AssumeRole"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_is_asked_for_once_for_a_tenant_whatever_it_asks() {
    let mut api = BookingApi::start(Setup::default()).await;
    let token = api.aws.token("acme", "basic", "user-of-acme").unwrap();
    let quote = payloads::get("/quotes", &format!("Bearer {token}"));
    let outcome = api.function.invoke(quote, DEADLINE).await.unwrap();
    assert_eq!(outcome.http().0, 400, "a quote of nothing: {outcome:?}");
    for _ in 0..2 {
        api.book().await;
    }
    assert_eq!((api.aws.calls("GetItem"), api.aws.calls("AssumeRole")), (1, 1));
}

/// docs/decisions.md, "Randomness comes from the kernel": cargo's configuration says so to every build of this workspace.
#[test]
fn the_cryptographic_library_is_built_without_jitter_entropy() {
    assert_eq!(option_env!("AWS_LC_SYS_NO_JITTER_ENTROPY"), Some("1"));
}
