//! Counts up to a limit within each second.

use std::time::{Duration, Instant};

const SECOND: Duration = Duration::from_secs(1);

/// How many were taken in the current second, which begins with the first of them.
#[derive(Debug, Default)]
pub struct PerSecond(Option<(Instant, u32)>);

impl PerSecond {
    /// Takes one, unless `allowed` have been taken in this second. Returns whether it did.
    pub fn take(&mut self, allowed: u32, now: Instant) -> bool {
        match &mut self.0 {
            Some((began, taken)) if now.saturating_duration_since(*began) < SECOND => {
                let admitted = *taken < allowed;
                *taken += u32::from(admitted);
                admitted
            }
            _ => {
                self.0 = Some((now, u32::from(allowed > 0)));
                allowed > 0
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_are_taken_in_a_second() {
        let (mut taken, start) = (PerSecond::default(), Instant::now());
        let mut take = |ms| taken.take(2, start + Duration::from_millis(ms));
        assert_eq!([take(0), take(1), take(2), take(999), take(1000)], [true, true, false, false, true]);
        assert!(!PerSecond::default().take(0, start));
    }
}
