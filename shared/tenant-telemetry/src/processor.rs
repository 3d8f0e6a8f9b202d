//! The one span processor: it knows which work, and so which tenant, a span belongs to, and buffers it there.

use std::{
    collections::HashMap,
    hash::{BuildHasherDefault, Hasher},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
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

use super::work::{Ended, Work};

/// How many spans that ended outside any invocation, or after theirs was exported, are kept for the next export.
const MAX_LATE_SPANS: usize = 2_048;

/// Buffers ended spans per invocation. The SDK clones a span for each processor, so there is exactly this one.
#[derive(Debug, Clone, Default)]
pub(super) struct TenantSpanProcessor(Arc<State>);

#[derive(Debug, Default)]
struct State {
    /// `on_end` is not told the context, so the work of every open span is remembered here.
    open: Mutex<HashMap<SpanId, Work, RandomAlready>>,
    late: Mutex<Vec<Ended>>,
    dropped: AtomicU64,
}

type RandomAlready = BuildHasherDefault<Unhashed>;

/// Span ids are random: hashing them again would cost and gain nothing.
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
    /// The spans of an invocation that is over, and whatever came late.
    pub(super) fn drain(&self, work: &Work) -> Vec<Ended> {
        let mut spans = std::mem::take(&mut *self.0.late.lock());
        spans.append(&mut work.take_spans());
        spans
    }

    /// How many spans were dropped since the last call because nothing could hold them.
    pub(super) fn take_dropped(&self) -> u64 {
        self.0.dropped.swap(0, Ordering::Relaxed)
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
        let Some(late) = work.unwrap_or_else(closed).keep(span) else { return };
        let mut spans = self.0.late.lock();
        if spans.len() < MAX_LATE_SPANS {
            spans.push(late);
        } else {
            self.0.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _timeout: Duration) -> OTelSdkResult {
        Ok(())
    }
}

/// Work that keeps nothing: spans outside any invocation go straight to the late ones.
fn closed() -> Work {
    let work = Work::default();
    let _nothing = work.take_spans();
    work
}
