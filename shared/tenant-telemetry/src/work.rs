//! The unit of work that spans belong to: one HTTP request or one message.
//!
//! It travels in the OpenTelemetry [`Context`], never in a global, so that several invocations in one process cannot see
//! each other's tenant.

use std::sync::{Arc, OnceLock};

use opentelemetry::{Context, trace::TraceContextExt};
use opentelemetry_sdk::trace::SpanData;
use parking_lot::Mutex;
use tenancy::TenantLabel;

use super::{
    annotation::{Annotation, Annotations},
    late::Buffered,
    lines::Line,
    queue::Size,
};

/// Who is being served, and where the spans and log lines of serving them are kept until export.
#[derive(Debug, Clone, Default)]
pub struct Work {
    about: Arc<About>,
    buffer: Arc<Buffer>,
}

/// What every span and log line of a unit of work says of it.
#[derive(Debug, Default)]
pub(super) struct About {
    tenant: OnceLock<TenantLabel>,
    annotations: Annotations,
}

impl About {
    pub(super) fn tenant(&self) -> Option<&TenantLabel> {
        self.tenant.get()
    }

    pub(super) fn annotations(&self) -> Vec<(Annotation, Arc<str>)> {
        self.annotations.all()
    }
}

impl Work {
    /// The work of the current context; a detached one, whose spans go nowhere, outside any invocation.
    pub fn current() -> Self {
        Context::map_current(|cx| cx.get::<Work>().cloned()).unwrap_or_default()
    }

    /// Another unit of work of the same invocation, of which nothing is known yet: a message of a batch.
    pub(crate) fn for_a_message(&self) -> Self {
        Self { about: Arc::default(), buffer: self.buffer.clone() }
    }

    /// Says who is served. Every span of this work carries the tenant from then on, those already ended included. The first
    /// call counts: verified identity is never replaced.
    pub fn serve(&self, tenant: TenantLabel) {
        let _already_known = self.about.tenant.set(tenant);
    }

    /// Says what is worked on, by an id that people ask for, such as an order's number. Every span of this work carries it as an attribute,
    /// those already ended included, `aws.xray.annotations` names it, and it leaves the process as tenant and user do: plain, as a keyed
    /// hash, or not at all. Said again, the last counts.
    ///
    /// One unit of work has eight names at most, and a value 1 to 128 bytes; what goes beyond is left out.
    pub fn annotate(&self, annotation: Annotation, value: &str) {
        self.about.annotations.set(annotation, value);
    }

    /// The tenant that is served, once it is known.
    pub(crate) fn tenant(&self) -> Option<&TenantLabel> {
        self.about.tenant.get()
    }

    /// Remembers a span that is open, so that it can be ended for a handler that is out of time.
    pub(super) fn opened(&self, span: &Context) {
        self.buffer.opened(span);
    }

    /// The spans still open, the innermost first.
    pub(super) fn open_spans(&self) -> Vec<Context> {
        self.buffer.open_spans()
    }

    /// Keeps a span. What it hands back has no room here: all that there is, or this one once the work's spans were taken for good.
    pub(super) fn keep(&self, span: SpanData) -> Vec<Ended> {
        self.buffer.push(Ended { item: span, about: self.about.clone() })
    }

    /// Keeps a log line. What it hands back has no room here: all that there is, or this one once the work's spans were taken for good.
    #[cfg_attr(not(feature = "json-logs"), allow(dead_code, reason = "without it nobody writes"))]
    pub(super) fn write(&self, line: Line) -> Vec<Written> {
        self.buffer.write(Written { item: line, about: self.about.clone() })
    }

    /// The spans that have ended so far; more may come.
    pub(super) fn take_finished(&self) -> Vec<Ended> {
        self.buffer.take()
    }

    /// The spans, once and for all: what ends or is written from now on is handed back.
    pub(super) fn take_spans(&self) -> Vec<Ended> {
        self.buffer.close()
    }

    /// Takes the log lines that were written so far.
    pub(super) fn take_lines(&self) -> Vec<Written> {
        self.buffer.0.lock().take_lines()
    }

    /// One that keeps nothing: what is made outside any invocation is late already.
    pub(super) fn closed() -> Self {
        let work = Self::default();
        let _nothing = work.take_spans();
        work
    }
}

/// A span or a log line of a unit of work, and what is known of that work.
#[derive(Debug, Clone)]
pub(super) struct OfWork<T> {
    pub(super) item: T,
    pub(super) about: Arc<About>,
}

/// A span that has ended.
pub(super) type Ended = OfWork<SpanData>;

/// A log line that was written.
pub(super) type Written = OfWork<Line>;

/// The spans and log lines of one invocation. Once closed it takes no more: what comes later is handed back.
#[derive(Debug, Default)]
struct Buffer(Mutex<BufferState>);

#[derive(Debug, Default)]
struct BufferState {
    /// Spans that are kept until the invocation is over: beyond [`SpanData::FLUSH_AT`](Buffered::FLUSH_AT) they go where the late ones are.
    spans: Vec<Ended>,
    /// Log lines that are kept until the invocation is over: beyond [`Line::FLUSH_AT`] they go where the late ones are.
    lines: Vec<Written>,
    of_lines: Size,
    /// A context holds its work, and thereby this buffer: the circle is broken when the buffer is closed.
    open: Vec<Context>,
    closed: bool,
}

impl BufferState {
    fn take_lines(&mut self) -> Vec<Written> {
        self.of_lines = Size::default();
        std::mem::take(&mut self.lines)
    }
}

impl Buffer {
    fn push(&self, ended: Ended) -> Vec<Ended> {
        let mut state = self.0.lock();
        if state.closed {
            return vec![ended];
        }
        state.spans.push(ended);
        if state.spans.len() < SpanData::FLUSH_AT.count { Vec::new() } else { std::mem::take(&mut state.spans) }
    }

    fn write(&self, line: Written) -> Vec<Written> {
        let mut state = self.0.lock();
        if state.closed {
            return vec![line];
        }
        state.of_lines = state.of_lines.plus(line.item.size());
        state.lines.push(line);
        if state.of_lines.reaches(Line::FLUSH_AT) { state.take_lines() } else { Vec::new() }
    }

    fn opened(&self, span: &Context) {
        let mut state = self.0.lock();
        if !state.closed {
            state.open.push(span.clone());
        }
    }

    fn open_spans(&self) -> Vec<Context> {
        let state = self.0.lock();
        state.open.iter().rev().filter(|cx| cx.span().is_recording()).cloned().collect()
    }

    fn take(&self) -> Vec<Ended> {
        std::mem::take(&mut self.0.lock().spans)
    }

    fn close(&self) -> Vec<Ended> {
        let (spans, open) = {
            let mut state = self.0.lock();
            state.closed = true;
            (std::mem::take(&mut state.spans), std::mem::take(&mut state.open))
        };
        // Outside the lock: the last holder of a span ends it, which comes back here.
        drop(open);
        spans
    }
}
