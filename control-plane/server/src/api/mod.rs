//! The JSON API: everything the pages show. docs/control-plane.openapi.yaml describes it.
//!
//! | file | idea |
//! |---|---|
//! | `sources` | what all of it is read from |
//! | `query` | what a request asks for |
//! | `objectives` | objectives, alerts and cost |
//! | `logs` | the log lines of a trace, from wherever these are kept |

mod logs;
mod objectives;
mod query;
mod sources;

use axum::{
    Json, Router,
    extract::{FromRequestParts, Path, State},
    http::{StatusCode, request::Parts},
    routing::get,
};
use control_plane_model::{
    listing::Found,
    map::ServiceMap,
    store::Facets,
    trace::{Stretch, Trace, Tree, critical_path},
};
use serde::Serialize;

pub use logs::Logs;
pub(crate) use objectives::CostFilter;
pub use objectives::{Point, ServiceLine, TenantAnswer};
pub(crate) use query::{Conditions, DEFAULT_WINDOW, MapFilter, Query, STATUSES, TraceFilter, WindowQuery};
pub(crate) use sources::Sources;

pub use crate::evaluator::{FareLine, SloAnswer};
use crate::problem::Problem;

/// What is answered in JSON.
type Answer<T> = Result<Json<T>, Problem>;

/// The `{id}` of a path.
#[derive(Debug)]
pub(crate) struct Id(pub(crate) String);

impl<S: Send + Sync> FromRequestParts<S> for Id {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let Path(id) = Path::from_request_parts(parts, state).await?;
        Ok(Self(id))
    }
}

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

/// A trace, and what it waited for.
#[derive(Debug, Serialize)]
pub(crate) struct TraceAnswer {
    #[serde(flatten)]
    trace: Trace,
    critical_path: Vec<Stretch>,
}

/// `GET /api/map`
async fn map(State(sources): State<Sources>, Query(filter): Query<MapFilter>) -> Answer<ServiceMap> {
    sources.map(&filter).await.map(Json)
}

/// `GET /api/traces`
async fn traces(State(sources): State<Sources>, Query(filter): Query<TraceFilter>) -> Answer<Found> {
    sources.traces(&filter).await.map(Json)
}

/// `GET /api/traces/{id}`, the id in W3C or X-Ray form.
async fn trace(State(sources): State<Sources>, Id(id): Id) -> Answer<TraceAnswer> {
    let trace = sources.trace(&id).await?;
    let critical_path = critical_path(&Tree::of(&trace));
    Ok(Json(TraceAnswer { trace, critical_path }))
}

/// `GET /api/traces/{id}/logs`
async fn trace_logs(State(sources): State<Sources>, Id(id): Id) -> Answer<Vec<serde_json::Value>> {
    match sources.logs(id.parse()?).await {
        Some(lines) => lines.map(Json).map_err(|error| Problem::new(StatusCode::BAD_GATEWAY, error)),
        None => Err(Problem::not_found("No place to ask for log lines is configured.")),
    }
}

/// `GET /api/facets`
async fn facets(State(sources): State<Sources>) -> Answer<Facets> {
    sources.facets().await.map(Json)
}
