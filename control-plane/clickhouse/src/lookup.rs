//! Attributes that no index has: SQL finds spans that hold the bytes of one, and what these say is read here.

use std::collections::{BTreeSet, HashMap};

use bytes::Bytes;
use clickhouse::Row;
use control_plane_model::{
    listing::Asked,
    lookup::{Lookup, MAX_LOOKED_UP},
    otlp::{Flags, SentResource, StoredSpan},
    sample::{StoredTrace, batches, place},
    search::{Bits, Expression, Formula, Sought, bit},
    store::{Scope, StoreError},
    trace::TraceId,
};
use prost::Message;
use serde::Deserialize;

use crate::{
    asked::asked,
    condition::Condition,
    database::{Database, all, failed, five_minutes, within},
    stored::{BATCH, stored_traces},
};

/// Traces looked at in one search for such attributes; one that stops there says so.
const MAX_LOOKED_AT: usize = 1_000_000;
/// So many spans are read whole, trace by trace, where they are few among others. Else all spans of their time are searched where they are,
/// and only what was found is read.
const FEW: usize = 50_000;
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
    let (mut undecided, mut passed, mut truncated) = (0, 0, false);
    while let Some(row) = within(rows.next()).await? {
        let by_index = formula.by_index(row.indexed);
        let spans = row.spans as usize;
        let more = undecided + if by_index.is_none() { spans } else { 0 };
        // Where these are many, all that lie between them are passed over, too.
        let too_much = more > FEW && passed + spans > MAX_LOOKED_UP;
        if seen.len() == MAX_LOOKED_AT || (too_much && by_index.is_none()) {
            truncated = true;
            break;
        }
        (undecided, passed) = (more, passed + spans);
        seen.push((row, by_index));
    }
    let scanned = seen.len();
    let oldest = seen.last().map(|(oldest, _)| oldest.start_ns).filter(|_| truncated);
    let unknown: Vec<&Candidate> = seen.iter().filter(|(_, by_index)| by_index.is_none()).map(|(row, _)| row).collect();
    let of_one_tenant = scope.tenant().or(wanted.expression.and_then(Expression::tenant)).is_some();
    let are_few = undecided <= FEW && (of_one_tenant || undecided < passed / 4);
    let sought: Vec<Sought<'_>> = formula.attributes.iter().map(Sought::new).collect();
    let held = look_up(database, scope, &sought, &unknown, are_few).await?;
    let matches = |(row, by_index): &(Candidate, Option<bool>)| {
        by_index.unwrap_or_else(|| formula.by_spans(row.indexed, held.get(&row.trace_id).copied().unwrap_or_default()))
    };
    seen.retain(matches);
    let lookup = Lookup::new(formula, oldest.unwrap_or(wanted.from_ns), wanted.to_ns);
    Ok(Matching { traces: seen.into_iter().map(|(row, _)| row).collect(), scanned, truncated, lookup })
}

/// Which attributes traces have, as far as whoever asks sees their spans; one that is not there has none.
async fn look_up(
    database: &Database,
    scope: &Scope,
    sought: &[Sought<'_>],
    traces: &[&Candidate],
    are_few: bool,
) -> Result<HashMap<[u8; 16], Bits>, StoreError> {
    let (short, mut whole): (Vec<&Candidate>, Vec<&Candidate>) =
        traces.iter().partition(|trace| !are_few && trace.end_ns - trace.start_ns <= LONG_NS);
    let mut held: HashMap<[u8; 16], Bits> = HashMap::new();
    let first = short.iter().map(|trace| five_minutes(trace.start_ns)).min();
    let last = short.iter().map(|trace| five_minutes(trace.end_ns)).max();
    if let (Some(first), Some(last)) = (first, last) {
        let by_id: HashMap<[u8; 16], &Candidate> = short.into_iter().map(|trace| (trace.trace_id, trace)).collect();
        let mut unsure: BTreeSet<[u8; 16]> = BTreeSet::new();
        for (at, sought) in sought.iter().enumerate() {
            let mut rows = hits(database, scope, sought, first, last)?;
            while let Some(hit) = within(rows.next()).await? {
                let Some(trace) = by_id.get(&hit.trace_id) else { continue };
                match hit.says(sought, trace.spans)? {
                    Some(true) => *held.entry(hit.trace_id).or_default() |= bit(at),
                    Some(false) => {}
                    None => {
                        unsure.insert(hit.trace_id);
                    }
                }
            }
        }
        whole.extend(unsure.iter().filter_map(|id| by_id.get(id)));
    }
    whole.sort_unstable_by_key(|trace| (trace.bucket, trace.trace_id));
    for some in batches(&whole, BATCH, |trace| trace.spans as usize) {
        let ids: Vec<String> = some.iter().map(|trace| trace.id()).collect();
        let stored = stored_traces(database, &ids).await?;
        for trace in stored.into_iter().filter_map(|trace| trace.seen_by(scope)) {
            if let Ok(id) = trace.trace_id.as_bytes().try_into() {
                held.insert(id, has(sought, &trace)?);
            }
        }
    }
    Ok(held)
}

/// What SQL found of a trace.
#[derive(Row, Deserialize)]
struct Hit {
    trace_id: [u8; 16],
    rows: u64,
    spans: u64,
    span: Bytes,
    senders: u64,
    sender: Bytes,
}

impl Hit {
    /// Whether the trace, which has so many spans, has the attribute; `None`, where that takes more of it to know.
    fn says(&self, sought: &Sought<'_>, spans: u32) -> Result<Option<bool>, StoreError> {
        // Some came again, or have come since: of a span that is there twice the first counts.
        if self.rows != u64::from(spans) {
            return Ok(None);
        }
        let of_span = self.spans > 0 && sought.is_of(&StoredSpan::decode(self.span.clone()).map_err(failed)?);
        let of_sender =
            self.senders > 0 && sought.is_of_sender(&SentResource::decode(self.sender.clone()).map_err(failed)?);
        Ok(if of_span || of_sender {
            Some(true)
        } else {
            // What was looked at only seems to have it; another may have it.
            (self.spans <= 1 && self.senders == 0).then_some(false)
        })
    }
}

/// The traces of some time that seem to have an attribute, in spans that whoever asks sees.
fn hits(
    database: &Database,
    scope: &Scope,
    sought: &Sought<'_>,
    first: u32,
    last: u32,
) -> Result<clickhouse::query::RowCursor<Hit>, StoreError> {
    let needles: Vec<String> = sought.needles().map(hexadecimal).collect();
    let holds = |column: &str| {
        let each = (0..needles.len()).map(|at| format!("position({column}, unhex({{needle{at}:String}})) > 0"));
        let own = scope.tenant().map(|_| "tenant = {own:String}".to_owned());
        let all = own.into_iter().chain(each).collect::<Vec<_>>().join(" AND ");
        if all.is_empty() { "true".to_owned() } else { all }
    };
    let sql = include_str!("../sql/lookup_spans.sql");
    let sql = sql.replace("$of_span", &holds("body")).replace("$of_sender", &holds("resource"));
    let query = database.query(&sql).param("first", first).param("last", last);
    let query = match scope.tenant() {
        Some(own) => query.param("own", own),
        None => query,
    };
    let named = |(query, at): (clickhouse::query::Query, usize), needle: &String| {
        (query.param(&format!("needle{at}"), needle), at + 1)
    };
    needles.iter().fold((query, 0), named).0.fetch::<Hit>().map_err(failed)
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Which attributes a trace has.
fn has(sought: &[Sought<'_>], trace: &StoredTrace) -> Result<Bits, StoreError> {
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
