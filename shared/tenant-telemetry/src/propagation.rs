//! Trace context and tenant claims across process and account boundaries.
//!
//! Inbound, W3C `traceparent` and X-Ray's header may both be there; [`parent`] holds the precedence. Outbound, W3C goes
//! into headers and message attributes, with an allow-listed `baggage`. The same rules hold for headers, message attributes and
//! stored context.

use std::sync::Arc;

use http::HeaderMap;
use opentelemetry::{
    Context,
    propagation::{Extractor, Injector},
    trace::{SpanContext, TraceContextExt, TraceFlags, TraceId, TraceState},
};
use tenancy::TenantLabel;

use super::{
    sampling::DecidedBy,
    semconv,
    traceparent::{RANDOM, Traceparent},
    tracestate::{OPENTELEMETRY, Tracestate},
    xray_header::{Lineage, XrayHeader},
};

pub use super::xray_header::xray_header;

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
    /// Where there are no headers and no attributes: the member of an EventBridge event's `detail`, and of a Step Functions input,
    /// whose members are the fields above.
    pub const METADATA: &str = "metadata";
}

/// Longest `baggage` that is read, in bytes (W3C Baggage §3.3.2).
const MAX_BAGGAGE_BYTES: usize = 8_192;

/// A header value that is no text. It counts as one, and nothing takes it for good.
const NO_TEXT: &str = "\u{fffd}";

/// Whether a sampling threshold in `tracestate` is taken at its word. One says how many traces a kept one stands for: a stranger's
/// could make one request count for all others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Thresholds {
    /// The sender is known, and samples as we do.
    Believed,
    /// Anybody may have written it: OpenTelemetry's member is left out.
    #[default]
    LeftOut,
}

/// The senders whose thresholds are believed: ARNs of topics, or ids of accounts.
#[derive(Debug, Clone, Default)]
pub struct BelievedSenders(Arc<[String]>);

impl BelievedSenders {
    /// Those in an environment variable, separated by commas; nobody where there is none.
    pub fn from_env(variable: &str) -> Self {
        let names = std::env::var(variable).unwrap_or_default();
        names.split(',').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect()
    }

    /// What to make of this sender's thresholds.
    pub fn thresholds(&self, sender: Option<&str>) -> Thresholds {
        match sender.is_some_and(|sender| self.0.iter().any(|name| name == sender)) {
            true => Thresholds::Believed,
            false => Thresholds::LeftOut,
        }
    }
}

impl FromIterator<String> for BelievedSenders {
    fn from_iter<I: IntoIterator<Item = String>>(names: I) -> Self {
        Self(names.into_iter().collect())
    }
}

/// W3C trace context as it came.
#[derive(Debug, Default)]
pub(super) struct Inbound {
    traceparent: Option<Traceparent>,
    tracestate: Tracestate,
}

impl Inbound {
    /// From a request's headers.
    pub(super) fn of_headers(headers: &HeaderMap, thresholds: Thresholds) -> Self {
        let all = |name| headers.get_all(name).iter().map(|value| value.to_str().unwrap_or(NO_TEXT));
        Self::new(all(field::TRACEPARENT), all(field::TRACESTATE), thresholds)
    }

    /// From a message's attributes, or what is stored with an item.
    pub(super) fn of_carrier(carrier: &dyn Extractor, thresholds: Thresholds) -> Self {
        let all = |name| carrier.get_all(name).unwrap_or_default();
        Self::new(all(field::TRACEPARENT), all(field::TRACESTATE), thresholds)
    }

    fn new<'a>(
        traceparents: impl IntoIterator<Item = &'a str>,
        tracestates: impl IntoIterator<Item = &'a str>,
        thresholds: Thresholds,
    ) -> Self {
        let mut traceparents = traceparents.into_iter();
        // Of two nobody can say which is right.
        let only = traceparents.next().filter(|_| traceparents.next().is_none());
        let Some(traceparent) = only.and_then(Traceparent::parse) else { return Self::default() };
        let state = Tracestate::parse(tracestates);
        let tracestate = match thresholds {
            Thresholds::Believed => state,
            Thresholds::LeftOut => state.without(OPENTELEMETRY),
        };
        Self { traceparent: Some(traceparent), tracestate }
    }

    /// Whether there is a valid `traceparent`.
    pub(super) fn is_there(&self) -> bool {
        self.traceparent.is_some()
    }
}

/// Where an invocation's span hangs.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Parent {
    /// The caller's span, if one is known.
    pub(super) span: Option<SpanContext>,
    /// Who decided whether the trace is kept.
    pub(super) decided_by: DecidedBy,
    /// The trace id to start with where there is no parent span.
    pub(super) root: Option<TraceId>,
    tracestate: Tracestate,
    lineage: Option<Lineage>,
}

/// Decides between the X-Ray header and W3C `traceparent`:
/// 1. an X-Ray header with `Sampled=1`: the platform traces this invocation, and its parent is nearest. If `traceparent` names the
///    same trace, that is what X-Ray passed on, and its flags and state hold;
/// 2. a valid `traceparent`;
/// 3. an X-Ray root that is not sampled: Lambda sets one even with tracing off; its id is kept, the decision is ours. Its parent is
///    kept where X-Ray has not decided either;
/// 4. nothing: a new id.
pub(super) fn parent(xray: Option<&str>, inbound: Inbound) -> Parent {
    let lineage = xray.and_then(Lineage::parse);
    let xray = xray.and_then(XrayHeader::parse);
    let Inbound { traceparent, tracestate } = inbound;
    let remote =
        |root, parent, flags, state: &Tracestate| Some(SpanContext::new(root, parent, flags, true, state.for_span()));
    match (xray, traceparent) {
        (Some(XrayHeader { root, parent: Some(parent), sampled: Some(true) }), Some(w3c)) if w3c.trace_id == root => {
            let decided_by = if w3c.flags.is_sampled() { DecidedBy::Caller } else { DecidedBy::Xray };
            let span = remote(root, parent, w3c.flags | TraceFlags::SAMPLED, &tracestate);
            Parent { span, decided_by, root: None, tracestate, lineage }
        }
        (Some(XrayHeader { root, parent: Some(parent), sampled: Some(true) }), _) => {
            let span = remote(root, parent, TraceFlags::SAMPLED, &Tracestate::default());
            Parent { span, decided_by: DecidedBy::Xray, lineage, ..Parent::default() }
        }
        (_, Some(w3c)) => {
            let span = remote(w3c.trace_id, w3c.span_id, w3c.flags, &tracestate);
            Parent { span, tracestate, lineage, ..Parent::default() }
        }
        (Some(XrayHeader { root, parent: Some(parent), sampled: None }), None) => {
            let span = remote(root, parent, TraceFlags::NOT_SAMPLED, &Tracestate::default());
            Parent { span, decided_by: DecidedBy::Nobody, lineage, ..Parent::default() }
        }
        (xray, None) => Parent { root: xray.map(|header| header.root), lineage, ..Parent::default() },
    }
}

impl Parent {
    /// The context in which the span under this parent starts.
    pub(super) fn context(self, mut cx: Context) -> Context {
        // X-Ray does not say how random its ids are; ours have 96 random bits.
        let random = self.span.as_ref().map_or(self.root.is_none(), |span| is_random(span.trace_flags()));
        let trace_id = self.span.as_ref().map(SpanContext::trace_id);
        if let Some(span) = self.span {
            cx = cx.with_remote_span_context(span);
        }
        if self.decided_by != DecidedBy::Caller {
            cx = cx.with_value(self.decided_by);
        }
        if let Some(lineage) = self.lineage {
            cx = cx.with_value(lineage);
        }
        cx.with_value(Carried { trace_id, random, tracestate: self.tracestate })
    }
}

/// What of W3C trace context OpenTelemetry's own context cannot hold: the SDK clears the random flag of spans that are not kept, sets
/// none on its own ids, and its trace state takes no Level 2 keys.
#[derive(Debug)]
struct Carried {
    /// Whose context that is; none where the trace started here.
    trace_id: Option<TraceId>,
    random: bool,
    tracestate: Tracestate,
}

fn is_random(flags: TraceFlags) -> bool {
    flags & RANDOM == RANDOM
}

/// Writes `traceparent`, `tracestate` where there is one, and `baggage` with the tenant.
pub fn inject(cx: &Context, tenant: Option<&TenantLabel>, carrier: &mut dyn Injector) {
    let span = cx.span();
    let span = span.span_context();
    if span.is_valid() {
        let carried = cx.get::<Carried>().filter(|carried| carried.trace_id.is_none_or(|id| id == span.trace_id()));
        let random = carried.map_or(is_random(span.trace_flags()), |carried| carried.random);
        let sampled = span.trace_flags() & TraceFlags::SAMPLED;
        let flags = if random { sampled | RANDOM } else { sampled };
        let traceparent = Traceparent { trace_id: span.trace_id(), span_id: span.span_id(), flags };
        carrier.set(field::TRACEPARENT, traceparent.to_string());
        let tracestate = outgoing_state(carried, span.trace_state());
        // SNS rejects empty attribute values.
        if !tracestate.is_empty() {
            carrier.set(field::TRACESTATE, tracestate);
        }
    }
    if let Some(tenant) = tenant {
        // Ids and tiers are plain tokens: nothing to percent-encode.
        let baggage = format!("{}={},{}={}", semconv::TENANT_ID, tenant.tenant_id, semconv::TENANT_TIER, tenant.tier);
        carrier.set(field::BAGGAGE, baggage);
    }
}

/// What came in, with OpenTelemetry's member as our own sampler left it.
fn outgoing_state(carried: Option<&Carried>, span: &TraceState) -> String {
    match carried {
        Some(carried) => carried.tracestate.header_with(OPENTELEMETRY, span.get(OPENTELEMETRY)),
        None => span.header(),
    }
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

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    const TRACEPARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    const XRAY: &str = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8";

    fn inbound(traceparent: &str, tracestate: &str) -> Inbound {
        let pairs = [("traceparent", traceparent), ("tracestate", tracestate)];
        let carrier: HashMap<_, _> = pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        Inbound::of_carrier(&carrier, Thresholds::LeftOut)
    }

    fn of_xray(sampled: &str, inbound: Inbound) -> Parent {
        parent(Some(&format!("{XRAY}{sampled}")), inbound)
    }

    #[test]
    fn a_sampled_xray_header_wins() {
        let parent = of_xray(";Sampled=1;Lineage=a:0", inbound(TRACEPARENT, "a=b"));
        let span = parent.span.unwrap();
        assert_eq!(span.trace_id().to_string(), "5759e988bd862e3fe1be46a994272793");
        assert_eq!(span.span_id().to_string(), "53995c3f42cd8ad8");
        assert_eq!((span.trace_state().header(), parent.decided_by), (String::new(), DecidedBy::Xray));
    }

    #[test]
    fn of_one_trace_xray_has_the_parent_and_traceparent_the_rest() {
        let same = "00-5759e988bd862e3fe1be46a994272793-00f067aa0ba902b7-03";
        let parent = of_xray(";Sampled=1", inbound(same, "a=b"));
        let span = parent.span.unwrap();
        assert_eq!(span.span_id().to_string(), "53995c3f42cd8ad8");
        assert_eq!((span.trace_flags().to_u8(), span.trace_state().header().as_str()), (3, "a=b"));
        assert_eq!(parent.decided_by, DecidedBy::Caller);
    }

    #[test]
    fn an_unsampled_xray_header_does_not_hide_a_traceparent() {
        for sampled in ["", ";Sampled=0", ";Sampled=?"] {
            let from_w3c = of_xray(sampled, inbound(TRACEPARENT, "")).span.unwrap();
            assert_eq!(from_w3c.trace_id().to_string(), "4bf92f3577b34da6a3ce929d0e0e4736", "{sampled}");
        }
        let alone = of_xray(";Sampled=0", Inbound::default());
        assert_eq!(alone.span, None);
        assert_eq!(alone.root.unwrap().to_string(), "5759e988bd862e3fe1be46a994272793");
    }

    #[test]
    fn where_xray_has_not_decided_its_parent_is_kept_and_the_decision_is_ours() {
        let parent = of_xray(";Sampled=?;", Inbound::default());
        let span = parent.span.unwrap();
        assert_eq!(span.trace_id().to_string(), "5759e988bd862e3fe1be46a994272793");
        assert_eq!((span.span_id().to_string().as_str(), parent.decided_by), ("53995c3f42cd8ad8", DecidedBy::Nobody));
    }

    #[test]
    fn two_traceparents_are_none_even_if_one_is_no_text() {
        let header = |bytes: &[u8]| http::HeaderValue::from_bytes(bytes).unwrap();
        for second in [TRACEPARENT.as_bytes(), "é".as_bytes()] {
            let mut headers = HeaderMap::new();
            headers.append(field::TRACEPARENT, header(TRACEPARENT.as_bytes()));
            assert!(Inbound::of_headers(&headers, Thresholds::LeftOut).is_there());
            headers.append(field::TRACEPARENT, header(second));
            assert!(!Inbound::of_headers(&headers, Thresholds::LeftOut).is_there());
        }
    }

    #[test]
    fn only_a_believed_threshold_comes_in() {
        let carrier: HashMap<_, _> = [("traceparent", TRACEPARENT), ("tracestate", "a=1,ot=th:8")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into();
        let state = |thresholds| parent(None, Inbound::of_carrier(&carrier, thresholds)).tracestate;
        assert_eq!(state(Thresholds::Believed).get("ot"), Some("th:8"));
        assert_eq!(state(Thresholds::LeftOut).get("ot"), None);
        assert_eq!(state(Thresholds::LeftOut).get("a"), Some("1"));
    }

    #[test]
    fn what_comes_in_goes_out() {
        let cx = parent(None, inbound(&TRACEPARENT.replace("-01", "-02"), "a@b@c=1, d=2")).context(Context::new());
        let mut out = HashMap::new();
        inject(&cx, None, &mut out);
        assert_eq!(out["traceparent"], TRACEPARENT.replace("-01", "-02"));
        assert_eq!(out["tracestate"], "a@b@c=1,d=2");
    }

    #[test]
    fn baggage_gives_only_what_is_allowed() {
        assert_eq!(baggage_value("a=b, tenant.id=acme;p=1", "tenant.id"), Some("acme"));
        assert_eq!(baggage_value("secret=1", "secret"), None);
        assert_eq!(baggage_value("tenant.id=a%20b", "tenant.id"), None);
        assert_eq!(baggage_value(&format!("tenant.id=acme,x={}", "y".repeat(9_000)), "tenant.id"), None);
    }
}
