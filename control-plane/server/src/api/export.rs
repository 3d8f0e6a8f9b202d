//! Traces in OTLP's JSON, as they were received, for any other tool that reads it.

use axum::{
    http::{HeaderName, StatusCode, header},
    response::{IntoResponse, Response},
};
use control_plane_model::{
    otlp,
    sample::{SampleQuery, StoredPart, StoredTrace},
    trace::TraceId,
};
use futures_util::TryStreamExt;
use jiff::Timestamp;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use prost::{Message, bytes::Bytes};

use super::{TraceFilter, View, query::one_of, sources::NO_SPAN};
use crate::problem::{Problem, off_thread};

/// What an intake takes in one request, unpacked: this control plane's own.
const MOST_BYTES: usize = 16 * 1024 * 1024;
/// How many traces it holds, of how many that match.
const TRACES: HeaderName = HeaderName::from_static("x-traces");

pub(super) fn is_asked_for(format: &Option<String>) -> Result<bool, Problem> {
    Ok(one_of("format", format, &["json", "otlp"])? == Some("otlp"))
}

/// Those that match: as many as are asked for and fit into one request. Where there are more, they are a sample.
pub(super) async fn of_search(view: &View, filter: &TraceFilter) -> Result<Response, Problem> {
    let window = filter.window.resolve(Timestamp::now())?;
    let query = SampleQuery {
        from_ns: window.from_ns,
        to_ns: window.to_ns,
        expression: filter.conditions.expression()?.map(|text| text.parse()).transpose()?,
        limit: filter.limit()?,
    };
    let all = async {
        let mut sample = view.sample(query).await?;
        let (mut export, mut has_room) = (Export::default(), true);
        while has_room && let Some(traces) = sample.traces.try_next().await? {
            (export, has_room) = with(export, traces).await?;
        }
        Ok(export.answer("traces", sample.matched))
    };
    view.in_turn(all).await
}

/// One trace, as the scope sees it.
pub(super) async fn of_trace(view: &View, id: TraceId) -> Result<Response, Problem> {
    let one = async {
        let trace = view.stored_trace(id).await?.ok_or_else(|| Problem::not_found(NO_SPAN))?;
        let (export, has_room) = with(Export::default(), vec![trace]).await?;
        if !has_room {
            let detail = "It is larger than a request to an intake may be: 16 MiB.";
            return Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, detail));
        }
        Ok(export.answer(&id.to_string(), 1))
    };
    view.in_turn(one).await
}

/// With these traces added one after the other, and whether there was room for all of them.
async fn with(mut export: Export, traces: Vec<StoredTrace>) -> Result<(Export, bool), Problem> {
    off_thread(move || {
        let has_room = traces.iter().all(|trace| export.take(trace));
        (export, has_room)
    })
    .await
}

/// `TracesData` of OTLP, which is an `ExportTraceServiceRequest` too.
#[derive(Default)]
struct Export {
    /// Lists of spans by sender, JSON, with commas between.
    groups: String,
    traces: usize,
}

impl Export {
    /// Takes a trace, if there is room for all of it.
    fn take(&mut self, trace: &StoredTrace) -> bool {
        let mut added = String::new();
        for part in &trace.parts {
            // As JSON the spans are even longer than this, so a trace that is too large is known before it is written.
            let bytes: usize = part.spans.iter().map(Bytes::len).sum();
            if self.groups.len() + added.len() + bytes > MOST_BYTES {
                return false;
            }
            if !self.groups.is_empty() || !added.is_empty() {
                added.push(',');
            }
            added.push_str(&otlp::resource_spans(&group(part)).to_string());
        }
        let fits = self.groups.len() + added.len() + 32 <= MOST_BYTES;
        if fits {
            self.groups.push_str(&added);
            self.traces += 1;
        }
        fits
    }

    fn answer(self, name: &str, matched: usize) -> Response {
        let body = format!("{{\"resourceSpans\":[{}]}}", self.groups);
        let disposition = format!("attachment; filename=\"{name}.otlp.json\"");
        let headers = [
            (header::CONTENT_TYPE, "application/json".to_owned()),
            (header::CONTENT_DISPOSITION, disposition),
            (TRACES, format!("{} of {matched}", self.traces)),
        ];
        (headers, body).into_response()
    }
}

/// A part of a trace as OTLP has it.
pub(crate) fn group(part: &StoredPart) -> ResourceSpans {
    // What is stored was read when it came.
    let spans = part.spans.iter().filter_map(|span| Span::decode(span.clone()).ok()).collect();
    let scope = ScopeSpans { spans, ..ScopeSpans::decode(part.scope.clone()).unwrap_or_default() };
    ResourceSpans { resource: Some((*part.resource).clone()), scope_spans: vec![scope], ..ResourceSpans::default() }
}
