//! When telemetry is sent, as `TELEMETRY_FLUSH` says. docs/telemetry.md describes what each mode can lose, and when.

use std::{
    str::FromStr,
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    time::{Duration, Instant},
};

use parking_lot::Mutex;

/// An invocation that begins this soon after the last one ended counts as back to back.
const BACK_TO_BACK: Duration = Duration::from_millis(20);

/// When telemetry is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Mode {
    /// After each response, before the next invocation is asked for.
    #[default]
    Each,
    /// After each response while invocations are sparse, and during the next invocation once they come back to back.
    Adaptive,
}

impl FromStr for Mode {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "each" => Ok(Self::Each),
            "adaptive" => Ok(Self::Adaptive),
            _ => Err(format!("{text:?} is not each or adaptive")),
        }
    }
}

/// How closely invocations follow each other.
#[derive(Debug, Default)]
pub(super) struct Pace {
    running: AtomicUsize,
    idle_since: Mutex<Option<Instant>>,
    back_to_back: AtomicBool,
    /// A background flush is on its way.
    pub(super) scheduled: AtomicBool,
}

impl Pace {
    /// Records that an invocation began.
    pub(super) fn begin(&self, now: Instant) {
        let busy = self.running.fetch_add(1, Ordering::AcqRel) > 0;
        let idle_since = self.idle_since.lock();
        let soon = idle_since.is_some_and(|since| now.saturating_duration_since(since) < BACK_TO_BACK);
        self.back_to_back.store(busy || soon, Ordering::Release);
    }

    /// Records that an invocation ended, whether its spans were sent or not.
    pub(super) fn end(&self, now: Instant) {
        self.running.fetch_sub(1, Ordering::AcqRel);
        *self.idle_since.lock() = Some(now);
    }

    /// Whether the latest invocation came back to back.
    pub(super) fn is_back_to_back(&self) -> bool {
        self.back_to_back.load(Ordering::Acquire)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn invocations_are_back_to_back_while_they_follow_closely() {
        let (pace, start) = (Pace::default(), Instant::now());
        let invocation = |from: u64, to: u64| {
            pace.begin(start + Duration::from_millis(from));
            let back_to_back = pace.is_back_to_back();
            pace.end(start + Duration::from_millis(to));
            back_to_back
        };
        assert!(!invocation(0, 5), "the first");
        assert!(invocation(6, 10));
        assert!(!invocation(1_000, 1_005), "after a pause");
    }

    #[test]
    fn invocations_side_by_side_are_back_to_back() {
        let (pace, start) = (Pace::default(), Instant::now());
        pace.begin(start);
        pace.begin(start + Duration::from_secs(1));
        assert!(pace.is_back_to_back());
    }
}
