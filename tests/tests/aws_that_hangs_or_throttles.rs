//! AWS throttles, or does not answer: a call is tried again while there is time, and the caller has an answer before the function's
//! deadline, never a Lambda timeout.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::time::Duration;

use lambda_host::{
    aws::{Aws, Fault},
    function::Config,
    payloads::{self, Message, bookings_confirmed},
    pool::Pool,
};
use testkit::{BookingApi, Setup, eventually, functions::booking_api_env, mileage_accrual};

/// As the templates give it.
const DEADLINE: Duration = Duration::from_secs(10);

#[tokio::test(flavor = "multi_thread")]
async fn a_throttled_call_is_tried_again_and_succeeds() {
    for action in ["GetItem", "AssumeRole", "TransactWriteItems"] {
        let mut api = BookingApi::start(Setup::default()).await;
        api.aws.fail(action, Fault::Throttle(1));
        api.book().await;
        assert!(api.aws.calls(action) >= 2, "{action}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_hangs_makes_a_503_before_the_deadline() {
    for (action, code) in [
        ("GetItem", "tenant_registry_unavailable"),
        ("AssumeRole", "reservations_unavailable"),
        ("TransactWriteItems", "reservations_unavailable"),
        ("Jwks", "keys_unavailable"),
    ] {
        let aws = Aws::start(Duration::from_millis(1)).await.unwrap();
        aws.fail(action, Fault::Hang);
        let mut api = BookingApi::start_with(aws, Setup::default()).await;
        let event = api.event("acme", &[]);
        let outcome = api.function.invoke(event, DEADLINE).await.expect(action);
        let (status, problem) = outcome.http();
        assert_eq!((status, problem["code"].as_str()), (503, Some(code)), "{action}: {problem}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registry_that_hangs_later_does_not_stop_a_tenant_it_has_told_about() {
    let mut api = BookingApi::start(Setup { env: vec![("TENANTS_CACHE_SECONDS", "1")], ..Setup::default() }).await;
    api.book().await;
    api.aws.fail("GetItem", Fault::Hang);
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    api.book().await;
    // Having waited for it once, the function leaves it alone for a moment.
    let asked = api.aws.calls("GetItem");
    api.book().await;
    assert_eq!(api.aws.calls("GetItem"), asked);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ledger_that_hangs_gives_a_batch_back_before_the_deadline() {
    let aws = Aws::start(Duration::from_millis(1)).await.unwrap();
    let mut accrual = mileage_accrual(&aws, Setup::default()).await;
    aws.fail("TransactWriteItems", Fault::Hang);
    let traceparent = "00-6b01275c56c1ddfef50d217aeb3329a1-b7ad6b7169203331-01";
    // All of one user, so that they go one after another.
    let messages = ["11111111", "22222222", "33333333"].map(|booking_number| Message {
        booking_number,
        tenant: "acme",
        tier: "basic",
        traceparent,
    });
    let outcome = accrual.invoke(bookings_confirmed(&messages), Duration::from_secs(12)).await.unwrap();
    let answer: serde_json::Value = serde_json::from_slice(&outcome.result.unwrap()).unwrap();
    assert_eq!(answer["batchItemFailures"].as_array().map(Vec::len), Some(3), "{answer}");
}

/// The host that the flood of `make bench` runs on.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_beyond_a_functions_concurrency_is_refused_at_once() {
    let aws = Aws::start(Duration::from_millis(200)).await.unwrap();
    let event = payloads::create_booking(&aws.token("acme", "basic", "user-1").unwrap(), &[]);
    let config = Config::new(testkit::program("booking-api"), "booking-api", &booking_api_env(&aws));
    let pool = Pool::start(&config, 2).await.unwrap();
    let invoke = async || pool.invoke(event.clone(), DEADLINE).await.unwrap().status();
    let (first, second, third) = tokio::join!(invoke(), invoke(), invoke());
    assert_eq!([first, second, third], [201, 201, 500]);
    eventually("an idle sandbox", async || (invoke().await == 201).then_some(())).await;
}
