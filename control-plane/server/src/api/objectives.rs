//! Objectives, alerts and cost.

use std::collections::{BTreeMap, HashMap};

use axum::{
    Json,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use control_plane_model::{
    listing::Search,
    search::quoted,
    store::{RequestQuery, Scope, SpanStore, SumsOf},
    trace,
};
use futures_util::StreamExt;
use serde::{Deserialize, Serialize};
use slo::Summary;

use super::{Answer, Id, Query, View, query::one_of};

use crate::{
    alerting::Alarm,
    evaluator::FareLine,
    problem::Problem,
    window::{Window, WindowQuery},
};

/// Points of a chart, at most.
const MAX_POINTS: i64 = 120;
const SLOWEST: usize = 10;

/// A stretch of time of a tenant.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Point {
    /// Unix seconds.
    pub start: i64,
    /// Its numbers.
    pub summary: Summary,
}

/// A service as a tenant sees it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ServiceLine {
    /// `service.name`
    pub service: String,
    /// Name of its spans.
    pub operation: String,
    /// Its account.
    pub account: String,
    /// Its numbers.
    pub summary: Summary,
}

/// A tenant over time.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct TenantAnswer {
    /// How it fares now; none of a tenant that nothing is promised to, or that was not evaluated yet.
    pub now: Option<FareLine>,
    /// How long a stretch of the window is, in seconds.
    pub width: i64,
    /// The window, in equal stretches; those without requests are left out.
    pub points: Vec<Point>,
    /// Its services in the window, the slowest first.
    pub services: Vec<ServiceLine>,
    /// The slowest traces of the window.
    pub slowest: Vec<trace::Summary>,
    /// Its alerts, the latest first.
    pub alerts: Vec<Alarm>,
}

#[derive(Debug, Clone, Default, Deserialize)]
pub(crate) struct AlertFilter {
    tenant: Option<String>,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct CostFilter {
    pub(crate) format: Option<String>,
    #[serde(flatten)]
    pub(crate) window: WindowQuery,
}

/// `GET /api/slo`
pub(super) async fn slo(view: View) -> Response {
    Json(&*view.slo()).into_response()
}

/// `GET /api/tenants/{id}`
pub(super) async fn tenant(view: View, Id(id): Id, Query(window): Query<WindowQuery>) -> Answer<TenantAnswer> {
    view.tenant(&id, &window).await.map(Json)
}

/// `GET /api/alerts`
pub(super) async fn alerts(view: View, Query(filter): Query<AlertFilter>) -> Answer<Vec<Alarm>> {
    view.alerts(filter.tenant.as_deref()).await.map(Json)
}

/// `GET /api/cost`, as JSON or CSV.
pub(super) async fn cost(view: View, Query(filter): Query<CostFilter>) -> Result<Response, Problem> {
    let format = one_of("format", &filter.format, &["json", "csv"])?;
    let report = view.cost(&filter.window).await?;
    match format {
        Some("csv") => {
            let csv = report
                .to_csv(&report.lines)
                .map_err(|error| Problem::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()))?;
            Ok(([(header::CONTENT_TYPE, "text/csv; charset=utf-8")], csv).into_response())
        }
        _ => Ok(Json(report).into_response()),
    }
}

/// What spans say of a tenant in a window: all but how it fares now, and its alerts.
pub(super) async fn over(
    spans: &dyn SpanStore,
    scope: &Scope,
    id: &str,
    window: Window,
) -> Result<TenantAnswer, Problem> {
    if !spans.knows_tenant(scope, id).await? {
        return Err(Problem::not_found("No span has named this tenant."));
    }
    let search = Search {
        from_ns: window.from_ns,
        to_ns: window.to_ns,
        expression: Some(format!("annotation[tenant.id] = {}", quoted(id)).parse()?),
        slowest_first: true,
        limit: SLOWEST,
    };
    let sums = sums(spans, scope, id, window);
    let found = async { Ok(spans.search(scope, search).await?) };
    let ((width, points, services), found) = tokio::try_join!(sums, found)?;
    Ok(TenantAnswer { width, points, services, slowest: found.traces, ..TenantAnswer::default() })
}

/// A tenant's sums of a window: over time, in stretches of so many seconds, and by service, the slowest first.
async fn sums(
    spans: &dyn SpanStore,
    scope: &Scope,
    id: &str,
    window: Window,
) -> Result<(i64, Vec<Point>, Vec<ServiceLine>), Problem> {
    let (from, to) = window.seconds();
    // Minutes while there are few of them; else five, an hour, or a day.
    let width = [60, 300, 3_600].into_iter().find(|width| (to - from) / width <= MAX_POINTS).unwrap_or(86_400);
    let mut points: BTreeMap<i64, slo::Cell> = BTreeMap::new();
    let mut services: HashMap<(String, String, String), slo::Cell> = HashMap::new();
    let query = RequestQuery { from: from.div_euclid(60) * 60, to, of: SumsOf::Tenant(id.to_owned()) };
    let mut rows = spans.request_rows(scope, query).await?;
    while let Some(batch) = rows.next().await {
        for row in batch? {
            points.entry(row.cell.start.div_euclid(width) * width).or_default().merge(&row.cell);
            let account = row.key.account.clone().unwrap_or_default();
            let service = (row.key.service.clone(), row.key.operation.clone(), account);
            services.entry(service).or_default().merge(&row.cell);
        }
    }
    let mut services: Vec<ServiceLine> = services
        .into_iter()
        .map(|((service, operation, account), cell)| {
            let summary = Summary::of(&cell);
            ServiceLine { service, operation, account, summary }
        })
        .collect();
    let p99 = |line: &ServiceLine| line.summary.p99_ns.unwrap_or_default();
    services.sort_by(|a, b| p99(b).total_cmp(&p99(a)));
    let points = points.into_iter().map(|(start, cell)| Point { start, summary: Summary::of(&cell) }).collect();
    Ok((width, points, services))
}
