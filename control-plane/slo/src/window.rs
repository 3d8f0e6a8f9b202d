//! Sums over windows that end now, in constant time and without subtracting what was never added: running totals at the ends
//! of slots, and the difference of two of them.
//!
//! Counts are integers, and exact. Weights are `f64`: exact as long as they are whole numbers below 2^53 (every request kept, or
//! one of n), else off by at most 1e-16 of the running total with every addition.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

/// Sums of requests without their latencies.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Sums {
    /// How many requests were seen.
    pub(crate) requests: u64,
    /// Those of them that failed.
    pub(crate) failed: u64,
    /// Requests that those seen stand for.
    pub(crate) weight: f64,
    /// Failed requests that those seen stand for.
    pub(crate) weighted_failed: f64,
    /// Requests, weighted, that were as quick as the latency objective asks.
    pub(crate) quick: f64,
}

impl Sums {
    /// Share of requests that failed, weighted, or `None` without requests.
    pub(crate) fn error_rate(&self) -> Option<f64> {
        (self.requests > 0 && self.weight > 0.0).then(|| self.weighted_failed / self.weight)
    }

    pub(crate) fn add(&mut self, other: &Self) {
        self.requests += other.requests;
        self.failed += other.failed;
        self.weight += other.weight;
        self.weighted_failed += other.weighted_failed;
        self.quick += other.quick;
    }

    fn since(&self, earlier: &Self) -> Self {
        Self {
            requests: self.requests.saturating_sub(earlier.requests),
            failed: self.failed.saturating_sub(earlier.failed),
            weight: (self.weight - earlier.weight).max(0.0),
            weighted_failed: (self.weighted_failed - earlier.weighted_failed).max(0.0),
            quick: (self.quick - earlier.quick).max(0.0),
        }
    }
}

/// Running totals at the ends of slots, as far back as `span` seconds. Slots without requests take no room.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Totals {
    span: i64,
    at: VecDeque<(i64, Sums)>,
}

impl Totals {
    pub(crate) fn new(span: i64) -> Self {
        Self { span, at: VecDeque::from([(i64::MIN, Sums::default())]) }
    }

    /// Says that the total is so much at the end of a slot, which is the last one or later.
    pub(crate) fn reach(&mut self, end: i64, total: Sums) {
        match self.at.back_mut() {
            Some((at, sums)) if *at == end => *sums = total,
            _ => self.at.push_back((end, total)),
        }
        // The newest of those that are too old is what the windows are the difference to.
        while self.at.get(1).is_some_and(|(at, _)| *at <= end - self.span) {
            self.at.pop_front();
        }
    }

    /// What each slot added, the last first, by its end. Slots without requests are not among them.
    pub(crate) fn latest_first(&self) -> impl Iterator<Item = (i64, Sums)> {
        let before = self.at.iter().rev().skip(1);
        self.at.iter().rev().zip(before).map(|((end, total), (_, earlier))| (*end, total.since(earlier)))
    }

    /// What was added after `since`, to the end; no more than what is kept.
    pub(crate) fn after(&self, since: i64, total: &Sums) -> Sums {
        // The longest window starts at the front and the short ones a few slots from the back.
        let mut index = if self.at.get(1).is_some_and(|(at, _)| *at > since) { 1 } else { self.at.len() };
        while index > 1 && self.at[index - 1].0 > since {
            index -= 1;
        }
        self.at.get(index.saturating_sub(1)).map_or(*total, |(_, earlier)| total.since(earlier))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sums(requests: u64) -> Sums {
        Sums { requests, weight: requests as f64, ..Sums::default() }
    }

    #[test]
    fn a_window_holds_what_was_added_in_it_and_memory_is_bounded() {
        let mut totals = Totals::new(21_600);
        let mut added: Vec<(i64, u64)> = Vec::new();
        let mut total = sums(0);
        for slot in 1..2_000_i64 {
            // A third of the slots has no requests.
            if slot % 3 != 0 {
                added.push((slot * 300, slot as u64));
                total.add(&sums(slot as u64));
                totals.reach(slot * 300, total);
            }
            let now = slot * 300;
            for seconds in [300, 1_800, 3_600, 21_600] {
                let expected = added.iter().filter(|(end, _)| *end > now - seconds).map(|(_, requests)| requests).sum();
                assert_eq!(totals.after(now - seconds, &total), sums(expected), "slot {slot}, {seconds} s");
            }
        }
        assert!(totals.at.len() <= 73);
    }
}
