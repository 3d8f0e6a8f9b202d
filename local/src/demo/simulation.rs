//! Eight more tenants whose traffic is simulated, for a story that a laptop has no time to wait for: four days as usual, and in the last
//! quarter of an hour one of them fails at 5 % while another becomes slow. All of it goes to the control plane as spans, in one
//! request; each says that it is simulated.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail};
use aws_lc_rs::rand;
use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest,
    common::v1::{AnyValue, ArrayValue, KeyValue, any_value::Value},
    resource::v1::Resource,
    trace::v1::{ResourceSpans, ScopeSpans, Span, Status, span::SpanKind, status::StatusCode},
};
use prost::Message;
use serde_json::Value as Json;

use super::expectations::Expectations;
use crate::outputs::Outputs;

/// Whose bookings slow down, and whose fail.
pub(super) const SLOW: &str = "borealis";
pub(super) const FAILING: &str = "cirrus";
const TENANTS: [(&str, &str); 8] = [
    ("altair", "basic"),
    (SLOW, "premium"),
    (FAILING, "standard"),
    ("deneb", "basic"),
    ("electra", "standard"),
    ("fornax", "premium"),
    ("gemini", "basic"),
    ("halley", "standard"),
];
/// Not one of those that are deployed.
const ACCOUNT: &str = "444444444444";
const MILLISECOND: u64 = 1_000_000;
const SECOND: u64 = 1_000 * MILLISECOND;
const SLOT: u64 = 300;
const DAY: u64 = 86_400;
/// Requests of a tenant on a day before, and in five minutes of the last hour.
const PER_DAY: u64 = 600;
const PER_SLOT: u64 = 100;
/// How long two of them have been hurting.
const HURT_FOR: u64 = 3 * SLOT;
const EVALUATED_WITHIN: Duration = Duration::from_secs(30);

/// Sends the story: so many spans.
pub(super) async fn send(outputs: &Outputs) -> Result<usize> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
    let spans = spans(now / SLOT * SLOT)?;
    let count = spans.len();
    let client = reqwest::Client::new();
    let request = client.post(format!("{}/v1/traces", outputs.control_plane_url));
    let body = in_one_request(spans).encode_to_vec();
    let answer = request.header("content-type", "application/x-protobuf").body(body).send().await?;
    if !answer.status().is_success() {
        bail!("the control plane did not take the simulated spans: {}", answer.status());
    }
    Ok(count)
}

/// Whether the control plane has seen what is wrong, and nothing else.
pub(super) async fn check(outputs: &Outputs, expectations: &mut Expectations) -> Result<()> {
    let (open, everybody) = alerts(&reqwest::Client::new(), outputs).await?;
    let told = |tenant: &str, condition: &str| {
        open.iter().any(|alert| alert["tenant"] == tenant && alert["condition"] == condition)
    };
    expectations.expect(format!("{FAILING} fails at 5 %: an alert"), told(FAILING, "error_rate"));
    expectations.expect(format!("{SLOW} is slow: an alert"), told(SLOW, "latency"));
    let others = open.iter().filter(|alert| alert["tenant"] != SLOW && alert["tenant"] != FAILING).count();
    expectations.expect(
        "nobody else is alerted on, and all together stay below 1 % of failures",
        others == 0 && everybody < 0.01,
    );
    Ok(())
}

/// The alerts there are, and everybody's error rate, once both incidents are known.
async fn alerts(client: &reqwest::Client, outputs: &Outputs) -> Result<(Vec<Json>, f64)> {
    let get =
        async |path: &str| -> Result<Json> { Ok(outputs.ask_control_plane(client, path).send().await?.json().await?) };
    let begun = Instant::now();
    loop {
        let alerts = get("/api/alerts").await?.as_array().cloned().unwrap_or_default();
        let known = [SLOW, FAILING].iter().all(|tenant| alerts.iter().any(|alert| alert["tenant"] == *tenant));
        if known || begun.elapsed() > EVALUATED_WITHIN {
            let slo = get("/api/slo").await?;
            let groups = slo["groups"].as_array().context("groups")?.clone();
            let all = groups.iter().find(|group| group["whose"] == "all").cloned().unwrap_or_default();
            return Ok((alerts, all["evaluation"]["latest"]["error_rate"].as_f64().unwrap_or_default()));
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

fn spans(closed: u64) -> Result<Vec<Span>> {
    let mut spans = Vec::new();
    for (tenant, tier) in TENANTS {
        let mut booking = |start: u64, n: u64, hurt: bool| -> Result<()> {
            // From 30 to 130 ms, as no two days are alike but all tenants are.
            let usual = (30 + n * 37 % 100) * MILLISECOND;
            let slow = hurt && tenant == SLOW;
            let duration = if slow { usual * 6 } else { usual };
            let failed = hurt && tenant == FAILING && n % 20 == 7;
            let trace_id = random::<16>()?;
            let served =
                span(&trace_id, None, "POST /bookings", SpanKind::Server, (tenant, tier), start, duration, failed)?;
            if hurt && (slow || failed) {
                // Where the time went, and what failed.
                let inner = (start + 5 * MILLISECOND, duration - 10 * MILLISECOND);
                let write = span(
                    &trace_id,
                    Some(&served.span_id),
                    "DynamoDB.TransactWriteItems",
                    SpanKind::Client,
                    (tenant, tier),
                    inner.0,
                    inner.1,
                    failed,
                )?;
                spans.push(write);
            }
            spans.push(served);
            Ok(())
        };
        for day in 1..=4 {
            for n in 0..PER_DAY {
                booking((closed - day * DAY - n * 60) * SECOND, n, false)?;
            }
        }
        for n in 0..3_600 / SLOT * PER_SLOT {
            let start = closed - 3_600 + n * SLOT / PER_SLOT;
            booking(start * SECOND, n, start >= closed - HURT_FOR)?;
        }
    }
    Ok(spans)
}

#[expect(clippy::too_many_arguments, reason = "a span has as many parts")]
fn span(
    trace_id: &[u8],
    parent: Option<&[u8]>,
    name: &str,
    kind: SpanKind,
    (tenant, tier): (&str, &str),
    start: u64,
    duration: u64,
    failed: bool,
) -> Result<Span> {
    let mut attributes = vec![text("tenant.id", tenant), text("tenant.tier", tier), text("simulated", "by make demo")];
    if kind == SpanKind::Server {
        let status = if failed { 500 } else { 201 };
        attributes.extend([
            text("faas.trigger", "http"),
            text("http.request.method", "POST"),
            attribute("http.response.status_code", Value::IntValue(status)),
        ]);
    } else {
        let tables =
            ArrayValue { values: vec![AnyValue { value: Some(Value::StringValue("reservations-simulated".into())) }] };
        attributes.extend([
            text("rpc.system", "aws-api"),
            text("rpc.service", "DynamoDB"),
            text("db.system.name", "aws.dynamodb"),
            attribute("aws.dynamodb.table_names", Value::ArrayValue(tables)),
        ]);
    }
    let status = failed
        .then(|| Status { code: StatusCode::Error as i32, message: "simulated: the table did not answer".into() });
    Ok(Span {
        trace_id: trace_id.to_vec(),
        span_id: random::<8>()?.to_vec(),
        parent_span_id: parent.unwrap_or_default().to_vec(),
        name: name.to_owned(),
        kind: kind as i32,
        start_time_unix_nano: start,
        end_time_unix_nano: start + duration,
        attributes,
        status,
        ..Span::default()
    })
}

fn random<const N: usize>() -> Result<[u8; N]> {
    let mut bytes = [0; N];
    rand::fill(&mut bytes)?;
    Ok(bytes)
}

fn text(key: &str, value: &str) -> KeyValue {
    attribute(key, Value::StringValue(value.to_owned()))
}

fn attribute(key: &str, value: Value) -> KeyValue {
    KeyValue { key: key.to_owned(), value: Some(AnyValue { value: Some(value) }), ..KeyValue::default() }
}

fn in_one_request(spans: Vec<Span>) -> ExportTraceServiceRequest {
    let resource = Resource {
        attributes: vec![text("service.name", "simulated-booking-api"), text("cloud.account.id", ACCOUNT)],
        ..Resource::default()
    };
    let group = ResourceSpans {
        resource: Some(resource),
        scope_spans: vec![ScopeSpans { spans, ..ScopeSpans::default() }],
        ..ResourceSpans::default()
    };
    ExportTraceServiceRequest { resource_spans: vec![group] }
}
