//! A control plane of the test's own, and OTLP requests for it.

use std::{
    ffi::OsStr,
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Child, Command, Stdio},
    sync::LazyLock,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use control_plane_model::trace::Trace;
use flate2::{Compression, write::GzEncoder};
use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest,
    common::v1::{AnyValue, KeyValue, any_value},
    resource::v1::Resource,
    trace::v1::{ResourceSpans, ScopeSpans, Span},
};
use prost::Message;
use serde_json::{Value, json};

use crate::program;

/// A server process; it is killed when dropped.
pub struct Server {
    /// The process.
    pub process: Child,
    /// Where it listens: `http://…`.
    pub url: String,
}

impl Server {
    /// Starts on a free port with its data in `dir`.
    pub fn start(dir: &Path) -> Self {
        Self::configured(dir, "")
    }

    /// The same, with this configuration.
    pub fn configured(dir: &Path, config: &str) -> Self {
        Self::with_environment(dir, config, &[] as &[(&str, &str)])
    }

    /// The same, with these variables.
    pub fn with_environment(dir: &Path, config: &str, variables: &[(&str, impl AsRef<OsStr>)]) -> Self {
        let file = dir.join("control-plane.toml");
        std::fs::write(&file, config).unwrap();
        let mut process = Command::new(program("control-plane"))
            .args(["serve", "--listen", "127.0.0.1:0", "--data"])
            .arg(dir)
            .arg("--config")
            .arg(file)
            .envs(variables.iter().map(|(name, value)| (name, value)))
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let url = line.trim().strip_prefix("listening on ").expect("where it listens").to_owned();
        Self { process, url }
    }

    /// `kill -9`.
    pub fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    /// Posts to the intake of spans.
    pub async fn post(&self, content_type: &str, body: Vec<u8>) -> reqwest::Response {
        self.post_to("/v1/traces", content_type, body).await
    }

    /// Posts to a path of the intake.
    pub async fn post_to(&self, path: &str, content_type: &str, body: Vec<u8>) -> reqwest::Response {
        let request = reqwest::Client::new().post(format!("{}{path}", self.url)).header("content-type", content_type);
        request.body(body).send().await.unwrap()
    }

    /// Sends spans; whether they were acknowledged.
    pub async fn send(&self, spans: Vec<Span>) -> Option<reqwest::Response> {
        let client = reqwest::Client::new();
        let request = client.post(format!("{}/v1/traces", self.url)).header("content-type", "application/x-protobuf");
        request.body(request_of(spans)).send().await.ok()
    }

    /// A trace, or `None` if no span of it is stored.
    pub async fn trace(&self, trace_id: &[u8]) -> Option<Trace> {
        let hex: String = trace_id.iter().map(|byte| format!("{byte:02x}")).collect();
        let answer = reqwest::get(format!("{}/api/traces/{hex}", self.url)).await.unwrap();
        if answer.status() == 404 { None } else { Some(answer.json().await.unwrap()) }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ended_already = self.process.kill();
        let _waited_already = self.process.wait();
    }
}

/// A minute ago, as the tests began: nanoseconds since 1970.
static START: LazyLock<u64> = LazyLock::new(|| {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    u64::try_from((now - Duration::from_secs(60)).as_nanos()).unwrap()
});

/// The n-th span of a trace.
pub fn span(trace: u8, n: u64) -> Span {
    let start = *START + n * 1_000_000;
    Span {
        trace_id: vec![trace.max(1); 16],
        span_id: (n + 1).to_be_bytes().to_vec(),
        name: format!("operation {n}"),
        kind: 2,
        start_time_unix_nano: start,
        end_time_unix_nano: start + 5_000_000,
        attributes: vec![text("tenant.id", "acme"), text("tenant.tier", "basic")],
        ..Span::default()
    }
}

/// A string attribute.
pub fn text(key: &str, value: &str) -> KeyValue {
    let value = any_value::Value::StringValue(value.to_owned());
    KeyValue { key: key.to_owned(), value: Some(AnyValue { value: Some(value) }), ..KeyValue::default() }
}

/// An OTLP request with these spans of one service.
pub fn request_of(spans: Vec<Span>) -> Vec<u8> {
    let resource = Resource {
        attributes: vec![text("service.name", "booking-api"), text("cloud.account.id", "111111111111")],
        ..Resource::default()
    };
    let scope_spans = vec![ScopeSpans { spans, ..ScopeSpans::default() }];
    let group = ResourceSpans { resource: Some(resource), scope_spans, ..ResourceSpans::default() };
    ExportTraceServiceRequest { resource_spans: vec![group] }.encode_to_vec()
}

/// The same, gzipped.
pub fn gzip(body: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(body).unwrap();
    encoder.finish().unwrap()
}

/// A batch of an API's access log in a delivery, as Firehose makes it: lines by when they were written, milliseconds since 1970.
pub fn access_log_delivery(account: &str, api: &str, lines: &[(i64, Value)]) -> Value {
    let event = |(at, line): &(i64, Value)| json!({ "id": "1", "timestamp": at, "message": line.to_string() });
    let batch = json!({
        "messageType": "DATA_MESSAGE",
        "owner": account,
        "logGroup": format!("/aws/apigateway/{api}"),
        "logStream": "0",
        "subscriptionFilters": ["refused"],
        "logEvents": lines.iter().map(event).collect::<Vec<_>>(),
    });
    let data = STANDARD.encode(gzip(batch.to_string().as_bytes()));
    json!({ "requestId": "ed4acda5-034f-9f42-bba1-f29aea6d7d8f", "timestamp": 1, "records": [{ "data": data }] })
}

/// A line of an access log that API Gateway writes of a request which it refuses itself.
pub fn refused_line(status: u16, error: &str, address: &str) -> Value {
    json!({ "time": "1", "request_id": "r", "invocation_id": "-", "xray_trace_id": "-", "address": address, "method": "GET", "route": "/bookings",
            "status": status.to_string(), "latency_ms": "3", "integration_latency_ms": "-", "integration_status": "-", "waf": "-", "error": error })
}

/// An integer attribute.
pub fn number(key: &str, value: i64) -> KeyValue {
    let value = Some(AnyValue { value: Some(any_value::Value::IntValue(value)) });
    KeyValue { key: key.to_owned(), value, ..KeyValue::default() }
}

/// Likewise.
pub fn truth(key: &str, value: bool) -> KeyValue {
    let value = Some(AnyValue { value: Some(any_value::Value::BoolValue(value)) });
    KeyValue { key: key.to_owned(), value, ..KeyValue::default() }
}

/// The spans of the n-th booking, with a quote from account B, by the service that sends them. Tenants take turns: acme and
/// globex are basic, oceanic is premium.
pub fn journey(n: usize, failed: bool) -> Vec<(&'static str, Span)> {
    let (tenant, tier) = [("acme", "basic"), ("globex", "basic"), ("oceanic", "premium")][n % 3];
    let start = *START - 600_000_000_000 + n as u64 * 1_000_000_000;
    let id = |index: usize| (n as u64 * 16 + index as u64 + 1).to_be_bytes().to_vec();
    let span =
        |index: usize, parent: Option<usize>, name: &str, kind, from_ms: u64, to_ms: u64, more: Vec<KeyValue>| {
            let account = if matches!(index, 3 | 4 | 7..) { "222222222222" } else { "111111111111" };
            let mut attributes =
                vec![text("tenant.id", tenant), text("tenant.tier", tier), text("cloud.account.id", account)];
            attributes.extend(more);
            Span {
                trace_id: (n as u128 + 1).to_be_bytes().to_vec(),
                span_id: id(index),
                parent_span_id: parent.map(id).unwrap_or_default(),
                name: name.to_owned(),
                kind,
                start_time_unix_nano: start + from_ms * 1_000_000,
                end_time_unix_nano: start + to_ms * 1_000_000,
                attributes,
                ..Span::default()
            }
        };
    let http = |status| {
        vec![
            text("faas.trigger", "http"),
            text("http.request.method", "POST"),
            number("http.response.status_code", status),
        ]
    };
    let dynamodb = |table: &str| {
        vec![
            text("rpc.system", "aws-api"),
            text("rpc.service", "DynamoDB"),
            text("db.system.name", "aws.dynamodb"),
            text("aws.dynamodb.table_names", table),
        ]
    };
    let message =
        |system: &str, name: &str| vec![text("messaging.system", system), text("messaging.destination.name", name)];
    let call = vec![text("http.request.method", "GET"), text("server.address", "api-of-b.example.com")];
    vec![
        ("booking-api", span(0, None, "POST /bookings", 2, 0, 60, http(if failed { 500 } else { 201 }))),
        ("booking-api", span(1, Some(0), "DynamoDB.TransactWriteItems", 3, 10, 30, dynamodb("reservations"))),
        ("booking-api", span(2, Some(0), "GET", 3, 32, 55, call)),
        ("mileage-api", span(3, Some(2), "GET /miles", 2, 36, 50, http(200))),
        ("mileage-api", span(4, Some(3), "lookup", 1, 37, 40, vec![])),
        (
            "booking-publisher",
            span(5, Some(0), "process reservations", 5, 100, 120, message("aws.dynamodb", "reservations")),
        ),
        (
            "booking-publisher",
            span(6, Some(5), "send booking-confirmed", 4, 105, 115, message("aws.sns", "booking-confirmed")),
        ),
        ("mileage-accrual", span(7, Some(6), "process accrual", 5, 200, 240, message("aws_sqs", "accrual"))),
        ("mileage-accrual", span(8, Some(7), "DynamoDB.TransactWriteItems", 3, 205, 235, dynamodb("ledger"))),
    ]
}

/// An OTLP request with spans of several services.
pub fn request_by_service(spans: &[(&'static str, Span)]) -> Vec<u8> {
    let groups = spans.iter().map(|(service, span)| ResourceSpans {
        resource: Some(Resource { attributes: vec![text("service.name", service)], ..Resource::default() }),
        scope_spans: vec![ScopeSpans { spans: vec![span.clone()], ..ScopeSpans::default() }],
        ..ResourceSpans::default()
    });
    ExportTraceServiceRequest { resource_spans: groups.collect() }.encode_to_vec()
}

/// In another order, the same for the same seed (Fisher–Yates).
pub fn shuffled<T>(list: &mut [T], seed: u64) {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    for last in (1..list.len()).rev() {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        list.swap(last, (state % (last as u64 + 1)) as usize);
    }
}

/// Nanoseconds since 1970.
pub fn now_ns() -> i64 {
    i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos()).unwrap()
}
