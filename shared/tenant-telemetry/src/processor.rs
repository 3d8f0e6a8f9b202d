//! The only span processor: it knows to which unit of work, and so to which tenant, a span belongs, and buffers it there.

use std::{
    collections::HashMap,
    hash::{BuildHasherDefault, Hasher},
    sync::Arc,
    time::Duration,
};

use opentelemetry::{
    Context,
    trace::{Span as _, SpanId},
};
use opentelemetry_sdk::{
    error::OTelSdkResult,
    trace::{Span, SpanData, SpanProcessor},
};
use parking_lot::Mutex;

use super::{
    late::LateItems,
    work::{Ended, Work},
};

/// Buffers ended spans per invocation. The SDK clones a span for each processor, so there is exactly this one.
#[derive(Debug, Clone, Default)]
pub(super) struct TenantSpanProcessor(Arc<State>);

#[derive(Debug, Default)]
struct State {
    /// The unit of work of every open span, since `on_end` is not given the context.
    open: Mutex<HashMap<SpanId, Work, RandomAlready>>,
    late: LateItems<SpanData>,
}

type RandomAlready = BuildHasherDefault<Unhashed>;

/// Span ids are random, so hashing them again would cost time and gain nothing.
#[derive(Debug, Default)]
struct Unhashed(u64);

impl Hasher for Unhashed {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, id: u64) {
        self.0 = id;
    }
}

impl TenantSpanProcessor {
    /// Takes the spans of an invocation that is over, and those that came late.
    pub(super) fn drain(&self, work: &Work) -> Vec<Ended> {
        let mut spans = self.0.late.take();
        spans.append(&mut work.take_spans());
        spans
    }

    /// Spans that ended outside any invocation, or after theirs was exported.
    pub(super) fn late(&self) -> &LateItems<SpanData> {
        &self.0.late
    }
}

impl SpanProcessor for TenantSpanProcessor {
    fn on_start(&self, span: &mut Span, cx: &Context) {
        if let Some(work) = cx.get::<Work>() {
            let mut open = self.0.open.lock();
            open.insert(span.span_context().span_id(), work.clone());
        }
    }

    fn on_end(&self, span: SpanData) {
        let work = {
            let mut open = self.0.open.lock();
            open.remove(&span.span_context.span_id())
        };
        self.0.late.extend(work.unwrap_or_else(Work::closed).keep(span));
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _timeout: Duration) -> OTelSdkResult {
        Ok(())
    }
}
