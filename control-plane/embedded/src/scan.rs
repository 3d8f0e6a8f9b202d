//! Which traces of a window match: what searches and samples begin with.

use std::{collections::BTreeSet, ops::ControlFlow};

use control_plane_model::{
    catalog::Catalog,
    listing::TraceSelection,
    lookup::{Lookup, Reach},
    search::{Bits, Expression, Formula, Matcher, bit},
    store::Scope,
};
use rusqlite::Connection;

use crate::{
    failure::Failure,
    lookup::look_up,
    reader::{Asker, Reader},
    window::{FoundTrace, ScanExtent, TraceColumns, Window},
};

/// Traces whose spans are read at a time, so that a search takes as much memory in a long window as in a short one.
const AT_A_TIME: usize = 16_384;

/// How many there were.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    /// How many traces match.
    pub(crate) matched: usize,
    /// How many traces the scope may see.
    pub(crate) scanned: usize,
    /// Whether there were more to look at than a search may.
    pub(crate) truncated: bool,
    /// What spans were read for, if they were.
    pub(crate) lookup: Option<Lookup>,
}

impl Counts {
    fn of(looked: ScanExtent, matched: usize) -> Self {
        Self { matched, scanned: looked.at, truncated: looked.truncated, lookup: None }
    }
}

/// Calls `found` for each trace that matches, the newest first.
pub(crate) fn scan(
    (reader, asker): (&Reader, &Asker),
    connection: &Connection,
    catalog: &Catalog,
    scope: &Scope,
    asked: &TraceSelection<'_>,
    wanted: TraceColumns,
    mut found: impl FnMut(&FoundTrace),
) -> Result<Counts, Failure> {
    let mut matched = 0;
    let mut found = |trace: &FoundTrace| {
        matched += 1;
        found(trace);
    };
    let window = Window::new(connection, scope, asked)?;
    let Some(expression) = asked.expression else {
        let looked = window.look(wanted, |trace, _| {
            found(trace);
            ControlFlow::Continue(())
        })?;
        return Ok(Counts::of(looked, matched));
    };
    let expression = expression.with_attributes_for(&unannotated(&window, catalog, expression)?);
    let Some(formula) = Formula::of(&expression) else {
        let matcher = Matcher::new(&expression, catalog);
        let looked = window.look(TraceColumns { outline: matcher.needs_outline, ..wanted }, |trace, outline| {
            if matcher.matches(trace.columns(), outline) {
                found(trace);
            }
            ControlFlow::Continue(())
        })?;
        return Ok(Counts::of(looked, matched));
    };

    let judge = |candidates: &[Candidate], found: &mut dyn FnMut(&FoundTrace)| -> Result<(), Failure> {
        let mut rows: Vec<i64> = candidates.iter().filter(|of| !of.matches).map(|of| of.trace.row).collect();
        rows.sort_unstable();
        let held = look_up(reader, asker, scope, &formula.attributes, &rows)?;
        for Candidate { trace, indexed, matches } in candidates {
            let held = || Some(*held.get(rows.binary_search(&trace.row).ok()?)?);
            if *matches || held().is_some_and(|held| formula.by_spans(*indexed, held)) {
                found(trace);
            }
        }
        Ok(())
    };
    let looked = candidates(&window, catalog, &formula, wanted, |candidates| judge(candidates, &mut found))?;
    let oldest = looked.oldest_ns.filter(|_| looked.truncated);
    let lookup = Lookup::new(&formula, oldest.unwrap_or(asked.from_ns), asked.to_ns);
    Ok(Counts { lookup: Some(lookup), ..Counts::of(looked, matched) })
}

/// Annotations that an expression asks for and no trace of the window has, as X-Ray writes them.
fn unannotated(window: &Window<'_>, catalog: &Catalog, expression: &Expression) -> Result<BTreeSet<String>, Failure> {
    let asked = expression.annotations();
    let mut missing: BTreeSet<&String> = asked.iter().filter(|key| !catalog.annotations(key).is_empty()).collect();
    let known = missing.clone();
    if !missing.is_empty() {
        window.look(TraceColumns { outline: true, ..TraceColumns::default() }, |_, outline| {
            let has = |key: &str| outline.annotations.iter().any(|(name, _)| catalog.annotations(key).contains(name));
            missing.retain(|key| !has(key));
            if missing.is_empty() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })?;
    }
    Ok(asked.iter().filter(|key| !known.contains(key) || missing.contains(key)).cloned().collect())
}

/// A trace that matches, as far as the index tells.
struct Candidate {
    trace: FoundTrace,
    /// What the index answers of it.
    indexed: Bits,
    /// Whether it matches whatever its spans say.
    matches: bool,
}

/// Hands on the traces that may match, the newest first and [`AT_A_TIME`], as far back as spans may be read.
fn candidates(
    window: &Window<'_>,
    catalog: &Catalog,
    formula: &Formula,
    wanted: TraceColumns,
    mut judge: impl FnMut(&[Candidate]) -> Result<(), Failure>,
) -> Result<ScanExtent, Failure> {
    let matchers: Vec<_> = formula.indexed.iter().map(|indexed| Matcher::new(indexed, catalog)).collect();
    let outline = matchers.iter().any(|matcher| matcher.needs_outline);
    let (mut candidates, mut judged) = (Vec::with_capacity(AT_A_TIME), Ok(()));
    let (mut reach, mut ends) = (Reach::default(), false);
    let mut looked = window.look(TraceColumns { spans: true, outline, ..wanted }, |trace, outline| {
        let holds = matchers.iter().enumerate().filter(|(_, matcher)| matcher.matches(trace.columns(), outline));
        let indexed = holds.fold(0, |bits, (place, _)| bits | bit(place));
        let by_index = formula.by_index(indexed);
        if !reach.takes(trace.spans, by_index.is_some()) {
            ends = true;
            return ControlFlow::Break(());
        }
        if by_index != Some(false) {
            candidates.push(Candidate { trace: *trace, indexed, matches: by_index == Some(true) });
        }
        if candidates.len() == AT_A_TIME {
            judged = judge(&candidates);
            candidates.clear();
        }
        if judged.is_err() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })?;
    judged.and_then(|()| judge(&candidates))?;
    looked.truncated |= ends;
    Ok(looked)
}
