//! What the leader makes of traces that changed: their outlines, their spans in their places, requests that were refused, and the sums of every
//! minute they touch.

use std::collections::{BTreeSet, HashMap, HashSet};

use bytes::Bytes;
use clickhouse::Row;
use control_plane_model::{
    catalog::Node,
    growing::GrowingTrace,
    otlp::{self, Facts, Kind, Sample, SpanId},
    rollup::{self, MINUTE},
    store::{MAX_SPANS_PER_TRACE, StoreError},
    topology::NumberedFacts,
};
use opentelemetry_proto::tonic::{resource::v1::Resource, trace::v1::Span};
use prost::Message;
use serde::{Deserialize, Serialize};
use slo::histogram::bin;

use crate::{
    database::{Database, all, failed, five_minutes, seconds, within},
    late::{self, Touched},
    local::Local,
    outlined::Outlined,
    refusals::Refusal,
    schema::catch_up,
};

/// Batches whose sums are made together.
const BATCHES: usize = 100;
/// Traces whose rows are in memory together; their ids are one field of a form, of which ClickHouse takes 128 KiB.
const TRACES: usize = 2_000;
/// Minutes that are summed together.
const MINUTES: usize = 50;
const NANOSECONDS: i64 = 1_000_000_000;

#[derive(Row, Deserialize)]
struct Batch {
    at: i64,
    rank: u64,
    version: u64,
}

/// Minutes whose sums that count have an even version, or an odd one.
#[derive(Row, Deserialize)]
struct Parity {
    parity: u64,
    minutes: Vec<u32>,
}

/// A row of `done`.
#[derive(Row, Serialize)]
struct Done {
    at: i64,
    rank: u64,
}

/// The columns of `spans` that sums are made of.
#[derive(Row, Deserialize)]
pub(crate) struct StoredSpan {
    trace_id: [u8; 16],
    rank: u64,
    pub(crate) resource: Bytes,
    pub(crate) body: Bytes,
}

/// Source, target, then the sample: duration, bin, flags, weight, whether that is a guess.
type Use = (Node, Node, u64, u16, u8, f64, u8);

/// A row of `placed`.
#[derive(Row, Serialize)]
struct PlacedRow {
    minute: u32,
    trace_id: [u8; 16],
    span_id: u64,
    version: u64,
    request: u8,
    account: String,
    service: String,
    operation: String,
    kind: i8,
    tenant: String,
    tier: String,
    duration: u64,
    bin: u16,
    flags: u8,
    weight: f64,
    estimated: u8,
    uses: Vec<Use>,
}

/// The first batches whose sums are not made yet.
async fn batches(database: &Database, limit: usize) -> Result<Vec<Batch>, StoreError> {
    all(database.query(include_str!("../sql/changed.sql")).param("batches", limit as u64)).await
}

/// When the first of them was written, milliseconds since 1970.
pub(crate) async fn first_to_make(database: &Database) -> Result<Option<i64>, StoreError> {
    Ok(batches(database, 1).await?.first().map(|batch| batch.at))
}

/// Makes the sums of the batches that have none yet, the first of them; whether there may be more.
pub(crate) async fn make(database: &Database) -> Result<bool, StoreError> {
    let batches = batches(database, BATCHES).await?;
    // A batch may be known here before its spans are.
    catch_up(database).await?;
    // Before any span is read: what another leader makes of spans that it read before this one is older.
    let version = batches.iter().map(|batch| batch.version).max().unwrap_or_default();
    let mut making = Making {
        version,
        now: jiff::Timestamp::now().as_second(),
        ranks: batches.iter().map(|batch| batch.rank).collect(),
        touched: Touched::new(),
        minutes: BTreeSet::new(),
        traces: Vec::new(),
        placed: Vec::new(),
        refusals: Vec::new(),
    };
    let Some(since) = batches.iter().map(|batch| batch.at).min() else { return Ok(false) };
    let ranks: Vec<u64> = batches.iter().map(|batch| batch.rank).collect();
    let changed =
        database.query(include_str!("../sql/traces_of_batches.sql")).param("since", since).param("ranks", ranks);
    let changed: Vec<String> = all(changed).await?;
    // What was made of some is inserted while the next are read.
    for traces in changed.chunks(TRACES).chain([&[][..]]) {
        let (placed, outlined) = (std::mem::take(&mut making.placed), std::mem::take(&mut making.traces));
        let refusals = std::mem::take(&mut making.refusals);
        tokio::try_join!(
            making.read(database, traces),
            database.insert::<PlacedRow>("placed", &placed),
            database.insert::<Outlined>("outlines", &outlined),
            database.insert::<Refusal>("refusals", &refusals),
        )?;
    }
    let minutes: Vec<u32> = making.minutes.iter().copied().collect();
    for minutes in minutes.chunks(MINUTES) {
        let parities = database.query(include_str!("../sql/parities.sql")).param("minutes", minutes);
        for Parity { parity, minutes } in all::<Parity>(parities).await? {
            // What counts has the other parity, and is not replaced before these do.
            let version = making.version + (making.version + parity + 1) % 2;
            let sum = |sql| within(database.query(sql).param("minutes", &minutes).param("version", version).execute());
            tokio::try_join!(sum(include_str!("../sql/sum_edges.sql")), sum(include_str!("../sql/sum_requests.sql")))?;
            sum(include_str!("../sql/sum_minutes.sql")).await?;
        }
    }
    late::record(database, making.version, &making.touched).await?;
    let done: Vec<Done> = batches.iter().map(|batch| Done { at: batch.at, rank: batch.rank }).collect();
    database.insert::<Done>("done", &done).await?;
    Ok(done.len() == BATCHES)
}

struct Making {
    version: u64,
    /// Unix seconds.
    now: i64,
    ranks: HashSet<u64>,
    touched: Touched,
    minutes: BTreeSet<u32>,
    traces: Vec<Outlined>,
    placed: Vec<PlacedRow>,
    refusals: Vec<Refusal>,
}

/// A trace whose spans are being read.
#[derive(Default)]
struct Open {
    trace_id: [u8; 16],
    /// The rank of its first span.
    rank: u64,
    local: Local,
    growing: GrowingTrace,
    facts: Vec<Facts>,
}

impl Making {
    async fn read(&mut self, database: &Database, traces: &[String]) -> Result<(), StoreError> {
        if traces.is_empty() {
            return Ok(());
        }
        let query = database.query(include_str!("../sql/spans_of_traces.sql"));
        let query = query.param("traces", traces).param("limit", 2 * MAX_SPANS_PER_TRACE as u64);
        let mut rows = query.fetch::<StoredSpan>().map_err(failed)?;
        let mut open = Open::default();
        let mut sender = (Bytes::new(), otlp::Resource::of(&Resource::default()));
        while let Some(row) = within(rows.next()).await? {
            if row.trace_id != open.trace_id {
                self.close(std::mem::take(&mut open));
                (open.trace_id, open.rank) = (row.trace_id, row.rank);
            }
            if row.resource != sender.0 {
                let resource = Resource::decode(row.resource.as_ref()).map_err(failed)?;
                sender = (row.resource, otlp::Resource::of(&resource));
            }
            let span = Span::decode(row.body.as_ref()).map_err(failed)?;
            let facts = Facts::of(&sender.1, &span);
            // Also of one that came again: the batch that brought it first may have failed before it was among those that changed.
            if self.ranks.contains(&row.rank)
                && facts.is_request()
                && let Some(bucket) = rollup::bucket(facts.start_ns / NANOSECONDS, self.now)
            {
                let tenant = facts.tenant.as_deref().map(str::to_owned);
                let earliest = self.touched.entry(tenant).or_insert(bucket);
                *earliest = bucket.min(*earliest);
            }
            if open.growing.has(facts.id) || open.growing.len() >= MAX_SPANS_PER_TRACE {
                continue;
            }
            let Ok(placed) = NumberedFacts::of(&mut open.local, &facts);
            let Ok(()) = open.growing.add(&mut open.local, &facts, placed, |_, _| Ok(()));
            self.refusals.extend(Refusal::of(&facts, row.trace_id, row.rank));
            open.facts.push(facts);
        }
        self.close(open);
        Ok(())
    }

    fn close(&mut self, open: Open) {
        let Open { trace_id, rank, local, growing, facts } = open;
        if growing.is_empty() {
            return;
        }
        let mut uses: HashMap<SpanId, Vec<Use>> = HashMap::new();
        growing.uses(|id, _, used| {
            let (from, to) = (local.catalog.node(used.from), local.catalog.node(used.to));
            let Sample { duration_ns, flags, weight, estimated } = used.sample;
            let row = (from, to, duration_ns, bin(duration_ns), flags.bits(), weight, u8::from(estimated));
            uses.entry(id).or_default().push(row);
        });
        let mut buckets = BTreeSet::new();
        for facts in facts {
            buckets.insert(five_minutes(facts.start_ns));
            let second = facts.start_ns / NANOSECONDS;
            if facts.kind == Kind::Internal || rollup::bucket(second, self.now).is_none() {
                continue;
            }
            let minute = seconds(second.div_euclid(MINUTE) * MINUTE);
            self.minutes.insert(minute);
            self.placed.push(PlacedRow {
                minute,
                trace_id,
                span_id: facts.id,
                version: self.version,
                request: u8::from(facts.is_request()),
                duration: facts.duration_ns(),
                bin: bin(facts.duration_ns()),
                account: facts.account.as_deref().unwrap_or_default().to_owned(),
                service: facts.service.to_string(),
                operation: facts.operation.into(),
                kind: facts.kind as i8,
                tenant: facts.tenant.as_deref().unwrap_or_default().to_owned(),
                tier: facts.tier.as_deref().unwrap_or_default().to_owned(),
                flags: facts.flags.bits(),
                weight: facts.weight,
                estimated: u8::from(facts.estimated),
                uses: uses.remove(&facts.id).unwrap_or_default(),
            });
        }
        let received = seconds(i64::try_from((u64::MAX - rank) / 1_000_000_000).unwrap_or_default());
        let row = Outlined::of(&growing, &local.catalog, (trace_id, self.version, received));
        // It may have been thought to begin where now only a later span of it does.
        buckets.remove(&row.bucket);
        self.traces.extend(buckets.into_iter().map(|bucket| row.gone_from(bucket)));
        self.traces.push(row);
    }
}
