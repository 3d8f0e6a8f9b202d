//! From incoming spans to rows: what is new, where it hangs, what it adds to the sums.

use std::collections::HashMap;

use control_plane_model::{
    catalog::NONE,
    growing::{Change, GrowingTrace},
    otlp::{self, Facts},
    rollup::{bucket, day},
    store::{MAX_SPANS_PER_TRACE, Stored},
    topology::Placed,
    trace::TraceId,
};
use opentelemetry_proto::tonic::{resource::v1::Resource, trace::v1::ScopeSpans};
use prost::Message;
use rusqlite::{Connection, OptionalExtension, params};

use crate::{
    cells::{Cells, DAYS, EDGES, REQUESTS},
    dictionary::{Dictionary, Writing},
    failure::Failure,
    fragment::{Compressed, Fragment},
    late::Touched,
    outline,
};

/// Traces whose spans are held in memory, in each of two generations.
const HOT_TRACES: usize = 5_000;
const HOT_SPANS: usize = 100_000;
const NANOSECONDS: i64 = 1_000_000_000;

/// The state of the writer.
#[derive(Debug)]
pub(crate) struct Ingest {
    dictionary: Dictionary,
    hot: HotTraces,
    requests: Cells,
    edges: Cells,
    days: Cells,
    touched: Touched,
    next_row: i64,
}

impl Ingest {
    pub(crate) fn load(connection: &Connection) -> Result<Self, Failure> {
        let next_row = connection.query_row("SELECT coalesce(max(id), 0) + 1 FROM traces", [], |row| row.get(0))?;
        Ok(Self {
            dictionary: Dictionary::load(connection)?,
            hot: HotTraces::default(),
            requests: Cells::new(REQUESTS),
            edges: Cells::new(EDGES),
            days: Cells::new(DAYS),
            touched: Touched::default(),
            next_row,
        })
    }

    /// Adds what a request brought. Nothing is complete before [`Ingest::finish`].
    pub(crate) fn add(&mut self, connection: &Connection, traces: &[Compressed], now: i64) -> Result<Stored, Failure> {
        let mut stored = Stored::default();
        for incoming in traces {
            let mut trace = self.open(connection, incoming.trace_id)?;
            let outcome = self.add_to(connection, &mut trace, incoming, now);
            self.hot.put(incoming.trace_id, trace);
            let of_trace = outcome?;
            stored.spans += of_trace.spans;
            stored.beyond += of_trace.beyond;
        }
        Ok(stored)
    }

    fn open(&mut self, connection: &Connection, trace_id: TraceId) -> Result<Box<TraceState>, Failure> {
        if let Some(trace) = self.hot.take(trace_id) {
            return Ok(trace);
        }
        let sql = "SELECT id, start_ns FROM traces WHERE trace_id = ?1";
        let mut find = connection.prepare_cached(sql)?;
        let known = find.query_row([trace_id.as_bytes()], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
        let Some((row, start_ns)) = known else {
            self.next_row += 1;
            return Ok(Box::new(TraceState { row: self.next_row - 1, ..TraceState::default() }));
        };
        let mut trace = Box::new(TraceState { row, ..TraceState::default() });
        for (resource, scope_spans) in fragments(connection, row)? {
            let sender = otlp::Resource::of(&resource);
            for span in scope_spans.spans {
                let facts = Facts::of(&sender, &span);
                let mut numbers = Writing(&mut self.dictionary, connection);
                let placed = Placed::of(&mut numbers, &facts)?;
                trace.growing.add(&mut numbers, &facts, placed, |_, _| Ok(()))?;
            }
        }
        trace.dirty = false;
        trace.stored.start_ns = start_ns;
        trace.stored.tenants = trace.growing.named.tenants.clone();
        Ok(trace)
    }

    fn add_to(
        &mut self,
        connection: &Connection,
        trace: &mut TraceState,
        incoming: &Compressed,
        now: i64,
    ) -> Result<Stored, Failure> {
        let mut stored = Stored::default();
        // Which have come before, within this request too.
        let mut again = Vec::new();
        let mut index = 0;
        for part in &incoming.parts {
            self.dictionary.resource(connection, &part.sender)?;
            for span in &part.spans {
                if trace.growing.has(span.facts.id) {
                    again.push(index);
                } else if trace.growing.len() >= MAX_SPANS_PER_TRACE {
                    stored.beyond += 1;
                    again.push(index);
                } else {
                    stored.spans += 1;
                    self.count(connection, trace, &span.facts, now)?;
                }
                index += 1;
            }
        }
        let mut insert = connection.prepare_cached("INSERT INTO fragments (trace, body) VALUES (?1, ?2)")?;
        if again.is_empty() {
            insert.execute(params![trace.row, incoming.fragment])?;
        } else if stored.spans > 0 {
            insert.execute(params![trace.row, incoming.without(&again)])?;
        }
        Ok(stored)
    }

    fn count(
        &mut self,
        connection: &Connection,
        trace: &mut TraceState,
        facts: &Facts,
        now: i64,
    ) -> Result<(), Failure> {
        let placed = Placed::of(&mut Writing(&mut self.dictionary, connection), facts)?;
        if facts.is_request()
            && let Some(bucket) = bucket(facts.start_ns / NANOSECONDS, now)
        {
            let series = (placed.service, placed.operation, facts.kind as u8, placed.tier);
            let series = self.dictionary.series(connection, series)?;
            for tenant in for_whom(placed.tenant) {
                self.requests.add((bucket, tenant, series), &placed.sample, 1);
            }
            self.days.add((day(facts.start_ns / NANOSECONDS), placed.tenant, series), &placed.sample, 1);
            self.touched.add(placed.tenant, bucket);
        }
        let cells = &mut self.edges;
        trace.dirty = true;
        let mut numbers = Writing(&mut self.dictionary, connection);
        trace.growing.add(&mut numbers, facts, placed, |numbers, Change { sign, span, used }| {
            let Some(bucket) = bucket(span.start_ns / NANOSECONDS, now) else { return Ok(()) };
            let edge = numbers.0.edge(connection, (used.from, used.to, span.tier))?;
            for_whom(span.tenant).into_iter().for_each(|tenant| cells.add((bucket, tenant, edge), &used.sample, sign));
            Ok(())
        })?;
        Ok(())
    }

    /// Whose requests of which time were added since this was asked last: to be told once they are committed.
    pub(crate) fn take_touched(&mut self) -> Touched {
        std::mem::take(&mut self.touched)
    }

    /// Writes what [`Ingest::add`] gathered.
    pub(crate) fn finish(&mut self, connection: &Connection, now: i64) -> Result<(), Failure> {
        self.hot.write_dirty(connection, now)?;
        for cells in [&mut self.requests, &mut self.edges, &mut self.days] {
            cells.flush(connection)?;
        }
        Ok(())
    }

    /// A trace that retention has removed.
    pub(crate) fn forget(&mut self, trace_id: TraceId) {
        self.hot.take(trace_id);
    }

    /// Sums that have moved to other buckets.
    pub(crate) fn forget_cells(&mut self) {
        [&mut self.requests, &mut self.edges, &mut self.days].into_iter().for_each(Cells::forget);
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
    let broken = |error: prost::DecodeError| Failure::of(error);
    let mut select = connection.prepare_cached(sql)?;
    let mut resource = connection.prepare_cached("SELECT body FROM resources WHERE id = ?1")?;
    let mut known: HashMap<i64, Resource> = HashMap::new();
    let mut rows = select.query(of)?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let id = row.get(0)?;
        let fragment = Fragment::read(row.get_ref(1)?.as_blob().unwrap_or_default())?;
        for part in fragment.parts {
            let sender = match known.get(&part.resource) {
                Some(sender) => sender.clone(),
                None => {
                    let body: Vec<u8> = resource.query_row([part.resource], |row| row.get(0))?;
                    let sender = Resource::decode(body.as_slice()).map_err(broken)?;
                    known.insert(part.resource, sender.clone());
                    sender
                }
            };
            found.push((id, sender, part.spans().map_err(broken)?));
        }
    }
    Ok(found)
}

/// A trace whose spans are still coming, and its rows.
#[derive(Debug, Default)]
struct TraceState {
    row: i64,
    growing: GrowingTrace,
    dirty: bool,
    stored: InRows,
}

/// What rows of a trace say now.
#[derive(Debug, Default)]
struct InRows {
    start_ns: i64,
    tenants: Vec<u32>,
}

/// Traces that spans came for lately, in two generations: a trace asked for becomes young again, and when the young ones are
/// many the old ones go.
#[derive(Debug, Default)]
struct HotTraces {
    young: HashMap<TraceId, Box<TraceState>>,
    young_spans: usize,
    old: HashMap<TraceId, Box<TraceState>>,
    dirty: Vec<TraceId>,
}

impl HotTraces {
    fn take(&mut self, trace_id: TraceId) -> Option<Box<TraceState>> {
        if let Some(trace) = self.young.remove(&trace_id) {
            self.young_spans -= trace.growing.len();
            return Some(trace);
        }
        self.old.remove(&trace_id)
    }

    fn put(&mut self, trace_id: TraceId, trace: Box<TraceState>) {
        if trace.dirty {
            self.dirty.push(trace_id);
        }
        self.young_spans += trace.growing.len();
        self.young.insert(trace_id, trace);
    }

    fn get_mut(&mut self, trace_id: TraceId) -> Option<&mut Box<TraceState>> {
        self.young.get_mut(&trace_id).or_else(|| self.old.get_mut(&trace_id))
    }

    /// Writes the rows of traces that changed; only then may any be dropped.
    fn write_dirty(&mut self, connection: &Connection, now: i64) -> rusqlite::Result<()> {
        let dirty = std::mem::take(&mut self.dirty);
        for trace_id in &dirty {
            if let Some(trace) = self.get_mut(*trace_id).filter(|trace| trace.dirty) {
                write(connection, *trace_id, trace, now)?;
            }
        }
        if self.young.len() > HOT_TRACES || self.young_spans > HOT_SPANS {
            self.old = std::mem::take(&mut self.young);
            self.young_spans = 0;
        }
        Ok(())
    }
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
    if trace.stored.start_ns != start {
        let mut delete = connection.prepare_cached(DELETE_TENANT)?;
        for tenant in trace.stored.tenants.drain(..) {
            delete.execute(params![hour(trace.stored.start_ns), tenant, trace.stored.start_ns, trace.row])?;
        }
    }
    let mut insert = connection.prepare_cached(INSERT_TENANT)?;
    for tenant in &trace.growing.named.tenants {
        if !trace.stored.tenants.contains(tenant) {
            insert.execute(params![hour(start), tenant, start, trace.row])?;
            trace.stored.tenants.push(*tenant);
        }
    }
    trace.stored.start_ns = start;
    trace.dirty = false;
    Ok(())
}
