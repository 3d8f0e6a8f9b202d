//! Which traces of a window match: what searches and samples begin with.

use std::{collections::BTreeSet, ops::ControlFlow};

use control_plane_model::{
    catalog::Catalog,
    listing::Asked,
    lookup::{Lookup, Reach},
    search::{Bits, Expression, Formula, Matcher, bit},
    store::Scope,
};
use rusqlite::Connection;

use crate::{
    failure::Failure,
    lookup::look_up,
    reader::{Asker, Reader},
    window::{Found, Looked, Wanted, Window},
};

/// How many there were.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    /// That match.
    pub(crate) matched: usize,
    /// Traces that whoever asks may see.
    pub(crate) scanned: usize,
    /// Whether there were more to look at than a search may.
    pub(crate) truncated: bool,
    /// What spans were read for, if they were.
    pub(crate) lookup: Option<Lookup>,
}

impl Counts {
    fn of(looked: Looked, matched: usize) -> Self {
        Self { matched, scanned: looked.at, truncated: looked.truncated, lookup: None }
    }
}

/// Calls `found` for each trace that matches, the newest first.
pub(crate) fn scan(
    (reader, asker): (&Reader, &Asker),
    connection: &Connection,
    catalog: &Catalog,
    scope: &Scope,
    asked: &Asked<'_>,
    wanted: Wanted,
    mut found: impl FnMut(&Found),
) -> Result<Counts, Failure> {
    let mut matched = 0;
    let mut found = |trace: &Found| {
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
        let looked = window.look(Wanted { outline: matcher.needs_outline, ..wanted }, |trace, outline| {
            if matcher.matches(trace.columns(), outline) {
                found(trace);
            }
            ControlFlow::Continue(())
        })?;
        return Ok(Counts::of(looked, matched));
    };

    let (looked, candidates) = candidates(&window, catalog, &formula, wanted)?;
    let mut rows: Vec<i64> = candidates.iter().filter(|of| !of.matches).map(|of| of.trace.row).collect();
    rows.sort_unstable();
    let held = look_up(reader, asker, scope, &formula.attributes, &rows)?;
    let oldest = looked.oldest_ns.filter(|_| looked.truncated);
    for Candidate { trace, indexed, matches } in &candidates {
        let held = || Some(*held.get(rows.binary_search(&trace.row).ok()?)?);
        if *matches || held().is_some_and(|held| formula.by_spans(*indexed, held)) {
            found(trace);
        }
    }
    let lookup = Lookup::new(&formula, oldest.unwrap_or(asked.from_ns), asked.to_ns);
    Ok(Counts { lookup: Some(lookup), ..Counts::of(looked, matched) })
}

/// Annotations that an expression asks for and no trace of the window has, as X-Ray writes them.
fn unannotated(window: &Window<'_>, catalog: &Catalog, expression: &Expression) -> Result<BTreeSet<String>, Failure> {
    let asked = expression.annotations();
    let mut missing: BTreeSet<&String> = asked.iter().filter(|key| !catalog.annotations(key).is_empty()).collect();
    let known = missing.clone();
    if !missing.is_empty() {
        window.look(Wanted { outline: true, ..Wanted::default() }, |_, outline| {
            let has = |key: &str| outline.annotations.iter().any(|(name, _)| catalog.annotations(key).contains(name));
            missing.retain(|key| !has(key));
            if missing.is_empty() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })?;
    }
    Ok(asked.iter().filter(|key| !known.contains(key) || missing.contains(key)).cloned().collect())
}

/// A trace that matches, as far as the index tells.
struct Candidate {
    trace: Found,
    /// What the index answers of it.
    indexed: Bits,
    /// Whether it matches whatever its spans say.
    matches: bool,
}

/// The traces that may match, the newest first, as far back as spans may be read.
fn candidates(
    window: &Window<'_>,
    catalog: &Catalog,
    formula: &Formula,
    wanted: Wanted,
) -> Result<(Looked, Vec<Candidate>), Failure> {
    let matchers: Vec<_> = formula.indexed.iter().map(|indexed| Matcher::new(indexed, catalog)).collect();
    let outline = matchers.iter().any(|matcher| matcher.needs_outline);
    let (mut found, mut reach, mut ends) = (Vec::new(), Reach::default(), false);
    let mut looked = window.look(Wanted { spans: true, outline, ..wanted }, |trace, outline| {
        let holds = matchers.iter().enumerate().filter(|(_, matcher)| matcher.matches(trace.columns(), outline));
        let indexed = holds.fold(0, |bits, (place, _)| bits | bit(place));
        let by_index = formula.by_index(indexed);
        if !reach.takes(trace.spans, by_index.is_some()) {
            ends = true;
            return ControlFlow::Break(());
        }
        if by_index != Some(false) {
            found.push(Candidate { trace: *trace, indexed, matches: by_index == Some(true) });
        }
        ControlFlow::Continue(())
    })?;
    looked.truncated |= ends;
    Ok((looked, found))
}
