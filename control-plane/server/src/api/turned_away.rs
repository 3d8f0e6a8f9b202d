//! Who was turned away: requests that were refused once somebody had been verified, by whom, where and why.

use std::collections::{BTreeMap, BTreeSet};

use axum::{
    Json,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use control_plane_audit::no_formula;
use control_plane_model::{
    refusals::{RefusalLine, RefusalQuery, Refusals},
    rollup,
    search::quoted,
    store::{Detail, RequestQuery, Scope, SpanStore, SumsOf},
};
use futures_util::{StreamExt, TryStreamExt, stream};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use slo::Kind;

use super::{
    Query, TraceFilter, View,
    query::{Conditions, limit, one_of},
};
use crate::{
    problem::Problem,
    text,
    window::{Window, WindowQuery},
};

/// Tenants whose requests are counted beside those that were refused, those with the most refusals first.
const TENANTS: usize = 50;
/// For how many lines traces are sought at once.
const AT_ONCE: usize = 4;
const NANOSECONDS: i64 = 1_000_000_000;

/// Whose, where and why.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct RefusalFilter {
    pub(crate) tenant: Option<String>,
    pub(crate) user: Option<String>,
    pub(crate) reason: Option<String>,
    pub(crate) service: Option<String>,
    pub(crate) limit: Option<String>,
    pub(crate) format: Option<String>,
    #[serde(flatten)]
    pub(crate) window: WindowQuery,
}

/// The refused requests of a window.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TurnedAwayAnswer {
    /// Unix seconds.
    pub from: i64,
    /// Unix seconds.
    pub to: i64,
    /// Requests that were refused, those of lines that are not told included.
    pub requests: u64,
    /// Whether there are more lines.
    pub more: bool,
    /// Refused requests by tenant, user, service and reason, those with the most requests first.
    pub lines: Vec<TurnedAway>,
}

/// Requests of one user that one operation refused for one reason.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TurnedAway {
    /// The refusals: which user's, by which service, for which reason, and how many.
    #[serde(flatten)]
    pub refused: RefusalLine,
    /// All requests of its tenant in the window, or `None` for a tenant with fewer refusals than fifty others.
    pub of: Option<u64>,
}

impl TurnedAway {
    /// The share of the tenant's requests that was refused.
    pub fn share(&self) -> Option<f64> {
        self.of.filter(|of| *of > 0).map(|of| (self.refused.requests as f64 / of as f64).min(1.0))
    }
}

impl RefusalFilter {
    pub(super) fn query(&self, window: Window) -> Result<RefusalQuery, Problem> {
        let Self { tenant, user, reason, service, .. } = self.clone();
        let from = window.from_ns.div_euclid(NANOSECONDS);
        // The end is rounded up to a whole second, so that none of the window is left out.
        let to = window.to_ns.saturating_add(NANOSECONDS - 1).div_euclid(NANOSECONDS);
        Ok(RefusalQuery { from, to, tenant, user, service, reason, limit: limit(&self.limit)? })
    }

    /// The search for the traces of a line, over the same window.
    pub(crate) fn traces(&self, refused: &RefusalLine) -> TraceFilter {
        let RefusalLine { tenant, user, service, status, reason, .. } = refused;
        let user = user.as_deref().map(|user| format!("user = {}", quoted(user)));
        // A service that says no reason is asked for the status alone.
        let reason = (*reason != status.to_string()).then(|| format!("attribute[problem.code] = {}", quoted(reason)));
        let answered = format!("service({}) {{ http.status = {status} }}", quoted(service));
        let parts: Vec<String> = user.into_iter().chain([answered]).chain(reason).collect();
        let conditions =
            Conditions { filter: Some(parts.join(" AND ")), tenant: Some(tenant.clone()), ..Conditions::default() };
        TraceFilter { conditions, window: self.window.clone(), ..TraceFilter::default() }
    }
}

/// `GET /api/turned-away`, as JSON or CSV.
pub(super) async fn turned_away(view: View, Query(filter): Query<RefusalFilter>) -> Result<Response, Problem> {
    let format = one_of("format", &filter.format, &["json", "csv"])?;
    let answer = view.turned_away(&filter).await?;
    if format != Some("csv") {
        return Ok(Json(answer).into_response());
    }
    let csv =
        to_csv(&answer.lines).map_err(|error| Problem::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()))?;
    Ok(([(header::CONTENT_TYPE, "text/csv; charset=utf-8")], csv).into_response())
}

/// The refusals of a window, and the requests of the same tenants beside them.
pub(in crate::api) async fn over(
    spans: &dyn SpanStore,
    scope: &Scope,
    filter: &RefusalFilter,
) -> Result<TurnedAwayAnswer, Problem> {
    let now = Timestamp::now();
    let query = filter.query(filter.window.resolve(now)?)?;
    let (from, to) = (query.from, query.to);
    let Refusals { lines, requests, more } = spans.refusals(scope, query).await?;
    let mut told = BTreeSet::new();
    for line in &lines {
        if told.len() < TENANTS {
            told.insert(line.tenant.clone());
        }
    }
    // Sums are kept by buckets: from the one in which the window begins.
    let bucket = rollup::bucket(from, now.as_second()).unwrap_or(from);
    let of = stream::iter(told).map(|tenant| served(spans, scope, tenant, (bucket, to)));
    let of: BTreeMap<String, u64> = of.buffer_unordered(AT_ONCE).try_collect().await?;
    let line = |refused: RefusalLine| TurnedAway { of: of.get(&refused.tenant).copied(), refused };
    Ok(TurnedAwayAnswer { from, to, requests, more, lines: lines.into_iter().map(line).collect() })
}

/// A tenant, and how many requests it had over HTTP.
async fn served(
    spans: &dyn SpanStore,
    scope: &Scope,
    tenant: String,
    (from, to): (i64, i64),
) -> Result<(String, u64), Problem> {
    let query = RequestQuery { from, to, of: SumsOf::Tenant(tenant.clone()), detail: Detail::Counts };
    let mut rows = spans.request_rows(scope, query).await?;
    let mut requests = 0;
    while let Some(rows) = rows.try_next().await? {
        requests += rows.iter().filter(|row| row.key.kind == Kind::Server).map(|row| row.cell.requests).sum::<u64>();
    }
    Ok((tenant, requests))
}

/// A record for each line.
fn to_csv(lines: &[TurnedAway]) -> Result<String, csv::Error> {
    let moment = |ns: i64| text::moment(ns.div_euclid(NANOSECONDS));
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record([
        "tenant",
        "user",
        "account",
        "service",
        "operation",
        "status",
        "reason",
        "requests",
        "of",
        "first",
        "last",
        "traces",
    ])?;
    for TurnedAway { refused, of } in lines {
        let traces: Vec<String> = refused.trace_ids.iter().map(ToString::to_string).collect();
        let cells: [&str; 12] = [
            &refused.tenant,
            refused.user.as_deref().unwrap_or_default(),
            refused.account.as_deref().unwrap_or_default(),
            &refused.service,
            &refused.operation,
            &refused.status.to_string(),
            &refused.reason,
            &refused.requests.to_string(),
            &of.map(|of| of.to_string()).unwrap_or_default(),
            &moment(refused.first_unix_ns),
            &moment(refused.last_unix_ns),
            &traces.join(" "),
        ];
        writer.write_record(cells.map(no_formula))?;
    }
    let bytes = writer.into_inner().map_err(|error| error.into_error())?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use control_plane_model::{search::Expression, trace::TraceId};

    use super::*;

    fn refused(reason: &str, user: Option<&str>) -> RefusalLine {
        RefusalLine {
            tenant: "acme".into(),
            user: user.map(str::to_owned),
            account: None,
            service: "booking-api".into(),
            operation: "GET /bookings/{number}".into(),
            status: 404,
            reason: reason.into(),
            requests: 43,
            first_unix_ns: 0,
            last_unix_ns: 1_800_000_000_000_000_000,
            trace_ids: vec![TraceId::from_bytes(&[1; 16]).unwrap()],
        }
    }

    #[test]
    fn a_line_leads_to_its_traces_and_to_no_others() {
        let window = WindowQuery { window: Some("1h".into()), ..WindowQuery::default() };
        let filter = RefusalFilter { window: window.clone(), ..RefusalFilter::default() };
        let asked = filter.traces(&refused("no_such_booking", Some("e\"ve")));
        assert_eq!((asked.conditions.tenant.as_deref(), asked.window), (Some("acme"), window));
        let expected = r#"user = "e\"ve" AND service("booking-api") { http.status = 404 } AND attribute[problem.code] = "no_such_booking""#;
        assert_eq!(asked.conditions.filter.as_deref(), Some(expected));
        assert!(expected.parse::<Expression>().is_ok());
        let of_nobody = filter.traces(&refused("404", None)).conditions.filter;
        assert_eq!(of_nobody.as_deref(), Some(r#"service("booking-api") { http.status = 404 }"#));
    }

    #[test]
    fn a_table_has_a_record_for_each_line() {
        let line = TurnedAway { refused: refused("no_such_booking", Some("=1+1")), of: Some(86) };
        assert_eq!(line.share(), Some(0.5));
        assert_eq!(
            to_csv(&[line]).unwrap(),
            "tenant,user,account,service,operation,status,reason,requests,of,first,last,traces\n\
             acme,'=1+1,,booking-api,GET /bookings/{number},404,no_such_booking,43,86,1970-01-01T00:00:00Z,2027-01-15T08:00:00Z,\
             01010101010101010101010101010101\n"
        );
    }

    #[test]
    fn all_of_the_window_is_asked_for() {
        let filter = RefusalFilter::default();
        let query = filter.query(Window { from_ns: 1_500_000_000, to_ns: 2_500_000_000 }).unwrap();
        assert_eq!((query.from, query.to, query.limit), (1, 3, 50));
    }
}
