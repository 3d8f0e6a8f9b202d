//! From what comes to rows: of spans, which are new, where they hang, what they add to the sums.

use std::collections::{HashMap, hash_map::Entry};

use control_plane_model::{
    catalog::NONE,
    growing::{Change, GrowingTrace},
    otlp::{self, Facts},
    rollup::{bucket, day},
    store::MAX_SPANS_PER_TRACE,
    topology::NumberedFacts,
    trace::TraceId,
    versions::Sightings,
};
use lru::LruCache;
use opentelemetry_proto::tonic::{resource::v1::Resource, trace::v1::ScopeSpans};
use prost::Message;
use rusqlite::{Connection, OptionalExtension, params};

use crate::{
    cells::{Cells, TABLES},
    dictionary::{Dictionary, Writing},
    failure::Failure,
    fragment::{Compressed, Fragment},
    ingest_batch::{Added, IngestBatch},
    late::Touched,
    linking,
    log_records::LogRecords,
    outline,
    points::Points,
    refusing,
    remembered::PointMemory,
    sightings,
};

/// Traces that got spans lately are held in memory: at most this many, with at most this many spans together.
const HOT_TRACES: usize = 7_500;
const HOT_SPANS: usize = 150_000;
const NANOSECONDS: i64 = 1_000_000_000;

/// The state of the writer.
#[derive(Debug)]
pub(crate) struct Ingest {
    dictionary: Dictionary,
    sightings: Sightings,
    sums: Sums,
    points: Points,
    log_records: LogRecords,
    hot: LruCache<TraceId, TraceState>,
    hot_spans: usize,
    /// Those whose rows are to be written, in the order in which they came.
    dirty: Vec<TraceId>,
    next_row: i64,
}

/// What the spans of a commit add to the sums.
#[derive(Debug)]
struct Sums {
    requests: Cells,
    edges: Cells,
    days: Cells,
    touched: Touched,
}

/// A trace whose spans are still coming, and what its rows say.
#[derive(Debug, Default)]
struct TraceState {
    row: i64,
    growing: GrowingTrace,
    dirty: bool,
    stored_start_ns: i64,
    stored_tenants: Vec<u32>,
    /// How many of the spans in memory are its.
    hot_spans: usize,
}

impl Ingest {
    pub(crate) fn load(connection: &Connection) -> Result<Self, Failure> {
        let next_row = connection.query_row("SELECT coalesce(max(id), 0) + 1 FROM traces", [], |row| row.get(0))?;
        let [requests, edges, days] = TABLES.map(Cells::new);
        Ok(Self {
            dictionary: Dictionary::load(connection)?,
            sightings: Sightings::default(),
            sums: Sums { requests, edges, days, touched: Touched::default() },
            points: Points::load(connection)?,
            log_records: LogRecords::default(),
            hot: LruCache::unbounded(),
            hot_spans: 0,
            dirty: Vec::new(),
            next_row,
        })
    }

    /// Adds what a request brought. Nothing is complete before [`Ingest::finish`].
    pub(crate) fn add(&mut self, connection: &Connection, brought: &IngestBatch, now: i64) -> Result<Added, Failure> {
        match brought {
            IngestBatch::Spans(traces) => self.add_spans(connection, traces, now),
            IngestBatch::Points(points) => self.points.add(connection, points, now),
            IngestBatch::Logs(logs) => self.log_records.add(&mut self.dictionary, connection, logs, now),
        }
    }

    fn add_spans(&mut self, connection: &Connection, traces: &[Compressed], now: i64) -> Result<Added, Failure> {
        let parts = traces.iter().flat_map(|trace| &trace.parts);
        sightings::store(connection, &self.sightings.new_in(parts, now))?;
        let mut added = Added::default();
        for incoming in traces {
            let mut numbers = Writing(&mut self.dictionary, connection);
            let open = || open(&mut numbers, &mut self.next_row, incoming.trace_id);
            let trace = self.hot.try_get_or_insert_mut(incoming.trace_id, open)?;
            let of_trace = add(&mut numbers, &mut self.sums, trace, incoming, now)?;
            if of_trace.new > 0 && !std::mem::replace(&mut trace.dirty, true) {
                self.dirty.push(incoming.trace_id);
            }
            self.hot_spans += trace.growing.len() - std::mem::replace(&mut trace.hot_spans, trace.growing.len());
            added.new += of_trace.new;
            added.beyond += of_trace.beyond;
        }
        Ok(added)
    }

    /// Whose requests of which time were added since this was asked last: to be told once they are committed.
    pub(crate) fn take_touched(&mut self) -> Touched {
        std::mem::take(&mut self.sums.touched)
    }

    /// Writes what [`Ingest::add`] gathered.
    pub(crate) fn finish(&mut self, connection: &Connection, now: i64) -> Result<(), Failure> {
        for trace_id in self.dirty.drain(..) {
            if let Some(trace) = self.hot.peek_mut(&trace_id) {
                write(connection, trace_id, trace, now)?;
            }
        }
        // Only what is written may be dropped.
        while self.hot.len() > HOT_TRACES || self.hot_spans > HOT_SPANS {
            self.hot_spans -= self.hot.pop_lru().map_or(self.hot_spans, |(_, trace)| trace.hot_spans);
        }
        let Sums { requests, edges, days, .. } = &mut self.sums;
        for cells in [requests, edges, days] {
            cells.flush(connection)?;
        }
        self.points.finish(connection)
    }

    /// A trace that retention has removed.
    pub(crate) fn forget(&mut self, trace_id: TraceId) {
        self.hot_spans -= self.hot.pop(&trace_id).map_or(0, |trace| trace.hot_spans);
    }

    /// A trace of which retention has removed log records.
    pub(crate) fn forget_logs(&mut self, trace_id: TraceId) {
        self.log_records.forget(trace_id);
    }

    /// How far back points are known.
    pub(crate) fn remembered(&mut self) -> &mut PointMemory {
        &mut self.points.remembered
    }

    /// Sums that have moved to other buckets.
    pub(crate) fn forget_cells(&mut self) {
        let Sums { requests, edges, days, .. } = &mut self.sums;
        [requests, edges, days].into_iter().for_each(Cells::forget);
    }
}

/// A trace as its rows have it; a new one, if there are none.
fn open(numbers: &mut Writing<'_>, next_row: &mut i64, trace_id: TraceId) -> Result<TraceState, Failure> {
    let connection = numbers.1;
    let mut find = connection.prepare_cached("SELECT id, start_ns FROM traces WHERE trace_id = ?1")?;
    let known = find.query_row([trace_id.as_bytes()], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
    let Some((row, stored_start_ns)) = known else {
        *next_row += 1;
        return Ok(TraceState { row: *next_row - 1, ..TraceState::default() });
    };
    let mut growing = GrowingTrace::default();
    for (resource, scope_spans) in fragments(connection, row)? {
        let sender = otlp::Resource::of(&resource);
        for span in scope_spans.spans {
            let facts = Facts::of(&sender, &span);
            let placed = NumberedFacts::of(numbers, &facts)?;
            growing.add(numbers, &facts, placed, |_, _| Ok(()))?;
        }
    }
    let stored_tenants = growing.named.tenants.clone();
    Ok(TraceState { row, growing, stored_start_ns, stored_tenants, ..TraceState::default() })
}

/// Adds what a request brought of a trace.
fn add(
    numbers: &mut Writing<'_>,
    sums: &mut Sums,
    trace: &mut TraceState,
    incoming: &Compressed,
    now: i64,
) -> Result<Added, Failure> {
    let mut added = Added::default();
    // The spans that have come before, earlier in this request too.
    let mut again = Vec::new();
    let mut index = 0;
    for part in &incoming.parts {
        numbers.0.resource(numbers.1, &part.sender)?;
        for span in &part.spans {
            if trace.growing.has(span.facts.id) {
                again.push(index);
            } else if trace.growing.len() >= MAX_SPANS_PER_TRACE {
                added.beyond += 1;
                again.push(index);
            } else {
                added.new += 1;
                sums.count(numbers, &mut trace.growing, &span.facts, now)?;
                linking::store(numbers, trace.row, &span.facts)?;
                refusing::store(numbers, incoming.trace_id, &span.facts)?;
            }
            index += 1;
        }
    }
    let mut insert = numbers.1.prepare_cached("INSERT INTO fragments (trace, body) VALUES (?1, ?2)")?;
    if again.is_empty() {
        insert.execute(params![trace.row, incoming.fragment])?;
    } else if added.new > 0 {
        insert.execute(params![trace.row, incoming.without(&again)])?;
    }
    Ok(added)
}

impl Sums {
    /// Adds a span to its trace, and what that changes.
    fn count(
        &mut self,
        numbers: &mut Writing<'_>,
        growing: &mut GrowingTrace,
        facts: &Facts,
        now: i64,
    ) -> Result<(), Failure> {
        let placed = NumberedFacts::of(numbers, facts)?;
        let second = facts.start_ns / NANOSECONDS;
        if facts.is_request()
            && let Some(bucket) = bucket(second, now)
        {
            let series = (placed.service, placed.operation, facts.kind as u8, placed.tier);
            let series = numbers.0.series(numbers.1, series)?;
            for tenant in for_whom(placed.tenant) {
                self.requests.add((bucket, tenant, series), &placed.sample, 1);
            }
            self.days.add((day(second), placed.tenant, series), &placed.sample, 1);
            let earliest = self.touched.entry(placed.tenant).or_insert(bucket);
            *earliest = bucket.min(*earliest);
        }
        growing.add(numbers, facts, placed, |numbers, Change { sign, span, used }| {
            let Some(bucket) = bucket(span.start_ns / NANOSECONDS, now) else { return Ok(()) };
            let edge = numbers.0.edge(numbers.1, (used.from, used.to, span.tier))?;
            for tenant in for_whom(span.tenant) {
                self.edges.add((bucket, tenant, edge), &used.sample, sign);
            }
            Ok(())
        })?;
        Ok(())
    }
}

/// A sum is kept for the tenant, and for all tenants together.
fn for_whom(tenant: u32) -> impl IntoIterator<Item = u32> {
    [Some(NONE), Some(tenant).filter(|tenant| *tenant != NONE)].into_iter().flatten()
}

/// Senders and spans of a trace, in the order in which they came.
pub(crate) fn fragments(connection: &Connection, row: i64) -> Result<Vec<(Resource, ScopeSpans)>, Failure> {
    let parts = parts(connection, "SELECT id, body FROM fragments WHERE trace = ?1 ORDER BY id", [row])?;
    Ok(parts.into_iter().map(|(_, resource, scope_spans)| (resource, scope_spans)).collect())
}

/// What fragments hold, with their ids.
pub(crate) fn parts(
    connection: &Connection,
    sql: &str,
    of: impl rusqlite::Params,
) -> Result<Vec<(i64, Resource, ScopeSpans)>, Failure> {
    let mut select = connection.prepare_cached(sql)?;
    let mut resource = connection.prepare_cached("SELECT body FROM resources WHERE id = ?1")?;
    let mut known: HashMap<i64, Resource> = HashMap::new();
    let mut rows = select.query(of)?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let id = row.get(0)?;
        let fragment = Fragment::read(row.get_ref(1)?.as_blob().unwrap_or_default())?;
        for part in fragment.parts {
            let sender = match known.entry(part.resource) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(new) => {
                    let body: Vec<u8> = resource.query_row([part.resource], |row| row.get(0))?;
                    new.insert(Resource::decode(body.as_slice())?)
                }
            };
            found.push((id, sender.clone(), part.spans()?));
        }
    }
    Ok(found)
}

const INSERT_TENANT: &str = "INSERT INTO trace_tenants (hour, tenant, start_ns, trace) VALUES (?1, ?2, ?3, ?4)";
pub(crate) const DELETE_TENANT: &str =
    "DELETE FROM trace_tenants WHERE hour = ?1 AND tenant = ?2 AND start_ns = ?3 AND trace = ?4";

/// The hour since 1970 that a trace began in.
pub(crate) fn hour(start_ns: i64) -> i64 {
    start_ns.div_euclid(3_600 * NANOSECONDS)
}

fn write(connection: &Connection, trace_id: TraceId, trace: &mut TraceState, now: i64) -> rusqlite::Result<()> {
    let outline = outline::encode(&trace.growing.outline());
    let spans = i64::try_from(trace.growing.len()).unwrap_or(i64::MAX);
    let (start, end, flags) = (trace.growing.start_ns, trace.growing.end_ns, trace.growing.flags.bits());
    let sql = "INSERT INTO traces (id, trace_id, received, start_ns, end_ns, spans, flags, outline)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT (id) DO UPDATE SET start_ns = excluded.start_ns,
               end_ns = excluded.end_ns, spans = excluded.spans, flags = excluded.flags, outline = excluded.outline";
    let mut insert = connection.prepare_cached(sql)?;
    insert.execute(params![trace.row, trace_id.as_bytes(), now, start, end, spans, flags, outline])?;
    if trace.stored_start_ns != start {
        let mut delete = connection.prepare_cached(DELETE_TENANT)?;
        for tenant in trace.stored_tenants.drain(..) {
            delete.execute(params![hour(trace.stored_start_ns), tenant, trace.stored_start_ns, trace.row])?;
        }
        trace.stored_start_ns = start;
    }
    let mut insert = connection.prepare_cached(INSERT_TENANT)?;
    for tenant in &trace.growing.named.tenants {
        if !trace.stored_tenants.contains(tenant) {
            insert.execute(params![hour(start), tenant, start, trace.row])?;
            trace.stored_tenants.push(*tenant);
        }
    }
    trace.dirty = false;
    Ok(())
}
