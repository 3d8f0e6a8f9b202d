//! Spans of many requests in one insert.

use std::{
    collections::HashSet,
    hash::{BuildHasher, RandomState},
    sync::Arc,
    time::Duration,
};

use clickhouse::Row;
use control_plane_model::{
    incoming::Incoming,
    store::{MAX_SPANS_PER_TRACE, StoreError, Stored},
    trace::TraceId,
    versions::Sightings,
};
use parking_lot::Mutex;
use serde::{Serialize, Serializer};
use tokio::{
    sync::{Semaphore, mpsc, oneshot},
    time::{Instant, timeout, timeout_at},
};

use crate::{
    database::{Database, now_ns},
    links::Linking,
    versions,
};

/// Requests that may wait; one more is told to come back.
const MAX_WAITING: usize = 128;
/// Inserts under way at a time: while one is made durable, the next is sent.
const INSERTS: usize = 2;
/// How long the first of an insert waits for more: each insert makes parts, which have to be merged again and again.
const LINGER: Duration = Duration::from_millis(20);
/// Spans in one insert, so that nobody waits for an endless one.
const MAX_SPANS_PER_INSERT: usize = 30_000;
/// Senders hear of what takes longer before they stop listening, which exporters do after ten seconds:
/// <https://opentelemetry.io/docs/specs/otel/protocol/exporter/>.
const MAX_WAIT: Duration = Duration::from_secs(8);
/// The part of a rank that tells servers apart, and leaves 65 µs for a batch.
const SALT: u64 = 0xffff;

struct Job {
    traces: Vec<Incoming>,
    spans: usize,
    done: oneshot::Sender<Result<Stored, StoreError>>,
}

/// A handle to the writer; it ends with the last handle.
#[derive(Debug, Clone)]
pub(crate) struct Writer(mpsc::Sender<Job>);

impl Writer {
    pub(crate) fn start(database: Database) -> Self {
        let (jobs, waiting) = mpsc::channel(MAX_WAITING);
        tokio::spawn(run(database, waiting));
        Self(jobs)
    }

    /// Stores spans; `Ok` means that they are durable.
    pub(crate) async fn store(&self, traces: Vec<Incoming>) -> Result<Stored, StoreError> {
        let spans = traces.iter().flat_map(|trace| &trace.parts).map(|part| part.spans.len()).sum();
        let (done, outcome) = oneshot::channel();
        self.0.try_send(Job { traces, spans, done }).map_err(|_| StoreError::Busy)?;
        let outcome = timeout(MAX_WAIT, outcome).await;
        let outcome = outcome.map_err(|_| StoreError::Failed(format!("not stored within {} s", MAX_WAIT.as_secs())))?;
        outcome.map_err(|_| StoreError::Failed("the writer ended".into()))?
    }
}

async fn run(database: Database, mut waiting: mpsc::Receiver<Job>) {
    let salt = RandomState::new().hash_one(0) & SALT;
    let inserts = Arc::new(Semaphore::new(INSERTS));
    let sightings = Arc::new(Mutex::new(Sightings::default()));
    let mut stamp = 0;
    while let Ok(one) = inserts.clone().acquire_owned().await
        && let Some(first) = waiting.recv().await
    {
        // Whoever gave up waiting sends it again.
        if first.done.is_closed() {
            continue;
        }
        let mut spans = first.spans;
        let mut batch = vec![first];
        let until = Instant::now() + LINGER;
        while spans < MAX_SPANS_PER_INSERT
            && let Ok(Some(job)) = timeout_at(until, waiting.recv()).await
        {
            spans += job.spans;
            batch.push(job);
        }
        stamp = (now_ns() & !SALT | salt).max(stamp + SALT + 1);
        let (database, sightings) = (database.clone(), sightings.clone());
        tokio::spawn(async move {
            let outcome = insert(&database, &sightings, &batch, stamp).await;
            if outcome.is_err() {
                // What was not stored has to be seen again.
                *sightings.lock() = Sightings::default();
            }
            for (index, job) in batch.into_iter().enumerate() {
                let outcome = outcome.as_ref().map(|stored| stored.get(index).copied().unwrap_or_default());
                // Whoever asked may have gone.
                let _gone = job.done.send(outcome.map_err(Clone::clone));
            }
            drop(one);
        });
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

fn raw<S: Serializer>(bytes: &&[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_bytes(bytes)
}

/// A row of `changed`.
#[derive(Row, Serialize)]
struct Changed {
    rank: u64,
    trace_id: [u8; 16],
}

fn bytes(trace_id: TraceId) -> [u8; 16] {
    trace_id.as_bytes().try_into().unwrap_or_default()
}

async fn insert(
    database: &Database,
    sightings: &Mutex<Sightings>,
    batch: &[Job],
    stamp: u64,
) -> Result<Vec<Stored>, StoreError> {
    let rank = u64::MAX - stamp;
    let received = u32::try_from(stamp / 1_000_000_000).unwrap_or(u32::MAX);
    let (mut rows, mut known, mut changed) = (Vec::new(), HashSet::new(), HashSet::new());
    let (mut stored, mut linking) = (Vec::new(), Vec::new());
    for job in batch {
        let mut of_job = Stored::default();
        for trace in &job.traces {
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
    let parts = batch.iter().flat_map(|job| &job.traces).flat_map(|trace| &trace.parts);
    let seen = sightings.lock().new_in(parts, i64::from(received));
    versions::store(database, &seen).await?;
    let changed: Vec<_> = changed.into_iter().map(|trace_id| Changed { rank, trace_id }).collect();
    database.insert::<Changed>("changed", &changed).await?;
    Ok(stored)
}
