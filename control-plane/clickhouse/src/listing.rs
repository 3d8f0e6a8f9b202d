//! Searching: what SQL can tell for sure is left out there, and the matcher decides on the rest.

use std::collections::HashMap;

use bytes::Bytes;
use clickhouse::{Row, query::Query};
use control_plane_model::{
    catalog::Catalog,
    listing::{Found, Listed, MAX_SCANNED, Search, Tally},
    otlp::Flags,
    search::{self, Comparison, Expression, Flag, Matcher, NumberOf},
    store::{Scope, StoreError},
    trace::TraceId,
};
use serde::Deserialize;

use crate::{
    database::{Database, all, failed, seconds, within},
    local::decode,
    sums::five_minutes,
};

/// A trace of the answer; the first column comes first in order.
#[derive(Row, Deserialize)]
struct Line {
    trace_id: [u8; 16],
    start_ns: i64,
    end_ns: i64,
    spans: u32,
    flags: u8,
    outline: Bytes,
}

/// What must be so of every match.
#[derive(Default)]
struct Sure {
    flags: u8,
    longer_ns: i64,
    /// Names of services, or of what they call.
    nodes: Vec<String>,
}

impl Sure {
    fn note(&mut self, expression: &Expression) {
        match expression {
            Expression::And(parts) => parts.iter().for_each(|part| self.note(part)),
            Expression::Is(Flag::Fault) => self.flags |= 1,
            Expression::Is(Flag::Error) => self.flags |= 2,
            Expression::Is(Flag::Throttle) => self.flags |= 4,
            Expression::Number(NumberOf::Duration, Comparison::More | Comparison::AtLeast, seconds) => {
                // A little less: the matcher compares seconds, which are rounded.
                self.longer_ns = self.longer_ns.max((seconds * 1e9 * (1.0 - 1e-9)) as i64 - 1);
            }
            Expression::Service(node, _) => self.nodes.extend(node.name.clone()),
            Expression::Edge(from, to, _) => self.nodes.extend(from.name.iter().chain(&to.name).cloned()),
            _ => {}
        }
    }
}

pub(crate) async fn search(database: &Database, scope: &Scope, search: &Search) -> Result<Found, StoreError> {
    let mut sure = Sure { longer_ns: i64::MIN, ..Sure::default() };
    search.expression.iter().for_each(|expression| sure.note(expression));
    let nothing = Catalog::default();
    let needs_outline =
        search.expression.as_ref().is_some_and(|expression| Matcher::new(expression, &nothing).needs_outline);
    let query = |traces: &[String], outlines: bool| -> Query {
        database
            .query(include_str!("../sql/search.sql"))
            .param("from", five_minutes(search.from_ns))
            .param("to", seconds(search.to_ns.div_euclid(1_000_000_000) + 1))
            .param("from_ns", search.from_ns)
            .param("to_ns", search.to_ns)
            .param("tenant", scope.tenant().or(search.expression.as_ref().and_then(Expression::tenant)))
            .param("alone", scope.tenant().is_some())
            .param("flags", sure.flags)
            .param("longer_ns", sure.longer_ns)
            .param("nodes", &sure.nodes)
            .param("traces", traces)
            .param("outlines", outlines)
            .param("limit", MAX_SCANNED + 1)
    };
    let mut tally = Tally::new(search);
    let mut lines = query(&[], needs_outline).fetch::<Line>().map_err(failed)?;
    while let Some(line) = within(lines.next()).await? {
        if !tally.looks() {
            break;
        }
        let duration_ns = line.end_ns - line.start_ns;
        if let Some(expression) = &search.expression {
            let (catalog, outline) = decode(&line.outline);
            let row = search::Row { duration_ns, flags: Flags::from_bits(line.flags) };
            if !Matcher::new(expression, &catalog).matches(row, &outline) {
                continue;
            }
        }
        tally.add(line.start_ns, duration_ns, line.trace_id);
    }
    let listed: Vec<String> = tally.listed().map(|id| format!("{:032X}", u128::from_be_bytes(*id))).collect();
    let mut summaries = HashMap::new();
    if !listed.is_empty() {
        for line in all::<Line>(query(&listed, true)).await? {
            let (catalog, outline) = decode(&line.outline);
            let listed = Listed {
                trace_id: TraceId::from_bytes(&line.trace_id).map_err(failed)?,
                start_ns: line.start_ns,
                end_ns: line.end_ns,
                spans: line.spans as usize,
                flags: Flags::from_bits(line.flags),
            };
            summaries.insert(line.trace_id, listed.summary(&outline, &catalog));
        }
    }
    tally.found(|id| summaries.remove(&id).ok_or_else(|| failed("a trace changed meanwhile")))
}
