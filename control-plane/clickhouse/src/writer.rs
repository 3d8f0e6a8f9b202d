//! Spans of many requests in one insert.

use std::{collections::HashSet, sync::Arc};

use clickhouse::Row;
use control_plane_model::{
    incoming::Incoming,
    store::{IngestOutcome, MAX_SPANS_PER_TRACE, StoreError},
    versions::Sightings,
};
use parking_lot::Mutex;
use serde::Serialize;

use crate::{
    database::Database,
    links::Linking,
    queue::{Insert, bytes, rank, raw, received},
    versions,
};

/// Inserts spans.
#[derive(Debug, Clone)]
pub(crate) struct Spans {
    database: Database,
    sightings: Arc<Mutex<Sightings>>,
}

impl Spans {
    pub(crate) fn new(database: Database) -> Self {
        Self { database, sightings: Arc::default() }
    }
}

impl Insert for Spans {
    type Brought = Vec<Incoming>;
    type Outcome = IngestOutcome;

    fn rows(traces: &Vec<Incoming>) -> usize {
        traces.iter().flat_map(|trace| &trace.parts).map(|part| part.spans.len()).sum()
    }

    async fn insert(&self, batch: &[Vec<Incoming>], stamp: u64) -> Result<Vec<IngestOutcome>, StoreError> {
        let outcome = insert(&self.database, &self.sightings, batch, stamp).await;
        if outcome.is_err() {
            // What was not stored has to be seen again.
            *self.sightings.lock() = Sightings::default();
        }
        outcome
    }
}

/// A row of `spans`, its columns in their order.
#[derive(Row, Serialize)]
struct SpanRow<'a> {
    start: i64,
    trace_id: [u8; 16],
    span_id: u64,
    parent_id: u64,
    kind: i8,
    name: &'a str,
    service: &'a str,
    account: &'a str,
    tenant: &'a str,
    tier: &'a str,
    duration: u64,
    flags: u8,
    http: u16,
    weight: f64,
    rank: u64,
    place: u32,
    received: u32,
    #[serde(serialize_with = "raw")]
    resource: &'a [u8],
    #[serde(serialize_with = "raw")]
    scope: &'a [u8],
    #[serde(serialize_with = "raw")]
    body: &'a [u8],
}

/// A row of `changed`.
#[derive(Row, Serialize)]
struct Changed {
    rank: u64,
    trace_id: [u8; 16],
}

async fn insert(
    database: &Database,
    sightings: &Mutex<Sightings>,
    batch: &[Vec<Incoming>],
    stamp: u64,
) -> Result<Vec<IngestOutcome>, StoreError> {
    let (rank, received) = (rank(stamp), received(stamp));
    let (mut rows, mut known, mut changed) = (Vec::new(), HashSet::new(), HashSet::new());
    let (mut stored, mut linking) = (Vec::new(), Vec::new());
    for traces in batch {
        let mut of_job = IngestOutcome::default();
        for trace in traces {
            let trace_id = bytes(trace.trace_id);
            let mut of_trace = 0;
            for part in &trace.parts {
                for span in &part.spans {
                    let facts = &span.facts;
                    if !known.insert((trace_id, facts.id)) {
                        continue;
                    }
                    if of_trace == MAX_SPANS_PER_TRACE {
                        of_job.beyond += 1;
                        continue;
                    }
                    of_trace += 1;
                    changed.insert(trace_id);
                    linking.extend(facts.linked.iter().map(|linked| Linking {
                        linked: bytes(*linked),
                        start: facts.start_ns,
                        trace_id,
                        span_id: facts.id,
                        rank,
                        tenant: facts.tenant.as_deref().unwrap_or_default(),
                        received,
                    }));
                    rows.push(SpanRow {
                        start: facts.start_ns,
                        trace_id,
                        span_id: facts.id,
                        parent_id: facts.parent.unwrap_or_default(),
                        kind: facts.kind as i8,
                        name: &facts.operation,
                        service: &facts.service,
                        account: facts.account.as_deref().unwrap_or_default(),
                        tenant: facts.tenant.as_deref().unwrap_or_default(),
                        tier: facts.tier.as_deref().unwrap_or_default(),
                        duration: facts.duration_ns(),
                        flags: facts.flags.bits(),
                        http: facts.http_status,
                        weight: facts.weight,
                        rank,
                        place: u32::try_from(rows.len()).unwrap_or(u32::MAX),
                        received,
                        resource: &part.sender.body,
                        scope: &part.scope,
                        body: &span.body,
                    });
                }
            }
            of_job.spans += of_trace;
        }
        stored.push(of_job);
    }
    // Before the spans that they are of: what came again with these would not be theirs, and without them links lead nowhere.
    database.insert::<Linking<'_>>("links", &linking).await?;
    database.insert::<SpanRow<'_>>("spans", &rows).await?;
    let parts = batch.iter().flatten().flat_map(|trace| &trace.parts);
    let seen = sightings.lock().new_in(parts, i64::from(received));
    versions::store(database, &seen).await?;
    let changed: Vec<_> = changed.into_iter().map(|trace_id| Changed { rank, trace_id }).collect();
    database.insert::<Changed>("changed", &changed).await?;
    Ok(stored)
}
