//! Starts spans.

use std::{
    sync::{Arc, OnceLock},
    time::Instant,
};

use opentelemetry::{
    Context,
    trace::{SpanBuilder, TraceContextExt, Tracer},
};
use opentelemetry_sdk::trace::SdkTracer;

use super::{Work, ids, propagation::Parent, sampling::Reservoir};

/// The tracer of this process; none where the SDK is disabled. It knows of no tenant and no invocation.
pub(super) static TRACER: OnceLock<SdkTracer> = OnceLock::new();
/// What its spans are begun with; none where there is no tracer.
pub(super) static SPANS: OnceLock<SpanSettings> = OnceLock::new();

/// What spans of this process are begun with.
#[derive(Debug, Clone)]
pub(super) struct SpanSettings {
    service_name: String,
    x_debug: Arc<Reservoir>,
}

impl SpanSettings {
    /// `x_debug` traces a second may be forced by `X-Debug`.
    pub(super) fn new(service_name: String, x_debug: u32) -> Self {
        Self { service_name, x_debug: Arc::new(Reservoir::new(x_debug)) }
    }
}

/// The name of this service.
pub(super) fn service_name() -> &'static str {
    SPANS.get().map_or("", |spans| &spans.service_name)
}

/// A header is no identity: whoever sends `X-Debug`, only so many traces a second are forced.
pub(super) fn x_debug_admits() -> bool {
    SPANS.get().is_some_and(|spans| spans.x_debug.take(Instant::now()))
}

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
