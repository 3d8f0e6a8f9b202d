//! Every span arrives, whatever Lambda does to the sandbox: freezes it, ends it, runs it out of time.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::time::Duration;

use lambda_host::sink::{Behaviour, Sink};
use testkit::{BookingApi, Setup};

const SPANS_PER_BOOKING: usize = 2;
const PATIENCE: Duration = Duration::from_secs(10);

async fn start(sink: &Sink, mode: &'static str) -> BookingApi {
    let url = sink.url();
    let env = vec![("OTEL_EXPORTER_OTLP_ENDPOINT", url.as_str()), ("TELEMETRY_FLUSH", mode)];
    BookingApi::start(Setup { env, ..Setup::default() }).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_freeze_between_invocations_loses_nothing() {
    for mode in ["each", "adaptive"] {
        let sink = Sink::otlp(Behaviour::Slow(Duration::from_millis(20))).await.unwrap();
        let mut api = start(&sink, mode).await;
        for round in 0..20_u64 {
            api.book().await;
            // Back to back in some rounds, frozen at another moment of the export in each.
            if round % 3 == 0 {
                tokio::time::sleep(Duration::from_millis(round)).await;
                api.function.freeze().unwrap();
                tokio::time::sleep(Duration::from_millis(50)).await;
                api.function.thaw().unwrap();
            }
        }
        let expected = 20 * SPANS_PER_BOOKING;
        assert_eq!(sink.wait_for(expected, PATIENCE).await, expected, "{mode}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_sends_what_is_left() {
    for mode in ["each", "adaptive"] {
        for pause in [0, 2, 5, 30] {
            let sink = Sink::otlp(Behaviour::Slow(Duration::from_millis(20))).await.unwrap();
            let mut api = start(&sink, mode).await;
            for _ in 0..6 {
                api.book().await;
            }
            tokio::time::sleep(Duration::from_millis(pause)).await;
            assert!(api.function.terminate().await.unwrap(), "{mode}: killed");
            assert_eq!(sink.wait_for(6 * SPANS_PER_BOOKING, PATIENCE).await, 6 * SPANS_PER_BOOKING, "{mode} {pause}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_within_an_invocation_sends_its_open_spans() {
    let sink = Sink::otlp(Behaviour::Ok).await.unwrap();
    let mut api = start(&sink, "each").await;
    api.book().await;
    api.aws.hang(true);
    let hanging = api.function.queue(api.event("acme", &[]).into(), Duration::from_secs(20), None);
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert!(api.function.terminate().await.unwrap());
    drop(hanging);
    assert_eq!(sink.wait_for(2 * SPANS_PER_BOOKING, PATIENCE).await, 2 * SPANS_PER_BOOKING);
    let ended: Vec<_> = sink.spans().into_iter().filter(|span| span.failed).collect();
    assert_eq!(ended.len(), SPANS_PER_BOOKING);
    assert!(ended.iter().all(|span| span.attributes["error.type"] == "shutdown"), "{ended:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_timeout_sends_its_open_spans_before_the_end() {
    for milliseconds in [400, 1000, 1500] {
        let sink = Sink::otlp(Behaviour::Ok).await.unwrap();
        let mut api = start(&sink, "each").await;
        api.book().await;
        api.aws.hang(true);
        let event = api.event("acme", &[]);
        let outcome = api.function.invoke(event, Duration::from_millis(milliseconds)).await;
        assert!(outcome.is_err(), "it should have timed out");
        let arrived = sink.wait_for(2 * SPANS_PER_BOOKING, Duration::from_secs(2)).await;
        assert_eq!(arrived, 2 * SPANS_PER_BOOKING, "deadline of {milliseconds} ms");
        let timed_out: Vec<_> = sink.spans().into_iter().filter(|span| span.failed).collect();
        assert!(timed_out.iter().all(|span| span.attributes["error.type"] == "timeout"), "{timed_out:?}");
        assert!(timed_out.iter().all(|span| span.attributes["tenant.id"] == "acme"), "{timed_out:?}");
    }
}

/// The deadline falls on every part of an invocation: long before the answer, on the moment of giving up, on the answer itself.
#[tokio::test(flavor = "multi_thread")]
async fn a_deadline_at_any_moment_loses_and_doubles_nothing() {
    let deadline = Duration::from_millis(600);
    for mode in ["each", "adaptive"] {
        for latency in [150, 270, 290, 295, 300, 305, 310, 330, 420, 560, 590, 600, 700] {
            let sink = Sink::otlp(Behaviour::Slow(Duration::from_millis(20))).await.unwrap();
            let mut api = start(&sink, mode).await;
            api.book().await;
            api.aws.take(Duration::from_millis(latency));
            let event = api.event("acme", &[]);
            let answered = api.function.invoke(event, deadline).await.is_ok();
            if answered {
                api.function.terminate().await.unwrap();
            }
            let arrived = sink.wait_for(2 * SPANS_PER_BOOKING, Duration::from_secs(2)).await;
            assert_eq!(arrived, 2 * SPANS_PER_BOOKING, "{mode}, {latency} ms of {deadline:?}, answered: {answered}");
            let mut ids: Vec<_> = sink.spans().into_iter().map(|span| span.span_id).collect();
            ids.sort();
            ids.dedup();
            assert_eq!(ids.len(), arrived, "{mode}, {latency} ms");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sandbox_that_ends_while_frozen_sends_what_is_left() {
    let sink = Sink::otlp(Behaviour::Slow(Duration::from_millis(20))).await.unwrap();
    let mut api = start(&sink, "adaptive").await;
    for _ in 0..6 {
        api.book().await;
    }
    api.function.freeze().unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert!(api.function.terminate().await.unwrap(), "killed");
    assert_eq!(sink.wait_for(6 * SPANS_PER_BOOKING, PATIENCE).await, 6 * SPANS_PER_BOOKING);
}
