//! Attributes that no index has: SQL finds spans that hold the bytes of one, and what these say is read here.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use clickhouse::{Row, query::Query};
use control_plane_model::{
    listing::TraceSelection,
    lookup::{Lookup, Reach},
    otlp::Flags,
    sample::{StoredTrace, batches, place},
    search::{Attribute, AttributeMatcher, Bits, Expression, Formula, bit},
    store::{Scope, StoreError},
    trace::TraceId,
};
use futures_util::{StreamExt, TryStreamExt, stream};
use serde::Deserialize;
use tokio::task::{JoinHandle, spawn_blocking};

use crate::{
    condition::Condition,
    database::{Database, all, failed, five_minutes, within},
    hits::{self, Hit, Rows, SpanAttributes, SpanRange, TraceAttributes},
    stored::{BATCH, stored_traces},
    trace_query::trace_query,
};

/// Traces looked at in one search for such attributes; one that stops there says so.
const MAX_LOOKED_AT: usize = 1_000_000;
/// A search takes its time in stretches of about so many spans, so many at once: ClickHouse picks out some of each trace on one thread, and
/// what it has found of one stretch is read while it looks at the next.
const IN_A_STRETCH: usize = 150_000;
const AT_ONCE: usize = 2;
/// Spans that were found and are read together.
const AT_A_TIME: usize = 8_192;
/// A trace that takes longer is read by itself, so that it does not make others' time longer.
const LONG_NS: u64 = 3_600_000_000_000;

/// A trace that may match, a row of the answer.
#[derive(Row, Deserialize)]
pub(crate) struct Candidate {
    pub(crate) bucket: u32,
    pub(crate) trace_id: [u8; 16],
    pub(crate) start_ns: i64,
    end_ns: i64,
    pub(crate) spans: u32,
    flags: u8,
    /// What the index answers of it.
    indexed: Bits,
}

impl Candidate {
    pub(crate) fn duration_ns(&self) -> u64 {
        u64::try_from(self.end_ns - self.start_ns).unwrap_or_default()
    }

    pub(crate) fn has_fault(&self) -> bool {
        Flags::from_bits_retain(self.flags).contains(Flags::FAULT)
    }

    /// Its id in hexadecimal digits.
    pub(crate) fn id(&self) -> String {
        format!("{:032x}", u128::from_be_bytes(self.trace_id))
    }

    /// Where it stands when some are taken at random.
    pub(crate) fn place(&self) -> u64 {
        TraceId::from_bytes(&self.trace_id).map_or(0, place)
    }
}

/// The traces that match.
pub(crate) struct Matching {
    pub(crate) traces: Vec<Candidate>,
    /// Traces that were looked at.
    pub(crate) scanned: usize,
    /// Whether there were more to look at than may be.
    pub(crate) truncated: bool,
    pub(crate) lookup: Lookup,
}

/// What is asked for, with attributes in place of annotations that no trace of the window has.
pub(crate) async fn resolved(
    database: &Database,
    scope: &Scope,
    wanted: &TraceSelection<'_>,
) -> Result<Option<Expression>, StoreError> {
    let Some(expression) = wanted.expression else { return Ok(None) };
    let mut missing: BTreeSet<String> = expression.annotations();
    if !missing.is_empty() {
        let sql = include_str!("../sql/annotated.sql");
        let query = trace_query(database, sql, &Condition::default(), scope, wanted).param("names", &missing);
        for known in all::<String>(query).await? {
            missing.remove(&known);
        }
    }
    Ok(Some(expression.with_attributes_for(&missing)))
}

/// The traces that match, the newest first, as far back as spans may be read.
pub(crate) async fn matching(
    database: &Database,
    scope: &Scope,
    wanted: &TraceSelection<'_>,
    formula: &Formula,
) -> Result<Matching, StoreError> {
    let _turn = database.lookups.acquire().await.map_err(failed)?;
    let sql = include_str!("../sql/lookup_traces.sql");
    let query = trace_query(database, sql, &Condition::bits(&formula.indexed), scope, wanted);
    let mut rows = query.param("limit", MAX_LOOKED_AT as u64 + 1).fetch::<Candidate>().map_err(failed)?;
    let mut seen: Vec<(Candidate, Option<bool>)> = Vec::new();
    let (mut reach, mut truncated) = (Reach::default(), false);
    while let Some(row) = within(rows.next()).await? {
        let by_index = formula.by_index(row.indexed);
        if seen.len() == MAX_LOOKED_AT || !reach.takes(row.spans as usize, by_index.is_some()) {
            truncated = true;
            break;
        }
        seen.push((row, by_index));
    }
    let scanned = seen.len();
    let oldest = seen.last().map(|(oldest, _)| oldest.start_ns).filter(|_| truncated);
    let unknown: Vec<&Candidate> = seen.iter().filter(|(_, by_index)| by_index.is_none()).map(|(row, _)| row).collect();
    let tenant = scope.tenant().or(wanted.expression.and_then(Expression::tenant));
    let looking = Looking { database, scope, tenant, attributes: formula.attributes.clone().into() };
    let are_few = if tenant.is_some() { reach.is_few() } else { reach.is_sparse() };
    let mut held = looking.look_up(&unknown, are_few).await?.into_iter();
    seen.retain(|(row, by_index)| {
        by_index.unwrap_or_else(|| formula.by_spans(row.indexed, held.next().unwrap_or_default()))
    });
    let lookup = Lookup::new(formula, oldest.unwrap_or(wanted.from_ns), wanted.to_ns);
    Ok(Matching { traces: seen.into_iter().map(|(row, _)| row).collect(), scanned, truncated, lookup })
}

struct Looking<'a> {
    database: &'a Database,
    scope: &'a Scope,
    /// The one tenant that all of the traces served, if one is asked for.
    tenant: Option<&'a str>,
    attributes: Arc<[Attribute]>,
}

impl Looking<'_> {
    /// Which attributes each of these traces has, as far as whoever asks sees their spans. Traces that are few are read whole; else all spans
    /// of their time are searched where they are, and what was found is read.
    async fn look_up(&self, traces: &[&Candidate], are_few: bool) -> Result<Vec<Bits>, StoreError> {
        let mut held: Vec<Bits> = vec![0; traces.len()];
        let mut add = |place: usize, bits| held.get_mut(place).into_iter().for_each(|held| *held = bits);
        let (short, mut whole): (Vec<_>, Vec<_>) =
            traces.iter().copied().enumerate().partition(|(_, trace)| !are_few && trace.duration_ns() <= LONG_NS);
        for (place, found) in self.attributes_of(&short).await? {
            match found {
                Some(bits) => add(place, bits),
                None => whole.extend(traces.get(place).map(|trace| (place, *trace))),
            }
        }
        whole.sort_unstable_by_key(|(_, trace)| (trace.bucket, trace.trace_id));
        for some in batches(&whole, BATCH, |(_, trace)| trace.spans as usize) {
            let places: HashMap<[u8; 16], usize> = some.iter().map(|(place, trace)| (trace.trace_id, *place)).collect();
            let ids: Vec<String> = some.iter().map(|(_, trace)| trace.id()).collect();
            for trace in stored_traces(self.database, self.scope, &ids).await? {
                if let Some(place) = places.get(trace.trace_id.as_bytes()) {
                    add(*place, has(&self.attributes, &trace)?);
                }
            }
        }
        Ok(held)
    }

    /// What those of these traces, each with its place among others, really have that seem to have any of the attributes; `None` where it takes
    /// all of a trace to know.
    async fn attributes_of(&self, traces: &[(usize, &Candidate)]) -> Result<Vec<(usize, Option<Bits>)>, StoreError> {
        let most =
            self.attributes.iter().map(|attribute| AttributeMatcher::new(attribute).worth_a_look()).max().unwrap_or(1);
        let at: HashMap<[u8; 16], usize> =
            traces.iter().enumerate().map(|(at, (_, trace))| (trace.trace_id, at)).collect();
        let mut says: Vec<TraceAttributes> = traces.iter().map(|_| TraceAttributes::default()).collect();
        let among = |(first, last)| SpanRange { scope: self.scope, tenant: self.tenant, first, last };
        let stretches = stretches(traces.iter().map(|(_, trace)| *trace));
        let hits = |stretch: &(u32, u32)| among(*stretch).hits(self.database, &self.attributes, most);
        let hits: Vec<Query> = stretches.iter().map(hits).collect();
        let read = hits.into_iter().map(|hits| self.read_hits(&at, hits)).collect::<Vec<_>>();
        let mut read = stream::iter(read).buffer_unordered(AT_ONCE);
        let mut are_any = false;
        while let Some(said) = read.try_next().await? {
            are_any |= !said.is_empty();
            for said in &said {
                says.get_mut(said.trace).into_iter().for_each(|says| says.add(said));
            }
        }
        // Where no row holds anything, it does not matter which of them count.
        let (Some((first, _)), Some((_, last)), true) = (stretches.first(), stretches.last(), are_any) else {
            return Ok(Vec::new());
        };
        for Rows { trace_id, rows } in all::<Rows>(among((*first, *last)).rows(self.database)).await? {
            at.get(&trace_id).and_then(|at| says.get_mut(*at)).into_iter().for_each(|says| says.rows = rows);
        }
        let found = traces.iter().zip(says).filter(|(_, says)| !says.is_empty());
        // Where some of its spans came again, or have come since, not all rows are its spans: of a span that is there twice the first counts.
        let found = found
            .map(|((place, trace), says)| (*place, says.all(most).filter(|_| says.rows == u64::from(trace.spans))));
        Ok(found.collect())
    }

    /// What spans say of the traces that are there. They are read on another thread while more come.
    async fn read_hits(&self, at: &HashMap<[u8; 16], usize>, hits: Query) -> Result<Vec<SpanAttributes>, StoreError> {
        let mut rows = hits.fetch::<Hit>().map_err(failed)?;
        let (mut said, mut some) = (Vec::new(), Vec::new());
        let mut reading: Option<JoinHandle<Result<Vec<SpanAttributes>, StoreError>>> = None;
        loop {
            let hit = within(rows.next()).await?;
            let is_last = hit.is_none();
            some.extend(hit.and_then(|hit| Some((*at.get(&hit.trace_id)?, hit))));
            if some.len() == AT_A_TIME || is_last {
                // What waits to be read is in memory.
                if let Some(part) = reading.take() {
                    said.extend(part.await.map_err(failed)??);
                }
                let (attributes, some) = (self.attributes.clone(), std::mem::take(&mut some));
                reading = Some(spawn_blocking(move || hits::read(&attributes, &some)));
            }
            if is_last {
                break;
            }
        }
        if let Some(part) = reading {
            said.extend(part.await.map_err(failed)??);
        }
        Ok(said)
    }
}

/// The time of these traces in stretches, each from one five minutes to another, that have about [`IN_A_STRETCH`] spans each.
fn stretches<'a>(traces: impl Iterator<Item = &'a Candidate>) -> Vec<(u32, u32)> {
    let (mut spans, mut last): (BTreeMap<u32, usize>, u32) = (BTreeMap::new(), 0);
    for trace in traces {
        *spans.entry(five_minutes(trace.start_ns)).or_default() += trace.spans as usize;
        last = last.max(five_minutes(trace.end_ns));
    }
    let mut stretches: Vec<(u32, u32)> = Vec::new();
    let mut so_far = IN_A_STRETCH;
    for (bucket, spans) in spans {
        if so_far >= IN_A_STRETCH {
            if let Some((_, end)) = stretches.last_mut() {
                *end = bucket - 1;
            }
            stretches.push((bucket, last));
            so_far = 0;
        }
        so_far += spans;
    }
    stretches
}

/// Finds out which of the attributes a trace has.
fn has(attributes: &[Attribute], trace: &StoredTrace) -> Result<Bits, StoreError> {
    let sought: Vec<AttributeMatcher<'_>> = attributes.iter().map(AttributeMatcher::new).collect();
    let mut held = 0;
    for part in &trace.parts {
        for (at, sought) in sought.iter().enumerate() {
            if sought.is_of_sender(&part.resource) {
                held |= bit(at);
            }
            for span in part.spans.iter().filter(|span| sought.may_be_in(span)) {
                if sought.is_of(span).map_err(failed)? {
                    held |= bit(at);
                }
            }
        }
    }
    Ok(held)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stretches_follow_each_other_and_leave_nothing_out() {
        let trace = |five: u32, lasts: u32, spans: usize| Candidate {
            bucket: five * 300,
            trace_id: [0; 16],
            start_ns: i64::from(five) * 300_000_000_000 + 7,
            end_ns: i64::from(five + lasts) * 300_000_000_000 + 8,
            spans: u32::try_from(spans).unwrap_or_default(),
            flags: 0,
            indexed: 0,
        };
        let of = |traces: &[Candidate]| stretches(traces.iter());
        assert_eq!(of(&[]), []);
        assert_eq!(of(&[trace(9, 2, 1), trace(3, 0, 5)]), [(900, 3_300)]);
        let half = IN_A_STRETCH / 2;
        let many = [trace(1, 0, half), trace(2, 9, half), trace(2, 0, half), trace(4, 0, half), trace(5, 1, 1)];
        assert_eq!(of(&many), [(300, 1_199), (1_200, 3_300)], "a trace may reach into the next");
        assert_eq!(of(&[trace(1, 0, 3 * IN_A_STRETCH), trace(2, 0, 1)]), [(300, 599), (600, 600)]);
    }
}
