//! Which trace an invocation or a message continues.

use http::HeaderMap;
use opentelemetry::{
    Context,
    propagation::Extractor,
    trace::{SpanContext, TraceContextExt, TraceFlags, TraceId},
};

use super::{Thresholds, field};
use crate::{
    sampling::DecidedBy,
    traceparent::{RANDOM, Traceparent},
    tracestate::{OPENTELEMETRY, Tracestate},
    xray_header::{Lineage, XrayHeader},
};

/// A header value that is no text. It counts as one, and nothing takes it for good.
const NO_TEXT: &str = "\u{fffd}";

/// W3C trace context as it came.
#[derive(Debug, Default)]
pub(crate) struct Inbound {
    traceparent: Option<Traceparent>,
    tracestate: Tracestate,
}

impl Inbound {
    /// Reads the trace context of a request's headers.
    pub(crate) fn of_headers(headers: &HeaderMap, thresholds: Thresholds) -> Self {
        let all = |name| headers.get_all(name).iter().map(|value| value.to_str().unwrap_or(NO_TEXT));
        Self::new(all(field::TRACEPARENT), all(field::TRACESTATE), thresholds)
    }

    /// From a message's attributes, or what is stored with an item.
    pub(crate) fn of_carrier(carrier: &dyn Extractor, thresholds: Thresholds) -> Self {
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
    pub(crate) fn is_there(&self) -> bool {
        self.traceparent.is_some()
    }
}

/// The parent of an invocation's span.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Parent {
    /// The caller's span, if one is known.
    pub(crate) span: Option<SpanContext>,
    /// Who decided whether the trace is kept.
    pub(crate) decided_by: DecidedBy,
    /// The trace id to start with where there is no parent span.
    pub(crate) root: Option<TraceId>,
    pub(super) tracestate: Tracestate,
    lineage: Option<Lineage>,
}

/// Decides between the X-Ray header and W3C `traceparent`:
/// 1. an X-Ray header with `Sampled=1`: the platform traces this invocation, and its parent is nearest. If `traceparent` names the
///    same trace, that is what X-Ray passed on, and its flags and state hold;
/// 2. a valid `traceparent`;
/// 3. an X-Ray root that is not sampled: Lambda sets one even with tracing off; its id is kept, the decision is ours. Its parent is
///    kept where X-Ray has not decided either;
/// 4. nothing: a new id.
pub(crate) fn parent(xray: Option<&str>, inbound: Inbound) -> Parent {
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
    pub(crate) fn context(self, mut cx: Context) -> Context {
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
pub(super) struct Carried {
    /// Whose context that is, or `None` where the trace started here.
    pub(super) trace_id: Option<TraceId>,
    pub(super) random: bool,
    pub(super) tracestate: Tracestate,
}

pub(super) fn is_random(flags: TraceFlags) -> bool {
    flags & RANDOM == RANDOM
}
