//! How spans begin.

use std::sync::OnceLock;

use opentelemetry::{
    Context,
    trace::{SpanBuilder, TraceContextExt, Tracer},
};
use opentelemetry_sdk::trace::SdkTracer;

use super::{Work, ids, propagation::Parent};

/// The tracer of this process; none where the SDK is disabled. It knows of no tenant and no invocation.
pub(super) static TRACER: OnceLock<SdkTracer> = OnceLock::new();

/// Starts a span of this crate's tracer in `cx`; the returned context holds it.
pub(super) fn start(builder: SpanBuilder, cx: &Context) -> Context {
    let Some(tracer) = TRACER.get() else { return cx.clone() };
    let cx = cx.with_span(tracer.build_with_context(builder, cx));
    if let Some(work) = cx.get::<Work>() {
        work.opened(&cx);
    }
    cx
}

/// Starts a span under a parent of another process, in `cx`.
pub(super) fn start_under(parent: Parent, builder: SpanBuilder, cx: Context) -> Context {
    let root = parent.root;
    let cx = parent.context(cx);
    ids::with_root(root, || start(builder, &cx))
}
