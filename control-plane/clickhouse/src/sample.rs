//! Traces as they were received, whole: SQL says which, and they are read by the primary key of `spans`, some at a time.

use std::{collections::HashMap, sync::Arc};

use bytes::Bytes;
use clickhouse::Row;
use control_plane_model::{
    listing::Asked,
    sample::{Sample, SampleQuery, StoredPart, StoredTrace},
    search::Formula,
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
    lookup::{self, Matching},
};

/// Traces that are read at a time; their ids are one field of a form, of which ClickHouse takes 128 KiB.
pub(crate) const BATCH: usize = 2_000;
/// Batches that are read at once.
const AT_ONCE: usize = 2;

/// A row of the answer: when the trace began, its id in hexadecimal, and how many traces match.
#[derive(Row, Deserialize)]
struct Taken {
    bucket: u32,
    trace_id: String,
    matched: u64,
}

/// Of a row of `spans`.
#[derive(Row, Deserialize)]
struct SampledSpan {
    trace_id: [u8; 16],
    resource: Bytes,
    scope: Bytes,
    body: Bytes,
}

pub(crate) async fn sample(database: &Database, scope: &Scope, query: &SampleQuery) -> Result<Sample, StoreError> {
    let expression = lookup::resolved(database, scope, &query.into()).await?;
    let wanted = Asked { expression: expression.as_ref(), ..query.into() };
    let (mut taken, matched, truncated, lookup) = match expression.as_ref().and_then(Formula::of) {
        None => {
            let condition = Condition::new(expression.as_ref());
            let asked = asked(database, include_str!("../sql/sample_traces.sql"), &condition, scope, &wanted);
            // One row at least says how many match.
            let taken: Vec<Taken> = all(asked.param("limit", query.limit.max(1) as u64)).await?;
            let matched = taken.first().map_or(0, |first| first.matched as usize);
            (taken.into_iter().map(|taken| (taken.bucket, taken.trace_id)).collect(), matched, false, None)
        }
        Some(formula) => {
            let Matching { mut traces, truncated, lookup, .. } =
                lookup::matching(database, scope, &wanted, &formula).await?;
            traces.sort_unstable_by_key(|trace| (trace.place(), trace.trace_id));
            let taken: Vec<_> = traces.iter().map(|trace| (trace.bucket, trace.id())).collect();
            (taken, traces.len(), truncated, Some(lookup))
        }
    };
    taken.truncate(query.limit);
    // Those next to each other in `spans` are read together.
    taken.sort_unstable();
    let ids: Vec<String> = taken.into_iter().map(|(_, id)| id).collect();
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
    Ok(Sample { matched, truncated, lookup, traces })
}

/// All spans of these traces, each once, as it came first.
pub(crate) async fn stored_traces(database: &Database, ids: &[String]) -> Result<Vec<StoredTrace>, StoreError> {
    let query = database.query(include_str!("../sql/sample_spans.sql"));
    let query = query.param("traces", ids).param("limit", MAX_SPANS_PER_TRACE as u64);
    let mut rows = query.fetch::<SampledSpan>().map_err(failed)?;
    let mut senders: HashMap<Bytes, Arc<Resource>> = HashMap::new();
    let mut traces: Vec<StoredTrace> = Vec::new();
    while let Some(SampledSpan { trace_id, resource, scope, body }) = within(rows.next()).await? {
        let trace_id = TraceId::from_bytes(&trace_id).map_err(failed)?;
        if traces.last().is_none_or(|last| last.trace_id != trace_id) {
            traces.push(StoredTrace { trace_id, parts: Vec::new() });
        }
        let resource = match senders.get(&resource) {
            Some(known) => known.clone(),
            None => {
                let decoded = Arc::new(Resource::decode(resource.clone()).map_err(failed)?);
                senders.entry(resource).or_insert(decoded).clone()
            }
        };
        let Some(StoredTrace { parts, .. }) = traces.last_mut() else { continue };
        match parts.iter_mut().find(|part| Arc::ptr_eq(&part.resource, &resource) && part.scope == scope) {
            Some(part) => part.spans.push(body),
            None => parts.push(StoredPart { resource, scope, spans: vec![body] }),
        }
    }
    Ok(traces)
}
