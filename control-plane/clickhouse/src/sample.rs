//! Traces as they were received, whole: SQL says which, and they are read by the primary key of `spans`, some at a time.

use clickhouse::Row;
use control_plane_model::{
    listing::TraceSelection,
    sample::{Sample, SampleQuery, StoredTrace, batches},
    search::Formula,
    store::{Scope, StoreError},
};
use futures_util::{StreamExt, TryStreamExt, stream};
use serde::Deserialize;

use crate::{
    condition::Condition,
    database::{Database, all, fetch_one},
    lookup::{self, Matching},
    stored::{BATCH, stored_traces},
    trace_query::trace_query,
};

/// Batches that are read at once.
const AT_ONCE: usize = 2;

/// A row of the answer: when the trace began, its id in hexadecimal, and how many spans it has.
#[derive(Row, Deserialize)]
struct SampledTraceRow {
    bucket: u32,
    trace_id: String,
    spans: u32,
}

pub(crate) async fn sample(database: &Database, scope: &Scope, query: &SampleQuery) -> Result<Sample, StoreError> {
    let expression = lookup::resolved(database, scope, &query.into()).await?;
    let wanted = TraceSelection { expression: expression.as_ref(), ..query.into() };
    let (mut taken, matched, truncated, lookup) = match expression.as_ref().and_then(Formula::of) {
        None => {
            let condition = Condition::new(expression.as_ref());
            let query_of = |sql| trace_query(database, sql, &condition, scope, &wanted);
            // By themselves, since what counts them besides sorting would hold all of them.
            let taken = query_of(include_str!("../sql/sample_traces.sql")).param("limit", query.limit as u64);
            let matched = query_of(include_str!("../sql/sample_matched.sql"));
            let (taken, matched) = tokio::try_join!(all::<SampledTraceRow>(taken), fetch_one::<u64>(matched))?;
            let taken: Vec<_> = taken.into_iter().map(|taken| (taken.bucket, taken.trace_id, taken.spans)).collect();
            (taken, matched as usize, false, None)
        }
        Some(formula) => {
            let Matching { mut traces, truncated, lookup, .. } =
                lookup::matching(database, scope, &wanted, &formula).await?;
            traces.sort_unstable_by_key(|trace| (trace.place(), trace.trace_id));
            let taken: Vec<_> = traces.iter().map(|trace| (trace.bucket, trace.id(), trace.spans)).collect();
            (taken, traces.len(), truncated, Some(lookup))
        }
    };
    taken.truncate(query.limit);
    // Traces that are next to each other in `spans` are read together.
    taken.sort_unstable();
    let batches = batches(&taken, BATCH, |(.., spans)| *spans as usize).into_iter();
    let batches: Vec<Vec<String>> = batches.map(|some| some.iter().map(|(_, id, _)| id.clone()).collect()).collect();
    let (database, scope) = (database.clone(), scope.clone());
    let read = move |batch: Vec<String>| {
        let (database, scope) = (database.clone(), scope.clone());
        async move { stored_traces(&database, &scope, &batch).await }
    };
    let traces = stream::iter(batches).map(read).buffered(AT_ONCE);
    let traces = traces.try_filter(|batch: &Vec<StoredTrace>| std::future::ready(!batch.is_empty())).boxed();
    Ok(Sample { matched, truncated, lookup, traces })
}
