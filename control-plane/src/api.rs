//! The JSON API: everything the pages show.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, Query, State},
    http::StatusCode,
};
use serde::{Deserialize, Serialize};

use crate::{
    problem::Problem,
    server::App,
    trace::{InvalidTraceId, Summary, Trace, TraceId},
};

const DEFAULT_LIMIT: usize = 50;
const MAX_LIMIT: usize = 500;

/// Which traces to list.
#[derive(Debug, Deserialize)]
pub(crate) struct Filter {
    /// Only this tenant's; all if empty.
    pub(crate) tenant: Option<String>,
    limit: Option<usize>,
}

impl Filter {
    pub(crate) fn tenant(&self) -> Option<String> {
        self.tenant.clone().filter(|tenant| !tenant.is_empty())
    }

    fn limit(&self) -> usize {
        self.limit.unwrap_or(DEFAULT_LIMIT).clamp(1, MAX_LIMIT)
    }
}

#[derive(Debug, Serialize)]
pub(crate) struct Traces {
    traces: Vec<Summary>,
}

/// `GET /api/traces?tenant=&limit=`
pub(crate) async fn traces(State(app): State<Arc<App>>, Query(filter): Query<Filter>) -> Result<Json<Traces>, Problem> {
    Ok(Json(Traces { traces: recent(&app, filter).await? }))
}

/// `GET /api/traces/{id}`, the id in W3C or X-Ray form.
pub(crate) async fn trace(State(app): State<Arc<App>>, Path(id): Path<String>) -> Result<Json<Trace>, Problem> {
    find(&app, &id).await.map(Json)
}

pub(crate) async fn recent(app: &App, filter: Filter) -> Result<Vec<Summary>, Problem> {
    let reader = app.reader.clone();
    read(move || reader.recent(filter.tenant().as_deref(), filter.limit())).await
}

pub(crate) async fn find(app: &App, id: &str) -> Result<Trace, Problem> {
    let id: TraceId =
        id.parse().map_err(|error: InvalidTraceId| Problem::new(StatusCode::BAD_REQUEST, error.to_string()))?;
    let reader = app.reader.clone();
    let found = read(move || reader.trace(id)).await?;
    found.ok_or_else(|| Problem::new(StatusCode::NOT_FOUND, "No span of this trace has arrived."))
}

/// Runs a read where it may block.
pub(crate) async fn read<T: Send + 'static>(
    query: impl FnOnce() -> Result<T, crate::store::StoreError> + Send + 'static,
) -> Result<T, Problem> {
    match tokio::task::spawn_blocking(query).await {
        Ok(outcome) => Ok(outcome?),
        Err(_) => Err(Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "the read did not finish")),
    }
}
