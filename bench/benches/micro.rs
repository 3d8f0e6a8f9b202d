//! What one span, one message, one token and one distance cost.
#![allow(clippy::unwrap_used, missing_docs, reason = "a benchmark stops where something is wrong")]

use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use lambda_http_client::HttpClient;
use mileage::miles::miles_between;
use opentelemetry::{
    Context, KeyValue,
    trace::{SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState},
};
use tenancy::{TenantLabel, Tier};
use tenant_auth::{JwtSettings, JwtVerifier};
use tenant_telemetry::bench::{Spans, inject_and_extract};

/// Spans of one invocation in the span benchmark: its figure is for one of them.
const SPANS: usize = 100;

fn tenant() -> TenantLabel {
    let user_id = "6c5c42f2-fcaa-4337-aea0-9130cc09cdf7".parse().ok();
    TenantLabel { tenant_id: "acme".parse().unwrap(), tier: "basic".parse().unwrap(), user_id }
}

fn spans(criterion: &mut Criterion) {
    let spans = Spans::default();
    let tenant = tenant();
    // As instrumentation has them: names known when it was compiled.
    let names = ["a.1", "a.2", "a.3", "a.4", "a.5", "a.6", "a.7", "a.8", "a.9", "a.10"];
    let attributes = names.map(|name| KeyValue::new(name, "a value of some length"));
    criterion.bench_function("span_of_100", |bencher| {
        bencher.iter(|| spans.of_an_invocation(&tenant, &attributes, SPANS));
    });
}

fn messages(criterion: &mut Criterion) {
    let span = SpanContext::new(TraceId::from(7), SpanId::from(7), TraceFlags::SAMPLED, true, TraceState::default());
    let cx = Context::new().with_remote_span_context(span);
    let tenant = tenant();
    criterion.bench_function("inject_extract", |bencher| bencher.iter(|| inject_and_extract(&cx, &tenant)));
}

fn tokens(criterion: &mut Criterion) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let aws = runtime.block_on(lambda_host::aws::Aws::start(Duration::ZERO)).unwrap();
    let (pool, client) = (lambda_host::aws::USER_POOL_ID, lambda_host::aws::CLIENT_ID);
    let settings = JwtSettings::cognito(pool, client, Some(&aws.url), [Tier::named("basic")]);
    let verifier = JwtVerifier::new(settings, HttpClient::new(Duration::from_secs(2)));
    let authorization = format!("Bearer {}", aws.token("acme", "basic", "user").unwrap());
    runtime.block_on(verifier.verify(Some(&authorization))).unwrap();
    criterion.bench_function("jwt_verify", |bencher| {
        bencher.iter(|| runtime.block_on(verifier.verify(Some(&authorization))).unwrap());
    });
}

fn miles(criterion: &mut Criterion) {
    let [from, to] = ["LHR", "JFK"].map(|code| iata_airports::find(code.parse().unwrap()).unwrap());
    criterion.bench_function("miles", |bencher| bencher.iter(|| miles_between(from, to)));
}

criterion_group! {
    name = benches;
    config = Criterion::default().warm_up_time(Duration::from_secs(1)).measurement_time(Duration::from_secs(4));
    targets = spans, messages, tokens, miles
}
criterion_main!(benches);
