//! How everybody fares at one time.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use slo::{Alert, Fare};

/// How a tenant, a tier or everybody fares.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct FareLine {
    /// Whose requests, and the numbers.
    #[serde(flatten)]
    pub fare: Fare,
    /// Whether an objective is violated.
    pub violated: bool,
    /// Share of the 30-day budget that is left; below zero once the availability objective is violated.
    pub budget_left: f64,
    /// Alerts that are open.
    pub alerts: usize,
}

/// Everybody.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct SloAnswer {
    /// The end of the five minutes that were evaluated last, Unix seconds; 0 before the first.
    pub at: i64,
    /// What evaluating all of it took, milliseconds, reading aside.
    pub evaluated_in_ms: f64,
    /// Tenants, those first that are alerted on, then those whose budget is the emptiest, then those that fail and are slow the most now.
    pub tenants: Vec<FareLine>,
    /// Tiers, and everybody.
    pub groups: Vec<FareLine>,
}

impl SloAnswer {
    pub(super) fn of(at: i64, took: Duration, fares: Vec<Fare>, open: &[&Alert]) -> Self {
        let line = |fare: Fare| {
            let tenant = fare.whose.tenant();
            let alerts = open.iter().filter(|alert| tenant.is_some() && alert.scope.tenant() == tenant).count();
            FareLine { violated: fare.violated(), budget_left: fare.budget_left(), alerts, fare }
        };
        let lines = fares.into_iter().map(line);
        let (mut tenants, groups): (Vec<_>, Vec<_>) = lines.partition(|line| line.fare.whose.tenant().is_some());
        let failing = |line: &FareLine| line.fare.evaluation.latest.error_rate.unwrap_or_default();
        tenants.sort_by(|a, b| {
            let alerted = (b.alerts > 0).cmp(&(a.alerts > 0));
            let emptier = alerted.then(a.budget_left.total_cmp(&b.budget_left));
            let failing = emptier.then(failing(b).total_cmp(&failing(a)));
            failing.then(b.fare.latency_ratio().total_cmp(&a.fare.latency_ratio()))
        });
        Self { at, evaluated_in_ms: took.as_secs_f64() * 1e3, tenants, groups }
    }

    /// How a tenant fares.
    pub fn tenant(&self, tenant: &str) -> Option<&FareLine> {
        self.tenants.iter().find(|line| line.fare.whose.tenant() == Some(tenant))
    }
}
