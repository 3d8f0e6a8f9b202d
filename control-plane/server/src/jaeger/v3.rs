//! Version 3: services, operations and summaries as JSON of its own, traces as OTLP's JSON in a `result`.

use axum::{
    Json,
    http::Uri,
    response::{IntoResponse, Response},
};
use control_plane_model::otlp;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::json;

use super::{
    parameters::{Parameters, SpanFilter, trace_id},
    reading::{self, Matches, Whole},
    summary::Summary,
    with_list,
};
use crate::{
    api::{Id, View},
    problem::Problem,
};

/// An error in the form that Jaeger's gateway writes.
#[derive(Debug)]
pub(super) struct ErrorAnswer(Problem);

impl From<Problem> for ErrorAnswer {
    fn from(problem: Problem) -> Self {
        Self(problem)
    }
}

impl IntoResponse for ErrorAnswer {
    fn into_response(self) -> Response {
        let Self(Problem { status, detail, .. }) = self;
        (status, Json(json!({ "error": { "httpCode": status.as_u16(), "message": detail } }))).into_response()
    }
}

#[derive(Debug, Serialize)]
pub(super) struct Services {
    services: Vec<String>,
}

#[derive(Debug, Serialize)]
pub(super) struct Operations {
    operations: Vec<Operation>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Operation {
    name: String,
    span_kind: &'static str,
}

#[derive(Debug, Serialize)]
pub(super) struct Summaries {
    summaries: Vec<Summary>,
}

/// `GET /jaeger/api/v3/services`
pub(super) async fn services(view: View) -> Result<Json<Services>, ErrorAnswer> {
    Ok(Json(Services { services: view.facets().await?.services }))
}

/// `GET /jaeger/api/v3/operations`
pub(super) async fn operations(view: View, uri: Uri) -> Result<Json<Operations>, ErrorAnswer> {
    let parameters = Parameters::of(&uri);
    let kind = parameters.get("spanKind").or_else(|| parameters.get("span_kind"));
    let all = reading::operations(&view, parameters.get("service").unwrap_or_default()).await?;
    let meant = all.into_iter().filter(|(_, own)| kind.is_none_or(|kind| kind == *own));
    Ok(Json(Operations { operations: meant.map(|(name, span_kind)| Operation { name, span_kind }).collect() }))
}

/// `GET /jaeger/api/v3/traces`
pub(super) async fn traces(view: View, uri: Uri) -> Result<Response, ErrorAnswer> {
    let found = find(&view, &uri, otlp_json).await?;
    if found.traces.is_empty() {
        return Err(Problem::not_found(found.more.as_deref().unwrap_or("No traces found")).into());
    }
    Ok(result(found.traces))
}

/// `GET /jaeger/api/v3/traces/{id}`
pub(super) async fn trace(view: View, Id(id): Id) -> Result<Response, ErrorAnswer> {
    let id = trace_id(&id).map_err(|error| Problem::bad_request(format!("malformed parameter trace_id: {error}")))?;
    Ok(result(vec![reading::trace(&view, id, otlp_json).await?]))
}

/// `GET /jaeger/api/v3/trace-summaries`
pub(super) async fn trace_summaries(view: View, uri: Uri) -> Result<Json<Summaries>, ErrorAnswer> {
    let found = find(&view, &uri, |whole| Summary::of(whole.id, &whole.groups)).await?;
    Ok(Json(Summaries { summaries: found.traces }))
}

async fn find<T: Send + 'static>(view: &View, uri: &Uri, make: fn(&Whole) -> T) -> Result<Matches<T>, Problem> {
    let (asked, window) = SpanFilter::v3(&Parameters::of(uri), Timestamp::now())?;
    reading::find(view, asked, window, make).await
}

/// The parts of a trace as OTLP's JSON has them, one after the other.
fn otlp_json(whole: &Whole) -> String {
    whole.groups.iter().map(|group| otlp::resource_spans(group).to_string()).collect::<Vec<_>>().join(",")
}

/// Traces as one `TracesData`, in a `result`.
fn result(traces: Vec<String>) -> Response {
    with_list("{\"result\":{\"resourceSpans\":[".to_owned(), traces, "]}}".to_owned())
}
