//! How a budget was used up over its 30 days: what was left of it, and how quickly it burnt, every six hours.

use serde::{Deserialize, Serialize};

use crate::{evaluate::Evaluation, row::Cell};

const HOUR: i64 = 3_600;
/// The stretch that points are of, in seconds; also the long window of the slow burn.
pub const STEP: i64 = 6 * HOUR;
/// Points, at most.
const POINTS: i64 = 30 * 24 * HOUR / STEP;

/// How the budget burnt over one stretch of six hours.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Burning {
    /// When they begin, seconds since 1970.
    pub start: i64,
    /// Share of the budget of all 30 days that is left at their end; below zero where more failed than may. The last is what is left now.
    pub left: f64,
    /// The highest burn rate of an hour among them, or `None` without requests.
    pub worst_hour: Option<f64>,
    /// Their burn rate, or `None` without requests.
    pub burn: Option<f64>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Requests {
    weight: f64,
    failed: f64,
}

impl Requests {
    fn add(&mut self, other: Self) {
        self.weight += other.weight;
        self.failed += other.failed;
    }

    fn burn(self, allowed: f64) -> Option<f64> {
        (self.weight > 0.0).then(|| self.failed / self.weight / allowed)
    }
}

/// The 30 days up to an evaluation, by the cells of this time, which are an hour long or shorter. Steps end where the evaluation does. None
/// where there were no requests, so that nothing may fail.
pub fn burndown<'a>(cells: impl IntoIterator<Item = (i64, &'a Cell)>, evaluation: &Evaluation) -> Vec<Burning> {
    let allowed = evaluation.objectives.availability.allowed();
    let budget = evaluation.budget.allowed;
    if budget <= 0.0 {
        return Vec::new();
    }
    let from = evaluation.at - POINTS * STEP;
    let mut hours = vec![Requests::default(); (POINTS * STEP / HOUR) as usize];
    for (start, cell) in cells {
        // The budget begins with the hour that the moment 30 days ago lies in.
        let hour = (start - from).div_euclid(HOUR).max(0);
        let is_of_them = start > from - HOUR && start < evaluation.at;
        if let Some(hour) = usize::try_from(hour).ok().filter(|_| is_of_them).and_then(|hour| hours.get_mut(hour)) {
            hour.add(Requests { weight: cell.weight, failed: cell.weighted_failed });
        }
    }
    let mut failed = 0.0;
    let steps = hours.chunks((STEP / HOUR) as usize).zip(0..);
    let points = steps.map(|(hours, number)| {
        let mut all = Requests::default();
        hours.iter().for_each(|hour| all.add(*hour));
        failed += all.failed;
        let worst_hour = hours.iter().filter_map(|hour| hour.burn(allowed)).reduce(f64::max);
        Burning { start: from + number * STEP, left: 1.0 - failed / budget, worst_hour, burn: all.burn(allowed) }
    });
    // Before its first request, there is nothing to be seen of a tenant.
    points.skip_while(|point| point.burn.is_none()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{objective::Definitions, state::TenantState};

    const AT: i64 = 1_800_000_300;

    fn cell(start: i64, requests: u64, failed: u64) -> Cell {
        let mut cell = Cell::empty(start, 300);
        (0..requests).for_each(|request| cell.add(1_000_000, request < failed, Some(1.0)));
        cell
    }

    fn of(cells: &[Cell]) -> (Evaluation, Vec<Burning>) {
        let objectives = Definitions::compiled().unwrap().of(None, "standard").unwrap();
        let mut state = TenantState::new();
        cells.iter().for_each(|cell| state.feed(cell, &objectives).unwrap());
        let evaluation = state.evaluate(&objectives, AT);
        let points = burndown(cells.iter().map(|cell| (cell.start, cell)), &evaluation);
        (evaluation, points)
    }

    #[test]
    fn what_is_left_at_the_end_is_what_is_left_now() {
        let day = 86_400;
        let cells = [cell(AT - 20 * day, 9_000, 3), cell(AT - 2 * day, 500, 0), cell(AT - 300, 500, 2)];
        let (evaluation, points) = of(&cells);
        assert_eq!(evaluation.budget.allowed, 10.0);
        assert_eq!(points.last().map(|last| last.left), Some(0.5));
        assert_eq!(evaluation.budget.burnt(), Some(0.5));
        assert_eq!((points[0].left, points.len()), (0.7, 80), "it begins with the first request");
        assert!(points.windows(2).all(|pair| pair[1].left <= pair[0].left && pair[1].start == pair[0].start + STEP));
    }

    #[test]
    fn hours_without_requests_burn_nothing_and_are_no_zero() {
        let (_, points) = of(&[cell(AT - 3 * STEP, 1_000, 1), cell(AT - STEP, 100, 1), cell(AT - 300, 900, 0)]);
        let burns: Vec<_> = points.iter().map(|point| (point.worst_hour, point.burn)).collect();
        assert_eq!(burns, [(Some(1.0), Some(1.0)), (None, None), (Some(10.0), Some(1.0))]);
    }

    #[test]
    fn nobody_has_no_budget() {
        assert_eq!(of(&[]).1, []);
    }
}
