//! Traces and the service map, as tables.

use std::collections::HashMap;

use comfy_table::Cell;
use control_plane::{
    text::{clock, count, duration, lookup, percent, rate},
    visible,
};
use control_plane_audit::{About, Listing, Outcome};
use control_plane_model::{
    listing::SearchResult,
    map::{Health, ServiceMap},
};

use super::screen::{Screen, at_fault, number};

/// What a search found, a line per trace.
pub(crate) fn traces(found: &SearchResult, screen: &Screen) -> String {
    let mut table =
        screen.table(["trace", "root", "duration", "status", "tenant", "services", "accounts", "spans", "started"]);
    for trace in &found.traces {
        table.add_row([
            Cell::new(trace.trace_id),
            Cell::new(&trace.root),
            number(duration(trace.duration_ns as f64)),
            at_fault(Cell::new(trace.status()), trace.fault),
            Cell::new(trace.tenants.join(", ")),
            Cell::new(trace.services.join(", ")),
            Cell::new(trace.accounts.join(", ")),
            number(count(trace.spans)),
            Cell::new(clock(trace.start_unix_ns)),
        ]);
    }
    let more = if found.truncated { " (the search ended there)" } else { "" };
    let table = screen.draw(table, &[0, 2, 3, 7, 8], &[6, 5, 7, 8]);
    let lookup = lookup(found).map(|lookup| format!("{}\n", visible::line(&lookup))).unwrap_or_default();
    let each =
        if found.traces.is_empty() { String::new() } else { format!("each at {}\n", screen.link("/traces/<trace>")) };
    format!("{table}\n{} of {} traces match{more}\n{lookup}{each}", found.matched, found.scanned)
}

/// The edges of the service map, the unwell ones first; `page` shows the same.
pub(crate) fn map(map: &ServiceMap, page: &str, screen: &Screen) -> String {
    let nodes: HashMap<u32, String> = map
        .nodes
        .iter()
        .map(|node| {
            let account = node.account.as_deref().map(|account| format!(" ({account})")).unwrap_or_default();
            let kind = if node.kind == node.name { String::new() } else { format!("{} ", node.kind) };
            (node.id, format!("{kind}{}{account}", node.name))
        })
        .collect();
    let name = |id: &u32| nodes.get(id).cloned().unwrap_or_default();
    let mut table = screen.table(["from", "to", "health", "requests", "rate", "faults", "errors", "p50", "p95", "p99"]);
    let mut edges: Vec<_> = map.edges.iter().collect();
    edges.sort_by_key(|edge| std::cmp::Reverse((edge.stats.health, edge.stats.count)));
    for edge in edges {
        let stats = &edge.stats;
        table.add_row([
            Cell::new(name(&edge.source)),
            Cell::new(name(&edge.target)),
            Cell::new(stats.health.name()),
            number(count(stats.count)),
            number(rate(stats.rate)),
            at_fault(number(percent(stats.fault_rate)), stats.health == Health::Fault),
            number(percent(stats.error_rate)),
            number(duration(stats.p50_ms * 1e6)),
            number(duration(stats.p95_ms * 1e6)),
            number(duration(stats.p99_ms * 1e6)),
        ]);
    }
    let table = screen.draw(table, &[2, 3, 4, 5, 6, 7, 8, 9], &[4, 7, 8, 6]);
    format!("{table}\n{}\n", screen.link(page))
}

/// Records of the audit, a line each.
pub(crate) fn audit(listing: &Listing, screen: &Screen) -> String {
    // What a body says is text within text: it was not looked at when the answer was read.
    let text = |text: &str| Cell::new(visible::line(text));
    let mut table = screen.table(["number", "time", "who", "from", "what", "about", "why", "before → after"]);
    for recorded in &listing.records {
        let number = number(recorded.record.number.to_string());
        let Some(said) = &recorded.said else {
            table.add_row([number, text("cannot be read")]);
            continue;
        };
        let event = &said.event;
        let what = match event.outcome {
            Outcome::Done => event.what.name().to_owned(),
            other => format!("{}, {}", event.what.name(), other.name()),
        };
        table.add_row([
            number,
            text(&format!("{:.0}", said.at)),
            Cell::new(format!(
                "{} ({})\n{}",
                visible::line(&event.who.name),
                visible::line(&event.who.role),
                visible::line(&event.who.identity())
            )),
            text(&event.from.shown()),
            text(&what),
            text(event.about.as_ref().map(About::name).unwrap_or_default()),
            text(event.why.as_deref().unwrap_or_default()),
            Cell::new(event.changes().iter().map(|change| visible::line(change)).collect::<Vec<_>>().join("\n")),
        ]);
    }
    let table = screen.draw(table, &[0, 1], &[3]);
    format!("{table}\n")
}
