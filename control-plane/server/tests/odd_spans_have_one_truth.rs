//! What is odd about a span is the same in every sum, list, page and API: its duration, its parent, its tenant, its weight.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use control_plane::api::TenantAnswer;
use control_plane_model::{listing::SearchResult, map::ServiceMap};
use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest,
    resource::v1::Resource,
    trace::v1::{ResourceSpans, ScopeSpans, Span},
};
use prost::Message;
use serde::de::DeserializeOwned;
use serde_json::Value;
use testkit::control_plane::{Server, number, request_of, span, text, truth};

fn server() -> (Server, tempfile::TempDir) {
    let dir = tempfile::tempdir().unwrap();
    (Server::start(dir.path()), dir)
}

async fn get<T: DeserializeOwned>(server: &Server, path: &str) -> T {
    let answer = reqwest::get(format!("{}{path}", server.url)).await.unwrap();
    assert_eq!(answer.status(), 200, "{path}");
    answer.json().await.unwrap()
}

async fn page(server: &Server, path: &str) -> String {
    reqwest::get(format!("{}{path}", server.url)).await.unwrap().text().await.unwrap()
}

async fn send(server: &Server, spans: Vec<Span>) {
    assert_eq!(server.post("application/x-protobuf", request_of(spans)).await.status(), 200);
}

/// Spans whose sender says these things of itself.
async fn send_from(server: &Server, resource: &[(&str, &str)], spans: Vec<Span>) {
    let attributes = resource.iter().map(|(key, value)| text(key, value)).collect();
    let group = ResourceSpans {
        resource: Some(Resource { attributes, ..Resource::default() }),
        scope_spans: vec![ScopeSpans { spans, ..ScopeSpans::default() }],
        ..ResourceSpans::default()
    };
    let body = ExportTraceServiceRequest { resource_spans: vec![group] }.encode_to_vec();
    assert_eq!(server.post("application/x-protobuf", body).await.status(), 200);
}

const TRACE: &str = "07070707070707070707070707070707";

/// That list, waterfall, API, map, search and sums name this tenant, and count one request of it.
async fn tenant_is(server: &Server, tenant: &str, tier: &str) {
    let trace: Value = get(server, &format!("/api/traces/{TRACE}")).await;
    assert_eq!((&trace["spans"][0]["tenant"], &trace["spans"][0]["tier"]), (&tenant.into(), &tier.into()));
    let filter =
        format!("/api/traces?filter=annotation.tenant_id%3D%22{tenant}%22+annotation.tenant_tier%3D%22{tier}%22");
    let found: SearchResult = get(server, &filter).await;
    assert_eq!((found.matched, &found.traces[0].tenants), (1, &vec![tenant.to_owned()]));
    assert!(page(server, &format!("/traces/{TRACE}")).await.contains(&format!("<strong>{tenant}</strong>")));
    let map: ServiceMap = get(server, &format!("/api/map?tenant={tenant}&tier={tier}")).await;
    assert_eq!(map.edges.iter().map(|edge| edge.stats.count).sum::<i64>(), 1);
    let sums: TenantAnswer = get(server, &format!("/api/tenants/{tenant}")).await;
    assert_eq!(sums.services.iter().map(|line| line.summary.requests).sum::<u64>(), 1);
    let cost: Value = get(server, "/api/cost?window=2d").await;
    let lines: Vec<&Value> = cost["tenants"].as_array().unwrap().iter().collect();
    assert!(lines.len() == 1 && lines[0]["tenant"] == tenant && lines[0]["tier"] == tier, "{cost}");
}

#[tokio::test]
async fn a_tenant_named_twice_is_the_first_one() {
    let (server, _dir) = server();
    let mut twice = span(7, 0);
    twice.attributes = ["acme", "globex"].map(|tenant| text("tenant.id", tenant)).into();
    twice.attributes.extend(["basic", "premium"].map(|tier| text("tenant.tier", tier)));
    send(&server, vec![twice]).await;
    tenant_is(&server, "acme", "basic").await;
    let found: SearchResult = get(&server, "/api/traces?tenant=globex").await;
    assert_eq!(found.matched, 0);
    let trace: Value = get(&server, &format!("/api/traces/{TRACE}")).await;
    assert_eq!(trace["spans"][0]["attributes"]["tenant.id"], "acme");
}

#[tokio::test]
async fn a_tenant_that_is_a_number_is_text() {
    let (server, _dir) = server();
    let mut numbered = span(7, 0);
    numbered.attributes = vec![number("tenant.id", 42), text("tenant.tier", "basic")];
    send(&server, vec![numbered]).await;
    tenant_is(&server, "42", "basic").await;
}

#[tokio::test]
async fn a_tenant_of_the_sender_counts_for_its_spans() {
    let (server, _dir) = server();
    let resource = [("service.name", "s"), ("tenant.id", "acme"), ("tenant.tier", "premium")];
    send_from(&server, &resource, vec![Span { attributes: vec![], ..span(7, 0) }]).await;
    tenant_is(&server, "acme", "premium").await;
    // A span's own comes first, and the sender's tier is not of another tenant.
    send_from(&server, &resource, vec![Span { attributes: vec![text("tenant.id", "globex")], ..span(8, 0) }]).await;
    let trace = server.trace(&[8; 16]).await.unwrap();
    assert_eq!((trace.spans[0].tenant.as_deref(), trace.spans[0].tier.as_deref()), (Some("globex"), None));
}

#[tokio::test]
async fn an_end_before_its_start_is_no_time() {
    let (server, _dir) = server();
    let mut backwards = span(7, 0);
    backwards.end_time_unix_nano = backwards.start_time_unix_nano - 191_305;
    send(&server, vec![backwards]).await;
    let trace: Value = get(&server, &format!("/api/traces/{TRACE}")).await;
    let of_span = &trace["spans"][0];
    assert_eq!((&of_span["duration_ns"], &of_span["end_unix_ns"]), (&0.into(), &of_span["start_unix_ns"]));
    let found: SearchResult = get(&server, "/api/traces").await;
    assert_eq!(found.traces[0].duration_ns, 0);
    let map: ServiceMap = get(&server, "/api/map").await;
    assert!(map.edges[0].stats.mean_ms == 0.0 && map.edges[0].stats.p99_ms < 0.001, "{map:?}");
    let cost: Value = get(&server, "/api/cost?window=2d").await;
    assert_eq!(cost["total"]["seconds"], 0.0);
    assert!(!page(&server, &format!("/traces/{TRACE}")).await.contains("-191"));
}

#[tokio::test]
async fn a_parent_of_zeros_is_none_and_so_is_oneself() {
    let (server, _dir) = server();
    send(&server, vec![Span { parent_span_id: vec![0; 8], ..span(7, 0) }]).await;
    let own = span(8, 0);
    send(&server, vec![Span { parent_span_id: own.span_id.clone(), ..own }]).await;
    for trace in [[7; 16], [8; 16]] {
        assert_eq!(server.trace(&trace).await.unwrap().spans[0].parent_span_id, None);
    }
    let found: SearchResult = get(&server, "/api/traces?filter=!partial").await;
    assert_eq!(found.matched, 2);
    assert!(!page(&server, &format!("/traces/{TRACE}")).await.contains("not received"));
}

/// A function that started for a request, half a second before that began, whichever span comes first.
#[tokio::test]
async fn how_long_a_function_took_to_start_is_no_part_of_its_requests_latency() {
    let (server, _dir) = server();
    let cold = |trace| {
        // Its caller's span does not come: API Gateway's own.
        let mut request = Span { name: "POST /bookings".into(), parent_span_id: vec![9; 8], ..span(trace, 0) };
        request.attributes.push(truth("faas.coldstart", true));
        let started = Span {
            name: "Initialization".into(),
            kind: 1,
            parent_span_id: request.span_id.clone(),
            start_time_unix_nano: request.start_time_unix_nano - 500_000_000,
            end_time_unix_nano: request.start_time_unix_nano,
            attributes: vec![text("lambda.phase", "init")],
            ..span(trace, 1)
        };
        [request, started]
    };
    let [request, started] = cold(7);
    for spans in [vec![started], vec![request]] {
        send(&server, spans).await;
    }
    let [request, started] = cold(8);
    for spans in [vec![request], vec![started]] {
        send(&server, spans).await;
    }
    send(&server, vec![span(6, 0)]).await;
    let found: SearchResult = get(&server, "/api/traces?filter=coldstart").await;
    let told: Vec<_> = found.traces.iter().map(|trace| (trace.duration_ns, trace.root.as_str(), trace.spans)).collect();
    assert_eq!(told, [(5_000_000, "POST /bookings", 2); 2]);
    assert!(found.traces.iter().all(|trace| trace.cold_start));
    let slow: SearchResult = get(&server, "/api/traces?filter=service%28%29+%7B+duration+%3E+0.1+%7D").await;
    assert_eq!(slow.matched, 0);
    let page = page(&server, &format!("/traces/{TRACE}")).await;
    assert!(page.contains("<dt>Took</dt><dd>5.00 ms</dd>"), "{page}");
    assert!(page.contains("<dt>Starting took</dt><dd>500 ms, not counted above</dd>"), "{page}");
}

/// One span that says it stands for 2^56 among a hundred, half of them failed.
#[tokio::test]
async fn no_span_weighs_more_than_ten_thousand() {
    let (server, _dir) = server();
    let mut spans: Vec<Span> = (0..100).map(|n| span(7, n)).collect();
    spans[0].trace_state = "ot=th:ffffffffffffff".into();
    let mut counted = span(7, 100);
    counted.attributes.push(number("sampling.adjusted_count", 1 << 55));
    spans.push(counted);
    send(&server, spans).await;
    let map: ServiceMap = get(&server, "/api/map?window=1h").await;
    let stats = &map.edges[0].stats;
    let seconds = (map.to - map.from) as f64;
    assert_eq!((stats.count, stats.estimated, (stats.rate * seconds).round()), (101, true, 20_099.0));
    let cost: Value = get(&server, "/api/cost?window=2d").await;
    assert_eq!((&cost["total"]["requests"], &cost["total"]["estimated"]), (&20_099.0.into(), &true.into()));
    assert!(page(&server, "/").await.contains("≈"));
}
