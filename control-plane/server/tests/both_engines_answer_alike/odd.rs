//! What is odd about a span has one answer in both engines, and it is this one.

use control_plane_model::{
    listing::{Order, Search},
    map::MapQuery,
    store::{Detail, RequestQuery, Scope, SpanStore, SumsOf},
    trace::TraceId,
};
use futures_util::TryStreamExt;
use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest,
    common::v1::KeyValue,
    resource::v1::Resource,
    trace::v1::{ResourceSpans, ScopeSpans, Span},
};
use testkit::control_plane::{now_ns, number, span, text};

use crate::Both;

/// What is sent, and what is seen of it: tenant, tier, duration in nanoseconds, parent, weight.
struct Case {
    what: &'static str,
    sender: Vec<KeyValue>,
    span: Span,
    seen: (Option<&'static str>, Option<&'static str>, i64, Option<&'static str>, f64),
}

fn cases() -> Vec<Case> {
    let own = |attributes: Vec<KeyValue>| Span { attributes, ..span(1, 0) };
    let basic = || vec![text("tenant.id", "acme"), text("tenant.tier", "basic")];
    let case = |what, sender, span, seen| Case { what, sender, span, seen };
    let usual = (Some("acme"), Some("basic"), 5_000_000, None, 1.0);
    let ends = |start: u64, end: u64| Span { start_time_unix_nano: start, end_time_unix_nano: end, ..own(basic()) };
    let begun = span(1, 0).start_time_unix_nano;
    vec![
        case("an end before its start", vec![], ends(begun, begun - 191_305), (usual.0, usual.1, 0, None, 1.0)),
        case("no end", vec![], ends(begun, 0), (usual.0, usual.1, 0, None, 1.0)),
        case("a tenant of the sender", basic(), own(vec![]), usual),
        case(
            "another than the sender's",
            basic(),
            own(vec![text("tenant.id", "globex")]),
            (Some("globex"), None, usual.2, None, 1.0),
        ),
        case("the sender's again", basic(), own(vec![text("tenant.id", "acme")]), usual),
        case(
            "a tenant that is a number",
            vec![],
            own(vec![number("tenant.id", -42)]),
            (Some("-42"), None, usual.2, None, 1.0),
        ),
        case("an empty tenant", vec![], own(vec![text("tenant.id", "")]), (None, None, usual.2, None, 1.0)),
        case(
            "a tenant named twice",
            vec![],
            own([basic(), vec![text("tenant.id", "globex"), text("tenant.tier", "premium")]].concat()),
            usual,
        ),
        case(
            "a request that calls itself a function's start",
            vec![],
            own([basic(), vec![text("lambda.phase", "init")]].concat()),
            usual,
        ),
        case("a parent of zeros", vec![], Span { parent_span_id: vec![0; 8], ..own(basic()) }, usual),
        case("its own parent", vec![], Span { parent_span_id: span(1, 0).span_id, ..own(basic()) }, usual),
        case(
            "a parent that never comes",
            vec![],
            Span { parent_span_id: vec![255; 8], ..own(basic()) },
            (usual.0, usual.1, usual.2, Some("ffffffffffffffff"), 1.0),
        ),
        case(
            "more than any span weighs",
            vec![],
            Span { trace_state: "ot=th:ffffffffffffff".into(), ..own(basic()) },
            (usual.0, usual.1, usual.2, None, 10_000.0),
        ),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn odd_spans_have_one_answer() {
    let both = Both::start().await;
    let cases = cases();
    for (index, case) in (1_u8..).zip(&cases) {
        let service = text("service.name", case.what);
        let attributes = [vec![service], case.sender.clone()].concat();
        let span = Span { trace_id: vec![index; 16], ..case.span.clone() };
        let group = ResourceSpans {
            resource: Some(Resource { attributes, ..Resource::default() }),
            scope_spans: vec![ScopeSpans { spans: vec![span], ..ScopeSpans::default() }],
            ..ResourceSpans::default()
        };
        both.write(ExportTraceServiceRequest { resource_spans: vec![group] }).await;
    }
    both.clickhouse.make_sums().await.unwrap();
    for (index, case) in (1_u8..).zip(&cases) {
        for (engine, store) in both.stores() {
            let what = format!("{engine}, {}", case.what);
            check(&what, store, &[index; 16], case).await;
        }
    }
}

async fn check(what: &str, store: &dyn SpanStore, trace_id: &[u8], case: &Case) {
    let (tenant, tier, duration_ns, parent, weight) = case.seen;
    let now = now_ns();
    let trace = store.trace(&Scope::All, TraceId::from_bytes(trace_id).unwrap()).await.unwrap().unwrap();
    let span = &trace.spans[0];
    let seen = (span.tenant.as_deref(), span.tier.as_deref(), span.duration_ns, span.parent_span_id.as_deref());
    assert_eq!(seen, (tenant, tier, duration_ns, parent), "{what}");
    assert_eq!(span.end_unix_ns, span.start_unix_ns + duration_ns, "{what}");

    let of_service = Some(format!("service(\"{}\")", case.what).parse().unwrap());
    let search = Search { from_ns: 0, to_ns: now, expression: of_service, order: Order::Newest, limit: 9 };
    let found = store.search(&Scope::All, Search { from_ns: now - 3_600_000_000_000, ..search }).await.unwrap();
    let tenants: Vec<String> = tenant.map(str::to_owned).into_iter().collect();
    assert_eq!((found.traces[0].duration_ns, &found.traces[0].tenants), (duration_ns, &tenants), "{what}");

    let (from, to) = (now / 1_000_000_000 - 3_600, now / 1_000_000_000);
    let map = MapQuery { from, to, tenant: tenant.map(str::to_owned), tier: tier.map(str::to_owned), account: None };
    let map = store.map(&Scope::All, map).await.unwrap();
    let node = map.nodes.iter().find(|node| node.name == case.what).unwrap();
    let took = node.stats.mean_ms * 1e6;
    assert!((took - duration_ns as f64).abs() < 1.0 && node.stats.count == 1, "{what}: {node:?}");

    let of = tenant.map_or(SumsOf::Together, |tenant| SumsOf::Tenant(tenant.to_owned()));
    let rows = store.request_rows(&Scope::All, RequestQuery { from, to, of, detail: Detail::Latencies }).await.unwrap();
    let rows: Vec<_> = rows.try_concat().await.unwrap();
    let row = rows.iter().find(|row| row.key.service == case.what).unwrap();
    assert_eq!((row.key.tenant.as_deref(), row.key.tier.as_deref()), (tenant, tier), "{what}");
    let sums = (row.cell.requests, row.cell.duration_ns, row.cell.weight);
    assert_eq!(sums, (1, duration_ns as u128, weight), "{what}");

    let costs = store.costs(&Scope::All, from, to).await.unwrap();
    let costs: Vec<_> = costs.iter().filter(|row| row.key.service == case.what).collect();
    assert!(costs.len() == 1 && costs[0].key.tenant.as_deref() == tenant && costs[0].cell.weight == weight, "{what}");
}
