//! How a tenant fares: numbers over a stretch of time, and what is left of its budget.

use serde::{Deserialize, Serialize};

use crate::{
    objective::Objectives,
    refusals::RefusalCounts,
    row::{Cell, Row},
    state::TenantState,
    window::Sums,
};

/// A pair of windows over which the budget burns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BurnWindows {
    /// The short one in seconds: whether it still burns.
    pub short: i64,
    /// The long one in seconds: whether it burnt enough to matter.
    pub long: i64,
}

/// 5 minutes and 1 hour, alerted on at 14.4: 2 % of a 30-day budget in an hour. 30 minutes and 6 hours at 6: 5 % in six hours.
/// Google, The Site Reliability Workbook, chapter 5, "Alerting on SLOs", table 5-8:
/// <https://sre.google/workbook/alerting-on-slos/>.
pub const BURN_WINDOWS: [BurnWindows; 2] =
    [BurnWindows { short: 300, long: 3_600 }, BurnWindows { short: 1_800, long: 21_600 }];

/// Latencies are held against this multiple of the tenant's own baseline.
pub const SLOWDOWN: f64 = 2.0;

/// Numbers of a stretch of time. Rates and quantiles are weighted and none without requests; quantiles are off by at most
/// 4.43 % ([`crate::histogram`]).
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// How many requests were seen.
    pub requests: u64,
    /// Those of them that failed.
    pub failed: u64,
    /// Requests that those seen stand for.
    pub weight: f64,
    /// Share of requests that failed.
    pub error_rate: Option<f64>,
    /// Median duration in nanoseconds.
    pub p50_ns: Option<f64>,
    /// What 95 % of requests do not exceed, in nanoseconds.
    pub p95_ns: Option<f64>,
    /// What 99 % of requests do not exceed, in nanoseconds.
    pub p99_ns: Option<f64>,
}

impl Summary {
    /// Numbers of one cell.
    pub fn of(cell: &Cell) -> Self {
        let sums = Sums {
            requests: cell.requests,
            failed: cell.failed,
            weight: cell.weight,
            weighted_failed: cell.weighted_failed,
            quick: 0.0,
        };
        Self::new(&sums, cell.histogram.quantiles([0.5, 0.95, 0.99]))
    }

    /// Numbers of all rows that begin in `from..to`, seconds since 1970.
    pub fn over<'a>(rows: impl IntoIterator<Item = &'a Row>, from: i64, to: i64) -> Self {
        let mut all = Cell::default();
        rows.into_iter().filter(|row| (from..to).contains(&row.cell.start)).for_each(|row| all.merge(&row.cell));
        Self::of(&all)
    }

    pub(crate) fn new(sums: &Sums, quantiles: Option<[f64; 3]>) -> Self {
        Self {
            requests: sums.requests,
            failed: sums.failed,
            weight: sums.weight,
            error_rate: sums.error_rate(),
            p50_ns: quantiles.map(|[p50, _, _]| p50),
            p95_ns: quantiles.map(|[_, p95, _]| p95),
            p99_ns: quantiles.map(|[_, _, p99]| p99),
        }
    }
}

/// A budget by occurrences over 30 days: of the requests there were, so many were allowed to fail. Counts are weighted. The
/// window begins with the hour that the moment 30 days ago lies in.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Budget {
    /// Requests seen in the window.
    pub requests: u64,
    /// Those of them that failed.
    pub failed: u64,
    /// Requests that were allowed to fail: requests × (1 − target).
    pub allowed: f64,
    /// How many requests failed.
    pub consumed: f64,
    /// What is left; less than zero once the objective is violated.
    pub remaining: f64,
}

impl Budget {
    pub(crate) fn new(sums: &Sums, allowed_share: f64) -> Self {
        let allowed = sums.weight * allowed_share;
        let consumed = sums.weighted_failed;
        Self { requests: sums.requests, failed: sums.failed, allowed, consumed, remaining: allowed - consumed }
    }

    /// Share of the budget that is consumed, or `None` without requests.
    pub fn burnt(&self) -> Option<f64> {
        (self.allowed > 0.0).then(|| self.consumed / self.allowed)
    }
}

/// How quickly the budget burns over a pair of windows: the error rate over what the target allows, so that 1 is what uses a
/// budget up in just its 30 days.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Burn {
    /// Over the short window, or `None` without requests.
    pub short: Option<f64>,
    /// Over the long window, or `None` without requests.
    pub long: Option<f64>,
    /// Requests seen in the long window.
    pub requests: u64,
    /// Those of them that failed.
    pub failed: u64,
}

impl Burn {
    pub(crate) fn new(short: &Sums, long: &Sums, allowed_share: f64) -> Self {
        let rate = |sums: &Sums| sums.error_rate().map(|rate| rate / allowed_share);
        Self { short: rate(short), long: rate(long), requests: long.requests, failed: long.failed }
    }
}

/// All that is known of a tenant at one time.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Evaluation {
    /// The end of the last five minutes, in seconds since 1970.
    pub at: i64,
    /// The objectives that the figures are held against.
    pub objectives: Objectives,
    /// The last five minutes.
    pub latest: Summary,
    /// The tenant's usual p99 in nanoseconds: the median of the p99 of the seven days before today (UTC) that had requests
    /// enough, or `None` before three of them. A median, because a bad day would raise the p99 of all days together and hide the
    /// next one. Off by at most 4.43 %.
    pub baseline_p99_ns: Option<f64>,
    /// Requests seen in the last five minutes that took longer than [`SLOWDOWN`] times the baseline, rounded down.
    pub slow: u64,
    /// Requests seen in the last five minutes that took longer than the latency objective allows, rounded down.
    #[serde(default)]
    pub too_slow: u64,
    /// Requests that were refused.
    #[serde(default)]
    pub refused: RefusalCounts,
    /// What is left of 30 days.
    pub budget: Budget,
    /// Share of requests in 30 days that were as quick as the latency objective asks; the bin of the histogram that holds the
    /// limit is divided geometrically. None without requests.
    pub quick: Option<f64>,
    /// By [`BURN_WINDOWS`].
    pub burn: [Burn; 2],
}

impl Evaluation {
    /// Evaluates one tenant from its rows, of any widths that do not overlap in time. Rows of the last 6 hours must be of
    /// 5 minutes or less for the burn rates to be exact. `at` is rounded down to five minutes; later rows are left out.
    pub fn of_rows<'a>(rows: impl IntoIterator<Item = &'a Row>, objectives: &Objectives, at: i64) -> Self {
        let mut state = TenantState::new();
        let at = TenantState::slot_of(at);
        let ends = rows.into_iter().map(|row| (TenantState::slot_end(&row.cell), &row.cell));
        let mut cells: Vec<(i64, &Cell)> = ends.filter(|(end, _)| *end <= at).collect();
        cells.sort_by_key(|(end, _)| *end);
        cells.into_iter().for_each(|(end, cell)| state.count(cell, end, objectives));
        state.evaluate(objectives, at)
    }

    /// Whether no more requests failed than were allowed to.
    pub fn available(&self) -> bool {
        self.budget.consumed <= self.budget.allowed
    }

    /// Whether requests were as quick as promised.
    pub fn quick_enough(&self) -> bool {
        self.quick.is_none_or(|quick| quick >= self.objectives.latency.target)
    }
}
