//! An alert, and where its reasons are to be seen.

use control_plane_model::store::{AlertRecord, StoreError};
use serde::{Deserialize, Serialize};
use slo::{Alert, Condition, SLOT};

use crate::text::link;

/// An alert as receivers, pages and the API get it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Alarm {
    /// The same for one alert however often it is told.
    pub id: String,
    /// What it is about, and its numbers.
    #[serde(flatten)]
    pub alert: Alert,
    /// One sentence for a person.
    pub summary: String,
    /// Path of the page with the traces that caused it.
    pub traces: String,
    /// Path of the tenant's page; of the list of tenants, if it is about all.
    pub page: String,
}

impl Alarm {
    /// The alarm of an alert. `baseline_p99_ns` is the usual p99 of the tenant that it is about, nanoseconds.
    pub fn new(alert: Alert, baseline_p99_ns: Option<f64>) -> Self {
        Self {
            id: alert.id(),
            summary: alert.summary(),
            traces: traces(&alert, baseline_p99_ns),
            page: match alert.scope.tenant() {
                Some(tenant) => link("/tenant", &[("id", tenant)]),
                None => "/tenants".to_owned(),
            },
            alert,
        }
    }

    /// As it is kept.
    pub(crate) fn record(&self) -> Result<AlertRecord, StoreError> {
        let tenant = self.alert.scope.tenant().map(str::to_owned);
        let body = serde_json::to_string(self).map_err(|error| StoreError::Failed(error.to_string()))?;
        Ok(AlertRecord { id: self.id.clone(), tenant, opened: self.alert.opened, body })
    }

    /// From what was kept.
    pub(crate) fn read(body: &str) -> Result<Self, StoreError> {
        serde_json::from_str(body).map_err(|error| StoreError::Failed(error.to_string()))
    }
}

/// The search whose answer is what caused the alert.
fn traces(alert: &Alert, baseline_p99_ns: Option<f64>) -> String {
    let back = match alert.condition {
        Condition::ErrorRate | Condition::Latency => SLOT,
        Condition::FastBurn => 3_600,
        Condition::SlowBurn => 21_600,
        Condition::Budget => 86_400,
    };
    let order = if alert.condition == Condition::Latency { "slowest" } else { "newest" };
    link(
        "/traces",
        &[
            ("filter", alert.filter(baseline_p99_ns, "fault", "duration")),
            ("order", order.to_owned()),
            ("from", (alert.opened - back).to_string()),
            ("to", alert.opened.to_string()),
        ],
    )
}
