//! What the map and the sums say is what a recount from raw spans says, in whatever order these came, and however often.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::BTreeMap;

use control_plane::store::{MapEdge, ServiceMap};
use opentelemetry_proto::tonic::trace::v1::Span;
use testkit::control_plane::{Server, journey, request_by_service, shuffled};

/// Edges by the names of their ends: uses, faults.
type Edges = BTreeMap<(String, String), (i64, i64)>;

async fn map(server: &Server, query: &[(&str, &str)]) -> ServiceMap {
    let client = reqwest::Client::new();
    let answer = client.get(format!("{}/api/map", server.url)).query(query).send().await.unwrap();
    answer.json().await.unwrap()
}

fn edges_of(map: &ServiceMap) -> Edges {
    let name = |id: u32| {
        let node = map.nodes.iter().find(|node| node.id == id).unwrap();
        format!("{} {}", node.kind, node.name)
    };
    let edge = |edge: &MapEdge| ((name(edge.source), name(edge.target)), (edge.stats.count, edge.stats.faults));
    map.edges.iter().map(edge).collect()
}

/// A recount that knows nothing of how the store counts: the journey's edges, for each journey whose spans have come.
fn recount(journeys: &[(usize, bool)]) -> Edges {
    let mut edges = Edges::new();
    for (_, failed) in journeys {
        let mut used = |from: &str, to: &str, fault: bool| {
            let edge = edges.entry((from.to_owned(), to.to_owned())).or_default();
            edge.0 += 1;
            edge.1 += i64::from(fault);
        };
        used("client clients", "API Gateway API Gateway", *failed);
        used("API Gateway API Gateway", "service booking-api", *failed);
        used("service booking-api", "DynamoDB reservations", false);
        // The call to account B is drawn by its answer, so not as a call to a host.
        used("service booking-api", "API Gateway API Gateway", false);
        used("API Gateway API Gateway", "service mileage-api", false);
        used("DynamoDB reservations", "service booking-publisher", false);
        used("service booking-publisher", "SNS booking-confirmed", false);
        used("SNS booking-confirmed", "SQS accrual", false);
        used("SQS accrual", "service mileage-accrual", false);
        used("service mileage-accrual", "DynamoDB ledger", false);
    }
    edges
}

/// Sends every span by itself or a few together, in this order, some of them twice.
async fn send_in_pieces(server: &Server, spans: &[(&'static str, Span)]) {
    for (index, piece) in spans.chunks(3).enumerate() {
        let body = request_by_service(piece);
        for _ in 0..=(index % 2) {
            assert_eq!(server.post("application/x-protobuf", body.clone()).await.status(), 200);
        }
    }
}

#[tokio::test]
async fn edges_in_any_order() {
    let journeys: Vec<(usize, bool)> = (0..24).map(|n| (n, n % 5 == 0)).collect();
    let expected = recount(&journeys);
    for seed in 1..=4 {
        let dir = tempfile::tempdir().unwrap();
        let mut server = Server::start(dir.path());
        let mut spans: Vec<_> = journeys.iter().flat_map(|(n, failed)| journey(*n, *failed)).collect();
        shuffled(&mut spans, seed);
        let (first, second) = spans.split_at(spans.len() / 2);
        send_in_pieces(&server, first).await;
        if seed % 2 == 0 {
            // What was in memory is gone: the other half must find its parents on disk.
            server.kill();
            server = Server::start(dir.path());
        }
        send_in_pieces(&server, second).await;
        assert_eq!(edges_of(&map(&server, &[]).await), expected, "seed {seed}");

        let acme: Vec<_> = journeys.iter().copied().filter(|(n, _)| n % 3 == 0).collect();
        assert_eq!(edges_of(&map(&server, &[("tenant", "acme")]).await), recount(&acme), "seed {seed}, acme");
        let premium: Vec<_> = journeys.iter().copied().filter(|(n, _)| n % 3 == 2).collect();
        assert_eq!(edges_of(&map(&server, &[("tier", "premium")]).await), recount(&premium), "seed {seed}, premium");
        assert_eq!(edges_of(&map(&server, &[("tenant", "nobody")]).await), Edges::new());
        let in_b = edges_of(&map(&server, &[("account", "222222222222")]).await);
        assert!(in_b.contains_key(&("SQS accrual".into(), "service mileage-accrual".into())));
        assert!(!in_b.contains_key(&("service booking-api".into(), "DynamoDB reservations".into())));
    }
}

#[tokio::test]
async fn sampled_traces_count_as_many_as_they_stand_for() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    for n in 0..10 {
        let mut spans = journey(n, n == 0);
        for (_, span) in &mut spans {
            // A probability of 1 in 4.
            span.trace_state = "vendor=x,ot=th:c;rv:0123".into();
        }
        let body = request_by_service(&spans);
        assert_eq!(server.post("application/x-protobuf", body).await.status(), 200);
    }
    let map = map(&server, &[]).await;
    let api = map.nodes.iter().find(|node| node.name == "booking-api").unwrap();
    let seconds = (map.to - map.from) as f64;
    assert_eq!(api.stats.count, 10);
    assert!((api.stats.rate * seconds - 40.0).abs() < 1e-6, "{:?}", api.stats);
    assert!((api.stats.fault_rate - 0.1).abs() < 1e-9 && !api.stats.estimated);
}

#[tokio::test]
async fn percentiles_are_within_five_percent_of_exact() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    let mut durations = Vec::new();
    let mut spans = Vec::new();
    for n in 0..2_000_u64 {
        let mut span = testkit::control_plane::span(9, n);
        let duration = 1_000_000 + (n * n * 7_919) % 900_000_000;
        span.end_time_unix_nano = span.start_time_unix_nano + duration;
        span.trace_id = (u128::from(n) + 1).to_be_bytes().to_vec();
        durations.push(duration as f64 / 1e6);
        spans.push(span);
    }
    assert_eq!(server.send(spans).await.unwrap().status(), 200);
    durations.sort_by(f64::total_cmp);
    let stats = map(&server, &[]).await.nodes.into_iter().find(|node| node.kind == "service").unwrap().stats;
    for (q, found) in [(0.5, stats.p50_ms), (0.95, stats.p95_ms), (0.99, stats.p99_ms)] {
        let exact = durations[(q * durations.len() as f64).ceil() as usize - 1];
        assert!((found / exact - 1.0).abs() < 0.05, "p{q}: {found} instead of {exact}");
    }
}
