//! A collector that is slow, silent, closed or broken neither delays nor fails a response, and its spans, points and log records come
//! when it is well again.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::time::{Duration, Instant};

use lambda_host::sink::{Behaviour, Sink};
use testkit::{Setup, notes::NotesApi};

/// Far more than a note takes, however busy the machine; less than any of these collectors that does not answer at once.
const PROMPT: Duration = Duration::from_secs(1);
/// How long a collector takes that is slow.
const SLOW: Duration = Duration::from_millis(1_500);
const SPANS_PER_NOTE: usize = 2;
/// Far more than an export takes, however busy the machine.
const PATIENCE: Duration = Duration::from_secs(60);
const BETWEEN_NOTES: Duration = Duration::from_secs(1);

async fn against(behaviour: Behaviour, mode: &str) {
    let sink = Sink::otlp(Behaviour::Ok).await.unwrap();
    let url = sink.url();
    let env = vec![
        ("OTEL_EXPORTER_OTLP_ENDPOINT", url.as_str()),
        ("OTEL_METRICS_EXPORTER", "otlp"),
        ("OTEL_LOGS_EXPORTER", "otlp"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "2500"),
        ("TELEMETRY_FLUSH", mode),
    ];
    let mut api = NotesApi::start(Setup { env, ..Setup::default() }).await;
    api.note().await;
    sink.behave(behaviour);
    let mut notes = 6;
    for n in 1..notes {
        let outcome = api.note().await;
        assert!(outcome.response < PROMPT, "{behaviour:?} {mode}, note {n}: {:?}", outcome.response);
    }
    sink.behave(Behaviour::Ok);
    // Spans, lines and points leave in requests of their own.
    let arrived = |sink: &Sink| {
        let lines = sink.lines().iter().filter(|line| line.body == "request served").count();
        (sink.distinct(), lines, sink.total("faas.invocations"))
    };
    let expected = |notes: usize| (SPANS_PER_NOTE * notes, notes, notes as f64);
    // A receiver that failed is left alone for a while, and asked again with an invocation.
    let well = Instant::now();
    while arrived(&sink) != expected(notes) && well.elapsed() < PATIENCE {
        api.note().await;
        notes += 1;
        sink.wait_until(|sink| arrived(sink) == expected(notes), BETWEEN_NOTES).await;
    }
    assert_eq!(arrived(&sink), expected(notes), "{behaviour:?} {mode}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_collector() {
    against(Behaviour::Slow(SLOW), "each").await;
    against(Behaviour::Slow(SLOW), "adaptive").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hanging_collector() {
    against(Behaviour::Hang, "each").await;
    against(Behaviour::Hang, "adaptive").await;
}

/// Shortly before its deadline an invocation sends what there is, and its handler goes on meanwhile.
#[tokio::test(flavor = "multi_thread")]
async fn a_hanging_collector_takes_no_time_from_a_handler_that_has_little_left() {
    let deadline = Duration::from_secs(2);
    // What is held up takes until the deadline each time. A machine that does much else may take as long, and hardly each time.
    let is_held_up = |took: &Duration| *took >= deadline - Duration::from_millis(10);
    let mut took = Vec::new();
    while took.len() < 6 && took.iter().all(is_held_up) {
        let sink = Sink::otlp(Behaviour::Ok).await.unwrap();
        let url = sink.url();
        let env = vec![("OTEL_EXPORTER_OTLP_ENDPOINT", url.as_str()), ("OTEL_EXPORTER_OTLP_TIMEOUT", "500")];
        let mut api = NotesApi::start(Setup { env, ..Setup::default() }).await;
        api.note().await;
        // The spans of this one wait for another try.
        sink.behave(Behaviour::Hang);
        api.note().await;
        api.function.idle().await.unwrap();
        api.aws.take(Duration::from_millis(1_820));
        // They go from 1,600 ms on, and what is open from 1,800 ms on.
        let answer = api.function.invoke_beyond(deadline, api.event("acme", &[])).await.unwrap();
        assert_eq!(answer.http().0, 201);
        took.push(answer.response);
    }
    assert!(!took.iter().all(is_held_up), "{took:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failing_collector() {
    against(Behaviour::Status(503), "each").await;
    against(Behaviour::Status(503), "adaptive").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_port() {
    let env = vec![("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")];
    let mut api = NotesApi::start(Setup { env, ..Setup::default() }).await;
    api.note().await;
    for _ in 0..5 {
        assert!(api.note().await.response < PROMPT);
    }
    // Said once, not for each invocation.
    let losses = api.function.logs().iter().filter(|line| line.contains("not exported")).count();
    assert_eq!(losses, 1, "{:?}", api.function.logs());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_tells_of_itself_on_the_console_alone() {
    let sink = Sink::otlp(Behaviour::Status(503)).await.unwrap();
    let url = sink.url();
    let env = vec![
        ("OTEL_EXPORTER_OTLP_ENDPOINT", url.as_str()),
        ("OTEL_LOGS_EXPORTER", "otlp"),
        ("OTEL_METRICS_EXPORTER", "otlp"),
        ("RUST_LOG", "debug"),
    ];
    let mut api = NotesApi::start(Setup { env, ..Setup::default() }).await;
    for _ in 0..2 {
        api.note().await;
    }
    api.function.idle().await.unwrap();
    sink.behave(Behaviour::Ok);
    // A receiver that failed twice is left alone for half a second.
    tokio::time::sleep(Duration::from_secs(1)).await;
    api.note().await;
    assert!(api.function.terminate().await.unwrap());
    let lines = sink.lines();
    assert_eq!(lines.iter().filter(|line| line.body == "request served").count(), 3, "{lines:?}");
    let of_an_export = ["tenant_telemetry::telemetry", "hyper", "aws_smithy", "rustls", "opentelemetry"];
    let told = lines.iter().find(|line| of_an_export.iter().any(|target| line.target.starts_with(target)));
    assert_eq!(told, None);
    let console = api.function.logs();
    assert!(!console.is_empty() && console.iter().all(|line| line.contains("not exported")), "{console:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_collector_refuses_is_dropped_and_counted_in_the_log_and_for_the_collector() {
    let sink = Sink::otlp(Behaviour::Status(400)).await.unwrap();
    let url = sink.url();
    let env = vec![("OTEL_EXPORTER_OTLP_ENDPOINT", url.as_str()), ("OTEL_LOGS_EXPORTER", "otlp")];
    let mut api = NotesApi::start(Setup { env, ..Setup::default() }).await;
    api.note().await;
    api.function.idle().await.unwrap();
    let refused = |name: &str| {
        let logs = api.function.logs();
        let lines = logs.iter().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
        lines.filter_map(|line| line.get(name)?.as_u64()).sum::<u64>()
    };
    let (spans, log_records) = (refused("dropped_spans"), refused("dropped_log_records"));
    assert_eq!((spans, log_records >= 1), (SPANS_PER_NOTE as u64, true), "{:?}", api.function.logs());
    // It is away for a while, and hears of it when it is back.
    sink.behave(Behaviour::Status(503));
    api.note().await;
    api.function.idle().await.unwrap();
    sink.behave(Behaviour::Ok);
    for _ in 0..3 {
        api.note().await;
    }
    assert!(api.function.terminate().await.unwrap());
    let (told, lines) = (sink.spans(), sink.lines());
    let of_spans = told.iter().filter_map(|span| span.attributes.get("telemetry.dropped_spans"));
    let of_lines = lines.iter().filter_map(|line| line.attributes.get("telemetry.dropped_log_records"));
    assert_eq!(of_spans.collect::<Vec<_>>(), [&spans.to_string()], "once");
    assert_eq!(of_lines.collect::<Vec<_>>(), [&log_records.to_string()], "once");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_stays_away_costs_no_more_memory_in_the_end() {
    let env = vec![("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9"), ("TELEMETRY_FLUSH", "adaptive")];
    let mut api = NotesApi::start(Setup { env, ..Setup::default() }).await;
    // More than are kept.
    for _ in 0..2_000 {
        api.note().await;
    }
    let full = api.function.peak_rss().unwrap();
    for _ in 0..4_000 {
        api.note().await;
    }
    let later = api.function.peak_rss().unwrap();
    assert!(later < full + full / 10, "{full} bytes, then {later}");
}
