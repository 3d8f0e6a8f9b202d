//! An invocation under way, and what becomes of its spans, log lines and metrics.

use std::time::{Duration, Instant};

use opentelemetry::{Context, trace::TraceContextExt};

use super::Telemetry;
use crate::{
    Work, fail_span,
    flush::Mode,
    metrics::{Outcome, TIMEOUT, recorder},
    startup::Initialization,
};

/// What is known of an invocation under way.
#[derive(Debug, Clone)]
pub(super) struct Running {
    pub(super) work: Work,
    /// None where nobody receives metrics.
    pub(super) outcome: Option<Outcome>,
}

impl Running {
    /// Ends what is open, as failed with `error_type`.
    pub(super) fn give_up(&self, error_type: &'static str) {
        end_open_spans(&self.work, error_type);
        if let Some(outcome) = &self.outcome {
            outcome.give_up(error_type);
        }
    }

    /// Counts the invocation, unless that has been done.
    pub(super) fn count(&self) {
        if let Some((outcome, recorder)) = self.outcome.as_ref().zip(recorder()) {
            recorder.invocation(outcome, self.work.tenant());
        }
    }
}

/// An invocation under way.
#[derive(Debug)]
pub(crate) struct Invocation {
    pub(super) telemetry: Telemetry,
    pub(super) id: u64,
    pub(super) running: Running,
    /// Of the first invocation of the process: how that became ready.
    pub(super) initialization: Option<Initialization>,
}

impl Invocation {
    /// The context in which it is handled. A new one, not the current: nothing of another invocation may come along.
    pub(crate) fn context(&self) -> Context {
        let Running { work, outcome } = self.running.clone();
        let cx = Context::new().with_value(work);
        let cx = match outcome {
            Some(outcome) => cx.with_value(outcome.under_way.clone()).with_value(outcome),
            None => cx,
        };
        self.initialization.map_or_else(|| cx.clone(), |initialization| cx.with_value(initialization))
    }

    /// The handler may run out of time: what has ended so far goes.
    pub(crate) async fn send_what_ended(&self, within: Duration) {
        let work = &self.running.work;
        self.telemetry.0.exporters.push_spans(work.take_finished());
        self.telemetry.0.exporters.push_lines(work.take_lines());
        self.telemetry.flush(within).await;
    }

    /// The handler is out of time: what it has left open ends as timed out, and goes while it still can.
    pub(crate) async fn give_up(&self, within: Duration) {
        self.running.give_up(TIMEOUT);
        self.running.count();
        self.send_what_ended(within).await;
    }

    /// Exports after the response has been sent.
    pub(crate) async fn finish(self, within: Duration) {
        let telemetry = self.telemetry.clone();
        telemetry.collect(&self.running);
        drop(self);
        if telemetry.0.mode == Mode::Adaptive && telemetry.0.pace.is_back_to_back() {
            telemetry.flush_beside();
        } else {
            tokio::join!(telemetry.flush(within), telemetry.keep_rules_fresh());
        }
        telemetry.0.pace.end(Instant::now());
    }
}

impl Drop for Invocation {
    fn drop(&mut self) {
        self.telemetry.active().remove(&self.id);
    }
}

fn end_open_spans(work: &Work, error_type: &'static str) {
    for cx in work.open_spans() {
        fail_span(&cx, error_type, "");
        cx.span().end();
    }
}
