//! Whether a tenant is hurting now: its requests of five minutes, held against what it was promised over 30 days.

use serde::{Deserialize, Serialize};

use crate::{
    evaluate::Evaluation,
    objective::Objectives,
    row::Cell,
    significance::{SIGNIFICANCE, binomial_tail},
};

/// Requests of five minutes that were served worse than promised. Either number is 0 where the objective allows as many, or where so many
/// may be chance: a single one, or as many as a tenant that just meets its objective has with a probability of [`SIGNIFICANCE`] or more.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hurt {
    /// How many requests failed.
    pub failed: u64,
    /// Requests that took longer than the latency objective allows.
    pub slow: u64,
}

impl Hurt {
    /// Of the last five minutes of an evaluation.
    pub fn now(evaluation: &Evaluation) -> Self {
        let latest = &evaluation.latest;
        Self::of(latest.requests, latest.failed, evaluation.too_slow, &evaluation.objectives)
    }

    /// Of five minutes of anybody.
    pub fn of_cell(cell: &Cell, objectives: &Objectives) -> Self {
        let quick = cell.histogram.at_most(objectives.latency.within_ns());
        Self::of(cell.requests, cell.failed, share_of(cell.requests, cell.weight - quick, cell.weight), objectives)
    }

    pub(crate) fn of(requests: u64, failed: u64, slow: u64, objectives: &Objectives) -> Self {
        let beyond = |hits: u64, allowed: f64| {
            let is_chance = hits < 2 || binomial_tail(requests, hits, allowed) >= SIGNIFICANCE;
            if is_chance { 0 } else { hits }
        };
        Self {
            failed: beyond(failed, objectives.availability.allowed()),
            slow: beyond(slow, objectives.latency.allowed()),
        }
    }

    /// Whether two times of five minutes are hurt in the same way.
    pub(crate) fn is_like(self, other: Self) -> bool {
        (self.failed > 0 && other.failed > 0) || (self.slow > 0 && other.slow > 0)
    }

    /// Whether there are any.
    pub fn is_any(self) -> bool {
        self.requests() > 0
    }

    /// How many; one that failed and was slow counts twice.
    pub fn requests(self) -> u64 {
        self.failed + self.slow
    }
}

/// As many of `requests` as `part` is of `whole`, rounded down, but up where only rounding is missing.
pub(crate) fn share_of(requests: u64, part: f64, whole: f64) -> u64 {
    if whole > 0.0 { (part / whole * requests as f64 + 1e-6) as u64 } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::objective::Definitions;

    /// Hurt requests of a standard tenant: 99.9 % do not fail, 99 % are quick.
    fn hurt(requests: u64, failed: u64, slow: u64) -> (u64, u64) {
        let objectives = Definitions::compiled().unwrap().of(None, "standard").unwrap();
        let mut cell = Cell::empty(0, 300);
        let limit = objectives.latency.within_ns() as u64;
        for request in 0..requests {
            cell.add(if request < slow { 3 * limit } else { limit / 3 }, request < failed, Some(1.0));
        }
        let Hurt { failed, slow } = Hurt::of_cell(&cell, &objectives);
        (failed, slow)
    }

    #[test]
    fn many_failures_hurt_and_one_by_chance_does_not() {
        assert_eq!(hurt(300, 0, 0), (0, 0));
        assert_eq!(hurt(300, 1, 0), (0, 0), "more than 0.1 %, but one of 300 may be chance");
        assert_eq!(hurt(300, 15, 0), (15, 0));
        assert_eq!(hurt(3, 3, 0), (3, 0));
        assert_eq!(hurt(1, 1, 0), (0, 0), "a single one");
        assert_eq!(hurt(10_000, 10, 0), (0, 0), "just what is allowed");
    }

    #[test]
    fn slow_requests_hurt_by_the_objective_of_latency() {
        assert_eq!(hurt(300, 0, 3), (0, 0));
        assert_eq!(hurt(300, 0, 30), (0, 30));
        assert_eq!(hurt(0, 0, 0), (0, 0));
    }
}
