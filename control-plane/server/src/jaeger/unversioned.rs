//! The older API, without a version.

use std::collections::{BTreeMap, BTreeSet};

use axum::{
    Json,
    http::{StatusCode, Uri},
    response::{IntoResponse, Response},
};
use control_plane_model::{
    map::{MapNode, ServiceMap},
    trace::TraceId,
};
use jiff::Timestamp;
use serde::Serialize;

use super::{
    parameters::{Parameters, SpanFilter, trace_id},
    reading::{self, Whole},
    spans::digits,
    with_list,
};
use crate::{
    api::{Id, MapFilter, View, WindowQuery},
    problem::Problem,
};

/// How far back dependencies are summed where nothing is said, as with Jaeger; milliseconds.
const USUAL_LOOKBACK_MS: i64 = 86_400_000;
/// Traces that are asked for by their ids at once.
const MOST_IDS: usize = 100;

/// What every answer is wrapped in.
#[derive(Debug, Serialize)]
struct Envelope<T> {
    data: Option<T>,
    total: usize,
    limit: usize,
    offset: usize,
    errors: Option<Vec<Complaint>>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Complaint {
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<u16>,
    msg: String,
    #[serde(rename = "traceID", skip_serializing_if = "Option::is_none")]
    trace_id: Option<String>,
}

impl<T> Envelope<T> {
    fn of(data: T, total: usize) -> Self {
        Self { data: Some(data), total, limit: 0, offset: 0, errors: None }
    }
}

/// An error in the form that Jaeger's clients read.
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
        let complaint = Complaint { code: Some(status.as_u16()), msg: detail, trace_id: None };
        let envelope: Envelope<()> =
            Envelope { data: None, total: 0, limit: 0, offset: 0, errors: Some(vec![complaint]) };
        (status, Json(envelope)).into_response()
    }
}

/// A name of spans.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Operation {
    name: String,
    span_kind: &'static str,
}

/// How often services call each other.
#[derive(Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Dependency {
    parent: String,
    child: String,
    call_count: i64,
}

fn listed<T: Serialize>(data: Vec<T>) -> Response {
    let total = data.len();
    Json(Envelope::of(data, total)).into_response()
}

/// `GET /jaeger/api/services`
pub(super) async fn services(view: View) -> Result<Response, ErrorAnswer> {
    Ok(listed(view.facets().await?.services))
}

/// `GET /jaeger/api/services/{service}/operations`
pub(super) async fn operations_of(view: View, Id(service): Id) -> Result<Response, ErrorAnswer> {
    let mut names: Vec<_> = reading::operations(&view, &service).await?.into_iter().map(|(name, _)| name).collect();
    // A name may be there with several kinds; they are sorted by name.
    names.dedup();
    Ok(listed(names))
}

/// `GET /jaeger/api/operations`
pub(super) async fn operations(view: View, uri: Uri) -> Result<Response, ErrorAnswer> {
    let parameters = Parameters::of(&uri);
    let service = parameters.get("service").ok_or_else(|| Problem::bad_request("parameter 'service' is required"))?;
    let meant = |kind: &str| parameters.get("spanKind").is_none_or(|meant| meant == kind);
    let all = reading::operations(&view, service).await?.into_iter().filter(|(_, kind)| meant(kind));
    Ok(listed(all.map(|(name, span_kind)| Operation { name, span_kind }).collect()))
}

/// `GET /jaeger/api/traces`: a search, or traces by their ids.
pub(super) async fn traces(view: View, uri: Uri) -> Result<Response, ErrorAnswer> {
    let parameters = Parameters::of(&uri);
    let ids: BTreeSet<TraceId> =
        parameters.all("traceID").map(trace_id).collect::<Result<_, _>>().map_err(Problem::from)?;
    if ids.is_empty() {
        let (asked, window) = SpanFilter::unversioned(&parameters, Timestamp::now())?;
        let found = reading::find(&view, asked, window, json).await?;
        let more = found.more.map(|msg| Complaint { code: None, msg, trace_id: None });
        return answer(found.traces, more.into_iter().collect());
    }
    if ids.len() > MOST_IDS {
        return Err(
            Problem::bad_request(format!("{} traces are asked for at once; {MOST_IDS} may be", ids.len())).into()
        );
    }
    let ids: Vec<_> = ids.into_iter().collect();
    let (mut traces, mut complaints) = (Vec::new(), Vec::new());
    for (id, outcome) in reading::by_ids(&view, &ids, json).await? {
        match outcome {
            Ok(trace) => traces.push(trace),
            Err(msg) => complaints.push(Complaint { code: None, msg, trace_id: Some(digits(id.as_bytes())) }),
        }
    }
    answer(traces, complaints)
}

/// `GET /jaeger/api/traces/{id}`
pub(super) async fn trace(view: View, Id(id): Id) -> Result<Response, ErrorAnswer> {
    let trace = reading::trace(&view, trace_id(&id).map_err(Problem::from)?, json).await?;
    answer(vec![trace], Vec::new())
}

/// A trace in Jaeger's own JSON.
fn json(whole: &Whole) -> serde_json::Result<String> {
    serde_json::to_string(&whole.trace)
}

/// Traces that are JSON already, in the envelope.
fn answer(traces: Vec<serde_json::Result<String>>, complaints: Vec<Complaint>) -> Result<Response, ErrorAnswer> {
    let failed = |error: serde_json::Error| Problem::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string());
    let traces = traces.into_iter().collect::<Result<Vec<_>, _>>().map_err(failed)?;
    let errors = serde_json::to_string(&(!complaints.is_empty()).then_some(complaints)).map_err(failed)?;
    let after = format!("],\"total\":0,\"limit\":0,\"offset\":0,\"errors\":{errors}}}");
    Ok(with_list("{\"data\":[".to_owned(), traces, after))
}

/// `GET /jaeger/api/dependencies`: the edges of the service map.
pub(super) async fn dependencies(view: View, uri: Uri) -> Result<Response, ErrorAnswer> {
    let parameters = Parameters::of(&uri);
    let to = parameters.number("endTs", Timestamp::now().as_millisecond())?;
    let from = to.saturating_sub(parameters.number("lookback", USUAL_LOOKBACK_MS)?);
    // The map is of whole minutes.
    let second = |milliseconds: i64| Some(milliseconds.div_euclid(1_000).to_string());
    let window = WindowQuery { window: None, from: second(from), to: second(to.saturating_add(999)) };
    let map = view.map(&MapFilter { window, ..MapFilter::default() }).await?;
    let data = edges(&map, parameters.get("service"));
    Ok(Json(Envelope::of(data, 0)).into_response())
}

/// The edges of a map by names: what has the same name in several accounts is one to Jaeger. Only those of one service, if one is named.
fn edges(map: &ServiceMap, service: Option<&str>) -> Vec<Dependency> {
    let names: BTreeMap<u32, String> = map.nodes.iter().map(|node| (node.id, name(node))).collect();
    let name = |id: &u32| names.get(id).cloned().unwrap_or_default();
    let mut calls: BTreeMap<(String, String), i64> = BTreeMap::new();
    for edge in &map.edges {
        *calls.entry((name(&edge.source), name(&edge.target))).or_default() += edge.stats.count;
    }
    let is_meant =
        |(parent, child): &(String, String)| service.is_none_or(|service| parent == service || child == service);
    let meant = calls.into_iter().filter(|(ends, _)| is_meant(ends));
    meant.map(|((parent, child), call_count)| Dependency { parent, child, call_count }).collect()
}

/// A service by its name; what it calls with its kind before it, as a table may be called as a service is.
fn name(MapNode { kind, name, .. }: &MapNode) -> String {
    if kind == "service" || kind == "client" || kind == name { name.clone() } else { format!("{kind} {name}") }
}

/// `GET /jaeger/api/metrics/…`: what Jaeger answers that has no store of metrics. Rates and latencies are on our own pages.
pub(super) async fn metrics(_view: View) -> ErrorAnswer {
    ErrorAnswer(Problem::new(StatusCode::NOT_IMPLEMENTED, "metrics querying is currently disabled"))
}
