//! Traces that a caller asks for by `X-Debug`, and how many of them are granted.

use std::{
    sync::Mutex,
    time::{Duration, Instant},
};

/// In a context whose trace was asked for by `X-Debug`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Forced;

/// So many a second, and no more: what keeps a header that anyone can send from turning sampling off.
#[derive(Debug)]
pub(crate) struct Reservoir {
    per_second: u32,
    window: Mutex<Option<(Instant, u32)>>,
}

impl Reservoir {
    pub(crate) fn new(per_second: u32) -> Self {
        Self { per_second, window: Mutex::default() }
    }

    pub(crate) fn take(&self, now: Instant) -> bool {
        let mut window = self.window.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        match &mut *window {
            Some((began, taken)) if now.saturating_duration_since(*began) < Duration::from_secs(1) => {
                let admitted = *taken < self.per_second;
                *taken += u32::from(admitted);
                admitted
            }
            _ => {
                *window = Some((now, 1));
                self.per_second > 0
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reservoir_gives_so_many_a_second() {
        let (reservoir, start) = (Reservoir::new(2), Instant::now());
        let taken = |ms| reservoir.take(start + Duration::from_millis(ms));
        assert_eq!([taken(0), taken(1), taken(2), taken(999), taken(1000)], [true, true, false, false, true]);
    }
}
