//! `OTEL_TRACES_SAMPLER=xray`: the rules X-Ray gives decide, its counts are told after responses, and an X-Ray that cannot be
//! reached, or never answers, holds up no request.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{Json, Router, extract::State, routing::post};
use lambda_host::sink::{Behaviour, Sink};
use serde_json::{Value, json};
use testkit::{DEADLINE, Setup, notes::NotesApi};

/// X-Ray's sampling API with rules of this test; it notes what it is told.
async fn xray(rules: Value) -> (String, Arc<Mutex<Vec<Value>>>) {
    let told = Arc::new(Mutex::new(Vec::new()));
    let targets = |State(told): State<Arc<Mutex<Vec<Value>>>>, body: String| async move {
        told.lock().unwrap().push(serde_json::from_str(&body).unwrap());
        Json(json!({ "SamplingTargetDocuments": [], "LastRuleModification": 0, "UnprocessedStatistics": [] }))
    };
    let router = Router::new()
        .route("/GetSamplingRules", post(async move || Json(rules)))
        .route("/SamplingTargets", post(targets))
        .with_state(told.clone());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("endpoint=http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    (endpoint, told)
}

fn rule(name: &str, priority: u32, path: &str, rate: f64) -> Value {
    json!({ "SamplingRule": {
        "RuleName": name, "RuleARN": format!("arn:aws:xray:us-east-1:111111111111:sampling-rule/{name}"), "Version": 1,
        "Priority": priority, "ReservoirSize": 0, "FixedRate": rate, "ServiceName": "notes-api", "ServiceType": "*",
        "HTTPMethod": "POST", "URLPath": path, "Host": "*", "ResourceARN": "*", "Attributes": {},
    }})
}

async fn start(sink: &Sink, sampler_arg: &str) -> NotesApi {
    let url = sink.url();
    let env = vec![
        ("OTEL_EXPORTER_OTLP_ENDPOINT", url.as_str()),
        ("OTEL_TRACES_SAMPLER", "xray"),
        ("OTEL_TRACES_SAMPLER_ARG", sampler_arg),
    ];
    NotesApi::start(Setup { env, ..Setup::default() }).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_rule_that_matches() {
    for (rate, kept) in [(0.0, 0), (1.0, 10)] {
        let others = rule("others", 200, "*", 1.0 - rate);
        let (endpoint, told) =
            xray(json!({ "SamplingRuleRecords": [others, rule("take", 100, "/notes*", rate)] })).await;
        let sink = Sink::otlp(Behaviour::Ok).await.unwrap();
        let mut api = start(&sink, &endpoint).await;
        // Rules are asked for after the first response, which falls back to one trace a second and 5 % of the rest.
        api.note().await;
        api.function.idle().await.unwrap();
        let before = sink.spans().len();
        for _ in 0..10 {
            api.note().await;
        }
        api.function.idle().await.unwrap();
        assert_eq!(sink.wait_for(before + 2 * kept, DEADLINE).await, before + 2 * kept, "rate {rate}");
        // Counts are told ten seconds after the rules came, at the earliest.
        tokio::time::sleep(Duration::from_secs(11)).await;
        api.note().await;
        api.function.idle().await.unwrap();
        let told = told.lock().unwrap().clone();
        // At once, unless the notes took as long.
        let documents: Vec<_> = told.iter().map(|told| &told["SamplingStatisticsDocuments"][0]).collect();
        let counted = |name: &str| documents.iter().map(|document| document[name].as_u64().unwrap()).sum::<u64>();
        assert!(documents.iter().all(|document| document["RuleName"] == "take"), "{told:?}");
        let sampled = kept + usize::from(kept > 0);
        assert_eq!((counted("RequestCount"), counted("SampledCount")), (11, sampled as u64), "{told:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_xray_requests_are_served_at_once() {
    // A port that accepts and never answers, and one where nobody listens.
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let silent = (format!("endpoint=http://{}", silent.local_addr().unwrap()), Some(silent));
    for (endpoint, _listener) in [silent, ("endpoint=http://127.0.0.1:9".to_owned(), None)] {
        let sink = Sink::otlp(Behaviour::Ok).await.unwrap();
        let mut api = start(&sink, &endpoint).await;
        // A request that waited for the rules would take their timeout, a second, at least.
        for _ in 0..3 {
            let response = api.note().await.response;
            assert!(response < Duration::from_secs(1), "{response:?}");
        }
        assert!(sink.wait_for(2, DEADLINE).await >= 2, "the fallback keeps one trace a second");
    }
}
