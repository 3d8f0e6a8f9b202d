//! Searching: SQL counts what matches, and then lists the first.

use std::{cmp::Reverse, collections::BTreeSet};

use clickhouse::Row;
use control_plane_model::{
    listing::{LatencyBin, Order, Search, SearchResult, Starts, TraceSelection},
    search::Formula,
    store::{Scope, StoreError},
    trace::Summary,
};
use serde::Deserialize;
use slo::{
    Histogram,
    histogram::{lower_bound, upper_bound},
};

use crate::{
    condition::Condition,
    database::{Database, all},
    lookup::{self, Matching},
    trace_query::trace_query,
};

/// Traces that began in some five minutes, and in a stretch of the window, and took about as long.
#[derive(Row, Deserialize)]
struct Count {
    began: u32,
    bin: u16,
    stretch: i64,
    matched: u64,
    failed: u64,
    scanned: u64,
}

/// A row of the answer, whose columns are a summary's one after the other.
#[derive(Row, Deserialize)]
struct Line {
    summary: Summary,
}

pub(crate) async fn search(database: &Database, scope: &Scope, search: &Search) -> Result<SearchResult, StoreError> {
    let expression = lookup::resolved(database, scope, &search.into()).await?;
    let wanted = TraceSelection { expression: expression.as_ref(), ..search.into() };
    if let Some(formula) = expression.as_ref().and_then(Formula::of) {
        return looked_up(database, search, &wanted, lookup::matching(database, scope, &wanted, &formula).await?).await;
    }
    let condition = Condition::new(expression.as_ref());
    let query = |sql: &str| trace_query(database, sql, &condition, scope, &wanted);
    let mut starts = Starts::of(&wanted);
    let counts = query(include_str!("../sql/search_counts.sql")).param("width_ns", starts.width_ns);
    let mut counts: Vec<Count> = all(counts).await?;
    let scanned = counts.iter().map(|count| count.scanned).sum::<u64>();
    counts.retain(|count| count.matched > 0);
    let mut histogram = Histogram::new();
    for Count { bin, stretch, matched, failed, .. } in &counts {
        histogram.add_bin(*bin, *matched as f64);
        starts.add_to(*stretch, *matched, *failed);
    }
    // Those listed began, or took so long, before what others of them do; so much is read, and no more.
    let rank = |count: &Count| match search.order {
        Order::Newest => count.began,
        Order::Slowest => u32::from(count.bin),
        // How many spans they have, counts do not tell.
        Order::MostSpans => 0,
    };
    counts.sort_by_key(|count| Reverse(rank(count)));
    let mut listed = 0;
    let needed = counts.iter().take_while(|count| {
        let more = listed < search.limit;
        listed += count.matched as usize;
        more
    });
    let least = needed.last().map(rank).unwrap_or_default();
    let buckets: BTreeSet<u32> = counts.iter().filter(|count| rank(count) >= least).map(|count| count.began).collect();
    let mut traces = Vec::new();
    if !buckets.is_empty() {
        let first = include_str!("../sql/search_first.sql");
        let lines = query(&include_str!("../sql/search_lines.sql").replace("$first", first))
            .param("buckets", buckets)
            .param("bin", if search.order == Order::Slowest { least } else { 0 })
            .param("order", search.order.name())
            .param("limit", search.limit as u64);
        traces = all::<Line>(lines).await?.into_iter().map(|line| line.summary).collect();
    }
    let matched = histogram.total() as usize;
    let latency = histogram.bins().iter().filter(|(_, count)| *count > 0.0).map(|(bin, count)| LatencyBin {
        from_ms: lower_bound(*bin) / 1e6,
        to_ms: upper_bound(*bin) / 1e6,
        count: *count,
    });
    let (latency, scanned) = (latency.collect(), scanned as usize);
    Ok(SearchResult { traces, matched, scanned, truncated: false, latency, starts: starts.all(), lookup: None })
}

/// Lists the first of the traces that spans were read for.
async fn looked_up(
    database: &Database,
    search: &Search,
    wanted: &TraceSelection<'_>,
    matching: Matching,
) -> Result<SearchResult, StoreError> {
    let Matching { mut traces, scanned, truncated, lookup } = matching;
    let (mut histogram, mut starts) = (Histogram::new(), Starts::of(wanted));
    for trace in &traces {
        histogram.add(trace.duration_ns(), 1.0);
        starts.add(trace.start_ns, trace.has_fault());
    }
    let matched = traces.len();
    traces.sort_by_key(|trace| {
        let rank = match search.order {
            Order::Newest => 0,
            Order::Slowest => trace.duration_ns(),
            Order::MostSpans => u64::from(trace.spans),
        };
        Reverse((rank, trace.start_ns, trace.trace_id))
    });
    let first: Vec<_> = traces.iter().take(search.limit).collect();
    let sql = include_str!("../sql/search_lines.sql").replace("$first", include_str!("../sql/lookup_first.sql"));
    let lines = database
        .query(&sql)
        .param("buckets", first.iter().map(|trace| trace.bucket).collect::<Vec<_>>())
        .param("traces", first.iter().map(|trace| trace.id()).collect::<Vec<_>>())
        .param("order", search.order.name());
    let lines = if first.is_empty() { Vec::new() } else { all::<Line>(lines).await? };
    let traces = lines.into_iter().map(|line| line.summary).collect();
    let latency = LatencyBin::all(&histogram);
    Ok(SearchResult { traces, matched, scanned, truncated, latency, starts: starts.all(), lookup: Some(lookup) })
}
