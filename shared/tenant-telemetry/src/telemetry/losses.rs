//! What could not be sent, told in the log.

use std::time::{Duration, Instant};

use crate::exporter::Lost;

/// Losses are logged at most this often.
const LOSS_LOG_INTERVAL: Duration = Duration::from_secs(60);

/// What was lost since it was last logged.
#[derive(Debug, Default)]
pub(super) struct Losses {
    since: Lost,
    logged: Option<Instant>,
}

impl Losses {
    pub(super) fn add(&mut self, lost: Lost) {
        self.since.spans += lost.spans;
        self.since.points += lost.points;
        self.since.log_records += lost.log_records;
        self.since.failure = lost.failure.or(self.since.failure.take());
    }

    pub(super) fn log(&mut self, now: Instant) {
        let quiet = self.logged.is_some_and(|logged| now.saturating_duration_since(logged) < LOSS_LOG_INTERVAL);
        if quiet || self.since == Lost::default() {
            return;
        }
        let Lost { spans, points, log_records, failure } = std::mem::take(&mut self.since);
        tracing::warn!(
            dropped_spans = spans,
            dropped_points = points,
            dropped_log_records = log_records,
            reason = failure.unwrap_or_default(),
            "telemetry not exported: what was not dropped is kept"
        );
        self.logged = Some(now);
    }
}
