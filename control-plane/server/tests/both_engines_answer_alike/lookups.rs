//! Attributes that no index has are found wherever spans have them, and nowhere else, whatever else spans are full of.

use control_plane_model::{
    listing::{Order, Search},
    lookup::Lookup,
    store::{Scope, SpanStore},
};
use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest,
    common::v1::{AnyValue, ArrayValue, KeyValue, KeyValueList, any_value::Value},
    resource::v1::Resource,
    trace::v1::{ResourceSpans, ScopeSpans, Span, span},
};
use prost::Message;
use testkit::control_plane::{now_ns, number, span as plain, text};

use crate::Both;

const KEY: &str = "db.collection.name";

/// What a trace is made of: its sender, its spans, and whether it has the attribute that says `ledger`.
struct Case {
    what: &'static str,
    sender: Vec<KeyValue>,
    spans: Vec<Span>,
    has: bool,
}

fn of(key: &str, value: Value) -> KeyValue {
    KeyValue { key: key.to_owned(), value: Some(AnyValue { value: Some(value) }), ..KeyValue::default() }
}

fn with(attributes: Vec<KeyValue>) -> Span {
    Span { attributes, ..plain(1, 0) }
}

fn cases() -> Vec<Case> {
    let ledger = || text(KEY, "ledger");
    // What a span holds that has the attribute: as text, it is anybody's to send.
    let bytes = ledger().encode_to_vec();
    let forged = String::from_utf8(bytes.clone()).unwrap();
    let list = |texts: &[&str]| {
        let values = texts.iter().map(|text| AnyValue { value: Some(Value::StringValue((*text).to_owned())) });
        of(KEY, Value::ArrayValue(ArrayValue { values: values.collect() }))
    };
    let event = span::Event { attributes: vec![ledger()], ..span::Event::default() };
    let link =
        span::Link { trace_id: vec![1; 16], span_id: vec![2; 8], attributes: vec![ledger()], ..span::Link::default() };
    let nested = of("more", Value::KvlistValue(KeyValueList { values: vec![ledger()] }));
    let second = Span { span_id: vec![7; 8], ..with(vec![ledger()]) };
    let one = |what, spans, has| Case { what, sender: Vec::new(), spans, has };
    let sender = |what, sender, has| Case { what, sender, spans: vec![with(vec![])], has };
    vec![
        one("the attribute", vec![with(vec![text("a", "b"), ledger()])], true),
        one("another value", vec![with(vec![text(KEY, "ledgers")])], false),
        one("another name", vec![with(vec![text("db.collection.names", "ledger")])], false),
        one("text that looks like it", vec![with(vec![text("note", &forged)])], false),
        one("bytes that look like it", vec![with(vec![of("note", Value::BytesValue(bytes))])], false),
        one("a name that looks like it", vec![Span { name: forged.clone(), ..with(vec![]) }], false),
        one("another value first", vec![with(vec![text(KEY, "accounts"), ledger()])], false),
        one("another value after it", vec![with(vec![ledger(), text(KEY, "accounts")])], true),
        one("one of a list", vec![with(vec![list(&["accounts", "ledger"])])], true),
        one("none of a list", vec![with(vec![list(&["accounts"]), text("b", "ledger")])], false),
        one("an event's", vec![Span { events: vec![event], ..with(vec![]) }], true),
        one("a link's", vec![Span { links: vec![link], ..with(vec![]) }], false),
        one("one within another", vec![with(vec![nested])], false),
        one("text that looks like it, and another span's", vec![with(vec![text("note", &forged)]), second], true),
        sender("a sender's", vec![ledger()], true),
        sender("a sender's text that looks like it", vec![text("note", &forged)], false),
        sender("a sender's second", vec![text(KEY, "accounts"), ledger()], false),
        one("a number", vec![with(vec![number(KEY, 500), of("truth", Value::BoolValue(true))])], false),
        one("no text at all", vec![with(vec![of(KEY, Value::BytesValue(vec![1]))])], false),
    ]
}

fn request(index: usize, sender: &[KeyValue], spans: &[Span]) -> ExportTraceServiceRequest {
    let spans = spans.iter().map(|span| Span { trace_id: trace_id(index), ..span.clone() }).collect();
    let group = ResourceSpans {
        resource: Some(Resource { attributes: sender.to_vec(), ..Resource::default() }),
        scope_spans: vec![ScopeSpans { spans, ..ScopeSpans::default() }],
        ..ResourceSpans::default()
    };
    ExportTraceServiceRequest { resource_spans: vec![group] }
}

fn trace_id(index: usize) -> Vec<u8> {
    (index as u128 + 1).to_be_bytes().to_vec()
}

/// What matches, by its number, and what was looked up for it.
async fn found(store: &dyn SpanStore, scope: &Scope, filter: &str) -> (Vec<usize>, Option<Lookup>) {
    let now = now_ns();
    let expression = Some(filter.parse().unwrap());
    let search = Search { from_ns: now - 3_600_000_000_000, to_ns: now, expression, order: Order::Newest, limit: 100 };
    let found = store.search(scope, search).await.unwrap();
    assert_eq!(found.matched, found.traces.len());
    let number = |trace_id: &[u8]| trace_id.last().map_or(0, |last| usize::from(*last) - 1);
    let mut traces: Vec<_> = found.traces.iter().map(|trace| number(trace.trace_id.as_bytes())).collect();
    traces.sort_unstable();
    (traces, found.lookup)
}

#[tokio::test(flavor = "multi_thread")]
async fn attributes_are_found_where_they_are_and_nowhere_else() {
    let both = Both::start().await;
    let cases = cases();
    for (index, Case { sender, spans, .. }) in cases.iter().enumerate() {
        both.write(request(index, sender, spans)).await;
    }
    // A copy that says something else does not count.
    let copied = cases.len();
    for attributes in [vec![text(KEY, "accounts")], vec![text(KEY, "ledger")]] {
        both.write(request(copied, &[], &[with(attributes)])).await;
    }
    both.clickhouse.make_sums().await.unwrap();
    let having = |has: bool| {
        let all = cases.iter().enumerate().filter(move |(_, case)| case.has == has);
        all.map(|(index, _)| index).collect::<Vec<_>>()
    };
    let named = |what: &str| vec![cases.iter().position(|case| case.what == what).unwrap()];
    let without = having(false).into_iter().chain([copied]).collect::<Vec<_>>();
    for (engine, store) in both.stores() {
        for (filter, expected) in [
            ("attribute[db.collection.name] = \"ledger\"", having(true)),
            ("attribute.db.collection.name = \"ledger\"", having(true)),
            // Nobody ever annotated it.
            ("annotation[db.collection.name] = \"ledger\"", having(true)),
            ("annotation.db_collection_name = \"ledger\"", having(true)),
            ("!attribute[db.collection.name] = \"ledger\"", without.clone()),
            ("attribute[db.collection.name] BEGINSWITH \"ledgers\"", named("another value")),
            ("attribute[db.collection.name] = \"500\"", named("a number")),
            ("attribute[db.collection.name] > 499", named("a number")),
            ("attribute[truth] = true", named("a number")),
            ("attribute[more]", named("one within another")),
            ("attribute[note] AND attribute[db.collection.name]", named("text that looks like it, and another span's")),
            ("attribute[nothing] OR attribute[db.collection.name] ENDSWITH \"gers\"", named("another value")),
            ("attribute[nothing]", vec![]),
        ] {
            let (traces, lookup) = found(store, &Scope::All, filter).await;
            let names = |traces: &[usize]| {
                traces.iter().map(|at| cases.get(*at).map_or("a copy", |case| case.what)).collect::<Vec<_>>()
            };
            assert_eq!(names(&traces), names(&expected), "{engine}: {filter}");
            assert!(lookup.is_some_and(|lookup| !lookup.attributes.is_empty()), "{engine}: {filter}");
        }
        assert_eq!(
            found(store, &Scope::All, "fault OR attribute[tenant.id] = \"acme\"").await.1,
            None,
            "{engine}: there is an index"
        );
    }
}

/// Numbers are compared as such, whatever they take in protobuf, and wherever they stand.
#[tokio::test(flavor = "multi_thread")]
async fn numbers_are_compared_wherever_they_stand() {
    let both = Both::start().await;
    let whole = [0, 1, 127, 128, 404, 500, 16_383, 16_384, 2_097_151, 2_097_152, i64::MAX, -1];
    let value = |number: f64| of(KEY, Value::DoubleValue(number));
    let event = |attribute| span::Event { attributes: vec![attribute], ..span::Event::default() };
    let second = |attributes| Span { span_id: vec![7; 8], ..with(attributes) };
    let list = |numbers: &[i64]| {
        let values = numbers.iter().map(|number| AnyValue { value: Some(Value::IntValue(*number)) });
        of(KEY, Value::ArrayValue(ArrayValue { values: values.collect() }))
    };
    let forged = String::from_utf8(number(KEY, 5).encode_to_vec()).unwrap();
    // Spans, and the numbers that they have.
    let mut cases: Vec<(Vec<Span>, Vec<f64>)> =
        whole.into_iter().map(|one| (vec![with(vec![number(KEY, one)])], vec![one as f64])).collect();
    cases.extend([
        (vec![with(vec![value(499.5)])], vec![499.5]),
        (vec![with(vec![text(KEY, "503")])], vec![503.0]),
        (vec![with(vec![text(KEY, "none")])], vec![]),
        (vec![with(vec![list(&[7, 700])])], vec![7.0, 700.0]),
        (vec![with(vec![number(KEY, 200), number(KEY, 500)])], vec![200.0]),
        (vec![Span { events: vec![event(number(KEY, 502))], ..with(vec![]) }], vec![502.0]),
        (vec![Span { events: vec![event(number(KEY, 502))], ..with(vec![number(KEY, 9)]) }], vec![502.0, 9.0]),
        (vec![with(vec![text("note", &forged)])], vec![]),
        (vec![with(vec![text("note", &forged), number(KEY, 501)])], vec![501.0]),
        (vec![with(vec![number(KEY, 200)]), second(vec![number(KEY, 504)])], vec![200.0, 504.0]),
        (vec![with(vec![])], vec![]),
    ]);
    // More spans of a trace than are looked at before it is read whole.
    let many = |last: i64| {
        (0..40)
            .map(move |n| Span { span_id: vec![n + 1; 8], ..with(vec![number(KEY, if n == 39 { last } else { 3 })]) })
    };
    cases.extend([(many(3).collect(), vec![3.0]), (many(555).collect(), vec![3.0, 555.0])]);
    for (index, (spans, _)) in cases.iter().enumerate() {
        both.write(request(index, &[], spans)).await;
    }
    both.clickhouse.make_sums().await.unwrap();
    for (engine, store) in both.stores() {
        for limit in [-1.0, 0.0, 5.0, 127.0, 128.0, 404.0, 499.5, 500.0, 16_383.0, 16_384.0, 2_097_151.0, 2_097_152.0] {
            for sign in ["=", "!=", "<", "<=", ">", ">="] {
                let holds = |number: f64| match sign {
                    "=" => number == limit,
                    "!=" => number != limit,
                    "<" => number < limit,
                    "<=" => number <= limit,
                    ">" => number > limit,
                    _ => number >= limit,
                };
                let filter = format!("attribute[{KEY}] {sign} {limit}");
                let so = |numbers: &Vec<f64>| numbers.iter().any(|number| holds(*number));
                let expected: Vec<_> =
                    cases.iter().enumerate().filter(|(_, (_, numbers))| so(numbers)).map(|(at, _)| at).collect();
                assert_eq!(found(store, &Scope::All, &filter).await.0, expected, "{engine}: {filter}");
            }
        }
    }
}

/// What is looked for stands in spans, events and senders that name no tenant, too: a tenant that does not see these does not find them.
#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_finds_what_its_own_spans_say() {
    let both = Both::start().await;
    let tenant = || text("tenant.id", "acme");
    let ledger = || text(KEY, "ledger");
    let second = |attributes| Span { span_id: vec![7; 8], ..with(attributes) };
    let own = || with(vec![tenant()]);
    let event = span::Event { attributes: vec![ledger()], ..span::Event::default() };
    let cases = [
        ("its own", vec![], vec![with(vec![tenant(), ledger()])], true),
        ("nobody's beside its own", vec![], vec![own(), second(vec![ledger()])], false),
        ("nobody's event", vec![], vec![own(), Span { events: vec![event], ..second(vec![]) }], false),
        ("its own sender's", vec![ledger()], vec![own()], true),
        ("the sender's of its own and of nobody's", vec![ledger()], vec![second(vec![]), own()], true),
        ("its sender's by the sender's word", vec![tenant(), ledger()], vec![with(vec![])], true),
    ];
    for (index, (_, sender, spans, _)) in cases.iter().enumerate() {
        both.write(request(index, sender, spans)).await;
    }
    // Sent by somebody else, on behalf of nobody.
    let foreign = cases.len();
    both.write(request(foreign, &[], &[own()])).await;
    both.write(request(foreign, &[ledger()], &[second(vec![])])).await;
    both.clickhouse.make_sums().await.unwrap();
    let having = |has: bool| -> Vec<usize> {
        (0..=foreign).filter(|at| cases.get(*at).is_some_and(|(.., own)| *own) == has).collect()
    };
    let acme = Scope::Tenant("acme".to_owned());
    for (engine, store) in both.stores() {
        for (filter, expected) in [
            ("attribute[db.collection.name] BEGINSWITH \"led\"", having(true)),
            ("attribute[db.collection.name] = \"ledger\"", having(true)),
            ("annotation[db.collection.name] = \"ledger\"", having(true)),
            ("!attribute[db.collection.name]", having(false)),
        ] {
            assert_eq!(found(store, &acme, filter).await.0, expected, "{engine}: {filter}");
            let all: Vec<usize> = if filter.starts_with('!') { vec![] } else { (0..=foreign).collect() };
            assert_eq!(found(store, &Scope::All, filter).await.0, all, "{engine}: {filter}, of all");
        }
    }
}
