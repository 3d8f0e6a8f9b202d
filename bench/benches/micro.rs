//! What one span, the metrics of one invocation, one message, one token, one distance and one request's quota cost.
#![allow(clippy::unwrap_used, missing_docs, reason = "a benchmark stops where something is wrong")]

use std::{hint::black_box, time::Duration};

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use http::Response;
use lambda_http::{
    Body, Request, RequestExt, aws_lambda_events::apigw::ApiGatewayProxyRequestContext, request::RequestContext,
};
use lambda_http_client::HttpClient;
use lambda_problem::Problem;
use mileage::miles::miles_between;
use opentelemetry::{
    Context, KeyValue,
    trace::{SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState},
};
use rustix::time::{ClockId, clock_gettime};
use tenancy::{AccessLists, List, Listed, TenantContext, TenantLabel, Tier};
use tenant_auth::{JwtSettings, JwtVerifier, bench::hold_against_access_lists};
use tenant_quota::QuotaLayer;
use tenant_store::TenantTable;
use tenant_telemetry::bench::{Measurements, Spans, inject_and_extract};
use tower::{Layer, ServiceExt, service_fn};

/// Spans of one invocation in the span benchmark: its figure is for one of them.
const SPANS: usize = 100;

fn tenant() -> TenantLabel {
    let user_id = "6c5c42f2-fcaa-4337-aea0-9130cc09cdf7".parse().ok();
    TenantLabel { tenant_id: "acme".parse().unwrap(), tier: "basic".parse().unwrap(), user_id }
}

/// The context of a span that is kept.
fn sampled() -> Context {
    let span = SpanContext::new(TraceId::from(7), SpanId::from(7), TraceFlags::SAMPLED, true, TraceState::default());
    Context::new().with_remote_span_context(span)
}

fn spans(criterion: &mut Criterion) {
    let spans = Spans::default();
    let tenant = tenant();
    // Instrumentation, too, has names that are known when it is compiled.
    let names = ["a.1", "a.2", "a.3", "a.4", "a.5", "a.6", "a.7", "a.8", "a.9", "a.10"];
    let attributes = names.map(|name| KeyValue::new(name, "a value of some length"));
    criterion.bench_function("span_of_100", |bencher| {
        bencher.iter(|| spans.of_an_invocation(&tenant, &attributes, SPANS));
    });
}

/// What metrics add to the spans of an invocation: one that calls AWS four times. Without a setting they name no tenant; with `METRICS_TENANT=top`
/// every other invocation is of the busiest tenant here, and the others are of so many tenants that each is new to those who are counted, which is the
/// dearest for telling the busiest.
fn metrics(criterion: &mut Criterion) {
    for (name, measurements) in [
        ("metrics_of_an_invocation", Measurements::default()),
        ("metrics_that_name_tenants", Measurements::naming_tenants()),
    ] {
        metrics_by(criterion, name, &measurements);
    }
}

fn metrics_by(criterion: &mut Criterion, name: &str, measurements: &Measurements) {
    let (cx, busiest) = (sampled(), tenant());
    let others = (0..5_000).map(|n| TenantLabel { tenant_id: format!("tenant-{n}").parse().unwrap(), ..tenant() });
    let others: Vec<TenantLabel> = others.collect();
    for tenant in &others {
        measurements.of_an_invocation(&cx, tenant, 4);
    }
    let mut tenants = others.iter().flat_map(|other| [&busiest, other]).cycle();
    criterion.bench_function(name, |bencher| {
        bencher.iter(|| measurements.of_an_invocation(&cx, tenants.next().unwrap(), 4));
    });
}

fn messages(criterion: &mut Criterion) {
    let (cx, tenant) = (sampled(), tenant());
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

/// CPU of this thread so far. The layer and the SDK run on it, as in a function; AWS does not.
fn cpu() -> Duration {
    clock_gettime(ClockId::ThreadCPUTime).try_into().unwrap()
}

/// What it costs to hold a request to its tenant's quota, with a handler that does nothing: where its token is there, where it is refused, and where
/// it leases first. A function leases for many requests at once, so `bench quota` says how these add up.
fn quotas(criterion: &mut Criterion) {
    let served = tokio::runtime::Runtime::new().unwrap();
    let aws = served.block_on(lambda_host::aws::Aws::start(Duration::ZERO)).unwrap();
    let credentials = aws_credential_types::Credentials::new("111111111111", "secret", None, None, "bench");
    let config = aws_config::SdkConfig::builder()
        .behavior_version(aws_config::BehaviorVersion::latest())
        .region(aws_config::Region::new("us-east-1"))
        .endpoint_url(&aws.url)
        .credentials_provider(aws_credential_types::provider::SharedCredentialsProvider::new(credentials))
        .build();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let asking = |quota: &str| {
        let table = TenantTable::new(&config, "reservations", lambda_host::aws::TENANT_ROLE_ARN);
        let layer = QuotaLayer::new(table, format!("basic={quota}").parse().unwrap());
        let handler = layer.layer(service_fn(async |_: Request| Ok::<_, Problem>(Response::new(Body::Empty))));
        let runtime = &runtime;
        move |tenant: &str| {
            let mut request = Request::default();
            let label = TenantLabel { tenant_id: tenant.parse().unwrap(), ..self::tenant() };
            request.extensions_mut().insert(TenantContext::vouched_by("a benchmark", label));
            let handler = handler.clone();
            let before = cpu();
            let answer = runtime.block_on(handler.oneshot(request));
            (cpu() - before, answer)
        }
    };

    // Each tenant has a hundred thousand tokens, of which half are used.
    let (admitted, mut asked) = (asking("10000/100000/1"), 0_u32);
    criterion.bench_function("quota_admitted", |bencher| {
        bencher.iter_custom(|times| {
            let mut took = Duration::ZERO;
            for _ in 0..times {
                let (cpu, answer) = admitted(&format!("tenant-{}", asked / 50_000));
                asked += 1;
                answer.unwrap();
                took += cpu;
            }
            took
        });
    });

    let refused = asking("1/1/1");
    criterion.bench_function("quota_refused", |bencher| {
        bencher.iter_custom(|times| {
            let asked = std::iter::repeat_with(|| refused("refused")).filter(|(_, answer)| answer.is_err());
            asked.take(times.try_into().unwrap()).map(|(cpu, _)| cpu).sum()
        });
    });

    // Of a burst of one each lease has one token, and there is another after a ten thousandth of a second.
    let leasing = asking("10000/1/1");
    leasing("leasing").1.unwrap();
    criterion.bench_function("quota_lease", |bencher| {
        bencher.iter_custom(|times| {
            let leased = (0..times).map(|_| {
                std::thread::sleep(Duration::from_millis(1));
                let (cpu, answer) = leasing("leasing");
                answer.unwrap();
                cpu
            });
            leased.sum()
        });
    });
}

/// What the layer does with a caller whom none of two hundred entries refuses, its network on the span with it.
fn access_lists(criterion: &mut Criterion) {
    let network = |n: usize| Listed::Network(format!("2001:db8:{n:x}::/48").parse().unwrap());
    let block = |lists: AccessLists, n| lists.with(List::Block, network(n), Some(i64::MAX), 0).unwrap();
    let lists = (0..AccessLists::MOST_ENTRIES).fold(AccessLists::default(), block);
    let mut context = ApiGatewayProxyRequestContext::default();
    context.identity.source_ip = Some("2001:db8:ffff::7".to_owned());
    let request = Request::default().with_request_context(RequestContext::ApiGatewayV1(context));
    let (spans, tenant) = (Spans::default(), tenant());
    criterion.bench_function("access_lists", |bencher| {
        let hold = |cx: &mut Context| {
            let _in_span = cx.clone().attach();
            hold_against_access_lists(&lists, black_box(&request), &tenant)
        };
        bencher.iter_batched_ref(|| spans.begun(), hold, BatchSize::SmallInput);
    });
}

criterion_group! {
    name = benches;
    config = Criterion::default().warm_up_time(Duration::from_secs(1)).measurement_time(Duration::from_secs(4));
    targets = spans, metrics, messages, tokens, miles, quotas, access_lists
}
criterion_main!(benches);
