//! The JSON API: everything the pages show. docs/control-plane.openapi.yaml describes it.
//!
//! | file | idea |
//! |---|---|
//! | `sources` | what all of it is read from |
//! | `parameters` | the query of a request |
//! | `window` | the window of time a request asks about |
//! | `conditions` | what a search form asks for, as a filter expression |
//! | `objectives` | objectives, alerts and cost |
//! | `logs` | the log lines of a trace, from wherever these are kept |

mod conditions;
mod logs;
mod objectives;
mod parameters;
mod sources;
mod window;

use axum::{
    Json, Router,
    extract::{Path, State, rejection::PathRejection},
    http::StatusCode,
    routing::get,
};
use control_plane_model::{
    listing::Found,
    map::ServiceMap,
    store::Facets,
    trace::{Stretch, Trace, TraceId, Tree, critical_path},
};
use serde::{Deserialize, Serialize};

pub(crate) use conditions::{Conditions, STATUSES};
pub use logs::Logs;
pub(crate) use objectives::CostFilter;
pub use objectives::{FareLine, Point, ServiceLine, SloAnswer, TenantAnswer};
pub(crate) use parameters::{Parameters, one_of};
pub(crate) use sources::Sources;
pub(crate) use window::{DEFAULT as DEFAULT_WINDOW, WindowQuery};

use crate::problem::Problem;

/// Paths of the API.
pub(crate) fn routes() -> Router<Sources> {
    Router::new()
        .route("/api/map", get(map))
        .route("/api/traces", get(traces))
        .route("/api/traces/{id}", get(trace))
        .route("/api/traces/{id}/logs", get(trace_logs))
        .route("/api/facets", get(facets))
        .route("/api/slo", get(objectives::slo))
        .route("/api/tenants/{id}", get(objectives::tenant))
        .route("/api/alerts", get(objectives::alerts))
        .route("/api/cost", get(objectives::cost))
}

const DEFAULT_LIMIT: usize = 50;
const MAX_LIMIT: usize = 500;

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
async fn map(
    State(sources): State<Sources>,
    Parameters(filter): Parameters<MapFilter>,
) -> Result<Json<ServiceMap>, Problem> {
    sources.map(&filter).await.map(Json)
}

/// `GET /api/traces`
async fn traces(
    State(sources): State<Sources>,
    Parameters(filter): Parameters<TraceFilter>,
) -> Result<Json<Found>, Problem> {
    sources.traces(&filter).await.map(Json)
}

/// `GET /api/traces/{id}`, the id in W3C or X-Ray form.
async fn trace(
    State(sources): State<Sources>,
    id: Result<Path<String>, PathRejection>,
) -> Result<Json<TraceAnswer>, Problem> {
    let Path(id) = id?;
    let trace = sources.trace(&id).await?;
    let critical_path = critical_path(&Tree::of(&trace));
    Ok(Json(TraceAnswer { trace, critical_path }))
}

/// `GET /api/traces/{id}/logs`
async fn trace_logs(
    State(sources): State<Sources>,
    id: Result<Path<String>, PathRejection>,
) -> Result<Json<Vec<serde_json::Value>>, Problem> {
    let Path(id) = id?;
    let id: TraceId = id.parse()?;
    match sources.logs(id).await {
        Some(lines) => lines.map(Json).map_err(|error| Problem::new(StatusCode::BAD_GATEWAY, error)),
        None => Err(Problem::new(StatusCode::NOT_FOUND, "No place to ask for log lines is configured.")),
    }
}

/// `GET /api/facets`
async fn facets(State(sources): State<Sources>) -> Result<Json<Facets>, Problem> {
    sources.facets().await.map(Json)
}
