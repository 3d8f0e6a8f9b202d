//! How everybody fares at one time.

use serde::Serialize;
use slo::{Fare, Whose};

use crate::alerting::Alarm;

/// Everybody, at the end of five minutes.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Snapshot {
    /// The end of the five minutes, Unix seconds; 0 before the first pass.
    pub at: i64,
    /// What evaluating all tenants took, reading aside.
    pub took_ms: f64,
    /// Everybody, tenants first.
    pub fares: Vec<Fare>,
    /// Alerts that are open.
    pub open: Vec<Alarm>,
}

impl Snapshot {
    /// Tenants, those first whose budget is the emptiest, then those that fail and are slow the most now.
    pub fn worst_first(&self) -> Vec<&Fare> {
        let mut tenants: Vec<&Fare> = self.fares.iter().filter(|fare| matches!(fare.whose, Whose::Tenant(_))).collect();
        let badness = |fare: &Fare| {
            let alerted = self.alerts_of(&fare.whose) > 0;
            let rate = fare.evaluation.latest.error_rate.unwrap_or_default();
            (alerted, -fare.budget_left(), rate, fare.latency_ratio())
        };
        tenants.sort_by(|a, b| {
            let (a, b) = (badness(a), badness(b));
            b.0.cmp(&a.0).then(b.1.total_cmp(&a.1)).then(b.2.total_cmp(&a.2)).then(b.3.total_cmp(&a.3))
        });
        tenants
    }

    /// How many alerts are open about them.
    pub fn alerts_of(&self, whose: &Whose) -> usize {
        let Whose::Tenant(tenant) = whose else { return 0 };
        self.open.iter().filter(|alarm| alarm.alert.scope.tenant() == Some(tenant)).count()
    }

    /// A tenant.
    pub fn tenant(&self, tenant: &str) -> Option<&Fare> {
        self.fares.iter().find(|fare| matches!(&fare.whose, Whose::Tenant(name) if name == tenant))
    }

    /// The tiers, and everybody.
    pub fn groups(&self) -> impl Iterator<Item = &Fare> {
        self.fares.iter().filter(|fare| !matches!(fare.whose, Whose::Tenant(_)))
    }
}
