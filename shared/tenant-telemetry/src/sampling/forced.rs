//! Traces that a caller asks for by `X-Debug`, and how many of them are granted.

use std::time::Instant;

use parking_lot::Mutex;
use xray_sampler::PerSecond;

/// In a context whose trace was asked for by `X-Debug`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Forced;

/// Limits forced traces to a number each second, since otherwise a header that anyone can send would turn sampling off.
#[derive(Debug)]
pub(crate) struct Reservoir {
    per_second: u32,
    taken: Mutex<PerSecond>,
}

impl Reservoir {
    pub(crate) fn new(per_second: u32) -> Self {
        Self { per_second, taken: Mutex::default() }
    }

    pub(crate) fn take(&self, now: Instant) -> bool {
        self.taken.lock().take(self.per_second, now)
    }
}
