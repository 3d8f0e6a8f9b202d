//! The sampler against a stub of X-Ray's two calls: rules in order, budgets kept, counts never lost, time that jumps.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use axum::{Json, Router, extract::State, http::StatusCode, response::IntoResponse, routing::post};
use opentelemetry::{KeyValue, trace::TraceId};
use serde_json::{Value, json};
use xray_sampler::{Answer, By, Clock, Request, Sampler, Transport, TransportError};

/// X-Ray, as far as sampling goes.
#[derive(Debug, Default)]
struct Xray {
    rules: Vec<Value>,
    /// Rules on one page.
    page: usize,
    targets: Vec<Value>,
    last_modification: f64,
    unprocessed: Vec<Value>,
    down: bool,
    rule_calls: usize,
    told: Vec<Vec<Value>>,
}

type Shared = Arc<Mutex<Xray>>;

async fn rules(State(xray): State<Shared>, Json(request): Json<Value>) -> axum::response::Response {
    let mut xray = xray.lock().unwrap();
    xray.rule_calls += 1;
    if xray.down {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    let from: usize = request["NextToken"].as_str().map_or(0, |token| token.parse().unwrap());
    let page = if xray.page == 0 { usize::MAX } else { xray.page };
    let to = from.saturating_add(page).min(xray.rules.len());
    let records: Vec<_> = xray.rules[from..to].iter().map(|rule| json!({ "SamplingRule": rule })).collect();
    let next = (to < xray.rules.len()).then(|| to.to_string());
    Json(json!({ "NextToken": next, "SamplingRuleRecords": records })).into_response()
}

async fn targets(State(xray): State<Shared>, Json(request): Json<Value>) -> axum::response::Response {
    let mut xray = xray.lock().unwrap();
    if xray.down {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    xray.told.push(request["SamplingStatisticsDocuments"].as_array().unwrap().clone());
    Json(json!({
        "LastRuleModification": xray.last_modification,
        "SamplingTargetDocuments": xray.targets,
        "UnprocessedStatistics": xray.unprocessed,
    }))
    .into_response()
}

#[derive(Debug)]
struct Http {
    url: String,
    client: reqwest::Client,
}

impl Transport for Http {
    fn post(&self, path: &'static str, body: Vec<u8>) -> Answer<'_> {
        Box::pin(async move {
            let failed = |error: reqwest::Error| TransportError(error.to_string());
            let request = self.client.post(format!("{}{path}", self.url)).header("content-type", "application/json");
            let response = request.body(body).send().await.map_err(failed)?.error_for_status().map_err(failed)?;
            Ok(response.bytes().await.map_err(failed)?.to_vec())
        })
    }
}

/// A clock that tests turn: monotonic and wall time apart.
#[derive(Debug)]
struct Turned {
    start: Instant,
    at: Mutex<(Duration, Duration)>,
}

impl Turned {
    fn forward(&self, by: Duration) {
        let mut at = self.at.lock().unwrap();
        at.0 += by;
        at.1 += by;
    }

    fn set_wall(&self, wall: Duration) {
        self.at.lock().unwrap().1 = wall;
    }
}

impl Clock for Turned {
    fn now(&self) -> Instant {
        self.start + self.at.lock().unwrap().0
    }

    fn since_epoch(&self) -> Duration {
        self.at.lock().unwrap().1
    }
}

const EPOCH: u64 = 1_795_000_000;

struct Setting {
    sampler: Sampler,
    xray: Shared,
    clock: Arc<Turned>,
}

async fn setting(rules_: Vec<Value>) -> Setting {
    let xray: Shared = Arc::new(Mutex::new(Xray { rules: rules_, ..Xray::default() }));
    let router = Router::new()
        .route("/GetSamplingRules", post(rules))
        .route("/SamplingTargets", post(targets))
        .with_state(xray.clone());
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async { axum::serve(listener, router).await });
    let start = (Duration::from_secs(1), Duration::from_secs(EPOCH));
    let clock = Arc::new(Turned { start: Instant::now(), at: Mutex::new(start) });
    let transport = Arc::new(Http { url, client: reqwest::Client::new() });
    let sampler = Sampler::new("0123456789abcdef01234567".into(), transport, clock.clone());
    Setting { sampler, xray, clock }
}

fn rule(name: &str, priority: i64, size: u32, rate: f64) -> Value {
    json!({
        "RuleName": name, "Priority": priority, "ReservoirSize": size, "FixedRate": rate, "ServiceName": "*",
        "ServiceType": "*", "Host": "*", "HTTPMethod": "*", "URLPath": "*", "ResourceARN": "*", "Attributes": {}, "Version": 1,
    })
}

fn with(mut rule: Value, field: &str, value: impl Into<Value>) -> Value {
    rule[field] = value.into();
    rule
}

/// Weyl's sequence: evenly spread ids, the same in every run.
fn trace_id(n: u128) -> TraceId {
    TraceId::from_bytes((n + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835).to_be_bytes())
}

impl Setting {
    fn rule_for(&self, attributes: &[KeyValue]) -> String {
        let request = Request {
            service_name: "booking-api",
            service_type: "AWS::Lambda::Function",
            resource_arn: "arn:aws:lambda:us-east-1:111111111111:function:booking-api",
            attributes,
        };
        self.sampler.decide(trace_id(0), &request).rule.map(|name| name.to_string()).unwrap_or_default()
    }

    /// How many of so many requests at one moment were kept, and how.
    fn kept(&self, requests: u128) -> (usize, usize, usize) {
        let decisions: Vec<_> = (0..requests).map(|n| self.sampler.decide(trace_id(n), &Request::default())).collect();
        let by = |wanted: fn(By) -> bool| decisions.iter().filter(|one| one.sampled && wanted(one.by)).count();
        (by(|by| by == By::Reservoir), by(|by| by == By::Borrowed), by(|by| matches!(by, By::FixedRate(_))))
    }
}

#[tokio::test]
async fn rules_go_by_priority_then_name_and_match_in_every_field() {
    let all = |name: &str| KeyValue::new("http.request.method", name.to_owned());
    let setting = setting(vec![
        rule("Default", 10_000, 1, 0.05),
        with(rule("b-posts", 10, 1, 1.0), "HTTPMethod", "POST"),
        with(rule("a-posts", 10, 1, 1.0), "HTTPMethod", "P?ST"),
        with(rule("health", 1, 0, 0.0), "URLPath", "/health*"),
        with(rule("debug", 2, 1, 1.0), "Attributes", json!({ "http.request.header.x-debug": "true" })),
        with(rule("others", 3, 1, 1.0), "ServiceName", "mileage-*"),
        with(rule("functions-of-b", 4, 1, 1.0), "ResourceARN", "arn:aws:lambda:*:222222222222:*"),
    ])
    .await;
    setting.sampler.poll().await.unwrap();
    assert_eq!(setting.rule_for(&[all("POST")]), "a-posts");
    assert_eq!(setting.rule_for(&[all("GET")]), "Default");
    assert_eq!(setting.rule_for(&[all("POST"), KeyValue::new("url.path", "/health/live?x=1")]), "health");
    assert_eq!(setting.rule_for(&[KeyValue::new("url.full", "http://a.example/HEALTH")]), "health");
    assert_eq!(setting.rule_for(&[KeyValue::new("http.request.header.x-debug", "true")]), "debug");
}

#[tokio::test]
async fn without_rules_one_a_second_and_five_percent_are_kept() {
    let setting = setting(vec![]).await;
    let (_, borrowed, by_rate) = setting.kept(10_000);
    assert_eq!(borrowed, 1);
    assert!((450..=550).contains(&by_rate), "{by_rate}");
}

#[tokio::test]
async fn one_a_second_is_borrowed_until_there_is_a_quota_and_again_when_it_is_over() {
    let setting = setting(vec![rule("Default", 10_000, 5, 0.0)]).await;
    setting.sampler.poll().await.unwrap();
    assert_eq!(setting.kept(100), (0, 1, 0));
    setting.clock.forward(Duration::from_secs(1));
    assert_eq!(setting.kept(100), (0, 1, 0));

    let until = (EPOCH + 60) as f64;
    setting.xray.lock().unwrap().targets = vec![
        json!({ "RuleName": "Default", "FixedRate": 0.5, "ReservoirQuota": 7, "ReservoirQuotaTTL": until, "Interval": 10 }),
    ];
    setting.clock.forward(Duration::from_secs(10));
    setting.sampler.poll().await.unwrap();
    let (reservoir, borrowed, by_rate) = setting.kept(10_007);
    assert_eq!((reservoir, borrowed), (7, 0));
    assert!((4_800..=5_200).contains(&by_rate), "{by_rate}");

    setting.clock.forward(Duration::from_secs(60));
    assert_eq!(setting.kept(1), (0, 1, 0), "the quota is over");
}

#[tokio::test]
async fn what_was_counted_is_told_once_and_never_lost() {
    let setting = setting(vec![rule("Default", 10_000, 1, 0.0)]).await;
    setting.sampler.poll().await.unwrap();
    setting.kept(30);
    setting.xray.lock().unwrap().down = true;
    setting.clock.forward(Duration::from_secs(10));
    assert!(setting.sampler.poll().await.is_err());
    assert_eq!(setting.kept(12), (0, 1, 0), "deciding goes on");
    setting.xray.lock().unwrap().down = false;
    setting.clock.forward(Duration::from_secs(10));
    setting.sampler.poll().await.unwrap();
    let told = setting.xray.lock().unwrap().told.clone();
    assert_eq!(told.len(), 1);
    let document = &told[0][0];
    assert_eq!(
        (&document["RequestCount"], &document["SampledCount"], &document["BorrowCount"]),
        (&json!(42), &json!(2), &json!(2))
    );
    assert_eq!((&document["ClientID"], &document["RuleName"]), (&json!("0123456789abcdef01234567"), &json!("Default")));

    // What X-Ray could not take for its own fault is told again, with what has been counted since.
    setting.xray.lock().unwrap().unprocessed = vec![json!({ "RuleName": "Default", "ErrorCode": "500" })];
    setting.kept(5);
    setting.clock.forward(Duration::from_secs(10));
    setting.sampler.poll().await.unwrap();
    setting.xray.lock().unwrap().unprocessed.clear();
    setting.clock.forward(Duration::from_secs(10));
    setting.sampler.poll().await.unwrap();
    assert_eq!(setting.xray.lock().unwrap().told.last().unwrap()[0]["RequestCount"], 5);
}

#[tokio::test]
async fn a_call_has_twenty_five_documents_at_most() {
    let named = |n: i64| with(rule(&format!("rule-{n:02}"), n, 1, 0.0), "HTTPMethod", format!("M{n}"));
    let setting = setting((0..60).map(named).collect()).await;
    setting.xray.lock().unwrap().page = 25;
    setting.sampler.poll().await.unwrap();
    assert_eq!(setting.xray.lock().unwrap().rule_calls, 3, "three pages");
    for n in 0..60 {
        assert_eq!(setting.rule_for(&[KeyValue::new("http.request.method", format!("M{n}"))]), format!("rule-{n:02}"));
    }
    setting.clock.forward(Duration::from_secs(10));
    setting.sampler.poll().await.unwrap();
    let sizes: Vec<_> = setting.xray.lock().unwrap().told.iter().map(Vec::len).collect();
    assert_eq!(sizes, [25, 25, 10]);
}

#[tokio::test]
async fn changed_rules_are_fetched_at_once() {
    let setting = setting(vec![rule("Default", 10_000, 1, 0.0)]).await;
    setting.sampler.poll().await.unwrap();
    setting.kept(1);
    {
        let mut xray = setting.xray.lock().unwrap();
        xray.rules.push(rule("new", 1, 0, 1.0));
        xray.last_modification = (EPOCH + 1_000) as f64;
    }
    setting.clock.forward(Duration::from_secs(10));
    setting.sampler.poll().await.unwrap();
    assert_eq!(setting.rule_for(&[]), "new");
}

#[tokio::test]
async fn stale_rules_are_not_followed() {
    let setting = setting(vec![rule("all", 1, 0, 1.0)]).await;
    setting.sampler.poll().await.unwrap();
    assert_eq!(setting.kept(10), (0, 0, 10));
    setting.xray.lock().unwrap().down = true;
    setting.clock.forward(Duration::from_secs(3_601));
    let _unreachable = setting.sampler.poll().await;
    assert_eq!(setting.rule_for(&[]), "", "the fallback");
    setting.xray.lock().unwrap().down = false;
    setting.clock.forward(Duration::from_secs(10));
    setting.sampler.poll().await.unwrap();
    assert_eq!(setting.rule_for(&[]), "all");
}

#[tokio::test]
async fn a_wall_clock_that_goes_back_changes_nothing() {
    let setting = setting(vec![rule("Default", 10_000, 1, 0.0)]).await;
    setting.sampler.poll().await.unwrap();
    setting.clock.set_wall(Duration::from_secs(EPOCH - 86_400));
    setting.clock.forward(Duration::from_secs(1));
    assert_eq!(setting.kept(10), (0, 1, 0));
    assert!(!setting.sampler.is_due(), "nothing is due for a day gone back");
    setting.clock.forward(Duration::from_secs(10));
    assert!(setting.sampler.is_due());
    setting.sampler.poll().await.unwrap();
}
