//! Every span, every point of a metric and every log record arrives, and none of them twice, whatever Lambda does to the sandbox: freezes it, ends it, runs it out of time.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::{collections::BTreeMap, time::Duration};

use lambda_host::{
    aws::Aws,
    sink::{Behaviour, Line, Point, Sink},
};
use testkit::{
    DEADLINE, Setup, eventually,
    notes::{NOTES, NotesApi, batch, note_sent, notes_inbox},
};

const SPANS_PER_NOTE: usize = 2;
const PATIENCE: Duration = Duration::from_secs(30);

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

/// Whether every span of so many notes, and every point that counts them, has come.
fn are_told(sink: &Sink, notes: usize) -> bool {
    sink.distinct() >= notes * SPANS_PER_NOTE && counted(sink) >= notes as f64
}

/// Waits until a function has called AWS so often.
async fn has_called(aws: &Aws, action: &str, times: usize) {
    eventually(action, async || (aws.calls(action) >= times).then_some(())).await;
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
    let hanging = api.function.queue(api.event("acme", &[]).into(), DEADLINE, None);
    has_called(&api.aws, "TransactWriteItems", 2).await;
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
        let deadline = Duration::from_millis(milliseconds);
        let ended = api.function.run_out_of_time(event, deadline, || are_told(&sink, 2)).await.unwrap();
        assert!(ended.answer.is_none(), "it should have timed out");
        assert_told(&sink, 2, 1, &format!("deadline of {milliseconds} ms")).await;
        let timed_out: Vec<_> = sink.spans().into_iter().filter(|span| span.failed).collect();
        assert!(timed_out.iter().all(|span| span.attributes["error.type"] == "timeout"), "{timed_out:?}");
        assert!(timed_out.iter().all(|span| span.attributes["tenant.id"] == "acme"), "{timed_out:?}");
        assert_eq!((sink.total("faas.timeouts"), failed(&sink, "rpc.client.call.duration", "timeout")), (1.0, 1.0));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_a_timeout_or_a_shutdown_cuts_off_is_measured_as_failed() {
    let (consumed, processed) = ("messaging.client.consumed.messages", "messaging.process.duration");
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
            let told = || sink.total(processed) >= 2.0;
            let ended = inbox.run_out_of_time(message("hangs"), Duration::from_millis(1_000), told).await.unwrap();
            assert!(ended.answer.is_none(), "it should have timed out");
        } else {
            let hanging = inbox.queue(message("hangs").into(), DEADLINE, None);
            has_called(&aws, "TransactWriteItems", 2).await;
            assert!(inbox.terminate().await.unwrap());
            drop(hanging);
        }
        sink.wait_until(|sink| sink.total(processed) >= 2.0, PATIENCE).await;
        assert_eq!((sink.total(consumed), sink.total(processed)), (2.0, 2.0), "{error_type}");
        assert_eq!(failed(&sink, processed, error_type), 1.0, "{:?}", sink.points());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_hangs_keeps_a_timeout_from_no_other() {
    let (sink, other) = (Sink::otlp(Behaviour::Ok).await.unwrap(), Sink::aws().await.unwrap());
    let (url, points) = (sink.url(), format!("{}/v1/metrics", other.url()));
    let env = vec![
        ("OTEL_EXPORTER_OTLP_ENDPOINT", url.as_str()),
        ("OTEL_METRICS_EXPORTER", "otlp,cloudwatch-otlp"),
        ("CLOUDWATCH_OTLP_ENDPOINT", points.as_str()),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "500"),
    ];
    let mut api = NotesApi::start(Setup { env, ..Setup::default() }).await;
    api.note().await;
    // What tells of this one waits for another try.
    sink.behave(Behaviour::Hang);
    api.note().await;
    api.function.idle().await.unwrap();
    api.aws.hang(true);
    let event = api.event("acme", &[]);
    let told = || other.total("faas.timeouts") >= 1.0;
    let ended = api.function.run_out_of_time(event, Duration::from_millis(1_600), told).await.unwrap();
    assert!(ended.answer.is_none(), "it should have timed out");
    assert_eq!((other.total("faas.invocations"), other.total("faas.timeouts")), (2.0, 1.0));
}

/// The deadline falls on every part of an invocation: long before the answer, on the moment of giving up, on the answer itself. What was
/// answered in time is not told to have timed out.
#[tokio::test(flavor = "multi_thread")]
async fn a_deadline_at_any_moment_loses_and_doubles_nothing() {
    let deadline = Duration::from_millis(1_600);
    // A handler is waited for until 200 ms before it, by its own clock and until it knows that its answer is out.
    let in_time = deadline - Duration::from_millis(500);
    let (mut cut_off, mut sent_in_time) = (0, 0);
    for mode in ["each", "adaptive"] {
        for latency in [600, 1_180, 1_195, 1_210, 1_300, 1_380, 1_395, 1_410, 1_500, 1_590, 1_700] {
            let sink = Sink::otlp(Behaviour::Slow(Duration::from_millis(5))).await.unwrap();
            let mut api = start(&sink, mode).await;
            api.note().await;
            api.aws.take(Duration::from_millis(latency));
            let event = api.event("acme", &[]);
            let ended = api.function.run_out_of_time(event, deadline, || are_told(&sink, 2)).await.unwrap();
            let answered = ended.answer.is_some();
            if answered {
                assert!(api.function.terminate().await.unwrap());
            } else {
                cut_off += 1;
                sent_in_time += usize::from(ended.sent_in_time);
            }
            let when = format!("{mode}, {latency} ms of {deadline:?}, answered: {answered}");
            assert_told(&sink, 2, 1 + usize::from(answered), &when).await;
            let timed_out = sink.spans().iter().filter(|span| span.failed).count();
            match ended.answer {
                None => assert_eq!((sink.total("faas.timeouts"), timed_out), (1.0, SPANS_PER_NOTE), "{when}"),
                Some(outcome) if outcome.response < in_time => {
                    assert_eq!((sink.total("faas.timeouts"), timed_out), (0.0, 0), "{when}");
                }
                // It may have been given up by then.
                Some(_) => {}
            }
            let mut ids: Vec<_> = sink.spans().into_iter().map(|span| span.span_id).collect();
            ids.sort();
            ids.dedup();
            assert_eq!(ids.len(), sink.spans().len(), "{when}");
        }
    }
    // A machine that does much else is late now and then, and hardly each time.
    assert!(cut_off > 0 && sent_in_time > 0, "before the deadline: {sent_in_time} of {cut_off} that were cut off");
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

/// Neither the spans nor the lines of so large a batch would wait for its end within their bounds.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_more_than_an_invocation_keeps_is_sent_while_it_goes_on() {
    const MESSAGES: usize = 2_700;
    let sink = Sink::otlp(Behaviour::Ok).await.unwrap();
    let url = sink.url();
    let env = vec![
        ("OTEL_EXPORTER_OTLP_ENDPOINT", url.as_str()),
        ("OTEL_LOGS_EXPORTER", "otlp"),
        // One line for each message.
        ("RUST_LOG", "info,aws_sdk_dynamodb::operation=trace"),
    ];
    let aws = Aws::start(Duration::ZERO).await.unwrap();
    let mut inbox = notes_inbox(&aws, Setup { env, ..Setup::default() }).await;
    let event = batch((0..MESSAGES).map(|n| note_sent(NOTES, &format!("note-{n}"), &[])));
    inbox.invoke(event.to_string(), Duration::from_secs(120)).await.unwrap();
    assert!(inbox.terminate().await.unwrap());
    let (spans, lines) = (sink.spans(), sink.lines());
    let dropped = |attributes: &BTreeMap<String, String>, name: &str| {
        attributes.get(name).map_or(0, |count| count.parse::<usize>().unwrap())
    };
    let dropped_spans: usize = spans.iter().map(|span| dropped(&span.attributes, "telemetry.dropped_spans")).sum();
    let dropped_lines: usize =
        lines.iter().map(|line| dropped(&line.attributes, "telemetry.dropped_log_records")).sum();
    // Each message has its own span and that of its call; the invocation has one.
    assert_eq!(spans.len() + dropped_spans, 2 * MESSAGES + 1, "{dropped_spans} dropped: {:?}", inbox.logs());
    assert_eq!(lines.len() + dropped_lines, MESSAGES, "{dropped_lines} dropped: {:?}", inbox.logs());
    let without = 2_048 + 512;
    assert!(spans.len() > without && lines.len() > without, "{} spans and {} lines", spans.len(), lines.len());
    assert_eq!((sink.distinct(), sink.repeated()), (spans.len(), 0));
}
