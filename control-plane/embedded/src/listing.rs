//! Searching: which traces of a window match, and how long they took.

use std::{cmp::Reverse, collections::BinaryHeap};

use control_plane_model::{
    listing::{Found, LatencyBin, Search},
    otlp::Flags,
    search::{Expression, Matcher, Names, Outline, Row},
    store::{Scope, StoreError},
    trace::{Summary, TraceId},
};
use rusqlite::{Connection, Rows};
use slo::{
    Histogram,
    histogram::{lower_bound, upper_bound},
};

use crate::{catalog::Catalog, failure::Failure, ingest::hour, outline, reader::Reader};

/// Traces looked at in one search; a search that stops there says so.
const MAX_SCANNED: usize = 1_000_000;

impl Reader {
    /// Searches.
    pub(crate) fn search(&self, scope: &Scope, search: &Search) -> Result<Found, StoreError> {
        self.read(|connection| {
            let catalog = self.catalog(connection)?;
            let found = scan(connection, &catalog, scope, search)?;
            let rows = found.best.into_sorted_vec().into_iter().map(|Reverse((_, row))| row);
            let traces = rows.map(|row| summary(connection, &catalog, row)).collect::<Result<_, _>>()?;
            Ok(Found {
                traces,
                matched: found.matched,
                scanned: found.scanned,
                truncated: found.truncated,
                latency: found
                    .histogram
                    .bins()
                    .iter()
                    .map(|(bin, count)| LatencyBin {
                        from_ms: lower_bound(*bin) / 1e6,
                        to_ms: upper_bound(*bin) / 1e6,
                        count: *count,
                    })
                    .collect(),
            })
        })
    }
}

#[derive(Default)]
struct Scan<'a> {
    matcher: Option<Matcher<'a>>,
    /// Traces in which others were served too are passed over.
    alone: Option<u32>,
    /// The first in order, rank and row; the last of them on top.
    best: BinaryHeap<Reverse<(i64, i64)>>,
    matched: usize,
    scanned: usize,
    truncated: bool,
    histogram: Histogram,
}

fn scan<'a>(
    connection: &Connection,
    catalog: &'a Catalog,
    scope: &'a Scope,
    search: &'a Search,
) -> Result<Scan<'a>, Failure> {
    let matcher = search.expression.as_ref().map(|expression| Matcher::new(expression, catalog));
    let mut scan = Scan { matcher, ..Scan::default() };
    let asked = search.expression.as_ref().and_then(Expression::tenant);
    let tenant = match scope.tenant().or(asked).map(|tenant| Catalog::number(connection, tenant)).transpose()? {
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
        scan.all(statement.query([search.from_ns, search.to_ns])?, search)?;
        return Ok(scan);
    };
    // A tenant's traces are found hour by hour; from the first one there is.
    let first: Option<i64> = connection.query_row("SELECT min(hour) FROM trace_tenants", [], |row| row.get(0))?;
    let (from, to) = (hour(search.from_ns).max(first.unwrap_or(i64::MAX)), hour(search.to_ns));
    let sql = format!(
        "SELECT {columns} FROM trace_tenants o JOIN traces t ON t.id = o.trace
         WHERE o.hour = ?3 AND o.tenant = ?4 AND o.start_ns >= ?1 AND o.start_ns < ?2 ORDER BY o.start_ns DESC"
    );
    let mut statement = connection.prepare_cached(&sql)?;
    for hour in (from..=to).rev() {
        scan.all(statement.query([search.from_ns, search.to_ns, hour, i64::from(tenant)])?, search)?;
    }
    Ok(scan)
}

impl Scan<'_> {
    fn needs_outline(&self) -> bool {
        self.alone.is_some() || self.matcher.as_ref().is_some_and(|matcher| matcher.needs_outline)
    }

    /// Looks at all rows: id, start, end, flags, and the outline if that is needed.
    fn all(&mut self, mut rows: Rows<'_>, search: &Search) -> Result<(), Failure> {
        let nothing = Outline::default();
        while let Some(row) = rows.next()? {
            if self.scanned == MAX_SCANNED {
                self.truncated = true;
                return Ok(());
            }
            self.scanned += 1;
            let (start_ns, end_ns): (i64, i64) = (row.get(1)?, row.get(2)?);
            let columns = Row { duration_ns: end_ns - start_ns, flags: Flags::from_bits(row.get(3)?) };
            let decoded = self.needs_outline().then(|| row.get_ref(4)).transpose()?;
            let decoded = decoded.map(|value| outline::decode(value.as_blob().unwrap_or_default()));
            let outline = decoded.as_ref().unwrap_or(&nothing);
            if self.alone.is_some_and(|tenant| outline.tenants != [tenant])
                || self.matcher.as_ref().is_some_and(|matcher| !matcher.matches(columns, outline))
            {
                continue;
            }
            self.matched += 1;
            self.histogram.add(u64::try_from(columns.duration_ns).unwrap_or_default(), 1.0);
            let rank = if search.slowest_first { columns.duration_ns } else { start_ns };
            self.best.push(Reverse((rank, row.get(0)?)));
            if self.best.len() > search.limit {
                self.best.pop();
            }
        }
        Ok(())
    }
}

fn summary(connection: &Connection, catalog: &Catalog, row: i64) -> Result<Summary, Failure> {
    let sql = "SELECT trace_id, start_ns, end_ns, spans, flags, outline FROM traces WHERE id = ?1";
    let mut select = connection.prepare_cached(sql)?;
    let mut rows = select.query([row])?;
    let Some(row) = rows.next()? else { return Err(Failure::of("a trace was removed meanwhile")) };
    let trace_id = TraceId::from_bytes(row.get_ref(0)?.as_blob().unwrap_or_default()).map_err(Failure::of)?;
    let (start, end): (i64, i64) = (row.get(1)?, row.get(2)?);
    let flags = Flags::from_bits(row.get(4)?);
    let outline = outline::decode(row.get_ref(5)?.as_blob().unwrap_or_default());
    let sorted = |mut list: Vec<String>| {
        list.sort();
        list.dedup();
        list
    };
    let nodes: Vec<_> = outline.services.iter().map(|service| catalog.node(service.node)).collect();
    Ok(Summary {
        trace_id,
        xray_trace_id: trace_id.xray(),
        root: catalog.name(outline.root).to_owned(),
        root_service: catalog.node(outline.root_service).name,
        services: sorted(nodes.iter().map(|node| node.name.clone()).collect()),
        accounts: sorted(nodes.iter().map(|node| node.account.clone()).filter(|account| !account.is_empty()).collect()),
        tenants: sorted(outline.tenants.iter().map(|tenant| catalog.name(*tenant).to_owned()).collect()),
        spans: usize::try_from(row.get::<_, i64>(3)?).unwrap_or_default(),
        fault: flags.fault(),
        error: flags.error(),
        throttle: flags.throttle(),
        start_unix_ns: start,
        duration_ns: end.saturating_sub(start),
    })
}
