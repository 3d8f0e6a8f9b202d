//! The JSON API: everything the pages show. docs/control-plane.openapi.yaml describes it.
//!
//! | file | idea |
//! |---|---|
//! | `parameters` | the query of a request |
//! | `window` | the window of time a request asks about |
//! | `conditions` | what a search form asks for, as a filter expression |
//! | `objectives` | objectives, alerts and cost |
//! | `logs` | the log lines of a trace, from wherever these are kept |

mod conditions;
mod logs;
mod objectives;
mod parameters;
mod window;

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State, rejection::PathRejection},
    http::StatusCode,
};
use control_plane_model::{
    listing::{Found, Search},
    map::{MapQuery, ServiceMap},
    search::Expression,
    store::Facets,
    trace::{Stretch, Trace, TraceId, Tree, critical_path},
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub(crate) use conditions::{Conditions, STATUSES};
pub use logs::Logs;
pub(crate) use objectives::{CostFilter, alerts, cost, read_cost, read_slo, read_tenant, slo, tenant};
pub use objectives::{FareLine, Point, ServiceLine, SloAnswer, TenantAnswer};
pub(crate) use parameters::{Parameters, one_of};
pub(crate) use window::{DEFAULT as DEFAULT_WINDOW, Window, WindowQuery};

use crate::{problem::Problem, server::App};

const DEFAULT_LIMIT: usize = 50;
const MAX_LIMIT: usize = 500;
const NANOSECONDS: i64 = 1_000_000_000;

/// Which part of the map.
#[derive(Debug, Clone, Default, Deserialize)]
pub(crate) struct MapFilter {
    pub(crate) tenant: Option<String>,
    pub(crate) tier: Option<String>,
    pub(crate) account: Option<String>,
    #[serde(flatten)]
    pub(crate) window: WindowQuery,
}

/// Which traces, and in which order.
#[derive(Debug, Clone, Default, Deserialize)]
pub(crate) struct TraceFilter {
    #[serde(flatten)]
    pub(crate) conditions: Conditions,
    pub(crate) order: Option<String>,
    /// Text, as it comes: a number within another structure is text to the decoder.
    pub(crate) limit: Option<String>,
    #[serde(flatten)]
    pub(crate) window: WindowQuery,
}

impl TraceFilter {
    pub(crate) fn slowest_first(&self) -> bool {
        given(&self.order).as_deref() == Some("slowest")
    }

    fn limit(&self) -> Result<usize, Problem> {
        let Some(text) = given(&self.limit) else { return Ok(DEFAULT_LIMIT) };
        let limit = text.parse().ok().filter(|limit| (1..=MAX_LIMIT).contains(limit));
        limit.ok_or_else(|| Problem::new(StatusCode::BAD_REQUEST, format!("limit: from 1 to {MAX_LIMIT}")))
    }
}

/// The value of a field that is filled in.
pub(crate) fn given(field: &Option<String>) -> Option<String> {
    field.as_deref().map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned)
}

/// A trace, and what it waited for.
#[derive(Debug, Serialize)]
pub(crate) struct TraceAnswer {
    #[serde(flatten)]
    trace: Trace,
    critical_path: Vec<Stretch>,
}

/// `GET /api/map`
pub(crate) async fn map(
    State(app): State<Arc<App>>,
    Parameters(filter): Parameters<MapFilter>,
) -> Result<Json<ServiceMap>, Problem> {
    read_map(&app, &filter).await.map(Json)
}

/// `GET /api/traces`
pub(crate) async fn traces(
    State(app): State<Arc<App>>,
    Parameters(filter): Parameters<TraceFilter>,
) -> Result<Json<Found>, Problem> {
    find_traces(&app, &filter).await.map(Json)
}

/// `GET /api/traces/{id}`, the id in W3C or X-Ray form.
pub(crate) async fn trace(
    State(app): State<Arc<App>>,
    id: Result<Path<String>, PathRejection>,
) -> Result<Json<TraceAnswer>, Problem> {
    let Path(id) = id?;
    let trace = find_trace(&app, &id).await?;
    let critical_path = critical_path(&Tree::of(&trace));
    Ok(Json(TraceAnswer { trace, critical_path }))
}

/// `GET /api/traces/{id}/logs`
pub(crate) async fn trace_logs(
    State(app): State<Arc<App>>,
    id: Result<Path<String>, PathRejection>,
) -> Result<Json<Vec<serde_json::Value>>, Problem> {
    let Path(id) = id?;
    let id: TraceId = id.parse()?;
    match &app.logs {
        Some(logs) => logs.of(id).await.map(Json).map_err(|error| Problem::new(StatusCode::BAD_GATEWAY, error)),
        None => Err(Problem::new(StatusCode::NOT_FOUND, "No place to ask for log lines is configured.")),
    }
}

/// `GET /api/facets`
pub(crate) async fn facets(State(app): State<Arc<App>>) -> Result<Json<Facets>, Problem> {
    read_facets(&app).await.map(Json)
}

pub(crate) async fn read_facets(app: &App) -> Result<Facets, Problem> {
    let reader = app.reader.clone();
    read(move || Ok(reader.facets()?)).await
}

pub(crate) async fn read_map(app: &App, filter: &MapFilter) -> Result<ServiceMap, Problem> {
    let window = filter.window.resolve(Timestamp::now())?;
    let query = MapQuery {
        from: window.from_ns / NANOSECONDS,
        to: window.to_ns / NANOSECONDS,
        tenant: given(&filter.tenant),
        tier: given(&filter.tier),
        account: given(&filter.account),
    };
    let reader = app.reader.clone();
    read(move || Ok(reader.map(&query)?)).await
}

pub(crate) async fn find_traces(app: &App, filter: &TraceFilter) -> Result<Found, Problem> {
    let window = filter.window.resolve(Timestamp::now())?;
    one_of("order", &filter.order, &["newest", "slowest"])?;
    let expression: Option<Expression> = filter.conditions.expression()?.map(|text| text.parse()).transpose()?;
    let search = Search {
        from_ns: window.from_ns,
        to_ns: window.to_ns,
        expression,
        slowest_first: filter.slowest_first(),
        limit: filter.limit()?,
    };
    let reader = app.reader.clone();
    read(move || Ok(reader.search(&search)?)).await
}

pub(crate) async fn find_trace(app: &App, id: &str) -> Result<Trace, Problem> {
    let id: TraceId = id.parse()?;
    let reader = app.reader.clone();
    let found = read(move || Ok(reader.trace(id)?)).await?;
    found.ok_or_else(|| Problem::new(StatusCode::NOT_FOUND, "No span of this trace has arrived."))
}

/// Runs a read where it may block.
async fn read<T: Send + 'static>(query: impl FnOnce() -> Result<T, Problem> + Send + 'static) -> Result<T, Problem> {
    match tokio::task::spawn_blocking(query).await {
        Ok(outcome) => outcome,
        Err(_) => Err(Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "the read did not finish")),
    }
}
