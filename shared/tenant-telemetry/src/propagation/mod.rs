//! Trace context and tenant claims across process and account boundaries.
//!
//! Inbound, W3C `traceparent` and X-Ray's header may both be there; `parent` holds the precedence. Outbound, W3C goes
//! into headers and message attributes, with an allow-listed `baggage`. The same rules hold for headers, message attributes and
//! stored context.

mod baggage;
mod believed;
mod parent;

use opentelemetry::{
    Context,
    propagation::Injector,
    trace::{TraceContextExt, TraceFlags, TraceState},
};
use tenancy::TenantLabel;

use self::parent::{Carried, is_random};
pub(super) use self::parent::{Inbound, Parent, parent};
pub use self::{
    baggage::baggage_value,
    believed::{BelievedSenders, Thresholds},
};
pub(super) use super::xray_header::xray_header;
use super::{
    semconv,
    traceparent::{RANDOM, Traceparent},
    tracestate::OPENTELEMETRY,
};

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

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use http::HeaderMap;

    use super::*;
    use crate::sampling::DecidedBy;

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
}
