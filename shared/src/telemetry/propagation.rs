//! Trace context and tenant claims across process and account boundaries.
//!
//! Inbound, W3C `traceparent` and X-Ray's header may both be there; [`parent`] holds the precedence. Outbound, W3C goes
//! into headers and message attributes, with an allow-listed `baggage`.

use opentelemetry::{
    Context,
    propagation::{Extractor, Injector, TextMapPropagator},
    trace::{SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState},
};
use opentelemetry_sdk::propagation::TraceContextPropagator;

use super::{ids::xray_trace_id, semconv};
use crate::tenant::TenantLabel;

/// Header and attribute names.
pub mod field {
    /// W3C trace context.
    pub const TRACEPARENT: &str = "traceparent";
    /// W3C vendor state.
    pub const TRACESTATE: &str = "tracestate";
    /// W3C baggage.
    pub const BAGGAGE: &str = "baggage";
    /// X-Ray's trace header.
    pub const XRAY: &str = "x-amzn-trace-id";
}

/// Longest `baggage` that is read, in bytes (W3C Baggage §3.3.2).
const MAX_BAGGAGE_BYTES: usize = 8_192;

/// Where an invocation's span hangs.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Parent {
    /// The caller's span, if one is known.
    pub(super) span: Option<SpanContext>,
    /// Whether X-Ray's header named it, and so X-Ray decided to keep the trace.
    pub(super) from_xray: bool,
    /// The trace id to start with where there is no parent span.
    pub(super) root: Option<TraceId>,
}

/// Decides between the X-Ray header and W3C `traceparent`:
/// 1. an X-Ray header with `Sampled=1`: the platform traces this invocation, and its parent is nearest;
/// 2. a valid `traceparent`;
/// 3. an X-Ray root that is not sampled: Lambda sets one even with tracing off; its id is kept, the decision is ours;
/// 4. nothing: a new id.
pub(super) fn parent(xray: Option<&str>, carrier: &dyn Extractor) -> Parent {
    let xray = xray.and_then(XrayHeader::parse);
    if let Some(XrayHeader { root, parent: Some(parent), sampled: Some(true) }) = xray {
        let span = SpanContext::new(root, parent, TraceFlags::SAMPLED, true, TraceState::default());
        return Parent { span: Some(span), from_xray: true, root: None };
    }
    let remote = TraceContextPropagator::new().extract_with_context(&Context::new(), carrier);
    let span = remote.span().span_context().clone();
    if span.is_valid() {
        return Parent { span: Some(span), ..Parent::default() };
    }
    Parent { root: xray.map(|header| header.root), ..Parent::default() }
}

/// `Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1`
/// <https://docs.aws.amazon.com/xray/latest/devguide/xray-concepts.html#xray-concepts-tracingheader>
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct XrayHeader {
    root: TraceId,
    parent: Option<SpanId>,
    sampled: Option<bool>,
}

impl XrayHeader {
    fn parse(text: &str) -> Option<Self> {
        let mut root = None;
        let mut parent = None;
        let mut sampled = None;
        for part in text.split(';') {
            match part.trim().split_once('=')? {
                ("Root", value) => root = Some(parse_root(value)?),
                ("Parent", value) => parent = SpanId::from_hex(value).ok().filter(|id| *id != SpanId::INVALID),
                ("Sampled", value) => sampled = Some(value == "1"),
                _ => {}
            }
        }
        Some(Self { root: root?, parent, sampled })
    }
}

fn parse_root(value: &str) -> Option<TraceId> {
    let (version, rest) = value.split_once('-')?;
    let (time, unique) = rest.split_once('-')?;
    let plain_hex = |text: &str, length| text.len() == length && text.bytes().all(|b| b.is_ascii_hexdigit());
    if version != "1" || !plain_hex(time, 8) || !plain_hex(unique, 24) {
        return None;
    }
    TraceId::from_hex(&format!("{time}{unique}")).ok().filter(|id| *id != TraceId::INVALID)
}

/// Writes `traceparent`, `tracestate` where there is one, and `baggage` with the tenant.
pub fn inject(cx: &Context, tenant: Option<&TenantLabel>, carrier: &mut dyn Injector) {
    TraceContextPropagator::new().inject_context(cx, &mut NonEmpty(carrier));
    if let Some(tenant) = tenant {
        // Ids and tiers are plain tokens: nothing to percent-encode.
        let baggage = format!("{}={},{}={}", semconv::TENANT_ID, tenant.tenant_id, semconv::TENANT_TIER, tenant.tier);
        carrier.set(field::BAGGAGE, baggage);
    }
}

/// An X-Ray header for this span, for calls to AWS services that pass it on.
pub fn xray_header(span: &SpanContext) -> String {
    let sampled = u8::from(span.is_sampled());
    format!("Root={};Parent={};Sampled={sampled}", xray_trace_id(span.trace_id()), span.span_id())
}

/// The value of an allow-listed baggage key (`tenant.id`, `tenant.tier`); `None` for any other, for a header that is too
/// long, and for a value that is no plain token. What a caller claims here is a hint, never an identity.
pub fn baggage_value<'a>(baggage: &'a str, key: &str) -> Option<&'a str> {
    let allowed = key == semconv::TENANT_ID || key == semconv::TENANT_TIER;
    if !allowed || baggage.len() > MAX_BAGGAGE_BYTES {
        return None;
    }
    let members = baggage.split(',').filter_map(|member| member.split(';').next()?.split_once('='));
    let mut values = members.filter(|(name, _)| name.trim() == key).map(|(_, value)| value.trim());
    values.next().filter(|value| value.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_'))
}

/// SNS rejects empty attribute values, so nothing empty is written.
struct NonEmpty<'a>(&'a mut dyn Injector);

impl Injector for NonEmpty<'_> {
    fn set(&mut self, key: &str, value: String) {
        if !value.is_empty() {
            self.0.set(key, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    const TRACEPARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    fn carrier(traceparent: &str) -> HashMap<String, String> {
        HashMap::from([("traceparent".to_owned(), traceparent.to_owned())])
    }

    #[test]
    fn a_sampled_xray_header_wins() {
        let header = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1;Lineage=a:0";
        let parent = parent(Some(header), &carrier(TRACEPARENT)).span.unwrap();
        assert_eq!(parent.trace_id().to_string(), "5759e988bd862e3fe1be46a994272793");
        assert_eq!(parent.span_id().to_string(), "53995c3f42cd8ad8");
        assert_eq!(parent.trace_state().header(), "");
    }

    #[test]
    fn an_unsampled_xray_header_does_not_hide_a_traceparent() {
        let header = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=0";
        let from_w3c = parent(Some(header), &carrier(TRACEPARENT)).span.unwrap();
        assert_eq!(from_w3c.trace_id().to_string(), "4bf92f3577b34da6a3ce929d0e0e4736");
        let alone = parent(Some(header), &HashMap::new());
        assert_eq!(alone.span, None);
        assert_eq!(alone.root.unwrap().to_string(), "5759e988bd862e3fe1be46a994272793");
    }

    #[test]
    fn malformed_headers_are_ignored() {
        for text in ["", "Root=", "Root=1-x-y;Sampled=1", "Root=1-00000000-000000000000000000000000;Sampled=1", "é;=;"]
        {
            assert_eq!(parent(Some(text), &HashMap::new()), Parent::default(), "{text:?}");
        }
        for text in ["", "00-zz-zz-01", "00-00000000000000000000000000000000-00f067aa0ba902b7-01", "00-é"] {
            assert_eq!(parent(None, &carrier(text)), Parent::default(), "{text:?}");
        }
    }

    #[test]
    fn baggage_gives_only_what_is_allowed() {
        assert_eq!(baggage_value("a=b, tenant.id=acme;p=1", "tenant.id"), Some("acme"));
        assert_eq!(baggage_value("secret=1", "secret"), None);
        assert_eq!(baggage_value("tenant.id=a%20b", "tenant.id"), None);
        assert_eq!(baggage_value(&format!("tenant.id=acme,x={}", "y".repeat(9_000)), "tenant.id"), None);
    }
}
