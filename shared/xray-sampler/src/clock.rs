//! Time that cannot go back: intervals are measured with a monotonic clock, and X-Ray's epoch seconds become instants when they arrive. After a
//! freeze, a process finds that its intervals are over, and nothing worse.

use std::{
    fmt::Debug,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

/// A source of time; tests use one of their own.
pub trait Clock: Debug + Send + Sync {
    /// The monotonic time, for measuring how long something took.
    fn now(&self) -> Instant;
    /// Wall-clock time since 1970.
    fn since_epoch(&self) -> Duration;
}

/// The clocks of the operating system.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Instant {
        Instant::now()
    }

    fn since_epoch(&self) -> Duration {
        SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
    }
}
