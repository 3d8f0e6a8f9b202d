//! Traces as they were received, whole: SQL says which, and they are read by the primary key of `spans`, some at a time.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use bytes::Bytes;
use clickhouse::Row;
use control_plane_model::{
    sample::{Sample, SampleQuery, StoredPart, StoredTrace},
    store::{MAX_SPANS_PER_TRACE, Scope, StoreError},
    trace::TraceId,
};
use futures_util::{StreamExt, TryStreamExt, stream};
use opentelemetry_proto::tonic::resource::v1::Resource;
use prost::Message;
use serde::Deserialize;

use crate::{
    condition::Condition,
    database::{Database, all, failed, within},
    listing::asked,
    sums::StoredSpan,
};

/// Traces that are read at a time; their ids are one field of a form, of which ClickHouse takes 128 KiB.
const BATCH: usize = 2_000;
/// Batches that are read at once.
const AT_ONCE: usize = 2;

/// A row of the answer: when the trace began, its id in hexadecimal, and how many traces match.
#[derive(Row, Deserialize)]
struct Taken {
    bucket: u32,
    trace_id: String,
    matched: u64,
}

pub(crate) async fn sample(database: &Database, scope: &Scope, query: &SampleQuery) -> Result<Sample, StoreError> {
    let condition = Condition::new(query.expression.as_ref());
    let asked = asked(database, include_str!("../sql/sample_traces.sql"), &condition, scope, &query.into());
    // One row at least says how many match.
    let mut taken: Vec<Taken> = all(asked.param("limit", query.limit.max(1) as u64)).await?;
    let matched = taken.first().map_or(0, |first| first.matched as usize);
    taken.truncate(query.limit);
    // Those next to each other in `spans` are read together.
    taken.sort_unstable_by(|a, b| (a.bucket, &a.trace_id).cmp(&(b.bucket, &b.trace_id)));
    let ids: Vec<String> = taken.into_iter().map(|taken| taken.trace_id).collect();
    let batches: Vec<Vec<String>> = ids.chunks(BATCH).map(<[_]>::to_vec).collect();
    let (database, scope) = (database.clone(), scope.clone());
    let read = move |batch: Vec<String>| {
        let (database, scope) = (database.clone(), scope.clone());
        async move {
            let traces = stored_traces(&database, &batch).await?;
            Ok(traces.into_iter().filter_map(|trace| trace.seen_by(&scope)).collect())
        }
    };
    let traces = stream::iter(batches).map(read).buffered(AT_ONCE);
    let traces = traces.try_filter(|batch: &Vec<StoredTrace>| std::future::ready(!batch.is_empty())).boxed();
    Ok(Sample { matched, truncated: false, traces })
}

/// All spans of these traces, each once, as it came first.
async fn stored_traces(database: &Database, ids: &[String]) -> Result<Vec<StoredTrace>, StoreError> {
    let query = database.query(include_str!("../sql/spans_of_traces.sql"));
    let query = query.param("traces", ids).param("limit", 2 * MAX_SPANS_PER_TRACE as u64);
    let mut rows = query.fetch::<StoredSpan>().map_err(failed)?;
    let mut senders: HashMap<Bytes, Arc<Resource>> = HashMap::new();
    let mut traces: Vec<StoredTrace> = Vec::new();
    let mut known: HashSet<Bytes> = HashSet::new();
    while let Some(StoredSpan { trace_id, resource, body, .. }) = within(rows.next()).await? {
        let trace_id = TraceId::from_bytes(&trace_id).map_err(failed)?;
        if traces.last().is_none_or(|last| last.trace_id != trace_id) {
            traces.push(StoredTrace { trace_id, parts: Vec::new() });
            known.clear();
        }
        let Identified { span_id } = Identified::decode(body.clone()).map_err(failed)?;
        if known.len() == MAX_SPANS_PER_TRACE || !known.insert(span_id) {
            continue;
        }
        let resource = match senders.get(&resource) {
            Some(known) => known.clone(),
            None => {
                let decoded = Arc::new(Resource::decode(resource.clone()).map_err(failed)?);
                senders.entry(resource).or_insert(decoded).clone()
            }
        };
        let Some(StoredTrace { parts, .. }) = traces.last_mut() else { continue };
        match parts.iter_mut().find(|part| Arc::ptr_eq(&part.resource, &resource)) {
            Some(part) => part.spans.push(body),
            None => parts.push(StoredPart { resource, spans: vec![body] }),
        }
    }
    Ok(traces)
}

/// A `Span`, of which its id is looked at.
#[derive(Clone, PartialEq, Message)]
struct Identified {
    #[prost(bytes = "bytes", tag = "2")]
    span_id: Bytes,
}
