//! Where telemetry arrives: an OTLP collector, and an X-Ray daemon.

mod intake;
mod lines;
mod points;
mod signature;
mod spans;

use std::{
    collections::{BTreeMap, BTreeSet},
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::Result;
use axum::{Router, http::HeaderMap, routing::post};
use opentelemetry_proto::tonic::{
    collector::{
        logs::v1::ExportLogsServiceRequest, metrics::v1::ExportMetricsServiceRequest,
        trace::v1::ExportTraceServiceRequest,
    },
    common::v1::{AnyValue, KeyValue, any_value},
};
use parking_lot::{Mutex, MutexGuard};
use prost::Message;
use tokio::net::UdpSocket;

pub use self::{
    lines::Line,
    points::{Measured, Point},
    spans::Span,
};
use crate::serve;

/// How the collector behaves; it may change while it runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Behaviour {
    /// Acknowledges.
    Ok,
    /// Acknowledges after a while.
    Slow(Duration),
    /// Takes a request and never answers.
    Hang,
    /// Keeps what a request brings, and never answers.
    TakeInSilence,
    /// Answers with this status, and keeps nothing.
    Status(u16),
}

/// What arrived.
#[derive(Debug)]
struct Received {
    behaviour: Behaviour,
    spans: Vec<Span>,
    points: Vec<Point>,
    lines: Vec<Line>,
    names: BTreeSet<String>,
    schemas: BTreeSet<String>,
    requests: u64,
    /// How often each body came.
    bodies: BTreeMap<u64, u64>,
    /// Those whose contents were kept.
    kept: BTreeSet<u64>,
    headers: HeaderMap,
    /// Of an endpoint of AWS's: the services that requests were signed for.
    signed_for: Option<Vec<String>>,
}

impl Received {
    fn new(behaviour: Behaviour) -> Self {
        let (names, schemas) = (BTreeSet::new(), BTreeSet::new());
        let (spans, points, lines) = (Vec::new(), Vec::new(), Vec::new());
        Self {
            behaviour,
            spans,
            points,
            lines,
            names,
            schemas,
            requests: 0,
            bodies: BTreeMap::new(),
            kept: BTreeSet::new(),
            headers: HeaderMap::new(),
            signed_for: None,
        }
    }

    /// Keeps what a request brings, once: one whose sender did not hear of it may come again.
    fn keep(&mut self, hash: u64, request: impl Brought) {
        if self.kept.insert(hash) {
            request.keep(self);
        }
    }

    fn name<'a>(&mut self, attributes: impl Iterator<Item = &'a KeyValue>) {
        for attribute in attributes {
            if !self.names.contains(&attribute.key) {
                self.names.insert(attribute.key.clone());
            }
        }
    }
}

/// What a request brings.
trait Brought: Message + Default {
    fn keep(self, received: &mut Received);
}

impl Brought for ExportMetricsServiceRequest {
    fn keep(self, received: &mut Received) {
        received.points.extend(points::of(self));
    }
}

impl Brought for ExportLogsServiceRequest {
    fn keep(self, received: &mut Received) {
        received.lines.extend(lines::of(self));
    }
}

/// A receiver of telemetry.
#[derive(Debug, Clone)]
pub struct Sink {
    received: Arc<Mutex<Received>>,
    address: SocketAddr,
}

impl Sink {
    /// A collector for OTLP over HTTP.
    pub async fn otlp(behaviour: Behaviour) -> Result<Self> {
        Self::serve(Received::new(behaviour)).await
    }

    /// An endpoint of AWS's for OTLP over HTTP: it takes only what a function has signed with its role.
    pub async fn aws() -> Result<Self> {
        Self::serve(Received { signed_for: Some(Vec::new()), ..Received::new(Behaviour::Ok) }).await
    }

    async fn serve(received: Received) -> Result<Self> {
        let received = Arc::new(Mutex::new(received));
        let router = Router::new()
            .route("/v1/traces", post(intake::export::<ExportTraceServiceRequest>))
            .route("/v1/metrics", post(intake::export::<ExportMetricsServiceRequest>))
            .route("/v1/logs", post(intake::export::<ExportLogsServiceRequest>))
            .with_state(received.clone());
        Ok(Self { received, address: serve(router).await? })
    }

    /// An X-Ray daemon.
    pub async fn xray_daemon() -> Result<Self> {
        let received = Arc::new(Mutex::new(Received::new(Behaviour::Ok)));
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = socket.local_addr()?;
        let sink = Self { received, address };
        let kept = sink.clone();
        tokio::spawn(async move {
            let mut datagram = vec![0; 65_536];
            while let Ok(length) = socket.recv(&mut datagram).await {
                let request = datagram.get(..length).map(spans::of_datagram).and_then(Result::ok).unwrap_or_default();
                kept.received().requests += 1;
                request.keep(&mut kept.received());
            }
        });
        Ok(sink)
    }

    fn received(&self) -> MutexGuard<'_, Received> {
        self.received.lock()
    }

    /// `http://…`, for `OTEL_EXPORTER_OTLP_ENDPOINT`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// `host:port`, for `AWS_XRAY_DAEMON_ADDRESS`.
    pub fn address(&self) -> String {
        self.address.to_string()
    }

    /// Behaves differently from now on.
    pub fn behave(&self, behaviour: Behaviour) {
        self.received().behaviour = behaviour;
    }

    /// What was acknowledged so far.
    pub fn spans(&self) -> Vec<Span> {
        self.received().spans.clone()
    }

    /// The points of metrics that were acknowledged so far; of a request that came again as it was, once.
    pub fn points(&self) -> Vec<Point> {
        self.received().points.clone()
    }

    /// What the points of a metric add up to: their values, or how many were measured.
    pub fn total(&self, metric: &str) -> f64 {
        self.received().points.iter().filter(|point| point.metric == metric).map(|point| point.value).sum()
    }

    /// The log lines that were acknowledged so far; of a request that came again as it was, once.
    pub fn lines(&self) -> Vec<Line> {
        self.received().lines.clone()
    }

    /// How many spans were acknowledged, each counted once however often it came.
    pub fn distinct(&self) -> usize {
        let received = self.received();
        received.spans.iter().map(|span| (&span.trace_id, &span.span_id)).collect::<BTreeSet<_>>().len()
    }

    /// The names of all attributes so far: of resources, spans, events and links.
    pub fn attribute_names(&self) -> BTreeSet<String> {
        self.received().names.clone()
    }

    /// The schema URLs of all resources and scopes so far; an empty one of what had none.
    pub fn schema_urls(&self) -> BTreeSet<String> {
        self.received().schemas.clone()
    }

    /// Requests or datagrams so far.
    pub fn requests(&self) -> u64 {
        self.received().requests
    }

    /// How many requests were the same as one before, to the last byte.
    pub fn repeated(&self) -> u64 {
        self.received().bodies.values().map(|times| times - 1).sum()
    }

    /// The services that requests to an endpoint of AWS's were signed for.
    pub fn signed_for(&self) -> Vec<String> {
        self.received().signed_for.clone().unwrap_or_default()
    }

    /// A header of the latest request.
    pub fn last_header(&self, name: &str) -> Option<String> {
        self.received().headers.get(name)?.to_str().ok().map(str::to_owned)
    }

    /// Waits for this many distinct spans; how many there are in the end.
    pub async fn wait_for(&self, spans: usize, within: Duration) -> usize {
        self.wait_until(|sink| sink.distinct() >= spans, within).await;
        self.distinct()
    }

    /// Waits until this holds of what came; whether it does in the end.
    pub async fn wait_until(&self, holds: impl Fn(&Self) -> bool, within: Duration) -> bool {
        let started = Instant::now();
        while !holds(self) && started.elapsed() < within {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        holds(self)
    }

    /// Forgets what came.
    pub fn clear(&self) {
        let mut received = self.received();
        received.spans.clear();
        received.points.clear();
        received.lines.clear();
    }
}

fn texts(attributes: Vec<KeyValue>) -> BTreeMap<String, String> {
    attributes.into_iter().map(|attribute| (attribute.key, text(attribute.value))).collect()
}

fn text(value: Option<AnyValue>) -> String {
    match value.and_then(|value| value.value) {
        Some(any_value::Value::StringValue(text)) => text,
        Some(any_value::Value::IntValue(number)) => number.to_string(),
        Some(any_value::Value::DoubleValue(number)) => number.to_string(),
        Some(any_value::Value::BoolValue(truth)) => truth.to_string(),
        other => format!("{other:?}"),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
