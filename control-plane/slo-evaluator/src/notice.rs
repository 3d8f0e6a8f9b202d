//! An alert as its receivers get it: one sentence, the numbers, and where the traces are that caused it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use slo::{Alert, Evaluation};

use crate::settings::Place;

/// The console looks at most so far at once:
/// <https://docs.aws.amazon.com/xray/latest/devguide/xray-console-deeplinks.html>.
const CONSOLE_RANGE: i64 = 21_600;
/// SNS takes no longer subject.
const SUBJECT: usize = 100;

/// What happened to an alert.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AlertChange {
    /// The alert opened.
    Opened,
    /// The alert closed.
    Closed,
}

impl AlertChange {
    /// The name that a message gives the event.
    pub fn name(self) -> &'static str {
        match self {
            Self::Opened => "opened",
            Self::Closed => "closed",
        }
    }
}

/// The message about an alert that is published.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Notice {
    /// One sentence for a person.
    pub summary: String,
    /// Whether the alert opened or closed.
    pub event: AlertChange,
    /// The alert's id, which stays the same however often the alert is sent, open or closed.
    pub id: String,
    /// The console's list of the traces that caused it; X-Ray finds those it indexed.
    pub traces: String,
    /// What it is about, and its numbers when it opened.
    pub alert: Alert,
    /// How the tenant fares now, or `None` for an alert about all.
    pub evaluation: Option<Evaluation>,
}

impl Notice {
    /// Of an alert that opened or closed.
    pub fn new(alert: Alert, evaluation: Option<Evaluation>, place: &Place) -> Self {
        let event = if alert.closed.is_some() { AlertChange::Closed } else { AlertChange::Opened };
        Self {
            summary: alert.summary(),
            event,
            id: alert.id(),
            traces: traces(&alert, evaluation.as_ref(), place),
            alert,
            evaluation,
        }
    }

    /// The subject of a mail: printable ASCII, cut to what SNS takes.
    pub fn subject(&self) -> String {
        let whole = format!("{}: {}", self.event.name(), self.summary);
        let printable = whole.chars().map(|letter| if (' '..='~').contains(&letter) { letter } else { '?' });
        printable.take(SUBJECT).collect()
    }
}

/// The console's search with a filter expression, from what the condition looked back on to when the alert opened.
fn traces(alert: &Alert, evaluation: Option<&Evaluation>, place: &Place) -> String {
    let from = alert.caused_from().max(alert.opened - CONSOLE_RANGE);
    let baseline = evaluation.and_then(|evaluation| evaluation.baseline_p99_ns);
    let time =
        |second: i64| Timestamp::from_second(second).unwrap_or_default().strftime("%Y-%m-%dT%H:%M:%S").to_string();
    format!(
        "{}/xray/home?region={}#/traces?filter={}&timeRange={}~{}",
        place.console(),
        place.region,
        encoded(&alert.filter(baseline, "fault = true", "responsetime")),
        time(from),
        time(alert.opened),
    )
}

fn encoded(text: &str) -> String {
    let form: String = form_urlencoded::byte_serialize(text.as_bytes()).collect();
    form.replace('+', "%20")
}

#[cfg(test)]
mod tests {
    use slo::{Condition, Scope};

    use super::*;

    fn place() -> Place {
        Place { partition: "aws".to_owned(), region: "eu-west-1".to_owned() }
    }

    fn alert(condition: Condition, tenant: &str) -> Alert {
        Alert {
            scope: Scope::Tenant { tenant: tenant.to_owned(), tier: "basic".to_owned() },
            condition,
            value: 0.052,
            threshold: 0.01,
            requests: 500,
            failed: 26,
            opened: 1_790_000_400,
            closed: None,
        }
    }

    #[test]
    fn a_link_is_as_the_console_documents_it() {
        let notice = Notice::new(alert(Condition::ErrorRate, "acme"), None, &place());
        assert_eq!(
            notice.traces,
            "https://console.aws.amazon.com/xray/home?region=eu-west-1#/traces?filter=annotation%5Btenant.id%5D%20%3D%20\
             %22acme%22%20AND%20fault%20%3D%20true&timeRange=2026-09-21T14:10:00~2026-09-21T14:20:00"
        );
        let odd = Notice::new(alert(Condition::SlowBurn, "a\"b\\&#"), None, &place());
        assert!(odd.traces.contains("%22a%5C%22b%5C%5C%26%23%22%20AND"), "{}", odd.traces);
        assert!(odd.traces.ends_with("timeRange=2026-09-21T08:20:00~2026-09-21T14:20:00"));
    }

    #[test]
    fn a_subject_is_what_sns_takes() {
        let opened = Notice::new(alert(Condition::ErrorRate, "acme"), None, &place());
        assert_eq!(opened.subject(), "opened: acme (basic): 5.2 % of requests failed in 5 minutes (26 of 500)");
        let closed = Alert { closed: Some(1_790_002_200), ..alert(Condition::Budget, &"é\n".repeat(100)) };
        let subject = Notice::new(closed, None, &place()).subject();
        assert!(subject.starts_with("closed: ??"));
        assert_eq!(subject.len(), SUBJECT);
    }

    #[test]
    fn one_alert_has_one_id() {
        let opened = Notice::new(alert(Condition::Latency, "acme"), None, &place());
        let closed = Alert { closed: Some(1_790_002_200), ..opened.alert.clone() };
        let closed = Notice::new(closed, None, &place());
        assert_eq!(opened.id, closed.id);
        assert_eq!((opened.event, closed.event), (AlertChange::Opened, AlertChange::Closed));
        let stored = serde_json::to_string(&opened).unwrap();
        assert_eq!(serde_json::from_str::<Notice>(&stored).unwrap(), opened);
    }
}
