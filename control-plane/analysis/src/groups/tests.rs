//! Groups, recounted by hand.

use std::sync::Arc;

use control_plane_model::{
    otlp::Kind,
    sample::{StoredPart, StoredTrace},
    trace::TraceId,
};
use opentelemetry_proto::tonic::{
    common::v1::{AnyValue, ArrayValue, KeyValue, any_value::Value as Sent},
    resource::v1::Resource as SentResource,
    trace::v1::{Span, Status},
};

use prost::Message;

use super::*;

const NANOSECONDS: i64 = 1_000_000_000;
const FROM: i64 = 1_800_000_000;

fn text(key: &str, value: &str) -> KeyValue {
    pair(key, Sent::StringValue(value.to_owned()))
}

fn pair(key: &str, value: Sent) -> KeyValue {
    KeyValue { key: key.to_owned(), value: Some(AnyValue { value: Some(value) }), ..KeyValue::default() }
}

fn span(kind: Kind, second: i64, took_ms: u64, attributes: Vec<KeyValue>) -> Span {
    let start = ((FROM + second) * NANOSECONDS) as u64;
    Span {
        name: "GET /seats".to_owned(),
        kind: kind as i32,
        start_time_unix_nano: start,
        end_time_unix_nano: start + took_ms * 1_000_000,
        attributes,
        ..Span::default()
    }
}

fn failed(span: Span) -> Span {
    Span { status: Some(Status { code: 2, ..Status::default() }), ..span }
}

fn trace(resource: Vec<KeyValue>, spans: &[Span]) -> StoredTrace {
    let resource = Arc::new(SentResource { attributes: resource, ..SentResource::default() });
    let spans = spans.iter().map(|span| span.encode_to_vec().into()).collect();
    StoredTrace {
        trace_id: TraceId::from_bytes(&[1; 16]).unwrap(),
        parts: vec![StoredPart { resource, scope: Default::default(), spans }],
    }
}

fn asked(by: &str) -> GroupsQuery {
    let (from_ns, to_ns) = (FROM * NANOSECONDS, (FROM + 100) * NANOSECONDS);
    GroupsQuery { by: by.to_owned(), tenant: None, service: None, from_ns, to_ns, width: 60 }
}

fn grouping(asked: GroupsQuery, traces: &[StoredTrace]) -> Grouping {
    let mut grouping = Grouping::new(asked);
    traces.iter().for_each(|trace| grouping.add(trace));
    grouping
}

fn groups(asked: GroupsQuery, traces: &[StoredTrace]) -> Groups {
    grouping(asked, traces).groups(Order::Most, 1.0, None)
}

/// Each value, and how many there were and how many of them failed.
fn counts(groups: &Groups) -> Vec<(&str, u64, u64)> {
    groups.values.iter().map(|group| (&*group.value, group.summary.requests, group.summary.failed)).collect()
}

#[test]
fn requests_are_counted_where_they_carry_it_and_calls_where_they_do_not() {
    let table = |name: &str| text("db.collection.name", name);
    let traces = [trace(
        vec![text("service.name", "api"), text("service.version", "2")],
        &[
            failed(span(Kind::Server, 0, 30, vec![text("http.route", "/seats")])),
            span(Kind::Server, 1, 30, vec![text("faas.trigger", "pubsub"), text("http.route", "/seats")]),
            span(Kind::Consumer, 70, 5, vec![]),
            span(Kind::Client, 2, 10, vec![table("seats")]),
            failed(span(Kind::Client, 3, 10, vec![table("seats"), text("http.route", "/seats")])),
            span(Kind::Client, 4, 10, vec![table("orders")]),
        ],
    )];
    let tables = groups(asked("db.collection.name"), &traces);
    assert_eq!((tables.counted, tables.without), (SpanSet::Calls, 0.0));
    assert_eq!(counts(&tables), [("seats", 2, 1), ("orders", 1, 0)]);
    // The invocation by a batch is no request, and the call that has the route is none either.
    let routes = groups(asked("http.route"), &traces);
    assert_eq!((routes.counted, routes.without), (SpanSet::Requests, 1.0));
    assert_eq!(counts(&routes), [("/seats", 1, 1)]);
    // What the sender says counts for each of its requests.
    let versions = groups(asked("service.version"), &traces);
    assert_eq!((versions.counted, counts(&versions)), (SpanSet::Requests, vec![("2", 2, 1)]));
    let stretches: Vec<_> = versions.values[0].points.iter().map(|it| (it.start - FROM, it.seconds)).collect();
    assert_eq!(stretches, [(0, 60), (60, 40)]);
    assert_eq!(counts(&groups(asked(OPERATION), &traces)), [("GET /seats", 2, 1)]);
    assert!(groups(asked("nobody.says"), &traces).values.is_empty());
    assert!(versions.attributes.iter().any(|name| name == "db.collection.name"));
}

#[test]
fn each_element_of_a_list_counts_once_and_numbers_are_text() {
    let list = |names: &[&str]| {
        let values = names.iter().map(|name| AnyValue { value: Some(Sent::StringValue((*name).to_owned())) });
        pair("aws.dynamodb.table_names", Sent::ArrayValue(ArrayValue { values: values.collect() }))
    };
    let spans = [
        span(Kind::Client, 0, 1, vec![list(&["a", "b", "a"]), pair("server.port", Sent::IntValue(443))]),
        span(Kind::Client, 0, 1, vec![list(&["b", ""]), text("server.port", "443")]),
    ];
    let traces = [trace(vec![], &spans)];
    assert_eq!(counts(&groups(asked("aws.dynamodb.table_names"), &traces)), [("b", 2, 0), ("a", 1, 0)]);
    assert_eq!(counts(&groups(asked("server.port"), &traces)), [("443", 2, 0)]);
}

#[test]
fn only_what_was_asked_for_counts() {
    let of = |tenant: &str, second| span(Kind::Server, second, 1, vec![text("tenant.id", tenant), text("k", tenant)]);
    let api = trace(vec![text("service.name", "api")], &[of("a", 0), of("b", 0), of("a", -1), of("a", 100)]);
    let other = trace(vec![text("service.name", "other"), text("k", "the sender")], &[of("a", 50)]);
    let traces = [api, other];
    let counted = |tenant: Option<&str>, service: Option<&str>| {
        let owned = |text: &str| text.to_owned();
        let asked = GroupsQuery { tenant: tenant.map(owned), service: service.map(owned), ..asked("k") };
        let groups = groups(asked, &traces);
        groups.values.iter().map(|group| (group.value.clone(), group.summary.requests)).collect::<Vec<_>>()
    };
    let is = |value: &str, count| (value.to_owned(), count);
    assert_eq!(counted(None, None), [is("a", 2), is("b", 1)]);
    assert_eq!(counted(Some("b"), None), [is("b", 1)]);
    assert_eq!(counted(None, Some("api")), [is("a", 1), is("b", 1)]);
}

#[test]
fn numbers_are_those_of_a_recount() {
    // Value n has a share of its own: it comes n times, takes n ms and more, and fails in every n-th.
    let mut spans = Vec::new();
    for value in 1..=14_u64 {
        for number in 0..value * 10 {
            let attributes = vec![text("k", &format!("v{value}")), pair("sampling.adjusted_count", Sent::IntValue(2))];
            let one = span(Kind::Server, (number % 100) as i64, value + number, attributes);
            spans.push(if number % value == 0 { failed(one) } else { one });
        }
    }
    let traces: Vec<StoredTrace> = spans.chunks(7).map(|spans| trace(vec![], spans)).collect();
    let found = grouping(asked("k"), &traces).groups(Order::Most, 3.0, None);
    assert!(found.estimated);
    assert_eq!(found.values.len(), SHOWN);
    for (group, value) in found.values.iter().zip((1..=14_u64).rev()) {
        let of_value: Vec<&Span> = spans.iter().filter(|span| span.attributes[0] == text("k", &group.value)).collect();
        let summary = &group.summary;
        assert_eq!(group.value, format!("v{value}"));
        assert_eq!(summary.requests, of_value.len() as u64);
        assert_eq!(summary.weight, of_value.len() as f64 * 2.0 * 3.0);
        let failures = of_value.iter().filter(|span| span.status.is_some()).count();
        assert_eq!(summary.failed, failures as u64);
        assert!((summary.error_rate.unwrap() - failures as f64 / of_value.len() as f64).abs() < 1e-9);
        let mut took: Vec<u64> =
            of_value.iter().map(|span| span.end_time_unix_nano - span.start_time_unix_nano).collect();
        took.sort_unstable();
        for (q, told) in [(0.5, summary.p50_ns), (0.95, summary.p95_ns), (0.99, summary.p99_ns)] {
            let exact = took[(q * took.len() as f64).ceil() as usize - 1] as f64;
            assert!((told.unwrap() / exact - 1.0).abs() < 0.05, "{q} of v{value}: {told:?}, not {exact}");
        }
        let over_time: u64 = group.points.iter().map(|point| point.summary.requests).sum();
        assert_eq!(over_time, summary.requests);
    }
    let rest = found.rest.unwrap();
    assert_eq!((rest.values, rest.summary.requests), (4, 10 + 20 + 30 + 40));
    assert_eq!([1, 4].map(|values| Rest { values, ..rest.clone() }.name()), ["1 other", "4 others"]);
}

#[test]
fn values_stand_beside_what_they_were_before() {
    let many = |value: &str, took_ms, count| {
        let spans: Vec<Span> = (0..count).map(|_| span(Kind::Server, 0, took_ms, vec![text("k", value)])).collect();
        trace(vec![], &spans)
    };
    let now = [many("quick", 10, 60), many("slow", 900, 30), many("new", 5, 40), many("rare", 9_000, 3)];
    let earlier = [many("quick", 10, 50), many("slow", 20, 30), many("gone", 5, 20)];
    let compared = |order| {
        let before = (grouping(asked("k"), &earlier), 2.0);
        grouping(asked("k"), &now).groups(order, 1.0, Some(before))
    };
    let most = compared(Order::Most);
    let before = |name: &str| {
        let group = most.values.iter().find(|group| group.value == name).unwrap();
        let before = group.before.unwrap();
        (before.weight, before.p99_ns.map(|p99| (p99 / 1e6).round()))
    };
    assert!(most.before_estimated && !most.estimated, "of the time before only every second was looked at");
    assert_eq!(before("quick").0, 100.0);
    assert!((19.0..=21.0).contains(&before("slow").1.unwrap()));
    assert_eq!(before("new"), (0.0, None));
    let names = |groups: &Groups| groups.values.iter().map(|group| group.value.clone()).collect::<Vec<_>>();
    assert_eq!(names(&most), ["quick", "new", "slow", "rare"]);
    // What came three times is no measure of what is slow.
    assert_eq!(names(&compared(Order::Slowest)), ["slow", "quick", "new", "rare"]);
}

#[test]
fn slower_is_said_by_numbers_that_are_enough() {
    let summary = |requests, p99| Summary { requests, p99_ns: Some(p99), ..Summary::default() };
    assert!(is_much_slower(&summary(50, 40.0), Some(&summary(50, 20.0))));
    for (now, before) in [(summary(50, 25.0), summary(50, 20.0)), (summary(19, 40.0), summary(50, 20.0))] {
        assert!(!is_much_slower(&now, Some(&before)));
    }
    assert!(!is_much_slower(&summary(50, 40.0), None));
    assert!(!is_much_slower(&summary(50, 40.0), Some(&Summary::default())));
}
