//! Attributes that no index has: SQL finds spans that hold the bytes of one, and what these say is read here.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use clickhouse::{Row, query::Query};
use control_plane_model::{
    listing::Asked,
    lookup::{Lookup, Reach},
    otlp::{Flags, StoredSpan},
    sample::{StoredTrace, batches, place},
    search::{Attribute, Bits, Expression, Formula, Sought, bit},
    store::{Scope, StoreError},
    trace::TraceId,
};
use prost::Message;
use serde::Deserialize;
use tokio::task::JoinSet;

use crate::{
    asked::asked,
    condition::Condition,
    database::{Database, all, failed, five_minutes, within},
    hits::{self, Among, Hit, Rows, Said, Says},
    stored::{BATCH, stored_traces},
};

/// Traces looked at in one search for such attributes; one that stops there says so.
const MAX_LOOKED_AT: usize = 1_000_000;
/// Spans that are read on one thread, and threads that read for one search.
const AT_A_TIME: usize = 8_192;
const AT_ONCE: usize = 2;
/// A trace that takes longer is read by itself, so that it does not make others' time longer.
const LONG_NS: i64 = 3_600_000_000_000;

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
    wanted: &Asked<'_>,
) -> Result<Option<Expression>, StoreError> {
    let Some(expression) = wanted.expression else { return Ok(None) };
    let mut missing: BTreeSet<String> = expression.annotations();
    if !missing.is_empty() {
        let sql = include_str!("../sql/annotated.sql");
        let query = asked(database, sql, &Condition::default(), scope, wanted).param("names", &missing);
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
    wanted: &Asked<'_>,
    formula: &Formula,
) -> Result<Matching, StoreError> {
    let _turn = database.lookups.acquire().await.map_err(failed)?;
    let sql = include_str!("../sql/lookup_traces.sql");
    let query = asked(database, sql, &Condition::bits(&formula.indexed), scope, wanted);
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
    let held = looking.look_up(&unknown, are_few).await?;
    let matches = |(row, by_index): &(Candidate, Option<bool>)| {
        by_index.unwrap_or_else(|| formula.by_spans(row.indexed, held.get(&row.trace_id).copied().unwrap_or_default()))
    };
    seen.retain(matches);
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
    /// Which attributes traces have, as far as whoever asks sees their spans; one that is not there has none. Traces that are few are read
    /// whole; else all spans of their time are searched where they are, and what was found is read.
    async fn look_up(&self, traces: &[&Candidate], are_few: bool) -> Result<HashMap<[u8; 16], Bits>, StoreError> {
        let (short, mut whole): (Vec<&Candidate>, Vec<&Candidate>) =
            traces.iter().partition(|trace| !are_few && trace.end_ns - trace.start_ns <= LONG_NS);
        let mut held: HashMap<[u8; 16], Bits> = HashMap::new();
        let first = short.iter().map(|trace| five_minutes(trace.start_ns)).min();
        let last = short.iter().map(|trace| five_minutes(trace.end_ns)).max();
        if let (Some(first), Some(last)) = (first, last) {
            let by_id: HashMap<[u8; 16], &Candidate> = short.into_iter().map(|trace| (trace.trace_id, trace)).collect();
            let among = Among { scope: self.scope, tenant: self.tenant, first, last };
            for (trace_id, says) in self.found(&by_id, among).await? {
                match says {
                    Some(bits) => _ = held.insert(trace_id, bits),
                    None => whole.extend(by_id.get(&trace_id)),
                }
            }
        }
        whole.sort_unstable_by_key(|trace| (trace.bucket, trace.trace_id));
        for some in batches(&whole, BATCH, |trace| trace.spans as usize) {
            let ids: Vec<String> = some.iter().map(|trace| trace.id()).collect();
            let stored = stored_traces(self.database, self.scope, &ids).await?;
            for trace in stored {
                if let Ok(id) = trace.trace_id.as_bytes().try_into() {
                    held.insert(id, has(&self.attributes, &trace)?);
                }
            }
        }
        Ok(held)
    }

    /// What the traces among these that seem to have any of the attributes really have; `None` where it takes all of a trace to know.
    async fn found(
        &self,
        traces: &HashMap<[u8; 16], &Candidate>,
        among: Among<'_>,
    ) -> Result<Vec<([u8; 16], Option<Bits>)>, StoreError> {
        let most = self.attributes.iter().map(|attribute| Sought::new(attribute).worth_a_look()).max().unwrap_or(1);
        let hits = among.hits(self.database, &self.attributes, most);
        let (says, rows) = tokio::try_join!(self.says(traces, hits), all::<Rows>(among.rows(self.database)))?;
        let rows: HashMap<[u8; 16], u64> = rows.into_iter().map(|Rows { trace_id, rows }| (trace_id, rows)).collect();
        let all = says.into_iter().map(|(trace_id, says)| {
            let spans = traces.get(&trace_id).map(|trace| u64::from(trace.spans));
            // Some of its spans came again, or have come since: of a span that is there twice the first counts.
            let is_certain = spans == rows.get(&trace_id).copied();
            (trace_id, says.all(most).filter(|_| is_certain))
        });
        Ok(all.collect())
    }

    /// What spans say, trace by trace. They are read on other threads while more come.
    async fn says(
        &self,
        traces: &HashMap<[u8; 16], &Candidate>,
        hits: Query,
    ) -> Result<HashMap<[u8; 16], Says>, StoreError> {
        let mut rows = hits.fetch::<Hit>().map_err(failed)?;
        let (mut reading, mut some) = (JoinSet::new(), Vec::new());
        let read = |reading: &mut JoinSet<_>, some: Vec<Hit>| {
            let attributes = self.attributes.clone();
            reading.spawn_blocking(move || hits::read(&attributes, &some));
        };
        let mut says: HashMap<[u8; 16], Says> = HashMap::new();
        let add = |says: &mut HashMap<[u8; 16], Says>, part: Vec<Said>| {
            part.iter().for_each(|said| says.entry(said.trace_id).or_default().add(said));
        };
        while let Some(hit) = within(rows.next()).await? {
            if traces.contains_key(&hit.trace_id) {
                some.push(hit);
            }
            if some.len() == AT_A_TIME {
                // What waits to be read is in memory.
                if reading.len() >= AT_ONCE
                    && let Some(part) = reading.join_next().await
                {
                    add(&mut says, part.map_err(failed)??);
                }
                read(&mut reading, std::mem::take(&mut some));
            }
        }
        read(&mut reading, some);
        while let Some(part) = reading.join_next().await {
            add(&mut says, part.map_err(failed)??);
        }
        Ok(says)
    }
}

/// Which attributes a trace has.
fn has(attributes: &[Attribute], trace: &StoredTrace) -> Result<Bits, StoreError> {
    let sought: Vec<Sought<'_>> = attributes.iter().map(Sought::new).collect();
    let mut held = 0;
    for part in &trace.parts {
        for (at, sought) in sought.iter().enumerate() {
            if sought.is_of_sender(&part.resource) {
                held |= bit(at);
            }
            for span in part.spans.iter().filter(|span| sought.may_be_in(span)) {
                if sought.is_of(&StoredSpan::decode(span.clone()).map_err(failed)?) {
                    held |= bit(at);
                }
            }
        }
    }
    Ok(held)
}
