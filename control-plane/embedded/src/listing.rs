//! Searching: the first of the traces that match, and how long all of them took.

use std::{cmp::Reverse, collections::BinaryHeap};

use control_plane_model::{
    catalog::Catalog,
    listing::{LatencyBin, Order, Search, SearchResult, Starts},
    otlp::Flags,
    store::{Scope, StoreError},
    trace::{Summary, TraceId},
};
use rusqlite::Connection;
use slo::Histogram;

use crate::{
    failure::Failure,
    outline,
    reader::{Asker, Reader},
    scan::{Counts, scan},
    window::TraceColumns,
};

impl Reader {
    /// Searches.
    pub(crate) fn search(&self, asker: &Asker, scope: &Scope, search: &Search) -> Result<SearchResult, StoreError> {
        self.read(|connection| {
            let catalog = self.catalog(connection)?;
            // The first in order, rank, start and row; the last of them on top.
            let mut best = BinaryHeap::new();
            let mut latencies = Histogram::new();
            let mut starts = Starts::of(&search.into());
            let wanted = TraceColumns { spans: search.order == Order::MostSpans, ..TraceColumns::default() };
            let counts = scan((self, asker), connection, &catalog, scope, &search.into(), wanted, |found| {
                latencies.add(u64::try_from(found.duration_ns).unwrap_or_default(), 1.0);
                starts.add(found.start_ns, found.flags.contains(Flags::FAULT));
                let rank = match search.order {
                    Order::Newest => found.start_ns,
                    Order::Slowest => found.duration_ns,
                    Order::MostSpans => i64::try_from(found.spans).unwrap_or(i64::MAX),
                };
                best.push(Reverse((rank, found.start_ns, found.row)));
                if best.len() > search.limit {
                    best.pop();
                }
            })?;
            let best = best.into_sorted_vec().into_iter();
            let traces = best.map(|Reverse((.., row))| summary(connection, &catalog, row)).collect::<Result<_, _>>()?;
            let Counts { matched, scanned, truncated, lookup } = counts;
            let latency = LatencyBin::all(&latencies);
            Ok(SearchResult { traces, matched, scanned, truncated, latency, starts: starts.all(), lookup })
        })
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
        cold_start: flags.contains(Flags::COLD_START),
        start_unix_ns: start_ns,
        duration_ns: end_ns.saturating_sub(start_ns),
    })
}
