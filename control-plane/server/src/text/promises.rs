//! What was promised to a tenant, and how far that is kept.

use slo::{Budget, Evaluation, Objectives};

use super::{attained, count, known, limit, promised};

/// How many requests of 30 days failed, and how many may.
pub fn used_of_allowed(budget: &Budget) -> String {
    // Few are allowed of few requests, and of sampled ones not even those that failed are whole.
    let text = |number: f64| {
        if number == 0.0 || budget.allowed >= 10.0 { count(number) } else { format!("{number:.1}") }
    };
    format!("{} / {}", text(budget.consumed), text(budget.allowed))
}

/// How many requests of 30 days were as quick as was promised, and how many should be.
pub fn within_target(evaluation: &Evaluation) -> String {
    let goal = promised(evaluation.objectives.latency.target);
    known(evaluation.quick, |quick| format!("{}, goal {goal}", attained(quick)))
}

/// What was promised, as it was written.
pub fn objectives(objectives: &Objectives) -> String {
    let Objectives { availability, latency } = objectives;
    let within = limit(latency.within_ns());
    format!("{} succeed, {} within {within}", promised(availability.target), promised(latency.target))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_few_requests_a_tenth_of_one_may_fail() {
        let budget =
            |consumed, allowed| Budget { requests: 0, failed: 0, allowed, consumed, remaining: allowed - consumed };
        for (consumed, allowed, text) in [
            (0.0, 0.0, "0 / 0"),
            (0.0, 0.4, "0 / 0.4"),
            (1.0, 0.4, "1.0 / 0.4"),
            (2.5, 9.96, "2.5 / 10.0"),
            (2.5, 10.0, "2 / 10"),
            (1_234.0, 12_480.0, "1,234 / 12,480"),
        ] {
            assert_eq!(used_of_allowed(&budget(consumed, allowed)), text);
        }
    }
}
