//! From what is asked for to what is kept.

use std::{collections::BTreeSet, sync::Arc};

use control_plane_model::{
    listing::{Order, Search},
    sample::{SampleQuery, StoredTrace},
    trace::TraceId,
};
use futures_util::{StreamExt, TryStreamExt, stream};
use jiff::Timestamp;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, span::SpanKind};

use super::{asked::Asked, spans::Trace};
use crate::{
    api::{View, group},
    problem::{Problem, off_thread},
    window::Window,
};

/// Bytes of spans after which no more traces are read for an answer.
const MOST_BYTES: usize = 16 * 1024 * 1024;
/// Traces that are read at once.
const READ_AT_ONCE: usize = 8;
/// Traces of a service that are looked at for names of spans.
const LOOKED_AT: usize = 50;
/// How far back these lie at most, nanoseconds.
const LATELY_NS: i64 = 86_400_000_000_000;
/// Names of spans of a service that are told.
const MOST_OPERATIONS: usize = 2_000;

/// A trace, as it was sent and as Jaeger writes it.
#[derive(Debug)]
pub(super) struct Whole {
    pub(super) id: TraceId,
    pub(super) groups: Vec<ResourceSpans>,
    pub(super) trace: Trace,
}

impl Whole {
    fn of(stored: &StoredTrace) -> Self {
        let groups: Vec<_> = stored.parts.iter().map(group).collect();
        Self { id: stored.trace_id, trace: Trace::of(stored.trace_id, &groups), groups }
    }
}

/// One trace, as whoever asks sees it.
pub(super) async fn trace(view: &View, id: TraceId) -> Result<Whole, Problem> {
    let one = async {
        let stored = view.stored_trace(id).await?.ok_or_else(|| Problem::not_found("trace not found"))?;
        off_thread(move || Whole::of(&stored)).await
    };
    view.in_turn(one).await
}

/// The traces that are meant, the newest first.
pub(super) async fn find(view: &View, asked: Asked, window: Window) -> Result<Vec<Whole>, Problem> {
    let search = Search {
        from_ns: window.from_ns,
        to_ns: window.to_ns,
        expression: asked.expression().map(|text| text.parse()).transpose()?,
        order: Order::Newest,
        limit: asked.candidates(),
    };
    let found = view.search(search).await?.traces;
    let asked = Arc::new(asked);
    let read = async {
        let mut stored = stream::iter(found).map(|found| view.stored_trace(found.trace_id)).buffered(READ_AT_ONCE);
        let (mut kept, mut bytes) = (Vec::new(), 0);
        while kept.len() < asked.limit
            && bytes < MOST_BYTES
            && let Some(stored) = stored.try_next().await?
        {
            let Some(stored) = stored else { continue };
            bytes += stored.parts.iter().flat_map(|part| &part.spans).map(|span| span.len()).sum::<usize>();
            let asked = asked.clone();
            let whole = off_thread(move || Some(Whole::of(&stored)).filter(|whole| asked.is_met_by(&whole.trace)));
            kept.extend(whole.await?);
        }
        Ok(kept)
    };
    view.in_turn(read).await
}

/// Names and kinds of the spans of a service: those of its requests and handled messages of the last two days, and of other spans those that are in some of its
/// latest traces.
pub(super) async fn operations(view: &View, service: &str) -> Result<BTreeSet<(String, &'static str)>, Problem> {
    let requests = view.requests_lately().await?.into_iter().filter(|row| row.key.service == service);
    let kind = |kind| match kind {
        slo::Kind::Server => "server",
        slo::Kind::Consumer => "consumer",
    };
    let mut operations: BTreeSet<_> = requests.map(|row| (row.key.operation.clone(), kind(row.key.kind))).collect();
    let now = i64::try_from(Timestamp::now().as_nanosecond()).unwrap_or(i64::MAX);
    let expression = format!("service({})", control_plane_model::search::quoted(service)).parse()?;
    let query = SampleQuery { from_ns: now - LATELY_NS, to_ns: now, expression: Some(expression), limit: LOOKED_AT };
    let others = async {
        let mut sample = view.sample(query).await?;
        let mut others = BTreeSet::new();
        while let Some(traces) = sample.traces.try_next().await? {
            let service = service.to_owned();
            others.extend(
                off_thread(move || traces.iter().flat_map(|trace| names(trace, &service)).collect::<Vec<_>>()).await?,
            );
        }
        Ok(others)
    };
    operations.extend(view.in_turn(others).await?);
    Ok(operations.into_iter().take(MOST_OPERATIONS).collect())
}

/// Names and kinds of the spans that a service has in a trace.
fn names(trace: &StoredTrace, service: &str) -> Vec<(String, &'static str)> {
    let own =
        trace.parts.iter().filter(|part| *control_plane_model::otlp::Resource::of(&part.resource).service == *service);
    let spans = own.flat_map(|part| group(part).scope_spans).flat_map(|part| part.spans);
    spans.map(|span| (span.name.clone(), kind(span.kind()))).collect()
}

/// A kind, as Jaeger writes it; a span that has none is internal.
fn kind(kind: SpanKind) -> &'static str {
    match kind {
        SpanKind::Server => "server",
        SpanKind::Client => "client",
        SpanKind::Producer => "producer",
        SpanKind::Consumer => "consumer",
        SpanKind::Internal | SpanKind::Unspecified => "internal",
    }
}
