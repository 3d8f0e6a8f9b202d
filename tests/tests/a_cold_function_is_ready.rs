//! What a function can do before its first request it has done by then, and what needs the tenant it does side by side. How long its start
//! took is told apart from the request that waited for it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::time::Duration;

use lambda_host::{
    aws::{Aws, Fault},
    payloads,
    sink::{Behaviour, Sink, Span},
};
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
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

const PATIENCE: Duration = Duration::from_secs(30);
const ON_DEMAND: &str = "on-demand";

/// Two bookings of a sandbox that was started in this way: their spans, but for the calls.
async fn two_bookings(sink: &Sink, initialization_type: &str) -> Vec<Span> {
    let url = sink.url();
    let env = vec![
        ("OTEL_EXPORTER_OTLP_ENDPOINT", url.as_str()),
        ("OTEL_METRICS_EXPORTER", "otlp"),
        ("AWS_LAMBDA_INITIALIZATION_TYPE", initialization_type),
    ];
    let mut api = BookingApi::start(Setup { env, ..Setup::default() }).await;
    for _ in 0..2 {
        api.book().await;
    }
    assert!(api.function.terminate().await.unwrap(), "killed");
    let served = |sink: &Sink| sink.spans().iter().filter(|span| span.kind == SpanKind::Server).count();
    assert!(sink.wait_until(|sink| served(sink) == 2 && sink.total("faas.coldstarts") > 0.0, PATIENCE).await);
    sink.spans().into_iter().filter(|span| [SpanKind::Server, SpanKind::Internal].contains(&span.kind)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_start_of_a_sandbox_is_a_span_of_the_request_that_waited_for_it_and_of_no_other() {
    let sink = Sink::otlp(Behaviour::Ok).await.unwrap();
    let spans = two_bookings(&sink, ON_DEMAND).await;
    let cold =
        spans.iter().find(|span| span.attributes.get("faas.coldstart").is_some_and(|cold| cold == "true")).unwrap();
    let starts: Vec<_> = spans.iter().filter(|span| span.kind == SpanKind::Internal).collect();
    let [start] = starts[..] else { panic!("{starts:?}") };
    assert_eq!((start.name.as_str(), &start.attributes["lambda.phase"][..]), ("Initialization", "init"));
    assert_eq!((&start.trace_id, &start.parent_span_id), (&cold.trace_id, &cold.span_id));
    assert_eq!(start.attributes["tenant.id"], "acme", "whoever waited for it");
    let (began, ended) = start.times;
    assert!(began < ended && ended <= cold.times.0, "it is no part of the request's duration: {start:?} {cold:?}");
    let points = sink.points();
    let init: Vec<_> = points.iter().filter(|point| point.metric == "faas.init_duration").collect();
    let [init] = init[..] else { panic!("{init:?}") };
    let seconds = (ended - began) as f64 / 1e9;
    assert!((init.sum.unwrap() - seconds).abs() < 1e-6, "{init:?} {seconds}");
    assert_eq!(sink.total("faas.coldstarts"), 1.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sandbox_that_was_ready_before_claims_nobodys_time() {
    let sink = Sink::otlp(Behaviour::Ok).await.unwrap();
    let spans = two_bookings(&sink, "provisioned-concurrency").await;
    assert!(spans.iter().all(|span| span.kind == SpanKind::Server), "{spans:?}");
    assert_eq!((sink.total("faas.init_duration"), sink.total("faas.coldstarts")), (1.0, 1.0), "measured all the same");
}

/// docs/decisions/0026-randomness-comes-from-the-kernel.md: cargo's configuration says so to every build of this workspace.
#[test]
fn the_cryptographic_library_is_built_without_jitter_entropy() {
    assert_eq!(option_env!("AWS_LC_SYS_NO_JITTER_ENTROPY"), Some("1"));
}
