//! The unit of work that spans belong to: one HTTP request or one message.
//!
//! It travels in the OpenTelemetry [`Context`], never in a global, so that several invocations in one process cannot see
//! each other's tenant.

use std::sync::{Arc, Mutex, OnceLock};

use opentelemetry::Context;
use opentelemetry_sdk::trace::SpanData;

use crate::tenant::TenantContext;

/// Who is being served, and where the spans of serving them are kept until export.
#[derive(Debug, Clone, Default)]
pub struct Work {
    tenant: Arc<OnceLock<TenantContext>>,
    spans: Arc<SpanBuffer>,
}

impl Work {
    /// The work of the current context; a detached one, whose spans go nowhere, outside any invocation.
    pub fn current() -> Self {
        Context::map_current(|cx| cx.get::<Work>().cloned()).unwrap_or_default()
    }

    /// Another unit of work of the same invocation, its tenant not yet known: a message of a batch.
    pub fn sibling(&self) -> Self {
        Self { tenant: Arc::default(), spans: self.spans.clone() }
    }

    /// Says who is served. Every span of this work carries the tenant from then on, those already ended included. The first
    /// call counts: verified identity is never replaced.
    pub fn serve(&self, tenant: TenantContext) {
        let _already_known = self.tenant.set(tenant);
    }

    /// Who is served, once known.
    pub fn tenant(&self) -> Option<&TenantContext> {
        self.tenant.get()
    }

    pub(super) fn keep(&self, span: SpanData) -> Option<Ended> {
        self.spans.push(Ended { span, work: self.tenant.clone() })
    }

    pub(super) fn take_spans(&self) -> Vec<Ended> {
        self.spans.close()
    }
}

/// A span that has ended, and the tenant it was for.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) span: SpanData,
    work: Arc<OnceLock<TenantContext>>,
}

impl Ended {
    pub(super) fn tenant(&self) -> Option<&TenantContext> {
        self.work.get()
    }
}

/// The ended spans of one invocation. Once closed it takes no more: a span that ends later is handed back.
#[derive(Debug, Default)]
struct SpanBuffer(Mutex<BufferState>);

#[derive(Debug, Default)]
struct BufferState {
    spans: Vec<Ended>,
    closed: bool,
}

impl SpanBuffer {
    fn push(&self, ended: Ended) -> Option<Ended> {
        let mut state = self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        if state.closed {
            return Some(ended);
        }
        state.spans.push(ended);
        None
    }

    fn close(&self) -> Vec<Ended> {
        let mut state = self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        state.closed = true;
        std::mem::take(&mut state.spans)
    }
}
