//! An estimate of how often something is asked for.

use crate::source::{Nanos, SECOND};

/// The time constant τ: an event that is this long ago counts 1/e as much as one of now.
const REMEMBERED_FOR: f64 = 2.0;

/// An exponentially weighted estimate of a rate from the times of its events alone: each adds 1/τ, and the sum decays with e^(-t/τ). Of
/// events at a steady rate the mean is that rate.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Rate {
    per_second: f64,
    at: Nanos,
}

impl Rate {
    /// Counts one event.
    pub(crate) fn count(&mut self, now: Nanos) {
        *self = Self { per_second: self.at(now) + 1.0 / REMEMBERED_FOR, at: now.max(self.at) };
    }

    /// The rate at this time, in events a second.
    pub(crate) fn at(&self, now: Nanos) -> f64 {
        let seconds = now.saturating_sub(self.at) as f64 / SECOND as f64;
        self.per_second * (-seconds / REMEMBERED_FOR).exp()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_steady_rate_is_found_and_then_forgotten() {
        let (mut rate, mut now) = (Rate::default(), 1_790_000_000 * SECOND);
        assert_eq!(rate.at(now), 0.0);
        for _ in 0..2_000 {
            now += SECOND / 100;
            rate.count(now);
        }
        assert!((99.0..101.0).contains(&rate.at(now)), "{rate:?}");
        assert!(rate.at(now + 20 * SECOND) < 0.01, "{rate:?}");
    }

    #[test]
    fn a_clock_that_is_set_back_does_no_harm() {
        let mut rate = Rate::default();
        rate.count(10 * SECOND);
        rate.count(9 * SECOND);
        assert_eq!(rate.at(10 * SECOND), 1.0);
    }
}
