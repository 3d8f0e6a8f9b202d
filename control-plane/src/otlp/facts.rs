//! The facts of a span that counting, the service map and searching rest on.

use std::sync::Arc;

use opentelemetry_proto::tonic::{
    common::v1::{AnyValue, KeyValue, any_value},
    resource::v1 as resource,
    trace::v1::{Span, status::StatusCode},
};

use super::text;

/// Text of a span that is kept for searching is cut at so many bytes; the span itself is stored whole.
const MAX_TEXT_BYTES: usize = 256;
/// Annotations of one span that can be searched; X-Ray indexes as many of a trace.
const MAX_ANNOTATIONS: usize = 50;

/// A span id that is not zero.
pub type SpanId = u64;

/// What a span does, as OpenTelemetry names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Kind {
    /// Within a service.
    Internal = 1,
    /// Serves a request.
    Server = 2,
    /// Makes a request.
    Client = 3,
    /// Sends a message.
    Producer = 4,
    /// Handles a message.
    Consumer = 5,
}

impl Kind {
    fn of(number: i32) -> Self {
        match number {
            2 => Self::Server,
            3 => Self::Client,
            4 => Self::Producer,
            5 => Self::Consumer,
            _ => Self::Internal,
        }
    }

    /// `SERVER`, `CLIENT`, …
    pub fn name(self) -> &'static str {
        match self {
            Self::Internal => "INTERNAL",
            Self::Server => "SERVER",
            Self::Client => "CLIENT",
            Self::Producer => "PRODUCER",
            Self::Consumer => "CONSUMER",
        }
    }
}

/// How a span went, in X-Ray's words: an error is the caller's (4xx), a fault the server's (5xx, or a failed status), a
/// throttle a 429, which is an error too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Flags(u8);

impl Flags {
    const FAULT: u8 = 1;
    const ERROR: u8 = 2;
    const THROTTLE: u8 = 4;

    fn of(http_status: u16, status: StatusCode) -> Self {
        let caller = (400..500).contains(&http_status);
        let fault = http_status >= 500 || (status == StatusCode::Error && !caller);
        let mut bits = 0;
        bits |= if fault { Self::FAULT } else { 0 };
        bits |= if caller { Self::ERROR } else { 0 };
        bits |= if http_status == 429 { Self::THROTTLE } else { 0 };
        Self(bits)
    }

    /// From what [`Flags::bits`] gave.
    pub fn from_bits(bits: u8) -> Self {
        Self(bits)
    }

    /// As a number.
    pub fn bits(self) -> u8 {
        self.0
    }

    /// Both together.
    #[must_use]
    pub fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// The server's fault.
    pub fn fault(self) -> bool {
        self.0 & Self::FAULT != 0
    }

    /// The caller's error.
    pub fn error(self) -> bool {
        self.0 & Self::ERROR != 0
    }

    /// Too many requests.
    pub fn throttle(self) -> bool {
        self.0 & Self::THROTTLE != 0
    }
}

/// What a CLIENT or PRODUCER span calls, or a CONSUMER span takes from.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Peer {
    /// `DynamoDB`, `SNS`, `SQS`, `HTTP`, or what semantic conventions call the system.
    pub kind: Box<str>,
    /// Table, topic, queue, host.
    pub name: Box<str>,
}

/// Who sends spans.
#[derive(Debug, Clone)]
pub struct Resource {
    /// `service.name`.
    pub service: Arc<str>,
    /// `cloud.account.id`.
    pub account: Option<Arc<str>>,
}

impl Resource {
    /// From the sender's resource.
    pub fn of(resource: &resource::Resource) -> Self {
        let service = text(&resource.attributes, "service.name").unwrap_or("unknown_service");
        Self { service: cut(service).into(), account: text(&resource.attributes, "cloud.account.id").map(Arc::from) }
    }
}

/// The facts of one span.
#[derive(Debug, Clone)]
pub struct Facts {
    /// Its id.
    pub id: SpanId,
    /// Its parent's; none for a root.
    pub parent: Option<SpanId>,
    /// Its kind.
    pub kind: Kind,
    /// Nanoseconds since 1970.
    pub start_ns: i64,
    /// Nanoseconds since 1970; never before the start.
    pub end_ns: i64,
    /// Its name, which semantic conventions keep to few different ones.
    pub operation: Box<str>,
    /// `service.name` of the sender.
    pub service: Arc<str>,
    /// `cloud.account.id` of the span, else of the sender.
    pub account: Option<Arc<str>>,
    /// `tenant.id`.
    pub tenant: Option<Box<str>>,
    /// `tenant.tier`.
    pub tier: Option<Box<str>>,
    /// `enduser.id`, else `user.id`.
    pub user: Option<Box<str>>,
    /// The other side.
    pub peer: Option<Peer>,
    /// `http.response.status_code`; 0 if there is none.
    pub http_status: u16,
    /// `http.request.method`.
    pub http_method: Option<Box<str>>,
    /// `url.full`, else `url.path`.
    pub url: Option<Box<str>>,
    /// How it went.
    pub flags: Flags,
    /// Behind API Gateway: an HTTP-triggered function.
    pub fronted: bool,
    /// Carries a batch of messages for a function; the messages have spans of their own, so this one is no request.
    pub batch: bool,
    /// An HTTP call that no more specific convention describes: what answers may be a service with spans of its own.
    pub plain_http: bool,
    /// How many spans like it there were: the adjusted count of its sampling decision.
    pub weight: f64,
    /// Whether the weight is not known, and 1 only for want of better.
    pub estimated: bool,
    /// What `aws.xray.annotations` names, and tenant and tier, by name.
    pub annotations: Vec<(Box<str>, Box<str>)>,
}

impl Facts {
    /// The facts of a span. Its ids must have been checked.
    pub fn of(resource: &Resource, span: &Span) -> Self {
        let attributes = span.attributes.as_slice();
        let own = |key: &str| text(attributes, key).map(|value| Box::<str>::from(cut(value)));
        let nanoseconds = |time: u64| i64::try_from(time).unwrap_or(i64::MAX);
        let kind = Kind::of(span.kind);
        let start_ns = nanoseconds(span.start_time_unix_nano);
        let http_status = number(attributes, "http.response.status_code")
            .or_else(|| number(attributes, "http.status_code"))
            .and_then(|status| u16::try_from(status).ok())
            .unwrap_or_default();
        let trigger = text(attributes, "faas.trigger");
        let (peer, plain_http) = peer(kind, attributes);
        let (weight, estimated) = weight(span);
        Self {
            id: id(&span.span_id),
            // A span that calls itself its parent has none.
            parent: Some(id(&span.parent_span_id)).filter(|parent| *parent != 0 && *parent != id(&span.span_id)),
            kind,
            start_ns,
            end_ns: nanoseconds(span.end_time_unix_nano).max(start_ns),
            operation: cut(&span.name).into(),
            service: resource.service.clone(),
            account: text(attributes, "cloud.account.id").map(Arc::from).or_else(|| resource.account.clone()),
            tenant: own("tenant.id"),
            tier: own("tenant.tier"),
            user: own("enduser.id").or_else(|| own("user.id")),
            peer,
            http_status,
            http_method: own("http.request.method"),
            url: own("url.full").or_else(|| own("url.path")),
            flags: Flags::of(http_status, span.status.as_ref().map_or(StatusCode::Unset, |status| status.code())),
            fronted: kind == Kind::Server && trigger == Some("http"),
            batch: kind == Kind::Server && trigger.is_some_and(|trigger| trigger != "http"),
            plain_http,
            weight,
            estimated,
            annotations: annotations(attributes),
        }
    }

    /// Nanoseconds.
    pub fn duration_ns(&self) -> u64 {
        u64::try_from(self.end_ns - self.start_ns).unwrap_or_default()
    }

    /// Whether it is a request that somebody waits for, or a message that was handled: what SLOs count.
    pub fn is_request(&self) -> bool {
        (self.kind == Kind::Server && !self.batch) || self.kind == Kind::Consumer
    }
}

fn id(bytes: &[u8]) -> SpanId {
    bytes.try_into().map_or(0, u64::from_be_bytes)
}

fn cut(text: &str) -> &str {
    let mut end = text.len().min(MAX_TEXT_BYTES);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

fn any<'a>(attributes: &'a [KeyValue], key: &str) -> Option<&'a any_value::Value> {
    attributes.iter().find(|attribute| attribute.key == key)?.value.as_ref()?.value.as_ref()
}

fn number(attributes: &[KeyValue], key: &str) -> Option<i64> {
    match any(attributes, key)? {
        any_value::Value::IntValue(number) => Some(*number),
        any_value::Value::StringValue(text) => text.parse().ok(),
        _ => None,
    }
}

fn peer(kind: Kind, attributes: &[KeyValue]) -> (Option<Peer>, bool) {
    let of = |key: &str| text(attributes, key);
    let made = |kind: &str, name: &str| Some(Peer { kind: cut(kind).into(), name: cut(name).into() });
    let destination = of("messaging.destination.name");
    if let (Some(system), Some(name)) = (of("messaging.system"), destination)
        && matches!(kind, Kind::Client | Kind::Producer | Kind::Consumer)
    {
        return (made(system_name(system), name), false);
    }
    if kind != Kind::Client {
        return (None, false);
    }
    let host = of("server.address").or_else(|| of("net.peer.name"));
    if let Some(system) = of("db.system.name").or_else(|| of("db.system")) {
        let table = first_text(attributes, "aws.dynamodb.table_names");
        let name = table.or_else(|| of("db.namespace")).or(host).unwrap_or(system);
        return (made(system_name(system), name), false);
    }
    if let Some(service) = of("rpc.service") {
        return (made(if of("rpc.system") == Some("aws-api") { service } else { "RPC" }, service), false);
    }
    if let Some(host) = host {
        return (made("HTTP", host), of("http.request.method").is_some());
    }
    (of("peer.service").and_then(|name| made("service", name)), false)
}

/// AWS's own names for what semantic conventions name otherwise.
fn system_name(system: &str) -> &str {
    match system {
        "aws.dynamodb" | "dynamodb" => "DynamoDB",
        "aws.sns" | "aws_sns" => "SNS",
        "aws_sqs" | "AmazonSQS" => "SQS",
        other => other,
    }
}

fn first_text<'a>(attributes: &'a [KeyValue], key: &str) -> Option<&'a str> {
    match any(attributes, key)? {
        any_value::Value::StringValue(text) => Some(text),
        any_value::Value::ArrayValue(array) => match array.values.first()?.value.as_ref()? {
            any_value::Value::StringValue(text) => Some(text),
            _ => None,
        },
        _ => None,
    }
}

/// The adjusted count: our own attribute, else the threshold in `tracestate`
/// (<https://opentelemetry.io/docs/specs/otel/trace/tracestate-probability-sampling/>).
fn weight(span: &Span) -> (f64, bool) {
    let attributes = span.attributes.as_slice();
    let known = match any(attributes, "sampling.adjusted_count") {
        Some(any_value::Value::DoubleValue(count)) => Some(*count),
        Some(any_value::Value::IntValue(count)) => Some(*count as f64),
        _ => threshold(&span.trace_state),
    };
    let estimated = matches!(any(attributes, "sampling.estimated"), Some(any_value::Value::BoolValue(true)));
    // What stands for fewer than itself, or for more than the 2^56 that a threshold can say, is no count.
    match known.filter(|count| (1.0..=72_057_594_037_927_936.0).contains(count)) {
        Some(count) => (count, estimated),
        None => (1.0, estimated),
    }
}

fn threshold(trace_state: &str) -> Option<f64> {
    let ot = trace_state.split(',').find_map(|member| member.trim().strip_prefix("ot="))?;
    let digits = ot.split(';').find_map(|field| field.strip_prefix("th:"))?;
    if digits.is_empty() || digits.len() > 14 || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let threshold = u64::from_str_radix(&format!("{digits:0<14}"), 16).ok()?;
    let all = 1_u64 << 56;
    Some(all as f64 / (all - threshold) as f64)
}

fn annotations(attributes: &[KeyValue]) -> Vec<(Box<str>, Box<str>)> {
    let mut names = vec!["tenant.id", "tenant.tier"];
    if let Some(any_value::Value::ArrayValue(array)) = any(attributes, "aws.xray.annotations") {
        for value in &array.values {
            if let Some(any_value::Value::StringValue(name)) = &value.value
                && !names.contains(&name.as_str())
            {
                names.push(name);
            }
        }
    }
    let values = attributes.iter().filter(|attribute| names.contains(&attribute.key.as_str()));
    let plain = values.filter_map(|attribute| Some((attribute.key.as_str(), plain(attribute.value.as_ref()?)?)));
    plain.take(MAX_ANNOTATIONS).map(|(name, value)| (cut(name).into(), cut(&value).into())).collect()
}

fn plain(value: &AnyValue) -> Option<String> {
    match value.value.as_ref()? {
        any_value::Value::StringValue(text) => Some(text.clone()),
        any_value::Value::IntValue(number) => Some(number.to_string()),
        any_value::Value::DoubleValue(number) => Some(number.to_string()),
        any_value::Value::BoolValue(truth) => Some(truth.to_string()),
        _ => None,
    }
}
