//! What is a cause, what is the failure itself, what follows from what, and how failures are grouped.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::sync::Arc;

use control_plane_analysis::{Comparison, Findings, Row, Settings, Side};
use control_plane_model::{
    otlp::{SentResource, StoredAttribute, StoredEvent, StoredList, StoredSpan, StoredStatus, StoredValue, Value},
    sample::{StoredPart, StoredTrace},
    trace::TraceId,
};
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value};
use prost::Message;

fn text(value: &str) -> Value {
    Value::Text(value.as_bytes().to_vec().into())
}

fn attribute(key: &str, value: Value) -> StoredAttribute {
    StoredAttribute { key: key.as_bytes().to_vec().into(), value: Some(StoredValue { value: Some(value) }) }
}

/// A span of a trace; its number is its id.
fn span(id: u8, parent: Option<u8>, name: &str, times: (u64, u64), attributes: &[(&str, &str)]) -> StoredSpan {
    StoredSpan {
        span_id: vec![id; 8].into(),
        parent_span_id: parent.map(|id| vec![id; 8]).unwrap_or_default().into(),
        name: name.as_bytes().to_vec().into(),
        start_time_unix_nano: times.0 * 1_000_000,
        end_time_unix_nano: times.1 * 1_000_000,
        attributes: attributes.iter().map(|(key, value)| attribute(key, text(value))).collect(),
        ..StoredSpan::default()
    }
}

fn failed(span: StoredSpan, message: &str) -> StoredSpan {
    let status = Some(StoredStatus { code: 2, message: message.as_bytes().to_vec().into() });
    StoredSpan { status, ..span }
}

fn trace(number: u64, parts: Vec<(&str, Vec<StoredSpan>)>) -> StoredTrace {
    let part = |(service, spans): (&str, Vec<StoredSpan>)| {
        let value = Some(AnyValue { value: Some(any_value::Value::StringValue(service.to_owned())) });
        let attributes = vec![KeyValue { key: "service.name".to_owned(), value, ..KeyValue::default() }];
        let spans = spans.iter().map(|span| span.encode_to_vec().into()).collect();
        StoredPart {
            resource: Arc::new(SentResource { attributes, ..SentResource::default() }),
            scope: Vec::new().into(),
            spans,
        }
    };
    let id = [[0; 8], (number + 1).to_be_bytes()].concat();
    StoredTrace { trace_id: TraceId::from_bytes(&id).unwrap(), parts: parts.into_iter().map(part).collect() }
}

/// Compares so many traces of each side, as they are made from their numbers.
fn compared(each: u64, make: impl Fn(Side, u64) -> StoredTrace) -> Findings {
    let mut comparison = Comparison::new(Settings { until_failure: true, ..Settings::default() });
    for side in [Side::Bad, Side::Good] {
        (0..each).for_each(|number| comparison.add(side, &make(side, number)));
    }
    comparison.findings()
}

fn words(rows: &[Row]) -> Vec<String> {
    rows.iter().filter(|row| row.significant).map(|row| row.value.words()).collect()
}

#[test]
fn what_follows_from_a_better_one_stands_below_it() {
    // All that failed are of plan gold; most of those, on either side, come by app.
    let found = compared(400, |side, number| {
        let gold = side == Side::Bad || number % 5 == 0;
        let app = if gold { number % 10 < 9 } else { number % 10 < 2 };
        let attributes = [("plan", if gold { "gold" } else { "basic" }), ("client", if app { "app" } else { "web" })];
        let span = span(1, None, "POST /bookings", (0, 10), &attributes);
        trace(number, vec![("booking-api", vec![if side == Side::Bad { failed(span, "no") } else { span }])])
    });
    assert_eq!(words(&found.ranked.causes), ["plan = gold"]);
    assert_eq!(words(&found.ranked.causes[0].follows), ["client = app"]);
}

#[test]
fn what_exactly_the_same_traces_have_is_one_row_named_by_what_says_most() {
    let found = compared(200, |side, number| {
        let is_new = side == Side::Bad || number % 10 == 0;
        let version = if is_new { "2.4.1" } else { "2.4.0" };
        let attributes =
            [("service.version", version), ("cloud.region", if is_new { "eu-south-2" } else { "eu-west-1" })];
        trace(
            number,
            vec![
                ("a", vec![span(1, None, "GET /", (0, 9), &attributes)]),
                ("b", vec![span(2, Some(1), "GET /b", (1, 8), &attributes)]),
            ],
        )
    });
    assert_eq!(words(&found.ranked.causes), ["version 2.4.1"]);
    let row = &found.ranked.causes[0];
    assert_eq!((row.bad, row.good, &row.value.services[..]), (200, 20, &["a".to_owned(), "b".to_owned()][..]));
    assert_eq!(row.also.iter().map(|value| value.words()).collect::<Vec<_>>(), ["region eu-south-2"]);
}

#[test]
fn two_that_tell_more_together_are_named_together() {
    // Only where one meets the other it fails.
    let found = compared(400, |side, number| {
        let (new, seats) = (side == Side::Bad || number % 3 == 0, side == Side::Bad || number % 4 == 0);
        let (new, seats) = if new && seats && side == Side::Good { (false, true) } else { (new, seats) };
        let attributes =
            [("service.version", if new { "2" } else { "1" }), ("table", if seats { "seats" } else { "other" })];
        trace(number, vec![("booking-api", vec![span(1, None, "GET /", (0, 9), &attributes)])])
    });
    let together = found.ranked.together.unwrap();
    let mut named: Vec<String> = together.values.iter().map(|value| value.words()).collect();
    named.sort();
    assert_eq!(
        (named, together.bad, together.good),
        (vec!["table = seats".into(), "version 2 of booking-api".into()], 400, 0)
    );
}

#[test]
fn how_it_failed_is_no_cause_and_what_comes_after_it_neither() {
    let found = compared(100, |side, number| {
        let mut root = span(1, None, "POST /bookings", (0, 10), &[("plan", if number % 2 == 0 { "a" } else { "b" })]);
        let mut spans = Vec::new();
        if side == Side::Bad {
            root.attributes.extend([
                attribute("http.response.status_code", Value::Integer(500)),
                attribute("why.it.failed", text("no seat")),
            ]);
            root = failed(root, "no");
            spans.push(failed(span(4, Some(1), "DynamoDB.Query", (1, 5), &[]), "no"));
            // The request waits for it, and is itself no reason that it failed.
            spans.push(span(2, Some(1), "send apology", (6, 7), &[("channel", "mail")]));
        } else {
            spans.extend([
                span(4, Some(1), "DynamoDB.Query", (1, 5), &[]),
                span(3, Some(1), "send ticket", (8, 9), &[]),
            ]);
        }
        spans.push(root);
        trace(number, vec![("booking-api", spans)])
    });
    assert_eq!(words(&found.ranked.causes), [""; 0]);
    let outcomes: Vec<String> = found
        .ranked
        .outcomes
        .iter()
        .flat_map(|row| std::iter::once(&row.value).chain(&row.also))
        .map(|value| value.words())
        .collect();
    assert_eq!(outcomes, ["why.it.failed = no seat", "http.response.status_code = 500"]);
    assert_eq!(words(&found.ranked.missing), ["operation send ticket"]);
}

#[test]
fn elements_of_lists_numbers_and_truths_are_values_and_measurements_are_not() {
    let found = compared(100, |side, number| {
        let bad = side == Side::Bad;
        let element = |name: &str| StoredValue { value: Some(text(name)) };
        let tables =
            [element(if number % 2 == 0 { "miles" } else { "users" }), element(if bad { "seats" } else { "routes" })];
        let mut span = span(1, None, "GET /", (0, 9), &[("id", &format!("{bad}{number}"))]);
        span.attributes.extend([
            attribute("aws.dynamodb.table_names", Value::List(StoredList { values: tables.into() })),
            attribute("batch", Value::Integer(i64::from(bad))),
            attribute("late", Value::Truth(bad)),
            attribute("load", Value::Double(if bad { 0.5 } else { 0.25 })),
            attribute("sampling.adjusted_count", Value::Integer(if bad { 1 } else { 10 })),
            // Of one that is there twice the first counts.
            attribute("late", Value::Truth(!bad)),
        ]);
        trace(number, vec![("booking-api", vec![span])])
    });
    let row = &found.ranked.causes[0];
    let same: Vec<String> = std::iter::once(&row.value).chain(&row.also).map(|value| value.words()).collect();
    assert_eq!(same, ["table seats", "batch = 1", "late = true"]);
}

#[test]
fn failures_are_grouped_where_they_happened_first() {
    let found = compared(60, |_, number| {
        let root = failed(span(1, None, "POST /bookings", (0, 100), &[("error.type", "500")]), "internal");
        let middle = span(2, Some(1), "GET /miles", (10, 90), &[]);
        let mut call = failed(span(3, Some(2), "DynamoDB.Query", (20, 80), &[("error.type", "Timeout")]), "");
        let message = format!("no answer within {number} ms for P{number:02}KR9N");
        call.events.push(StoredEvent {
            name: b"exception".to_vec().into(),
            attributes: vec![attribute("exception.message", text(&message))],
        });
        let other = failed(span(4, Some(1), "GET /seats", (5, 15), &[]), "refused");
        let late = if number % 3 == 0 { vec![other] } else { vec![] };
        trace(number, vec![("booking-api", [vec![root], late].concat()), ("mileage-api", vec![middle, call])])
    });
    let groups: Vec<_> = found
        .failures
        .groups
        .iter()
        .map(|group| (group.traces, group.error_type.as_str(), group.message.as_str()))
        .collect();
    assert_eq!(groups, [(40, "Timeout", "no answer within # ms for …"), (20, "", "refused")]);
    assert_eq!(found.failures.groups[0].services.iter().collect::<Vec<_>>(), ["mileage-api"]);
    assert_eq!(found.failures.groups[0].example, trace(1, vec![]).trace_id);
    assert_eq!((found.failures.traces, found.failures.others), (60, 0));
}

#[test]
fn time_is_spent_where_nothing_else_is_waited_for() {
    let found = compared(10, |side, number| {
        let took = if side == Side::Bad { 90 } else { 20 };
        let root = span(1, None, "POST /bookings", (0, 100), &[]);
        // Two calls at once: what both take counts once against the root.
        let calls = vec![span(2, Some(1), "slow", (5, 5 + took), &[]), span(3, Some(1), "steady", (5, 15), &[])];
        trace(number, vec![("booking-api", [vec![root], calls].concat())])
    });
    let steps: Vec<_> = found.slower.iter().map(|step| (step.operation.as_str(), step.bad_ms, step.good_ms)).collect();
    assert_eq!(steps, [("slow", 90.0, 20.0)]);
}

#[test]
fn the_start_of_a_function_is_its_own_time_and_not_its_callers() {
    let found = compared(50, |side, number| {
        let took = if side == Side::Bad { 90 } else { 0 };
        let caller = span(1, None, "GET /quotes", (0, 120 + took), &[]);
        let called = span(2, Some(1), "GET /miles", (100 + took, 110 + took), &[]);
        let start = span(3, Some(2), "init", (5, 95 + took), &[("lambda.phase", "init")]);
        let spans = if side == Side::Bad { vec![called, start] } else { vec![called] };
        trace(number, vec![("api", vec![caller]), ("miles-api", spans)])
    });
    let slower: Vec<_> = found.slower.iter().map(|step| (step.service.as_str(), step.operation.as_str())).collect();
    assert_eq!(slower, [("miles-api", "init")]);
}

#[test]
fn nothing_is_compared_with_nothing() {
    for (bad, good) in [(0, 0), (1, 0), (0, 1), (1, 1)] {
        let found = compared(1, |side, number| {
            let there = if side == Side::Bad { bad } else { good };
            let spans = (0..there).map(|id| span(id, Some(id), "GET /", (9, 3), &[("a", "b")])).collect();
            trace(number, vec![("booking-api", spans)])
        });
        assert!(words(&found.ranked.causes).is_empty());
    }
}
