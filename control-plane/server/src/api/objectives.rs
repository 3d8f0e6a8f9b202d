//! Objectives, alerts and cost.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use axum::{
    Json,
    extract::{Path, State, rejection::PathRejection},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use control_plane_embedded::Reader;
use control_plane_model::{listing::Search, store::StoreError, trace};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use slo::{CostReport, Summary};

use super::{NANOSECONDS, Parameters, Window, WindowQuery, given, one_of, read};

use crate::{
    alerting::Alarm,
    evaluator::{Fare, Snapshot},
    problem::Problem,
    server::App,
};

const MAX_ALERTS: usize = 500;
/// Points of a chart, at most.
const MAX_POINTS: i64 = 120;
const SLOWEST: usize = 10;

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
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SloAnswer {
    /// The end of the five minutes that were evaluated last, Unix seconds; 0 before the first.
    pub at: i64,
    /// What evaluating all of it took, milliseconds.
    pub evaluated_in_ms: f64,
    /// Tenants, the worst first.
    pub tenants: Vec<FareLine>,
    /// Tiers, and everybody.
    pub groups: Vec<FareLine>,
}

impl SloAnswer {
    fn of(snapshot: &Snapshot) -> Self {
        let line = |fare: &Fare| FareLine {
            violated: fare.violated(),
            budget_left: fare.budget_left(),
            alerts: snapshot.open.iter().filter(|alarm| alarm.is_of(&fare.whose)).count(),
            fare: fare.clone(),
        };
        Self {
            at: snapshot.at,
            evaluated_in_ms: snapshot.took_ms,
            tenants: snapshot.worst_first().into_iter().map(line).collect(),
            groups: snapshot.groups().map(line).collect(),
        }
    }
}

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
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct TenantAnswer {
    /// How it fares now; none of a tenant that nothing is promised to, or that was not evaluated yet.
    pub now: Option<FareLine>,
    /// The window, in equal stretches.
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

#[derive(Debug, Clone, Default, Deserialize)]
pub(crate) struct CostFilter {
    pub(crate) format: Option<String>,
    #[serde(flatten)]
    pub(crate) window: WindowQuery,
}

/// `GET /api/slo`
pub(crate) async fn slo(State(app): State<Arc<App>>) -> Json<SloAnswer> {
    Json(read_slo(&app))
}

pub(crate) fn read_slo(app: &App) -> SloAnswer {
    SloAnswer::of(&app.evaluator.snapshot())
}

/// `GET /api/tenants/{id}`
pub(crate) async fn tenant(
    State(app): State<Arc<App>>,
    id: Result<Path<String>, PathRejection>,
    Parameters(window): Parameters<WindowQuery>,
) -> Result<Json<TenantAnswer>, Problem> {
    let Path(id) = id?;
    read_tenant(&app, &id, &window).await.map(Json)
}

/// `GET /api/alerts`
pub(crate) async fn alerts(
    State(app): State<Arc<App>>,
    Parameters(filter): Parameters<AlertFilter>,
) -> Result<Json<Vec<Alarm>>, Problem> {
    let (reader, tenant) = (app.reader.clone(), given(&filter.tenant));
    read(move || Ok(alarms(&reader, tenant.as_deref())?)).await.map(Json)
}

/// `GET /api/cost`, as JSON or CSV.
pub(crate) async fn cost(
    State(app): State<Arc<App>>,
    Parameters(filter): Parameters<CostFilter>,
) -> Result<Response, Problem> {
    let format = one_of("format", &filter.format, &["json", "csv"])?;
    let report = read_cost(&app, &filter.window).await?;
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

pub(crate) async fn read_cost(app: &App, window: &WindowQuery) -> Result<CostReport, Problem> {
    let window = window.resolve(Timestamp::now())?;
    let (reader, prices) = (app.reader.clone(), app.prices.clone());
    read(move || {
        let rows = reader.costs(window.from_ns / NANOSECONDS, window.to_ns / NANOSECONDS)?;
        Ok(CostReport::of(&rows, prices.as_deref()))
    })
    .await
}

pub(crate) async fn read_tenant(app: &App, id: &str, window: &WindowQuery) -> Result<TenantAnswer, Problem> {
    let snapshot = app.evaluator.snapshot();
    let now = snapshot.tenant(id).map(|fare| FareLine {
        violated: fare.violated(),
        budget_left: fare.budget_left(),
        alerts: snapshot.open.iter().filter(|alarm| alarm.is_of(&fare.whose)).count(),
        fare: fare.clone(),
    });
    let window = window.resolve(Timestamp::now())?;
    let (reader, id) = (app.reader.clone(), id.to_owned());
    read(move || tenant_over(&reader, &id, now, window)).await
}

fn alarms(reader: &Reader, tenant: Option<&str>) -> Result<Vec<Alarm>, StoreError> {
    reader.alerts(tenant, MAX_ALERTS)?.iter().map(|body| Alarm::read(body)).collect()
}

fn tenant_over(reader: &Reader, id: &str, now: Option<FareLine>, window: Window) -> Result<TenantAnswer, Problem> {
    let unknown = || Problem::new(StatusCode::NOT_FOUND, "No span has named this tenant.");
    let number = reader.tenant_number(id)?.ok_or_else(unknown)?;
    let (from, to) = (window.from_ns / NANOSECONDS, window.to_ns / NANOSECONDS);
    // Minutes while there are few of them; else five, an hour, or a day.
    let width = [60, 300, 3_600].into_iter().find(|width| (to - from) / width <= MAX_POINTS).unwrap_or(86_400);
    let mut points: BTreeMap<i64, slo::Cell> = BTreeMap::new();
    let mut services: HashMap<(String, String, String), slo::Cell> = HashMap::new();
    reader.request_rows(from.div_euclid(60) * 60, to, Some(number), |row| {
        points.entry(row.cell.start.div_euclid(width) * width).or_default().merge(&row.cell);
        let service = (row.service.name.clone(), row.operation.to_owned(), row.service.account.clone());
        services.entry(service).or_default().merge(&row.cell);
    })?;
    let mut services: Vec<ServiceLine> = services
        .into_iter()
        .map(|((service, operation, account), cell)| ServiceLine {
            service,
            operation,
            account,
            summary: Summary::of(&cell),
        })
        .collect();
    let p99 = |line: &ServiceLine| line.summary.p99_ns.unwrap_or_default();
    services.sort_by(|a, b| p99(b).total_cmp(&p99(a)));
    let expression = format!("annotation[tenant.id] = {}", control_plane_model::search::quoted(id)).parse()?;
    let search = Search {
        from_ns: window.from_ns,
        to_ns: window.to_ns,
        expression: Some(expression),
        slowest_first: true,
        limit: SLOWEST,
    };
    Ok(TenantAnswer {
        now,
        points: points.into_iter().map(|(start, cell)| Point { start, summary: Summary::of(&cell) }).collect(),
        services,
        slowest: reader.search(&search)?.traces,
        alerts: alarms(reader, Some(id))?,
    })
}
