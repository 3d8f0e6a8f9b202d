//! The facts of a span that counting, the service map and searching rest on.

use std::sync::Arc;

use opentelemetry_proto::tonic::{
    common::v1::{KeyValue, any_value},
    resource::v1 as resource,
    trace::v1::{Span, span::SpanKind as Kind, status::StatusCode},
};
use slo::row::cut;

use super::{
    Peer,
    attributes::{any, scalar, tenant, text},
    peer::peer,
    weight::weight,
};
use crate::trace::{COLD_START, INIT, PHASE, TraceId};

/// Annotations of one span that can be searched; X-Ray indexes as many of a trace.
const MAX_ANNOTATIONS: usize = 50;

/// Attributes that say how HTTP was answered, the first of them first.
pub(super) const HTTP_STATUS: [&str; 2] = ["http.response.status_code", "http.status_code"];
/// Attributes of a sender that name its version.
const VERSIONS: [&str; 2] = ["service.version", "faas.version"];
/// <https://docs.aws.amazon.com/lambda/latest/dg/configuration-versions.html>
const UNPUBLISHED: &str = "$LATEST";

/// A span id that is not zero.
pub type SpanId = u64;

/// The span id that a text is: 16 hex digits, lower case, not all zero.
pub fn span_id(text: &str) -> Option<SpanId> {
    let is_one = text.len() == 16 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    SpanId::from_str_radix(text, 16).ok().filter(|id| is_one && *id != 0)
}

bitflags::bitflags! {
    /// How a span went, in X-Ray's words: an error is the caller's, a fault the server's.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
    pub struct Flags: u8 {
        /// A 5xx, or a failed status.
        const FAULT = 1;
        /// A 4xx.
        const ERROR = 2;
        /// A 429, which is an error too.
        const THROTTLE = 4;
        /// The first invocation of a function in its process, which started for it.
        const COLD_START = 8;
    }
}

impl Flags {
    pub(super) fn of(http_status: u16, status: StatusCode, is_cold_start: bool) -> Self {
        let caller = (400..500).contains(&http_status);
        let mut flags = Self::empty();
        flags.set(Self::FAULT, http_status >= 500 || (status == StatusCode::Error && !caller));
        flags.set(Self::ERROR, caller);
        flags.set(Self::THROTTLE, http_status == 429);
        flags.set(Self::COLD_START, is_cold_start);
        flags
    }
}

/// One request, or one use of an edge.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sample {
    /// How long the span took, in nanoseconds.
    pub duration_ns: u64,
    /// How it went.
    pub flags: Flags,
    /// How many it stands for.
    pub weight: f64,
    /// Whether the weight is a guess.
    pub estimated: bool,
}

/// A sender of spans.
#[derive(Debug, Clone)]
pub struct Resource {
    /// `service.name`.
    pub service: Arc<str>,
    /// `cloud.account.id`.
    pub account: Option<Arc<str>>,
    /// `tenant.id`, of all its spans that name none themselves.
    pub tenant: Option<Arc<str>>,
    /// `tenant.tier`, likewise.
    pub tier: Option<Arc<str>>,
    /// Whether it is a browser: it has attributes of the namespace `browser`, or an SDK for browsers.
    pub is_browser: bool,
}

impl Resource {
    /// Reads it from the sender's resource.
    pub fn of(resource: &resource::Resource) -> Self {
        let own = |key: &str| text(&resource.attributes, key).map(|value| Arc::<str>::from(cut(&value)));
        Self {
            service: own("service.name").unwrap_or_else(|| "unknown_service".into()),
            account: own("cloud.account.id"),
            tenant: tenant(&resource.attributes),
            tier: own("tenant.tier"),
            is_browser: resource.attributes.iter().any(|attribute| attribute.key.starts_with("browser."))
                || text(&resource.attributes, "telemetry.sdk.language").as_deref() == Some("webjs"),
        }
    }
}

/// What a sender says of its version, by attribute. What Lambda calls every version that was not published is none.
pub fn versions(resource: &resource::Resource) -> impl Iterator<Item = (&'static str, String)> {
    VERSIONS.into_iter().filter_map(|attribute| {
        let version = text(&resource.attributes, attribute).filter(|version| version != UNPUBLISHED)?;
        Some((attribute, cut(&version).to_owned()))
    })
}

/// The facts of one span.
#[derive(Debug, Clone)]
pub struct Facts {
    /// Its id.
    pub id: SpanId,
    /// Its parent's, or `None` for a root.
    pub parent: Option<SpanId>,
    /// Its kind; what has none is internal.
    pub kind: Kind,
    /// Nanoseconds since 1970.
    pub start_ns: i64,
    /// Nanoseconds since 1970; never before the start.
    pub end_ns: i64,
    /// Its name, which semantic conventions keep to few different ones.
    pub operation: Box<str>,
    /// `service.name` of the sender.
    pub service: Arc<str>,
    /// Whether the sender is a browser.
    pub is_browser: bool,
    /// `cloud.account.id` of the span, else of the sender.
    pub account: Option<Arc<str>>,
    /// `tenant.id` of the span, else of the sender.
    pub tenant: Option<Arc<str>>,
    /// `tenant.tier` likewise; the sender's is of the sender's tenant only.
    pub tier: Option<Arc<str>>,
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
    /// Why a request of somebody who had been verified was answered with a 4xx: its `problem.code`, or the status where it says none.
    pub refused: Option<Box<str>>,
    /// How it went.
    pub flags: Flags,
    /// Behind API Gateway: an HTTP-triggered function.
    pub fronted: bool,
    /// A function's start, before the request that it started for: nobody's latency, and no beginning of a trace. What is a request or a
    /// call itself is none, whatever it says.
    pub is_init: bool,
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
    /// The other traces that it refers to, each once.
    pub linked: Vec<TraceId>,
}

impl Facts {
    /// The facts of a span. Its ids must have been checked.
    pub fn of(resource: &Resource, span: &Span) -> Self {
        let attributes = span.attributes.as_slice();
        let own = |key: &str| text(attributes, key).map(|value| Box::<str>::from(cut(&value)));
        let nanoseconds = |time: u64| i64::try_from(time).unwrap_or(i64::MAX);
        let kind = Some(span.kind()).filter(|kind| *kind != Kind::Unspecified).unwrap_or(Kind::Internal);
        let start_ns = nanoseconds(span.start_time_unix_nano);
        let http_status = HTTP_STATUS.iter().find_map(|key| number(attributes, key));
        let http_status = http_status.and_then(|status| u16::try_from(status).ok()).unwrap_or_default();
        let trigger = text(attributes, "faas.trigger");
        let (peer, plain_http) = peer(kind, attributes);
        let (weight, estimated) = weight(span);
        let of_span = |key: &str| text(attributes, key).map(|value| Arc::<str>::from(cut(&value)));
        let tenant = tenant(attributes);
        let of_senders_tenant = tenant.is_none() || tenant == resource.tenant;
        let tenant = tenant.or_else(|| resource.tenant.clone());
        let tier = of_span("tenant.tier").or_else(|| resource.tier.clone().filter(|_| of_senders_tenant));
        let annotations = annotations(attributes, tenant.as_deref(), tier.as_deref());
        let batch = kind == Kind::Server && trigger.as_deref().is_some_and(|trigger| trigger != "http");
        // Only what was verified names a tenant: whoever was refused before is nobody.
        let is_refused = kind == Kind::Server && !batch && tenant.is_some() && (400..500).contains(&http_status);
        let refused = is_refused.then(|| own("problem.code").unwrap_or_else(|| http_status.to_string().into()));
        Self {
            id: id(&span.span_id),
            // A span that calls itself its parent has none.
            parent: Some(id(&span.parent_span_id)).filter(|parent| *parent != 0 && *parent != id(&span.span_id)),
            kind,
            start_ns,
            end_ns: nanoseconds(span.end_time_unix_nano).max(start_ns),
            operation: cut(&span.name).into(),
            service: resource.service.clone(),
            is_browser: resource.is_browser,
            account: of_span("cloud.account.id").or_else(|| resource.account.clone()),
            tenant,
            tier,
            user: own("enduser.id").or_else(|| own("user.id")),
            peer,
            http_status,
            http_method: own("http.request.method"),
            url: own("url.full").or_else(|| own("url.path")),
            refused,
            flags: Flags::of(
                http_status,
                span.status.as_ref().map_or(StatusCode::Unset, |status| status.code()),
                text(attributes, COLD_START).as_deref() == Some("true"),
            ),
            fronted: kind == Kind::Server && trigger.as_deref() == Some("http"),
            is_init: kind == Kind::Internal && text(attributes, PHASE).as_deref() == Some(INIT),
            batch,
            plain_http,
            weight,
            estimated,
            annotations,
            linked: linked(span),
        }
    }

    /// Nanoseconds.
    pub fn duration_ns(&self) -> u64 {
        u64::try_from(self.end_ns - self.start_ns).unwrap_or_default()
    }

    /// What it took and how it went.
    pub fn sample(&self) -> Sample {
        let Self { flags, weight, estimated, .. } = *self;
        Sample { duration_ns: self.duration_ns(), flags, weight, estimated }
    }

    /// Whether it is a request that somebody waits for, or a message that was handled: what SLOs count.
    pub fn is_request(&self) -> bool {
        (self.kind == Kind::Server && !self.batch) || self.kind == Kind::Consumer
    }
}

pub(super) fn id(bytes: &[u8]) -> SpanId {
    bytes.try_into().map_or(0, u64::from_be_bytes)
}

fn number(attributes: &[KeyValue], key: &str) -> Option<i64> {
    match any(attributes, key)? {
        any_value::Value::IntValue(number) => Some(*number),
        any_value::Value::StringValue(text) => text.parse().ok(),
        any_value::Value::DoubleValue(number) if number.fract() == 0.0 => Some(*number as i64),
        _ => None,
    }
}

/// The other traces that a span refers to; a link whose id is none leads nowhere.
fn linked(span: &Span) -> Vec<TraceId> {
    let others = span.links.iter().filter(|link| link.trace_id != span.trace_id);
    let mut linked: Vec<_> = others.filter_map(|link| TraceId::from_bytes(&link.trace_id).ok()).collect();
    linked.sort_unstable();
    linked.dedup();
    linked
}

/// Tenant and tier, and what else the span says is to be searched for; of each name once.
fn annotations(attributes: &[KeyValue], tenant: Option<&str>, tier: Option<&str>) -> Vec<(Box<str>, Box<str>)> {
    let own = [("tenant.id", tenant), ("tenant.tier", tier)];
    let mut found: Vec<(Box<str>, Box<str>)> =
        own.into_iter().filter_map(|(name, value)| Some((name.into(), value?.into()))).collect();
    let Some(any_value::Value::ArrayValue(array)) = any(attributes, "aws.xray.annotations") else { return found };
    for value in &array.values {
        let Some(any_value::Value::StringValue(name)) = &value.value else { continue };
        let is_new = !own.iter().any(|(own, _)| own == name) && !found.iter().any(|(known, _)| **known == *cut(name));
        if found.len() < MAX_ANNOTATIONS
            && is_new
            && let Some(value) = any(attributes, name).and_then(scalar)
        {
            found.push((cut(name).into(), cut(&value).into()));
        }
    }
    found
}
