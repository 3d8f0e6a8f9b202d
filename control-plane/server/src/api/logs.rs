//! The log lines of a trace.

use axum::Json;
use control_plane_model::{log_records::Lines, otlp::span_id};
use serde::Deserialize;

use super::{Answer, Id, Query, View, query::limit};
use crate::problem::Problem;

/// Lines of a trace that a page shows.
pub(crate) const MAX_LINES: usize = 500;

/// The query of a trace's log lines.
#[derive(Debug, Default, Deserialize)]
pub(super) struct LogsQuery {
    /// Only records of this span.
    span: Option<String>,
    limit: Option<String>,
}

/// `GET /api/traces/{id}/logs`
pub(super) async fn logs(view: View, Id(id): Id, Query(query): Query<LogsQuery>) -> Answer<Lines> {
    let limit = if query.limit.is_some() { limit(&query.limit)? } else { MAX_LINES };
    let wrong = || Problem::bad_request("span: the id of a span, 16 hex digits, not all zero");
    let span = query.span.map(|id| span_id(&id).ok_or_else(wrong)).transpose()?;
    view.logs(id.parse()?, span, limit).await.map(Json)
}
