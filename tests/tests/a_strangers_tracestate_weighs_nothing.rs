//! Whoever may call, or gets a message through, cannot make one request count for many: a sampling threshold in `tracestate` is
//! believed of a known account and a known topic, and of nobody else. What a tenant's failures come to stays what it is.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{Router, body::Bytes, extract::State, routing::post};
use lambda_host::{
    aws::Aws,
    function::Function,
    payloads::{self, Message, bookings_confirmed},
    sink::{Behaviour, Sink, Span},
};
use opentelemetry_proto::tonic::{collector::trace::v1::ExportTraceServiceRequest, trace::v1::span::SpanKind};
use prost::Message as _;
use serde_json::{Value, json};
use tempfile::TempDir;
use testkit::control_plane::Server;
use testkit::{BookingApi, DEADLINE, Setup, TOPIC_ARN, eventually, mileage_accrual, mileage_api};

/// Says that the trace stands for 2^56.
const HOSTILE: &str = "a=1,ot=th:ffffffffffffff";
const ROUNDS: usize = 10;

struct ControlPlane {
    server: Server,
    _data: TempDir,
}

impl ControlPlane {
    fn start() -> Self {
        let data = tempfile::tempdir().unwrap();
        Self { server: Server::configured(data.path(), "[slo]\nsettle_seconds = 0\n"), _data: data }
    }

    async fn get(&self, path: &str) -> Value {
        reqwest::get(format!("{}{path}", self.server.url)).await.unwrap().json().await.unwrap()
    }

    /// A tenant's budget: requests, failures, and what these come to, weighed.
    async fn budget(&self, tenant: &str) -> Option<[f64; 3]> {
        let slo = self.get("/api/slo").await;
        let line = slo["tenants"].as_array()?.iter().find(|line| line.to_string().contains(tenant))?.clone();
        let budget = &find_with(&line, "budget")?["budget"];
        Some([budget["requests"].as_f64()?, budget["failed"].as_f64()?, budget["consumed"].as_f64()?])
    }

    /// What the map says of booking-api as this tenant sees it: how many requests, and the share of faults.
    async fn on_the_map(&self, tenant: &str) -> (i64, f64) {
        let map = self.get(&format!("/api/map?tenant={tenant}&window=1h")).await;
        let nodes = map["nodes"].as_array().unwrap();
        let is_it = |node: &&Value| node["name"] == "booking-api" && node["account"] == "111111111111";
        let node = nodes.iter().find(is_it).unwrap_or_else(|| panic!("{map}"));
        let stats = &node["stats"];
        (stats["count"].as_i64().unwrap(), stats["fault_rate"].as_f64().unwrap())
    }

    /// What these tenants were alerted on for, as one answer says.
    async fn alerts(&self, tenants: [&str; 2]) -> [Vec<Value>; 2] {
        let alerts = self.get("/api/alerts").await;
        tenants.map(|tenant| {
            let of_tenant = alerts.as_array().unwrap().iter().filter(|alert| alert.to_string().contains(tenant));
            of_tenant.map(|alert| json!([alert["condition"], alert["requests"], alert["failed"]])).collect()
        })
    }
}

/// A collector that keeps spans until all are there, and then hands them on at once, as if they were ten minutes old: objectives are judged once
/// five minutes are over, and alerts open by what was there then.
#[derive(Clone, Default)]
struct Collector(Arc<Mutex<ExportTraceServiceRequest>>);

impl Collector {
    async fn start(&self) -> String {
        let keep = |State(kept): State<Self>, body: Bytes| async move {
            let request = ExportTraceServiceRequest::decode(body).unwrap();
            kept.0.lock().unwrap().resource_spans.extend(request.resource_spans);
        };
        let router = Router::new().route("/v1/traces", post(keep)).with_state(self.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        url
    }

    /// How many requests were served.
    fn requests(&self) -> usize {
        let kept = self.0.lock().unwrap();
        let scopes = kept.resource_spans.iter().flat_map(|group| &group.scope_spans);
        scopes.flat_map(|scope| &scope.spans).filter(|span| span.kind() == SpanKind::Server).count()
    }

    async fn hand_on(&self, control_plane: &ControlPlane) {
        const AGO: u64 = 600_000_000_000;
        let mut request = self.0.lock().unwrap().clone();
        let scopes = request.resource_spans.iter_mut().flat_map(|group| &mut group.scope_spans);
        for span in scopes.flat_map(|scope| &mut scope.spans) {
            span.start_time_unix_nano -= AGO;
            span.end_time_unix_nano -= AGO;
        }
        let answer = control_plane.server.post("application/x-protobuf", request.encode_to_vec()).await;
        answer.error_for_status().unwrap();
    }
}

/// The first object with a field of this name.
fn find_with<'a>(value: &'a Value, name: &str) -> Option<&'a Value> {
    match value {
        Value::Object(fields) if fields.contains_key(name) => Some(value),
        Value::Object(fields) => fields.values().find_map(|value| find_with(value, name)),
        Value::Array(values) => values.iter().find_map(|value| find_with(value, name)),
        _ => None,
    }
}

/// Requests of a tenant, of which every second one fails.
async fn half_fail(api: &mut BookingApi, tenant: &str, tracestate: Option<&str>) {
    for round in 0..ROUNDS {
        // A sampler that asks nobody keeps what the caller did not.
        let flags = if tenant.ends_with("always-on") && round % 2 == 0 { "00" } else { "01" };
        let traceparent = format!("00-{}-00000000000000ff-{flags}", unique(tenant, round));
        let mut headers = vec![("traceparent", traceparent.as_str())];
        headers.extend(tracestate.map(|state| ("tracestate", state)));
        let booked = api.function.invoke(api.event(tenant, &headers), DEADLINE).await.unwrap();
        assert_eq!(booked.http().0, 201, "{booked:?}");
        // Nobody answers at the mileage API.
        let token = api.aws.token(tenant, "basic", "user").unwrap();
        let mut quote: Value = serde_json::from_str(&payloads::get("/quotes", &format!("Bearer {token}"))).unwrap();
        quote["multiValueQueryStringParameters"] = json!({ "from": ["LHR"], "to": ["JFK"] });
        assert_eq!(api.function.invoke(quote.to_string(), DEADLINE).await.unwrap().http().0, 503);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenants_failures_stay_half_of_its_requests() {
    let control_plane = ControlPlane::start();
    let collector = Collector::default();
    let url = collector.start().await;
    let tenants = [
        ("always_on", ["plain-always-on", "hostile-always-on"]),
        ("parentbased_always_on", ["plain-parentbased", "hostile-parentbased"]),
    ];
    for (sampler, [plain, hostile]) in tenants {
        let env = vec![("OTEL_EXPORTER_OTLP_ENDPOINT", url.as_str()), ("OTEL_TRACES_SAMPLER", sampler)];
        let mut api = BookingApi::start(Setup { env, ..Setup::default() }).await;
        half_fail(&mut api, plain, None).await;
        half_fail(&mut api, hostile, Some(HOSTILE)).await;
        api.function.idle().await.unwrap();
    }
    let all = tenants.iter().flat_map(|(_, tenants)| tenants).count() * 2 * ROUNDS;
    eventually("all spans are there", async || (collector.requests() == all).then_some(())).await;
    collector.hand_on(&control_plane).await;
    for tenant in tenants.iter().flat_map(|(_, tenants)| tenants) {
        let budget = eventually(&format!("{tenant} is judged"), async || control_plane.budget(tenant).await).await;
        assert_eq!(budget, [2.0 * ROUNDS as f64, ROUNDS as f64, ROUNDS as f64], "{tenant}");
        assert_eq!(control_plane.on_the_map(tenant).await, (2 * ROUNDS as i64, 0.5), "{tenant}");
    }
    for (_, tenants) in tenants {
        let [plain, hostile] = control_plane.alerts(tenants).await;
        assert_eq!(plain, hostile);
    }
}

/// A trace id of this tenant's own.
fn unique(tenant: &str, round: usize) -> String {
    let hash = tenant.bytes().fold(7_u64, |hash, byte| hash.wrapping_mul(31).wrapping_add(u64::from(byte)));
    format!("{hash:016x}{:016x}", round + 1)
}

/// The one span of this kind that comes of an invocation.
async fn span(function: &Function, sink: &Sink, event: String, kind: SpanKind, spans: usize) -> Span {
    sink.clear();
    function.queue(event.into(), DEADLINE, None).await.unwrap().result.unwrap();
    assert!(sink.wait_for(spans, DEADLINE).await >= spans);
    sink.spans().into_iter().find(|span| span.kind == kind).unwrap()
}

/// How much a span weighs, and its state.
fn weight(span: &Span) -> (Option<&str>, &str) {
    (span.attributes.get("sampling.adjusted_count").map(String::as_str), &span.trace_state)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_is_believed_by_its_name() {
    let sink = Sink::otlp(Behaviour::Ok).await.unwrap();
    let url = sink.url();
    let aws = Aws::start(Duration::ZERO).await.unwrap();
    let env = vec![("OTEL_EXPORTER_OTLP_ENDPOINT", url.as_str())];
    let accrual = mileage_accrual(&aws, Setup { env, ..Setup::default() }).await;
    let traceparent = "00-6b01275c56c1ddfef50d217aeb3329a1-b7ad6b7169203331-01";
    let message = Message { booking_number: "7T42H7MK", tenant: "acme", tier: "basic", traceparent };
    let mut event: Value = serde_json::from_str(&bookings_confirmed(&[message])).unwrap();
    let mut envelope: Value = serde_json::from_str(event["Records"][0]["body"].as_str().unwrap()).unwrap();
    envelope["MessageAttributes"]["tracestate"] = json!({ "Type": "String", "Value": "a=1,ot=th:8" });
    for (topic, expected, spans) in [
        (TOPIC_ARN, (Some("2"), "a=1,ot=th:8"), 3),
        // It is not taken either: nothing is written.
        ("arn:aws:sns:us-east-1:666666666666:booking-events-dev", (None, "a=1"), 2),
    ] {
        envelope["TopicArn"] = topic.into();
        event["Records"][0]["body"] = envelope.to_string().into();
        let consumer = span(&accrual, &sink, event.to_string(), SpanKind::Consumer, spans).await;
        assert_eq!(weight(&consumer), expected, "{topic}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_is_believed_by_its_account() {
    let sink = Sink::otlp(Behaviour::Ok).await.unwrap();
    let url = sink.url();
    let aws = Aws::start(Duration::ZERO).await.unwrap();
    let env = vec![("OTEL_EXPORTER_OTLP_ENDPOINT", url.as_str()), ("BELIEVED_ACCOUNTS", "111111111111")];
    let api = mileage_api(&aws, Setup { env, ..Setup::default() }).await;
    let mut event: Value = serde_json::from_str(&payloads::get("/miles", "AWS4-HMAC-SHA256 Credential=x")).unwrap();
    event["multiValueQueryStringParameters"] = json!({ "from": ["LHR"], "to": ["JFK"], "secret": ["word"] });
    event["multiValueHeaders"]["traceparent"] = json!(["00-6b01275c56c1ddfef50d217aeb3329a1-b7ad6b7169203331-01"]);
    event["multiValueHeaders"]["tracestate"] = json!(["a=1,ot=th:8"]);
    for (identity, expected) in [
        (json!({ "accountId": "111111111111" }), (Some("2"), "a=1,ot=th:8")),
        (json!({ "accountId": "666666666666" }), (None, "a=1")),
        (json!({}), (None, "a=1")),
    ] {
        event["requestContext"]["identity"] = identity.clone();
        let server = span(&api, &sink, event.to_string(), SpanKind::Server, 1).await;
        assert_eq!(weight(&server), expected, "{identity}");
        assert_eq!(server.attributes["url.query"], "from=LHR&to=JFK", "declared parameters, and no others");
    }
}
