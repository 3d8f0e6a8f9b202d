//! An alert, and where its reasons are to be seen.

use control_plane_model::{
    refusals::RefusalLine,
    store::{AlertRecord, StoreError},
};
use serde::{Deserialize, Serialize};
use slo::{Alert, Condition, SLOWDOWN};

use crate::text::{duration, link, moment, window};

/// An alert as receivers, pages and the API get it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Alarm {
    /// The alert's id, which stays the same however often the alert is sent.
    pub id: String,
    /// What it is about, and its numbers.
    #[serde(flatten)]
    pub alert: Alert,
    /// One sentence for a person.
    pub summary: String,
    /// Path of the page with the traces that caused it, of the time in which they did; for refusals, of the page that says whose requests were refused.
    pub traces: String,
    /// Which traces these are, in words. Empty where an alert was stored before there was this.
    #[serde(default)]
    pub traces_title: String,
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
            traces_title: traces_title(&alert, baseline_p99_ns),
            page: match alert.scope.tenant() {
                Some(tenant) => link("/tenant", &[("id", tenant)]),
                None => "/tenants".to_owned(),
            },
            alert,
        }
    }

    /// The same, with what most of the requests were refused for, where that is known and the alert is about refusals.
    pub(crate) fn refused(self, most: Option<&RefusalLine>) -> Self {
        let Some(RefusalLine { reason, requests, .. }) = most else { return self };
        Self {
            summary: format!("{}; most of them, {requests}, for {reason}", self.summary),
            traces: format!("{}&{}", self.traces, link("", &[("reason", reason)]).trim_start_matches('?')),
            ..self
        }
    }

    /// Path of the page that says why it opened: of the time in which its requests failed, or were slow.
    pub fn why(&self) -> String {
        let (slow, refused) = (self.alert.condition == Condition::Latency, self.alert.condition == Condition::Refusals);
        let window = [("from", moment(self.alert.caused_from())), ("to", moment(self.alert.opened))];
        let tenant = self.alert.scope.tenant().map(|tenant| ("tenant", tenant.to_owned()));
        let against = slow.then(|| ("against", "quick".to_owned()));
        let status = refused.then(|| ("status", "error".to_owned()));
        link("/why", &tenant.into_iter().chain(against).chain(status).chain(window).collect::<Vec<_>>())
    }

    /// The alarm as the store keeps it.
    pub(crate) fn record(&self) -> Result<AlertRecord, StoreError> {
        let tenant = self.alert.scope.tenant().map(str::to_owned);
        let body = serde_json::to_string(self).map_err(|error| StoreError::Failed(error.to_string()))?;
        Ok(AlertRecord { id: self.id.clone(), tenant, opened: self.alert.opened, body })
    }

    /// Reads an alarm from what the store kept.
    pub(crate) fn read(body: &str) -> Result<Self, StoreError> {
        serde_json::from_str(body).map_err(|error| StoreError::Failed(error.to_string()))
    }
}

/// The search whose answer is what caused the alert.
fn traces(alert: &Alert, baseline_p99_ns: Option<f64>) -> String {
    let window = [("from", moment(alert.caused_from())), ("to", moment(alert.opened))];
    if alert.condition == Condition::Refusals {
        let tenant = alert.scope.tenant().map(|tenant| ("tenant", tenant.to_owned()));
        return link("/turned-away", &tenant.into_iter().chain(window).collect::<Vec<_>>());
    }
    let order = if alert.condition == Condition::Latency { "slowest" } else { "newest" };
    let filter = [("filter", alert.filter(baseline_p99_ns, "fault", "duration")), ("order", order.to_owned())];
    link("/traces", &filter.into_iter().chain(window).collect::<Vec<_>>())
}

/// What that search finds, such as "failed requests of cirrus, 2026-11-26 14:05–14:15 UTC".
fn traces_title(alert: &Alert, baseline_p99_ns: Option<f64>) -> String {
    let whose = alert.scope.tenant().unwrap_or("all tenants");
    let slow = || duration(baseline_p99_ns.unwrap_or_default() * SLOWDOWN);
    let which = match alert.condition {
        Condition::Latency => format!("requests of {whose} slower than {}", slow()),
        Condition::ErrorRate | Condition::Budget | Condition::FastBurn | Condition::SlowBurn => {
            format!("failed requests of {whose}")
        }
        Condition::Refusals => format!("requests of {whose} that were turned away"),
    };
    format!("{which}, {}", window(alert.caused_from(), alert.opened))
}

#[cfg(test)]
mod tests {
    use slo::Scope;

    use super::*;

    fn alarm(condition: Condition, scope: Scope) -> Alarm {
        let opened = 1_800_000_000;
        let numbers =
            Alert { scope, condition, value: 0.2, threshold: 0.01, requests: 9, failed: 4, opened, closed: None };
        Alarm::new(numbers, Some(200e6))
    }

    #[test]
    fn a_link_says_which_traces_of_which_time() {
        let cirrus = || Scope::Tenant { tenant: "cirrus".to_owned(), tier: "basic".to_owned() };
        let all = Scope::AllTenants { tenants: 9, of: 10 };
        for (condition, scope, title, from) in [
            (
                Condition::ErrorRate,
                cirrus(),
                "failed requests of cirrus, 2027-01-15 07:50–08:00 UTC",
                "2027-01-15T07%3A50%3A00Z",
            ),
            (
                Condition::Latency,
                cirrus(),
                "requests of cirrus slower than 400 ms, 2027-01-15 07:50–08:00 UTC",
                "2027-01-15T07%3A50%3A00Z",
            ),
            (
                Condition::Refusals,
                cirrus(),
                "requests of cirrus that were turned away, 2027-01-15 07:55–08:00 UTC",
                "2027-01-15T07%3A55%3A00Z",
            ),
            (
                Condition::SlowBurn,
                cirrus(),
                "failed requests of cirrus, 2027-01-15 02:00–08:00 UTC",
                "2027-01-15T02%3A00%3A00Z",
            ),
            (
                Condition::Budget,
                all,
                "failed requests of all tenants, 2027-01-14 08:00–2027-01-15 08:00 UTC",
                "2027-01-14T08%3A00%3A00Z",
            ),
        ] {
            let alarm = alarm(condition, scope);
            assert_eq!(alarm.traces_title, title);
            let window = format!("&from={from}&to=2027-01-15T08%3A00%3A00Z");
            assert!(alarm.traces.ends_with(&window), "{}", alarm.traces);
            let asked = match (alarm.alert.scope.tenant(), condition) {
                (None, _) => "",
                (_, Condition::Latency) => "tenant=cirrus&against=quick&",
                (_, Condition::Refusals) => "tenant=cirrus&status=error&",
                _ => "tenant=cirrus&",
            };
            assert_eq!(alarm.why(), format!("/why?{asked}{}", &window[1..]));
        }
    }

    #[test]
    fn an_alert_of_refusals_says_for_what_and_leads_to_whose_they_were() {
        let scope = Scope::Tenant { tenant: "acme".to_owned(), tier: "basic".to_owned() };
        let most = RefusalLine {
            tenant: "acme".to_owned(),
            user: Some("eve".to_owned()),
            account: None,
            service: "booking-api".to_owned(),
            operation: "GET /bookings/{number}".to_owned(),
            status: 404,
            reason: "no_such_booking".to_owned(),
            requests: 3,
            first_unix_ns: 0,
            last_unix_ns: 0,
            trace_ids: Vec::new(),
        };
        let alarm = alarm(Condition::Refusals, scope).refused(Some(&most));
        let told = "acme (basic): 4 of 9 requests were turned away in 5 minutes, 0 times as many for each served as usual; most of them, 3, for no_such_booking";
        assert_eq!(alarm.summary, told);
        let page =
            "/turned-away?tenant=acme&from=2027-01-15T07%3A55%3A00Z&to=2027-01-15T08%3A00%3A00Z&reason=no_such_booking";
        assert_eq!(alarm.traces, page);
    }
}
