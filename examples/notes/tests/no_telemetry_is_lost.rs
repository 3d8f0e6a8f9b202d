//! Every span, every point of a metric and every log record arrives, and none of them twice, whatever Lambda does to the sandbox: freezes it, ends it, runs it out of time.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::time::Duration;

use lambda_host::{
    aws::Aws,
    sink::{Behaviour, Line, Point, Sink},
};
use testkit::{
    DEADLINE, Setup,
    notes::{NOTES, NotesApi, batch, note_sent, notes_inbox},
};

const SPANS_PER_NOTE: usize = 2;
const PATIENCE: Duration = Duration::from_secs(10);

async fn start(sink: &Sink, mode: &'static str) -> NotesApi {
    let url = sink.url();
    let env = vec![
        ("OTEL_EXPORTER_OTLP_ENDPOINT", url.as_str()),
        ("OTEL_METRICS_EXPORTER", "otlp"),
        ("OTEL_LOGS_EXPORTER", "console,otlp"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "500"),
        ("TELEMETRY_FLUSH", mode),
    ];
    NotesApi::start(Setup { env, ..Setup::default() }).await
}

/// Every span of so many notes, the lines that tell of those that were served, and the points that count them.
async fn assert_told(sink: &Sink, notes: usize, served: usize, when: &str) {
    assert_eq!(sink.wait_for(notes * SPANS_PER_NOTE, PATIENCE).await, notes * SPANS_PER_NOTE, "spans, {when}");
    sink.wait_until(|sink| lines(sink).len() >= served && counted(sink) >= notes as f64, PATIENCE).await;
    assert_eq!((lines(sink).len(), counted(sink)), (served, notes as f64), "lines and points, {when}");
    let spans = sink.spans();
    for line in lines(sink) {
        let span = spans.iter().find(|span| span.span_id == line.span_id).unwrap_or_else(|| panic!("{line:?}"));
        assert_eq!((&line.trace_id, line.severity.as_str()), (&span.trace_id, "INFO"), "{when}");
    }
}

/// Those that tell of a request.
fn lines(sink: &Sink) -> Vec<Line> {
    sink.lines().into_iter().filter(|line| line.body == "request served").collect()
}

/// How many invocations the points count, however they ended.
fn counted(sink: &Sink) -> f64 {
    ["faas.invocations", "faas.errors", "faas.timeouts"].into_iter().map(|metric| sink.total(metric)).sum()
}

/// How often a metric measured something that failed so.
fn failed(sink: &Sink, metric: &str, error_type: &str) -> f64 {
    let failed = |point: &&Point| {
        point.metric == metric && point.attributes.get("error.type").is_some_and(|error| error == error_type)
    };
    sink.points().iter().filter(failed).map(|point| point.value).sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_freeze_between_invocations_loses_nothing() {
    for mode in ["each", "adaptive"] {
        let sink = Sink::otlp(Behaviour::Slow(Duration::from_millis(20))).await.unwrap();
        let mut api = start(&sink, mode).await;
        for round in 0..20_u64 {
            api.note().await;
            // Back to back in some rounds, frozen at another moment of the export in each.
            if round % 3 == 0 {
                tokio::time::sleep(Duration::from_millis(round)).await;
                api.function.freeze().unwrap();
                tokio::time::sleep(Duration::from_millis(50)).await;
                api.function.thaw().unwrap();
            }
        }
        // What waits to be sent together goes at the latest when the sandbox ends.
        assert!(api.function.terminate().await.unwrap());
        assert_told(&sink, 20, 20, mode).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_sends_what_is_left() {
    for mode in ["each", "adaptive"] {
        for pause in [0, 2, 5, 30] {
            let sink = Sink::otlp(Behaviour::Slow(Duration::from_millis(20))).await.unwrap();
            let mut api = start(&sink, mode).await;
            for _ in 0..6 {
                api.note().await;
            }
            tokio::time::sleep(Duration::from_millis(pause)).await;
            assert!(api.function.terminate().await.unwrap(), "{mode}: killed");
            assert_told(&sink, 6, 6, &format!("{mode} {pause}")).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_within_an_invocation_sends_its_open_spans() {
    let sink = Sink::otlp(Behaviour::Ok).await.unwrap();
    let mut api = start(&sink, "each").await;
    api.note().await;
    api.aws.hang(true);
    let hanging = api.function.queue(api.event("acme", &[]).into(), Duration::from_secs(20), None);
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert!(api.function.terminate().await.unwrap());
    drop(hanging);
    assert_told(&sink, 2, 1, "shutdown").await;
    let ended: Vec<_> = sink.spans().into_iter().filter(|span| span.failed).collect();
    assert_eq!(ended.len(), SPANS_PER_NOTE);
    assert!(ended.iter().all(|span| span.attributes["error.type"] == "shutdown"), "{ended:?}");
    assert_eq!(failed(&sink, "rpc.client.call.duration", "shutdown"), 1.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_timeout_sends_its_open_spans_before_the_end() {
    for milliseconds in [800, 1000, 1500] {
        let sink = Sink::otlp(Behaviour::Ok).await.unwrap();
        let mut api = start(&sink, "each").await;
        api.note().await;
        api.aws.hang(true);
        let event = api.event("acme", &[]);
        let outcome = api.function.invoke(event, Duration::from_millis(milliseconds)).await;
        assert!(outcome.is_err(), "it should have timed out");
        assert_told(&sink, 2, 1, &format!("deadline of {milliseconds} ms")).await;
        let timed_out: Vec<_> = sink.spans().into_iter().filter(|span| span.failed).collect();
        assert!(timed_out.iter().all(|span| span.attributes["error.type"] == "timeout"), "{timed_out:?}");
        assert!(timed_out.iter().all(|span| span.attributes["tenant.id"] == "acme"), "{timed_out:?}");
        assert_eq!((sink.total("faas.timeouts"), failed(&sink, "rpc.client.call.duration", "timeout")), (1.0, 1.0));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_a_timeout_or_a_shutdown_cuts_off_is_measured_as_failed() {
    for error_type in ["timeout", "shutdown"] {
        let sink = Sink::otlp(Behaviour::Ok).await.unwrap();
        let url = sink.url();
        let env = vec![("OTEL_EXPORTER_OTLP_ENDPOINT", url.as_str()), ("OTEL_METRICS_EXPORTER", "otlp")];
        let aws = Aws::start(Duration::ZERO).await.unwrap();
        let mut inbox = notes_inbox(&aws, Setup { env, ..Setup::default() }).await;
        let message = |id| batch([note_sent(NOTES, id, &[])]).to_string();
        inbox.invoke(message("well"), DEADLINE).await.unwrap().result.unwrap();
        aws.hang(true);
        if error_type == "timeout" {
            assert!(
                inbox.invoke(message("hangs"), Duration::from_millis(1_000)).await.is_err(),
                "it should have timed out"
            );
        } else {
            let hanging = inbox.queue(message("hangs").into(), DEADLINE, None);
            tokio::time::sleep(Duration::from_millis(200)).await;
            assert!(inbox.terminate().await.unwrap());
            drop(hanging);
        }
        let (consumed, processed) = ("messaging.client.consumed.messages", "messaging.process.duration");
        sink.wait_until(|sink| sink.total(processed) >= 2.0, PATIENCE).await;
        assert_eq!((sink.total(consumed), sink.total(processed)), (2.0, 2.0), "{error_type}");
        assert_eq!(failed(&sink, processed, error_type), 1.0, "{:?}", sink.points());
    }
}

/// The deadline falls on every part of an invocation: long before the answer, on the moment of giving up, on the answer itself. What was
/// answered in time is not told to have timed out.
#[tokio::test(flavor = "multi_thread")]
async fn a_deadline_at_any_moment_loses_and_doubles_nothing() {
    let deadline = Duration::from_millis(1_200);
    // From then on a handler that has not answered has timed out.
    let given_up = deadline - Duration::from_millis(150);
    for mode in ["each", "adaptive"] {
        for latency in [300, 870, 890, 900, 920, 1_000, 1_030, 1_045, 1_050, 1_060, 1_150, 1_190, 1_300] {
            let sink = Sink::otlp(Behaviour::Slow(Duration::from_millis(20))).await.unwrap();
            let mut api = start(&sink, mode).await;
            api.note().await;
            api.aws.take(Duration::from_millis(latency));
            let event = api.event("acme", &[]);
            let outcome = api.function.invoke(event, deadline).await.ok();
            let answered = outcome.is_some();
            if answered {
                api.function.terminate().await.unwrap();
            }
            let when = format!("{mode}, {latency} ms of {deadline:?}, answered: {answered}");
            assert_told(&sink, 2, 1 + usize::from(answered), &when).await;
            let timed_out = sink.spans().iter().filter(|span| span.failed).count();
            match outcome {
                None => assert_eq!((sink.total("faas.timeouts"), timed_out), (1.0, SPANS_PER_NOTE), "{when}"),
                Some(outcome) if outcome.response < given_up => {
                    assert_eq!((sink.total("faas.timeouts"), timed_out), (0.0, 0), "{when}");
                }
                // An answer that came later than a handler is waited for.
                Some(_) => {}
            }
            let mut ids: Vec<_> = sink.spans().into_iter().map(|span| span.span_id).collect();
            ids.sort();
            ids.dedup();
            assert_eq!(ids.len(), sink.spans().len(), "{when}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sandbox_that_ends_while_frozen_sends_what_is_left() {
    let sink = Sink::otlp(Behaviour::Slow(Duration::from_millis(20))).await.unwrap();
    let mut api = start(&sink, "adaptive").await;
    for _ in 0..6 {
        api.note().await;
    }
    api.function.freeze().unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert!(api.function.terminate().await.unwrap(), "killed");
    assert_told(&sink, 6, 6, "frozen").await;
}

/// A receiver that took a request without our hearing of it gets the very same once more, so it can tell that it has it.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_sent_again_is_the_same_request() {
    let sink = Sink::otlp(Behaviour::TakeInSilence).await.unwrap();
    let mut api = start(&sink, "each").await;
    api.note().await;
    api.function.idle().await.unwrap();
    sink.behave(Behaviour::Ok);
    api.note().await;
    assert!(api.function.terminate().await.unwrap());
    let (all, again) = (sink.requests(), sink.repeated());
    assert_eq!(all - again, 6, "one of each signal for either note");
    assert!(again >= 3, "{again} came again");
    assert_eq!((lines(&sink).len(), counted(&sink)), (2, 2.0), "who knows a request again counts right");
}
