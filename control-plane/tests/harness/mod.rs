//! A control plane of the test's own, and OTLP requests for it.
#![allow(dead_code, reason = "each test file uses what it needs")]

use std::{
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Child, Command, Stdio},
};

use control_plane::trace::Trace;
use flate2::{Compression, write::GzEncoder};
use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest,
    common::v1::{AnyValue, KeyValue, any_value},
    resource::v1::Resource,
    trace::v1::{ResourceSpans, ScopeSpans, Span},
};
use prost::Message;

/// A server process; it is killed when dropped.
pub(crate) struct Server {
    pub(crate) process: Child,
    pub(crate) url: String,
}

impl Server {
    /// Starts on a free port with its data in `dir`.
    pub(crate) fn start(dir: &Path) -> Self {
        let mut process = Command::new(env!("CARGO_BIN_EXE_control-plane"))
            .args(["serve", "--listen", "127.0.0.1:0", "--data"])
            .arg(dir)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let url = line.trim().strip_prefix("listening on ").expect("where it listens").to_owned();
        Self { process, url }
    }

    /// `kill -9`.
    pub(crate) fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    /// Posts to the intake.
    pub(crate) async fn post(&self, content_type: &str, body: Vec<u8>) -> reqwest::Response {
        let request =
            reqwest::Client::new().post(format!("{}/v1/traces", self.url)).header("content-type", content_type);
        request.body(body).send().await.unwrap()
    }

    /// Sends spans; whether they were acknowledged.
    pub(crate) async fn send(&self, spans: Vec<Span>) -> Option<reqwest::Response> {
        let client = reqwest::Client::new();
        let request = client.post(format!("{}/v1/traces", self.url)).header("content-type", "application/x-protobuf");
        request.body(request_of(spans)).send().await.ok()
    }

    /// A trace; none if no span of it is stored.
    pub(crate) async fn trace(&self, trace_id: &[u8]) -> Option<Trace> {
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

/// The n-th span of a trace.
pub(crate) fn span(trace: u8, n: u64) -> Span {
    let start = 1_763_700_833_000_000_000 + n * 1_000_000;
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
pub(crate) fn text(key: &str, value: &str) -> KeyValue {
    let value = any_value::Value::StringValue(value.to_owned());
    KeyValue { key: key.to_owned(), value: Some(AnyValue { value: Some(value) }), ..KeyValue::default() }
}

/// An OTLP request with these spans of one service.
pub(crate) fn request_of(spans: Vec<Span>) -> Vec<u8> {
    let resource = Resource {
        attributes: vec![text("service.name", "booking-api"), text("cloud.account.id", "111111111111")],
        ..Resource::default()
    };
    let scope_spans = vec![ScopeSpans { spans, ..ScopeSpans::default() }];
    let group = ResourceSpans { resource: Some(resource), scope_spans, ..ResourceSpans::default() };
    ExportTraceServiceRequest { resource_spans: vec![group] }.encode_to_vec()
}

/// The same, gzipped.
pub(crate) fn gzip(body: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(body).unwrap();
    encoder.finish().unwrap()
}
