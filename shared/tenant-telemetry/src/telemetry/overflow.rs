//! Spans and log lines beyond what is kept for an invocation, and those of none: they leave while invocations go on.

use super::{FLUSH_WITHIN, Telemetry};
use crate::Work;

impl Telemetry {
    /// Sends spans and log lines whenever there are enough that wait for the end of no invocation.
    pub(super) async fn send_overflow(self) {
        loop {
            tokio::select! {
                () = self.0.processor.late().enough() => {}
                () = self.0.late_lines.enough() => {}
            }
            self.collect_from(&Work::closed());
            self.flush(FLUSH_WITHIN).await;
        }
    }
}
