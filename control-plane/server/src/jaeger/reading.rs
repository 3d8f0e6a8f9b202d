//! Reads the traces that a request of Jaeger's API asks for.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use control_plane_model::{
    listing::{self, Order, SearchResult},
    sample::{SampleQuery, StoredTrace, batches},
    trace::TraceId,
};
use futures_util::TryStreamExt;
use jiff::Timestamp;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, span::SpanKind};

use super::{parameters::SpanFilter, spans::Trace};
use crate::{
    api::{View, group},
    problem::{Problem, off_thread},
    window::Window,
};

/// MiB of spans after which no more traces are read for an answer.
const MOST_MIB: usize = 16;
/// The limit in bytes.
const MOST_BYTES: usize = MOST_MIB * 1024 * 1024;
/// Traces that are read together: each may take as many bytes again.
const READ_TOGETHER: usize = 8;
/// Traces of a service that are looked at for names of spans.
const LOOKED_AT: usize = 50;
/// How far back these lie at most, nanoseconds.
const LATELY_NS: i64 = 86_400_000_000_000;
/// Names of spans of a service that are told.
const MOST_OPERATIONS: usize = 2_000;
/// What is said of a trace that is not there, as with Jaeger.
const NOT_FOUND: &str = "trace not found";

/// A trace, as it was sent and as Jaeger writes it. It takes several times the memory of its spans, so an answer keeps what it makes of it.
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

/// What an answer makes of a trace.
type Make<T> = fn(&Whole) -> T;

/// What a search finds.
#[derive(Debug)]
pub(super) struct Matches<T> {
    pub(super) traces: Vec<T>,
    /// Why there may be more of them.
    pub(super) more: Option<String>,
}

/// One trace, as the scope sees it.
pub(super) async fn trace<T: Send + 'static>(view: &View, id: TraceId, make: Make<T>) -> Result<T, Problem> {
    let found = by_ids(view, &[id], make).await?.pop();
    found.map_or(Err(NOT_FOUND.to_owned()), |(_, found)| found).map_err(Problem::not_found)
}

/// Traces by their ids, each or why it is not told.
pub(super) async fn by_ids<T: Send + 'static>(
    view: &View,
    ids: &[TraceId],
    make: Make<T>,
) -> Result<Vec<(TraceId, Result<T, String>)>, Problem> {
    let read = async {
        let (mut all, mut bytes) = (Vec::new(), 0);
        for together in ids.chunks(READ_TOGETHER) {
            let mut stored = if bytes < MOST_BYTES { stored_by_id(view, together).await? } else { HashMap::new() };
            for id in together {
                let outcome = if bytes >= MOST_BYTES {
                    Err(format!("not read: an answer ends after {MOST_MIB} MiB of spans"))
                } else if let Some(stored) = stored.remove(id) {
                    bytes += size(&stored);
                    Ok(off_thread(move || make(&Whole::of(&stored))).await?)
                } else {
                    Err(NOT_FOUND.to_owned())
                };
                all.push((*id, outcome));
            }
        }
        Ok(all)
    };
    view.in_turn(read).await
}

/// The traces that are meant, the newest first.
pub(super) async fn find<T: Send + 'static>(
    view: &View,
    asked: SpanFilter,
    window: Window,
    make: Make<T>,
) -> Result<Matches<T>, Problem> {
    let search = listing::Search {
        from_ns: window.from_ns,
        to_ns: window.to_ns,
        expression: asked.expression().map(|text| text.parse()).transpose()?,
        order: Order::Newest,
        limit: asked.candidates(),
    };
    let found = view.search(search).await?;
    let asked = Arc::new(asked);
    let read = async {
        let (mut traces, mut looked_at, mut bytes) = (Vec::new(), 0, 0);
        'all: for together in batches(&found.traces, READ_TOGETHER, |found| found.spans) {
            let ids: Vec<TraceId> = together.iter().map(|found| found.trace_id).collect();
            let mut stored = stored_by_id(view, &ids).await?;
            for id in ids {
                if traces.len() >= asked.limit || bytes >= MOST_BYTES {
                    break 'all;
                }
                looked_at += 1;
                let Some(stored) = stored.remove(&id) else { continue };
                bytes += size(&stored);
                let asked = asked.clone();
                let made = off_thread(move || {
                    let whole = Whole::of(&stored);
                    asked.is_met_by(&whole.trace).then(|| make(&whole))
                });
                traces.extend(made.await?);
            }
        }
        let more = if traces.len() < asked.limit { may_be_more(&found, window.from_ns, looked_at) } else { None };
        Ok(Matches { traces, more })
    };
    view.in_turn(read).await
}

/// Those of these traces that exist, by id.
async fn stored_by_id(view: &View, ids: &[TraceId]) -> Result<HashMap<TraceId, StoredTrace>, Problem> {
    Ok(view.stored_traces(ids).await?.into_iter().map(|stored| (stored.trace_id, stored)).collect())
}

/// Bytes of the spans of a trace.
fn size(stored: &StoredTrace) -> usize {
    stored.parts.iter().flat_map(|part| &part.spans).map(|span| span.len()).sum()
}

/// Why there may be more traces than were found, where fewer are told than were asked for.
fn may_be_more(found: &SearchResult, from_ns: i64, looked_at: usize) -> Option<String> {
    let back_to = found.lookup.as_ref().map(|lookup| lookup.from_unix_ns).filter(|from| *from > from_ns);
    let why = if looked_at < found.traces.len() {
        format!("an answer ends after {MOST_MIB} MiB of spans")
    } else if looked_at < found.matched {
        format!("of {} traces that may be meant, the newest {looked_at} were looked at", found.matched)
    } else if let Some(time) = back_to.and_then(|from| Timestamp::from_nanosecond(from.into()).ok()) {
        format!("traces that began before {time:.0} were not looked at")
    } else if found.truncated {
        "the oldest traces were not looked at".to_owned()
    } else {
        return None;
    };
    Some(format!("There may be more traces: {why}. A shorter window, or a tag that fewer have, finds them."))
}

/// Names and kinds of the spans of a service: those of its requests and handled messages of the last two days, and of other spans those that are in some of the
/// traces of its last day, taken at random.
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

#[cfg(test)]
mod tests {
    use control_plane_model::lookup::Lookup;

    use super::*;

    #[test]
    fn a_search_that_ended_early_says_why() {
        let lookup = |from_unix_ns| Lookup { attributes: Vec::new(), from_unix_ns, to_unix_ns: i64::MAX };
        let found = |matched, truncated, lookup| SearchResult {
            traces: Vec::new(),
            matched,
            scanned: matched,
            truncated,
            latency: Vec::new(),
            starts: Vec::new(),
            lookup,
        };
        let day = 86_400_000_000_000;
        for (found, looked_at, expected) in [
            (found(3, false, None), 3, None),
            (found(3, false, Some(lookup(0))), 3, None),
            (found(7, false, Some(lookup(day))), 3, Some("of 7 traces that may be meant, the newest 3 were looked at")),
            (found(3, true, Some(lookup(day))), 3, Some("before 1970-01-02T00:00:00Z were not looked at")),
            (found(3, true, None), 3, Some("the oldest traces were not looked at")),
        ] {
            let said = may_be_more(&found, 0, looked_at);
            assert_eq!(said.is_some(), expected.is_some(), "{said:?}");
            assert!(said.unwrap_or_default().contains(expected.unwrap_or_default()));
        }
    }
}
