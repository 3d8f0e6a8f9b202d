//! How long to wait between two tries of a call.

use std::time::{Duration, Instant};

const FIRST_PAUSE: Duration = Duration::from_millis(20);

/// Pauses between tries of what the SDK does not try again by itself: each twice as long as the one before, until a time is over.
#[derive(Debug)]
pub struct Retries {
    started: Instant,
    within: Duration,
    pause: Duration,
}

impl Retries {
    /// Allows attempts for this long from now on. The last one may take longer.
    pub fn within(within: Duration) -> Self {
        Self { started: Instant::now(), within, pause: FIRST_PAUSE }
    }

    /// Waits for the next try; false, and at once, where there is no time for one.
    pub async fn pause(&mut self) -> bool {
        let Some(pause) = self.next(self.started.elapsed()) else { return false };
        tokio::time::sleep(pause).await;
        true
    }

    fn next(&mut self, elapsed: Duration) -> Option<Duration> {
        let pause = self.pause;
        self.pause *= 2;
        (elapsed + pause <= self.within).then_some(pause)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_until_the_time_is_over() {
        let millis = Duration::from_millis;
        let mut retries = Retries::within(millis(200));
        assert_eq!(retries.next(millis(1)), Some(millis(20)));
        assert_eq!(retries.next(millis(30)), Some(millis(40)));
        assert_eq!(retries.next(millis(120)), Some(millis(80)), "just in time");
        assert_eq!(retries.next(millis(200)), None);
    }

    #[tokio::test]
    async fn without_time_there_is_no_pause() {
        assert!(!Retries::within(Duration::ZERO).pause().await);
    }
}
