//! Where spans arrive: an OTLP collector, and an X-Ray daemon.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::Read,
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex, MutexGuard},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use axum::{
    Router,
    body::Body,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::Response,
    routing::post,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use flate2::read::GzDecoder;
use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest,
    common::v1::{KeyValue, any_value},
    trace::v1::span::SpanKind,
};
use prost::Message;
use tokio::net::UdpSocket;

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
    /// Answers with this status, and keeps nothing.
    Status(u16),
}

/// A span as received.
#[derive(Debug, Clone, PartialEq)]
pub struct Span {
    /// 32 hex digits.
    pub trace_id: String,
    /// 16 hex digits.
    pub span_id: String,
    /// 16 hex digits; empty for a root.
    pub parent_span_id: String,
    /// Its name.
    pub name: String,
    /// Its kind.
    pub kind: SpanKind,
    /// Whether its status is ERROR.
    pub failed: bool,
    /// Its attributes as text.
    pub attributes: BTreeMap<String, String>,
    /// Its `tracestate`.
    pub trace_state: String,
}

/// What arrived.
#[derive(Debug)]
struct Received {
    behaviour: Behaviour,
    spans: Vec<Span>,
    names: BTreeSet<String>,
    schemas: BTreeSet<String>,
    requests: u64,
    headers: HeaderMap,
}

impl Received {
    fn new(behaviour: Behaviour) -> Self {
        let (names, schemas) = (BTreeSet::new(), BTreeSet::new());
        Self { behaviour, spans: Vec::new(), names, schemas, requests: 0, headers: HeaderMap::new() }
    }

    fn keep(&mut self, request: ExportTraceServiceRequest) {
        for group in request.resource_spans {
            self.schemas.insert(group.schema_url);
            self.name(group.resource.iter().flat_map(|resource| &resource.attributes));
            for scope in group.scope_spans {
                self.schemas.insert(scope.schema_url);
                for span in scope.spans {
                    let events = span.events.iter().flat_map(|event| &event.attributes);
                    let links = span.links.iter().flat_map(|link| &link.attributes);
                    self.name(span.attributes.iter().chain(events).chain(links));
                    self.spans.push(of(span));
                }
            }
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

/// A receiver of spans.
#[derive(Debug, Clone)]
pub struct Sink {
    received: Arc<Mutex<Received>>,
    address: SocketAddr,
}

impl Sink {
    /// A collector for OTLP over HTTP.
    pub async fn otlp(behaviour: Behaviour) -> Result<Self> {
        let received = Arc::new(Mutex::new(Received::new(behaviour)));
        let router = Router::new().route("/v1/traces", post(export)).with_state(received.clone());
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
                let request = datagram.get(..length).map(read_datagram).and_then(Result::ok).unwrap_or_default();
                kept.received().requests += 1;
                kept.received().keep(request);
            }
        });
        Ok(sink)
    }

    fn received(&self) -> MutexGuard<'_, Received> {
        self.received.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
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

    /// A header of the latest request.
    pub fn last_header(&self, name: &str) -> Option<String> {
        self.received().headers.get(name)?.to_str().ok().map(str::to_owned)
    }

    /// Waits for this many distinct spans; how many there are in the end.
    pub async fn wait_for(&self, spans: usize, within: Duration) -> usize {
        let started = Instant::now();
        while self.distinct() < spans && started.elapsed() < within {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        self.distinct()
    }

    /// Forgets what came.
    pub fn clear(&self) {
        self.received().spans.clear();
    }
}

async fn export(State(received): State<Arc<Mutex<Received>>>, headers: HeaderMap, body: Bytes) -> Response {
    let behaviour = {
        let mut received = received.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        received.requests += 1;
        received.headers = headers.clone();
        received.behaviour
    };
    let status = |code| Response::builder().status(code).body(Body::empty()).unwrap_or_default();
    match behaviour {
        Behaviour::Ok => {}
        Behaviour::Slow(delay) => tokio::time::sleep(delay).await,
        Behaviour::Hang => std::future::pending().await,
        Behaviour::Status(code) => return status(StatusCode::from_u16(code).unwrap_or(StatusCode::BAD_REQUEST)),
    }
    match decode(headers.get("content-encoding").is_some(), &body) {
        Ok(request) => {
            received.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).keep(request);
            status(StatusCode::OK)
        }
        Err(_) => status(StatusCode::BAD_REQUEST),
    }
}

fn decode(zipped: bool, body: &[u8]) -> Result<ExportTraceServiceRequest> {
    let mut unzipped = Vec::new();
    let body = if zipped {
        GzDecoder::new(body).read_to_end(&mut unzipped)?;
        &unzipped
    } else {
        body
    };
    Ok(ExportTraceServiceRequest::decode(body)?)
}

fn of(span: opentelemetry_proto::tonic::trace::v1::Span) -> Span {
    Span {
        kind: span.kind(),
        failed: span.status.as_ref().is_some_and(|status| status.code == 2),
        trace_id: hex(&span.trace_id),
        span_id: hex(&span.span_id),
        parent_span_id: hex(&span.parent_span_id),
        attributes: span.attributes.into_iter().map(|attribute| (attribute.key.clone(), text(attribute))).collect(),
        name: span.name,
        trace_state: span.trace_state,
    }
}

fn text(attribute: KeyValue) -> String {
    match attribute.value.and_then(|value| value.value) {
        Some(any_value::Value::StringValue(text)) => text,
        Some(any_value::Value::IntValue(number)) => number.to_string(),
        Some(any_value::Value::DoubleValue(number)) => number.to_string(),
        Some(any_value::Value::BoolValue(truth)) => truth.to_string(),
        other => format!("{other:?}"),
    }
}

fn read_datagram(datagram: &[u8]) -> Result<ExportTraceServiceRequest> {
    let text = std::str::from_utf8(datagram)?;
    let (header, body) = text.split_once('\n').context("no header line")?;
    ensure!(header == "{\"format\":\"json\",\"version\":1}", "an unknown header");
    decode(false, &STANDARD.decode(body.strip_prefix("T1S").context("not marked as OTLP")?)?)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
