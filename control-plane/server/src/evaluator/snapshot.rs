//! How everybody fares at one time.

use std::{cmp::Ordering, time::Duration};

use serde::{Deserialize, Serialize};
use slo::{Alert, Hurt, SloStatus, Subject};

use super::hurting::Hurting;

/// How a tenant, a tier or everybody fares.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SloStatusLine {
    /// The subject of the objectives, and its numbers.
    #[serde(flatten)]
    pub status: SloStatus,
    /// Whether an objective is violated.
    pub violated: bool,
    /// Share of the 30-day budget that is left; below zero once the availability objective is violated.
    pub budget_left: f64,
    /// Alerts that are open.
    pub alerts: usize,
    /// Requests of the last five minutes that were served worse than promised, and not by chance.
    #[serde(default)]
    pub hurt: Hurt,
    /// Since when its requests are hurt as they are now, Unix seconds; six hours ago at the most, and none if they are not.
    #[serde(default)]
    pub hurt_since: Option<i64>,
}

impl SloStatusLine {
    fn of(status: SloStatus, open: &[&Alert], since: &impl Fn(&Subject) -> Option<i64>) -> Self {
        let tenant = status.subject.tenant();
        let alerts = open.iter().filter(|alert| tenant.is_some() && alert.scope.tenant() == tenant).count();
        let (hurt, hurt_since) = (status.hurt(), since(&status.subject));
        Self { violated: status.violated(), budget_left: status.budget_left(), alerts, hurt, hurt_since, status }
    }

    /// The order in which tenants are looked at, the worst first: those that are alerted on; those whose requests are hurt now, by how many
    /// are; those with the least of their budget left. Whoever had no request within an hour comes last.
    fn worse_first(&self, other: &Self) -> Ordering {
        let is_quiet = |line: &Self| line.status.evaluation.burn[0].requests == 0;
        (other.alerts > 0)
            .cmp(&(self.alerts > 0))
            .then(other.hurt.requests().cmp(&self.hurt.requests()))
            .then(is_quiet(self).cmp(&is_quiet(other)))
            .then(self.budget_left.total_cmp(&other.budget_left))
    }
}

/// How all tenants fare against their objectives.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct SloAnswer {
    /// The end of the five minutes that were evaluated last, Unix seconds; 0 before the first.
    pub at: i64,
    /// What evaluating all of it took, milliseconds, reading aside.
    pub evaluated_in_ms: f64,
    /// Tenants, the worst first: those that are alerted on, then those whose requests are hurt now, then those with the least budget left;
    /// those without requests last.
    pub tenants: Vec<SloStatusLine>,
    /// Tiers, and everybody.
    pub groups: Vec<SloStatusLine>,
    /// Whether one tenant is hurting or everybody, and since when. None for a tenant, and before the first evaluation.
    #[serde(default)]
    pub hurting: Option<Hurting>,
}

impl SloAnswer {
    /// `since` says since when somebody's requests are hurt.
    pub(super) fn of(
        at: i64,
        took: Duration,
        statuses: Vec<SloStatus>,
        open: &[&Alert],
        since: impl Fn(&Subject) -> Option<i64>,
    ) -> Self {
        let lines = statuses.into_iter().map(|status| SloStatusLine::of(status, open, &since));
        let (mut tenants, groups): (Vec<_>, Vec<_>) = lines.partition(|line| line.status.subject.tenant().is_some());
        tenants.sort_by(SloStatusLine::worse_first);
        Self { at, evaluated_in_ms: took.as_secs_f64() * 1e3, tenants, groups, hurting: None }
    }

    /// How a tenant fares.
    pub fn tenant(&self, tenant: &str) -> Option<&SloStatusLine> {
        self.tenants.iter().find(|line| line.status.subject.tenant() == Some(tenant))
    }
}

#[cfg(test)]
mod tests {
    use slo::{Cell, Condition, Definitions, Policy, Scope, TenantState};

    use super::*;

    const AT: i64 = 1_800_000_000;

    /// A standard tenant that sent so many requests in five minutes, of which so many failed: half an hour before, and last.
    fn status(name: &str, before: (u64, u64), last: (u64, u64)) -> SloStatus {
        let objectives = Definitions::compiled().unwrap().of(None, "standard").unwrap();
        let mut state = TenantState::new();
        for (start, (requests, failed)) in [(AT - 7_200, before), (AT - 300, last)] {
            let mut cell = Cell::empty(start, 300);
            (0..requests).for_each(|request| cell.add(50_000_000, request < failed, Some(1.0)));
            state.feed(&cell, &objectives).unwrap();
        }
        let evaluation = state.evaluate(&objectives, AT);
        SloStatus { subject: Subject::Tenant(name.to_owned()), tier: "standard".to_owned(), evaluation }
    }

    #[test]
    fn the_worst_come_first() {
        let statuses = vec![
            status("quiet", (1_000, 1), (0, 0)),
            status("well", (1_000, 0), (100, 0)),
            status("burnt before", (1_000, 900), (100, 0)),
            status("one of one failed", (1_000, 0), (1, 1)),
            status("few hurt", (1_000, 0), (100, 20)),
            status("many hurt", (1_000, 0), (10_000, 500)),
            status("alerted on", (1_000, 0), (100, 0)),
        ];
        let scope = Scope::Tenant { tenant: "alerted on".to_owned(), tier: "standard".to_owned() };
        let condition = Condition::Latency;
        let open =
            Alert { scope, condition, value: 3.0, threshold: 2.0, requests: 9, failed: 9, opened: AT, closed: None };
        let answer = SloAnswer::of(AT, Duration::ZERO, statuses, &[&open], |_| None);
        let order: Vec<&str> = answer.tenants.iter().filter_map(|line| line.status.subject.tenant()).collect();
        let expected = ["alerted on", "many hurt", "few hurt", "burnt before", "one of one failed", "well", "quiet"];
        assert_eq!(order, expected);
    }

    #[test]
    fn each_that_hurts_is_told_since_when_however_many_hurt_more() {
        let statuses = (0..12).map(|n| status(&format!("tenant {n}"), (1_000, 0), (1_000 + n, 500 + n))).collect();
        let answer = SloAnswer::of(AT, Duration::ZERO, statuses, &[], |_| Some(AT - 600));
        assert_eq!(Hurting::of(&answer.tenants, &Policy::default()).worst.len(), 10);
        assert!(answer.tenants.iter().all(|line| line.hurt_since == Some(AT - 600)));
    }
}
