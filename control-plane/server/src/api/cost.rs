//! What each tenant costs, which tenants cost the most, and why.

use axum::{
    Json,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize};
use slo::{CostReport, DailyCost, DailyUse, Dear, Period, Prices, Row};

use super::{Query, View, query::one_of};
use crate::{
    problem::Problem,
    text::percent,
    window::{Window, WindowQuery},
};

/// Tenants of which it is said why they are dear.
const DEAREST: usize = 50;
/// Tenants of which it is said what they cost day by day; all others are one.
const DAILY: usize = 5;
const DAY: i64 = 86_400;

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct CostFilter {
    pub(crate) format: Option<String>,
    pub(crate) by: Option<String>,
    #[serde(flatten)]
    pub(crate) window: WindowQuery,
}

/// What each tenant costs, and why.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CostAnswer {
    /// Breakdowns that add up to the total.
    #[serde(flatten)]
    pub report: CostReport,
    /// The days that are counted, and those before them that they are held against.
    pub days: Days,
    /// The dearest tenants, and why each is; none for a tenant.
    pub dearest: Vec<DearTenant>,
    /// What the five dearest tenants cost day by day, and all others together; for a tenant what it costs itself. Days without requests
    /// are left out.
    pub daily: Vec<DailyCost>,
}

/// A tenant, and why it is dear.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct DearTenant {
    /// Why the tenant costs so much.
    #[serde(flatten)]
    pub dear: Dear,
    /// The reason in a sentence.
    pub why: String,
}

/// Whole days, UTC, and as many before them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Days {
    /// Start of the first day, Unix seconds.
    pub from: i64,
    /// End of the last.
    pub to: i64,
    /// Start of the first of the days before.
    pub before: i64,
}

impl Days {
    pub(super) fn of(window: Window) -> Self {
        let (from, _) = window.seconds();
        let from = from - from.rem_euclid(DAY);
        // The end is not included: at midnight no further day begins.
        let to = ((window.to_ns - 1).div_euclid(DAY * 1_000_000_000) + 1) * DAY;
        Self { from, to, before: from - (to - from) }
    }

    /// How many they are.
    pub fn count(self) -> i64 {
        (self.to - self.from) / DAY
    }

    /// Why the dearest tenants are dear, by the rows of these days and of those before; `now` is in Unix seconds.
    fn dearest(self, rows: &[Row], before: &[Row], prices: Option<&Prices>, now: i64) -> Vec<DearTenant> {
        // The last day may not be over.
        let now = Period { rows, seconds: (self.to.min(now) - self.from).max(0) as f64 };
        let before = Period { rows: before, seconds: (self.from - self.before) as f64 };
        let dear = Dear::of(now, before, prices, DEAREST);
        dear.into_iter().map(|dear| DearTenant { why: self.why(&dear), dear }).collect()
    }

    fn why(self, dear: &Dear) -> String {
        let driver = &dear.driver;
        let operation = format!("{} of {}", driver.operation, driver.service);
        let reason = match driver.times_others {
            Some(times) if driver.is_slower => format!("{operation} takes {times:.1} times as long as for others"),
            Some(times) if times < 0.8 => {
                format!("{operation} is {} of it, and quicker than for others", percent(driver.share))
            }
            Some(_) => format!("{operation} is {} of it, and as quick as for others", percent(driver.share)),
            None => format!("{operation} is {} of it, and no other tenant uses it", percent(driver.share)),
        };
        let days = match self.count() {
            1 => "day".to_owned(),
            days => format!("{days} days"),
        };
        let change = match dear.change {
            _ if dear.is_new => format!("; it cost nothing in the {days} before"),
            None => String::new(),
            Some(change) if change.abs() < 0.05 => format!("; as much as in the {days} before"),
            Some(change) if change < 0.0 => format!("; {:.0} % less than in the {days} before", -change * 100.0),
            Some(change) if change < 1.0 => format!("; {:.0} % more than in the {days} before", change * 100.0),
            Some(change) => format!("; {:.1} times as much as in the {days} before", 1.0 + change),
        };
        let (share, requests) = (percent(dear.share), percent(dear.requests_share));
        format!("{share} of the cost with {requests} of the requests: {reason}{change}.")
    }
}

/// `GET /api/cost`, as JSON or CSV; that is by tenant, tier and service, or by the day.
pub(super) async fn cost(view: View, Query(filter): Query<CostFilter>) -> Result<Response, Problem> {
    let format = one_of("format", &filter.format, &["json", "csv"])?;
    let by = one_of("by", &filter.by, &["service", "day"])?;
    let answer = view.cost(&filter.window).await?;
    if format != Some("csv") {
        return Ok(Json(answer).into_response());
    }
    let CostAnswer { report, daily, .. } = &answer;
    let csv = match by {
        Some("day") => DailyCost::to_csv(daily, report.currency.as_deref()),
        _ => report.to_csv(&report.lines),
    };
    let csv = csv.map_err(|error| Problem::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()))?;
    Ok(([(header::CONTENT_TYPE, "text/csv; charset=utf-8")], csv).into_response())
}

impl CostAnswer {
    /// Of the rows of these days, and of those before; with `is_of_all` it is said which tenants are the dearest.
    pub(super) fn of(
        days: Days,
        (rows, before): (&[Row], &[Row]),
        prices: Option<&Prices>,
        is_of_all: bool,
        now: i64,
    ) -> Self {
        let dearest = if is_of_all { days.dearest(rows, before, prices, now) } else { Vec::new() };
        Self { report: CostReport::of(rows, prices), days, dearest, daily: Vec::new() }
    }

    /// The tenants whose costs are told day by day, of all that there are.
    pub(super) fn told_daily(&self) -> Vec<String> {
        self.dearest.iter().take(DAILY).map(|dearest| dearest.dear.tenant.clone()).collect()
    }

    /// Adds what was used day by day.
    pub(super) fn with_days(self, uses: &[DailyUse], prices: Option<&Prices>) -> Self {
        Self { daily: DailyCost::of(uses, prices), ..self }
    }
}

#[cfg(test)]
mod tests {
    use slo::Driver;

    use super::*;

    fn why(times_others: Option<f64>, is_slower: bool, change: Option<f64>, is_new: bool) -> String {
        let days = Days::of(Window {
            from_ns: 1_000_000_000_000_000_000,
            to_ns: 1_000_000_000_000_000_000 + 29 * 86_400 * 1_000_000_000,
        });
        let (service, operation) = ("booking-api".to_owned(), "POST /bookings".to_owned());
        let driver = Driver { service, operation, share: 0.62, times_others, is_slower };
        days.why(&Dear { tenant: "fornax".to_owned(), share: 0.31, requests_share: 0.12, driver, change, is_new })
    }

    #[test]
    fn a_sentence_says_why_a_tenant_is_dear() {
        let begins = "31.0 % of the cost with 12.0 % of the requests: POST /bookings of booking-api";
        for (sentence, ends) in [
            (
                why(Some(3.24), true, Some(0.4), false),
                "takes 3.2 times as long as for others; 40 % more than in the 30 days before.",
            ),
            (
                why(Some(1.0), false, Some(-0.25), false),
                "is 62.0 % of it, and as quick as for others; 25 % less than in the 30 days before.",
            ),
            (
                why(Some(0.5), false, Some(0.01), false),
                "is 62.0 % of it, and quicker than for others; as much as in the 30 days before.",
            ),
            (
                why(None, false, None, true),
                "is 62.0 % of it, and no other tenant uses it; it cost nothing in the 30 days before.",
            ),
            (
                why(None, false, Some(1.5), false),
                "is 62.0 % of it, and no other tenant uses it; 2.5 times as much as in the 30 days before.",
            ),
            (why(None, false, None, false), "is 62.0 % of it, and no other tenant uses it."),
        ] {
            assert_eq!(sentence, format!("{begins} {ends}"));
        }
    }

    #[test]
    fn days_are_held_against_as_many_before_them() {
        let window = |from: i64, to: i64| Window { from_ns: from * 1_000_000_000, to_ns: to * 1_000_000_000 };
        let days = Days::of(window(10 * DAY + 5, 12 * DAY + 7));
        assert_eq!(days, Days { from: 10 * DAY, to: 13 * DAY, before: 7 * DAY });
        assert_eq!((days.count(), Days::of(window(DAY, DAY + 1)).count()), (3, 1));
        assert_eq!(Days::of(window(10 * DAY, 12 * DAY)), Days { from: 10 * DAY, to: 12 * DAY, before: 8 * DAY });
    }
}
