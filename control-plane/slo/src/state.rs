//! What is remembered of a tenant from one evaluation to the next, in bounded memory: running totals every five minutes for
//! six hours and every hour for 30 days, today's histogram, and the p99 of seven days. About 40 kB for a tenant that is never
//! quiet, 90 kB as JSON.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use crate::{
    evaluate::{BURN_WINDOWS, Budget, Burn, Evaluation, SLOWDOWN, Summary},
    histogram::Histogram,
    hurt::{Hurt, share_of},
    objective::Objectives,
    refusals::RefusalCounts,
    row::Cell,
    window::{Sums, Totals},
};

/// What is judged at a time: five minutes, in seconds.
pub const SLOT: i64 = 300;
/// So long a tenant may seem well between two times at which it is hurt, and has been hurt since the first.
const BETWEEN: i64 = 2 * SLOT;
const HOUR: i64 = 3_600;
const DAY: i64 = 86_400;
const BUDGET: i64 = 30 * DAY;
/// Days a baseline is the median of.
const BASELINE_DAYS: usize = 7;
/// Fewer days than these are no baseline.
pub(crate) const BASELINE_DAYS_LEAST: usize = 3;
/// A day with fewer requests has too uncertain a p99.
pub(crate) const BASELINE_REQUESTS: u64 = 200;

/// A cell came after one of a later time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a cell that ends at {end} came after one that ends at {last}")]
pub struct LateCell {
    /// When the cell's five minutes end.
    pub end: i64,
    /// When those that were fed last end.
    pub last: i64,
}

/// What is remembered of one tenant's requests.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TenantState {
    /// Since the beginning.
    total: Sums,
    recent: Totals,
    hours: Totals,
    /// End of the five minutes that were fed last, and their latencies.
    latest: (i64, Histogram),
    /// Start of the day that was fed last, its requests and their latencies.
    today: (i64, u64, Histogram),
    /// Start and p99 of the days before, where requests were enough.
    days: VecDeque<(i64, f64)>,
    baseline: Option<f64>,
}

impl Default for TenantState {
    fn default() -> Self {
        Self::new()
    }
}

impl TenantState {
    /// Of a tenant that was not heard of.
    pub fn new() -> Self {
        Self {
            total: Sums::default(),
            recent: Totals::new(BURN_WINDOWS.iter().map(|pair| pair.long).max().unwrap_or(HOUR)),
            hours: Totals::new(BUDGET + HOUR),
            latest: (i64::MIN, Histogram::new()),
            today: (i64::MIN, 0, Histogram::new()),
            days: VecDeque::new(),
            baseline: None,
        }
    }

    /// Takes a cell of closed five minutes, or of a longer stretch of the past. Cells come in the order of time; several of
    /// the same five minutes (services, operations, minutes) add up. Requests that are quick by the latency objective are
    /// counted now: a changed objective holds for what is fed from then on.
    pub fn feed(&mut self, cell: &Cell, objectives: &Objectives) -> Result<(), LateCell> {
        let (end, last) = (Self::slot_end(cell), self.latest.0);
        if end < last {
            return Err(LateCell { end, last });
        }
        self.count(cell, end, objectives);
        Ok(())
    }

    /// The end of the five minutes that a cell lies in, or its own if it is longer.
    pub(crate) fn slot_end(cell: &Cell) -> i64 {
        let end = cell.end();
        end + (-end).rem_euclid(SLOT)
    }

    /// The end of the five minutes that were closed last at a time.
    pub(crate) fn slot_of(at: i64) -> i64 {
        at - at.rem_euclid(SLOT)
    }

    pub(crate) fn count(&mut self, cell: &Cell, end: i64, objectives: &Objectives) {
        self.total.add(&Sums {
            requests: cell.requests,
            failed: cell.failed,
            weight: cell.weight,
            weighted_failed: cell.weighted_failed,
            quick: cell.histogram.at_most(objectives.latency.within_ns()),
        });
        self.recent.reach(end, self.total);
        self.hours.reach(end + (-end).rem_euclid(HOUR), self.total);

        if self.latest.0 != end {
            self.latest = (end, Histogram::new());
        }
        self.latest.1.merge(&cell.histogram);

        let day = cell.start - cell.start.rem_euclid(DAY);
        if self.today.0 != day {
            self.close_day(day);
        }
        self.today.1 += cell.requests;
        self.today.2.merge(&cell.histogram);
    }

    fn close_day(&mut self, next: i64) {
        let (day, requests, histogram) = std::mem::replace(&mut self.today, (next, 0, Histogram::new()));
        if let Some(p99) = histogram.quantile(0.99).filter(|_| requests >= BASELINE_REQUESTS) {
            self.days.push_back((day, p99));
        }
        self.days.retain(|(day, _)| *day >= next - BASELINE_DAYS as i64 * DAY);
        let mut values: Vec<f64> = self.days.iter().map(|(_, p99)| *p99).collect();
        values.sort_by(f64::total_cmp);
        let half = values.len() / 2;
        self.baseline = match values.len() {
            fewer if fewer < BASELINE_DAYS_LEAST => None,
            odd if odd % 2 == 1 => Some(values[half]),
            _ => Some((values[half - 1] * values[half]).sqrt()),
        };
    }

    /// How the tenant fares at a time not before the last cell's end, rounded down to five minutes.
    pub fn evaluate(&self, objectives: &Objectives, at: i64) -> Evaluation {
        let at = Self::slot_of(at);
        let allowed = objectives.availability.allowed();
        let recent = |seconds: i64| self.recent.after(at - seconds, &self.total);
        let month = at - BUDGET;
        let month = self.hours.after(month - month.rem_euclid(HOUR), &self.total);
        let quiet = Histogram::new();
        let latencies = if self.latest.0 == at { &self.latest.1 } else { &quiet };
        let sums = recent(SLOT);
        let [fast, slow] = BURN_WINDOWS;
        Evaluation {
            at,
            objectives: *objectives,
            latest: Summary::new(&sums, latencies.quantiles([0.5, 0.95, 0.99])),
            baseline_p99_ns: self.baseline,
            slow: self.slow(latencies, &sums),
            too_slow: share_of(sums.requests, sums.weight - sums.quick, sums.weight),
            refused: RefusalCounts::default(),
            budget: Budget::new(&month, allowed),
            quick: (month.weight > 0.0).then(|| month.quick / month.weight),
            burn: [
                Burn::new(&sums, &recent(fast.long), allowed),
                Burn::new(&recent(slow.short), &recent(slow.long), allowed),
            ],
        }
    }

    /// Since when requests are hurt as they are at `at`: the start of the first of the five minutes that were, with no more than
    /// ten minutes between any two of them. None if none is hurt now; six hours ago at the most.
    pub fn hurt_since(&self, objectives: &Objectives, at: i64) -> Option<i64> {
        let of = |sums: &Sums| {
            let slow = share_of(sums.requests, sums.weight - sums.quick, sums.weight);
            Hurt::of(sums.requests, sums.failed, slow, objectives)
        };
        let mut slots = self.recent.latest_first().map(|(end, sums)| (end, of(&sums)));
        let (_, now) = slots.next().filter(|(end, now)| *end == Self::slot_of(at) && now.is_any())?;
        let mut since = Self::slot_of(at) - SLOT;
        for (end, hurt) in slots {
            if since - end > BETWEEN {
                break;
            }
            if hurt.is_like(now) {
                since = end - SLOT;
            }
        }
        Some(since)
    }

    /// How many requests came from one full hour on, and before another.
    pub(crate) fn requests_between(&self, from: i64, to: i64) -> u64 {
        let since = |time: i64| self.hours.after(time, &self.total).requests;
        since(from).saturating_sub(since(to))
    }

    fn slow(&self, latencies: &Histogram, sums: &Sums) -> u64 {
        match self.baseline {
            Some(baseline) => {
                share_of(sums.requests, sums.weight - latencies.at_most(SLOWDOWN * baseline), sums.weight)
            }
            None => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::objective::Definitions;

    /// Since which of the five minutes a tenant is hurt, if so many of a hundred requests failed in each.
    fn since(failed: &[u64]) -> Option<i64> {
        let objectives = Definitions::compiled().unwrap().of(None, "standard").unwrap();
        let mut state = TenantState::new();
        for (slot, failed) in failed.iter().enumerate() {
            let mut cell = Cell::empty(slot as i64 * SLOT, 300);
            (0..100).for_each(|request| cell.add(1_000_000, request < *failed, Some(1.0)));
            state.feed(&cell, &objectives).unwrap();
        }
        state.hurt_since(&objectives, failed.len() as i64 * SLOT).map(|since| since / SLOT)
    }

    #[test]
    fn a_tenant_is_hurt_since_the_first_of_the_minutes_that_hang_together() {
        assert_eq!(since(&[0, 0, 0]), None);
        assert_eq!(since(&[0, 20, 20, 0]), None, "it is over");
        assert_eq!(since(&[0, 20, 20]), Some(1));
        assert_eq!(since(&[20, 0, 0, 20, 0, 20]), Some(0), "ten minutes between belong to it");
        assert_eq!(since(&[20, 0, 0, 0, 20, 20]), Some(4));
    }
}
