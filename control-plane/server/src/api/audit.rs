//! What operators did, and what was changed.

use axum::{
    Json,
    body::Body,
    http::header,
    response::{IntoResponse, Response},
};
use control_plane_audit::{Filter, Format, Order, Selection, What};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    Query, View,
    query::{limit, one_of},
};
use crate::{
    problem::{Problem, in_time},
    window::WindowQuery,
};

/// Which records, and how. Without a window all of them, whenever they were.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct AuditFilter {
    pub(crate) who: Option<String>,
    pub(crate) what: Option<String>,
    pub(crate) tenant: Option<String>,
    pub(crate) before: Option<String>,
    pub(crate) format: Option<String>,
    pub(crate) order: Option<String>,
    pub(crate) after: Option<String>,
    pub(crate) limit: Option<String>,
    #[serde(flatten)]
    pub(crate) window: WindowQuery,
}

impl AuditFilter {
    /// What `what` may be: a name, or what several have before their dot.
    pub(crate) fn whats() -> Vec<&'static str> {
        let mut names: Vec<&str> = What::ALL.iter().map(|what| what.name()).collect();
        names.extend(["tenant", "investigation", "intake_key", "service_key"]);
        names.sort_unstable();
        names
    }

    pub(crate) fn filter(&self) -> Result<Filter, Problem> {
        let Self { who, what, tenant, window, .. } = self.clone();
        one_of("what", &what, &Self::whats())?;
        let asked = window.window.is_some() || window.is_absolute();
        let window = asked.then(|| window.resolve(Timestamp::now())).transpose()?;
        let time = |ns: i64| Timestamp::from_nanosecond(i128::from(ns)).ok();
        let (from, to) = (window.and_then(|window| time(window.from_ns)), window.and_then(|window| time(window.to_ns)));
        Ok(Filter { who, what, tenant, from, to })
    }

    pub(crate) fn before(&self) -> Result<Option<u64>, Problem> {
        number("before", &self.before)
    }

    /// The selection of an export.
    fn selection(&self) -> Result<Selection, Problem> {
        let order = match one_of("order", &self.order, &["newest", "oldest"])? {
            Some("oldest") => Order::Oldest,
            _ => Order::Newest,
        };
        let (before, after) = (self.before()?, number("after", &self.after)?);
        let beyond = match order {
            Order::Newest if after.is_none() => before,
            Order::Oldest if before.is_none() => after,
            _ => return Err(Problem::bad_request("before goes with order=newest, after with order=oldest")),
        };
        let limit = self.limit.as_ref().map(|_| limit(&self.limit)).transpose()?;
        Ok(Selection { filter: self.filter()?, order, beyond, limit })
    }
}

fn number(name: &str, text: &Option<String>) -> Result<Option<u64>, Problem> {
    let number = text.as_ref().map(|text| text.parse()).transpose();
    number.map_err(|_| Problem::bad_request(format!("{name}: the number of a record")))
}

/// `GET /api/audit`: some records as JSON, the newest first; all that match as JSON lines or CSV.
pub(super) async fn audit(view: View, Query(query): Query<AuditFilter>) -> Result<Response, Problem> {
    let audit = view.audit()?;
    let (format, kind, name) = match one_of("format", &query.format, &["json", "jsonl", "csv"])? {
        Some("jsonl") => (Format::JsonLines, "application/jsonl", "audit.jsonl"),
        Some("csv") => (Format::Csv, "text/csv; charset=utf-8", "audit.csv"),
        _ => {
            let Selection { filter, order, beyond, .. } = query.selection()?;
            if order == Order::Oldest {
                return Err(Problem::bad_request("order: pages of JSON are the newest first"));
            }
            let limit = limit(&query.limit)?;
            return Ok(Json(in_time(audit.list(&filter, beyond, limit)).await?).into_response());
        }
    };
    let lines = audit.export(query.selection()?, format);
    // While there is another answer than one that ends amid a line.
    in_time(audit.head()).await?;
    let attached = format!("attachment; filename={name}");
    let headers = [(header::CONTENT_TYPE, kind), (header::CONTENT_DISPOSITION, &attached)];
    Ok((headers, Body::from_stream(lines)).into_response())
}
