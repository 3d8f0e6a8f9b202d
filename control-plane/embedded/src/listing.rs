//! Searching: which traces of a window match, and how long they took.

use std::{cmp::Reverse, collections::BinaryHeap};

use control_plane_model::{
    catalog::Catalog,
    listing::{Found, LatencyBin, Search},
    otlp::Flags,
    search::{Expression, Matcher, Outline, Row},
    store::{Scope, StoreError},
    trace::{Summary, TraceId},
};
use rusqlite::{Connection, Rows};
use slo::Histogram;

use crate::{catalog::number, failure::Failure, ingest::hour, outline, reader::Reader};

/// Traces looked at in one search; a search that stops there says so.
const MAX_SCANNED: usize = 1_000_000;

impl Reader {
    /// Searches.
    pub(crate) fn search(&self, scope: &Scope, search: &Search) -> Result<Found, StoreError> {
        self.read(|connection| {
            let catalog = self.catalog(connection)?;
            let Scan { best, latencies, matched, scanned, truncated, .. } = scan(connection, &catalog, scope, search)?;
            let best = best.into_sorted_vec().into_iter();
            let traces = best.map(|Reverse((_, row))| summary(connection, &catalog, row)).collect::<Result<_, _>>()?;
            Ok(Found { traces, matched, scanned, truncated, latency: LatencyBin::all(&latencies) })
        })
    }
}

/// A search, and what it has found so far.
struct Scan<'a> {
    search: &'a Search,
    matcher: Option<Matcher<'a>>,
    /// Traces in which others were served too are passed over.
    alone: Option<u32>,
    /// The first in order, rank and row; the last of them on top.
    best: BinaryHeap<Reverse<(i64, i64)>>,
    latencies: Histogram,
    matched: usize,
    /// Rows, whosever they are: these are bounded.
    looked_at: usize,
    /// Traces that whoever asks may see.
    scanned: usize,
    truncated: bool,
}

fn scan<'a>(
    connection: &Connection,
    catalog: &'a Catalog,
    scope: &'a Scope,
    search: &'a Search,
) -> Result<Scan<'a>, Failure> {
    let mut scan = Scan {
        search,
        matcher: search.expression.as_ref().map(|expression| Matcher::new(expression, catalog)),
        alone: None,
        best: BinaryHeap::new(),
        latencies: Histogram::new(),
        matched: 0,
        looked_at: 0,
        scanned: 0,
        truncated: false,
    };
    let asked = search.expression.as_ref().and_then(Expression::tenant);
    let tenant = match scope.tenant().or(asked).map(|tenant| number(connection, tenant)).transpose()? {
        // A tenant that no span has named has no traces.
        Some(None) => return Ok(scan),
        tenant => tenant.flatten(),
    };
    scan.alone = scope.tenant().and(tenant);
    let outline = if scan.needs_outline() { "t.outline" } else { "NULL" };
    let columns = format!("t.id, t.start_ns, t.end_ns, t.flags, {outline}");
    let Some(tenant) = tenant else {
        let sql =
            format!("SELECT {columns} FROM traces t WHERE start_ns >= ?1 AND start_ns < ?2 ORDER BY start_ns DESC");
        let mut statement = connection.prepare_cached(&sql)?;
        scan.all(statement.query([search.from_ns, search.to_ns])?)?;
        return Ok(scan);
    };
    // A tenant's traces are found hour by hour, from the last one in which anybody was served to the first.
    let sql = format!(
        "SELECT {columns} FROM trace_tenants o JOIN traces t ON t.id = o.trace
         WHERE o.hour = ?3 AND o.tenant = ?4 AND o.start_ns >= ?1 AND o.start_ns < ?2 ORDER BY o.start_ns DESC"
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let mut before = connection.prepare_cached("SELECT max(hour) FROM trace_tenants WHERE hour >= ?1 AND hour < ?2")?;
    let mut until = hour(search.to_ns) + 1;
    while let Some(hour) = before.query_row([hour(search.from_ns), until], |row| row.get(0))? {
        scan.all(statement.query([search.from_ns, search.to_ns, hour, i64::from(tenant)])?)?;
        until = hour;
    }
    Ok(scan)
}

impl Scan<'_> {
    fn needs_outline(&self) -> bool {
        self.alone.is_some() || self.matcher.as_ref().is_some_and(|matcher| matcher.needs_outline)
    }

    /// Looks at all rows: id, start, end, flags, and the outline if that is needed.
    fn all(&mut self, mut rows: Rows<'_>) -> Result<(), Failure> {
        let nothing = Outline::default();
        while let Some(row) = rows.next()? {
            if self.looked_at == MAX_SCANNED {
                self.truncated = true;
                return Ok(());
            }
            self.looked_at += 1;
            let (start_ns, end_ns): (i64, i64) = (row.get(1)?, row.get(2)?);
            let columns = Row { duration_ns: end_ns - start_ns, flags: Flags::from_bits_retain(row.get(3)?) };
            let decoded = self.needs_outline().then(|| outline::read(row, 4)).transpose()?;
            let outline = decoded.as_ref().unwrap_or(&nothing);
            // A trace that is not all the tenant's own counts nowhere.
            if self.alone.is_some_and(|tenant| outline.tenants != [tenant]) {
                continue;
            }
            self.scanned += 1;
            if self.matcher.as_ref().is_some_and(|matcher| !matcher.matches(columns, outline)) {
                continue;
            }
            self.matched += 1;
            self.latencies.add(u64::try_from(columns.duration_ns).unwrap_or_default(), 1.0);
            let rank = if self.search.slowest_first { columns.duration_ns } else { start_ns };
            self.best.push(Reverse((rank, row.get(0)?)));
            if self.best.len() > self.search.limit {
                self.best.pop();
            }
        }
        Ok(())
    }
}

/// The line of a list.
fn summary(connection: &Connection, catalog: &Catalog, row: i64) -> Result<Summary, Failure> {
    let sql = "SELECT trace_id, start_ns, end_ns, spans, flags, outline FROM traces WHERE id = ?1";
    let mut select = connection.prepare_cached(sql)?;
    let mut rows = select.query([row])?;
    let Some(row) = rows.next()? else { return Err(Failure("a trace was removed meanwhile".to_owned())) };
    let trace_id = TraceId::from_bytes(row.get_ref(0)?.as_blob().unwrap_or_default())?;
    let (start_ns, end_ns): (i64, i64) = (row.get(1)?, row.get(2)?);
    let (flags, outline) = (Flags::from_bits_retain(row.get(4)?), outline::read(row, 5)?);
    let sorted = |mut list: Vec<String>| {
        list.sort();
        list.dedup();
        list
    };
    let nodes: Vec<_> = outline.services.iter().map(|service| catalog.node(service.node)).collect();
    let accounts = nodes.iter().map(|node| node.account.clone()).filter(|account| !account.is_empty());
    Ok(Summary {
        trace_id,
        xray_trace_id: trace_id.xray(),
        root: catalog.name(outline.root).to_owned(),
        root_service: catalog.node(outline.root_service).name,
        accounts: sorted(accounts.collect()),
        services: sorted(nodes.into_iter().map(|node| node.name).collect()),
        tenants: sorted(outline.tenants.iter().map(|tenant| catalog.name(*tenant).to_owned()).collect()),
        spans: usize::try_from(row.get::<_, i64>(3)?).unwrap_or_default(),
        fault: flags.contains(Flags::FAULT),
        error: flags.contains(Flags::ERROR),
        throttle: flags.contains(Flags::THROTTLE),
        start_unix_ns: start_ns,
        duration_ns: end_ns.saturating_sub(start_ns),
    })
}
