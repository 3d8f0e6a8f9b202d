//! What is remembered of a tenant from one evaluation to the next, in bounded memory: running totals every five minutes for
//! six hours and every hour for 30 days, today's histogram, and the p99 of seven days. About 40 kB for a tenant that is never
//! quiet, 90 kB as JSON.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use crate::{
    evaluate::{BURN_WINDOWS, Budget, Burn, Evaluation, SLOWDOWN, Summary},
    histogram::Histogram,
    hurt::share_of,
    objective::Objectives,
    row::Cell,
    window::{Sums, Totals},
};

/// What is judged at a time: five minutes, in seconds.
pub const SLOT: i64 = 300;
const HOUR: i64 = 3_600;
const DAY: i64 = 86_400;
const BUDGET: i64 = 30 * DAY;
/// Days a baseline is the median of.
const BASELINE_DAYS: usize = 7;
/// Fewer days than these are no baseline.
const BASELINE_DAYS_LEAST: usize = 3;
/// A day with fewer requests has too uncertain a p99.
const BASELINE_REQUESTS: u64 = 200;

/// A cell came after one of a later time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a cell that ends at {end} came after one that ends at {last}")]
pub struct Late {
    /// When the cell's five minutes end.
    pub end: i64,
    /// When those that were fed last end.
    pub last: i64,
}

/// One tenant's past.
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
    pub fn feed(&mut self, cell: &Cell, objectives: &Objectives) -> Result<(), Late> {
        let (end, last) = (Self::slot_end(cell), self.latest.0);
        if end < last {
            return Err(Late { end, last });
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
            budget: Budget::new(&month, allowed),
            quick: (month.weight > 0.0).then(|| month.quick / month.weight),
            burn: [
                Burn::new(&sums, &recent(fast.long), allowed),
                Burn::new(&recent(slow.short), &recent(slow.long), allowed),
            ],
        }
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
