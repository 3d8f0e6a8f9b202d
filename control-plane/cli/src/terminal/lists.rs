//! Traces and the service map, as tables.

use std::collections::HashMap;

use comfy_table::{Cell, CellAlignment, Table, presets::NOTHING};
use control_plane::{
    text::{clock, duration, lookup, percent, rate},
    visible,
};
use control_plane_audit::{About, Listing, Outcome};
use control_plane_model::{listing::Found, map::ServiceMap};

pub(super) fn table<const N: usize>(header: [&str; N]) -> Table {
    let mut table = Table::new();
    table.load_style(NOTHING).set_header(header);
    table
}

pub(super) fn number(text: String) -> Cell {
    Cell::new(text).set_alignment(CellAlignment::Right)
}

/// What a search found, a line per trace.
pub(crate) fn traces(found: &Found) -> String {
    let mut table =
        table(["trace", "root", "duration", "status", "tenant", "services", "accounts", "spans", "started"]);
    for trace in &found.traces {
        table.add_row([
            Cell::new(trace.trace_id),
            Cell::new(&trace.root),
            number(duration(trace.duration_ns as f64)),
            Cell::new(trace.status()),
            Cell::new(trace.tenants.join(", ")),
            Cell::new(trace.services.join(", ")),
            Cell::new(trace.accounts.join(", ")),
            number(trace.spans.to_string()),
            Cell::new(clock(trace.start_unix_ns)),
        ]);
    }
    let more = if found.truncated { " (the search ended there)" } else { "" };
    let lookup = lookup(found).map(|lookup| format!("{}\n", visible::line(&lookup))).unwrap_or_default();
    format!("{table}\n{} of {} traces match{more}\n{lookup}", found.matched, found.scanned)
}

/// The edges of the service map, the unwell ones first.
pub(crate) fn map(map: &ServiceMap) -> String {
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
    let mut table = table(["from", "to", "health", "requests", "rate", "faults", "errors", "p50", "p95", "p99"]);
    let mut edges: Vec<_> = map.edges.iter().collect();
    edges.sort_by_key(|edge| std::cmp::Reverse((edge.stats.health, edge.stats.count)));
    for edge in edges {
        let stats = &edge.stats;
        table.add_row([
            Cell::new(name(&edge.source)),
            Cell::new(name(&edge.target)),
            Cell::new(stats.health.name()),
            number(stats.count.to_string()),
            number(rate(stats.rate)),
            number(percent(stats.fault_rate)),
            number(percent(stats.error_rate)),
            number(duration(stats.p50_ms * 1e6)),
            number(duration(stats.p95_ms * 1e6)),
            number(duration(stats.p99_ms * 1e6)),
        ]);
    }
    format!("{table}\n")
}

/// Records of the audit, a line each.
pub(crate) fn audit(listing: &Listing) -> String {
    // What a body says is text within text: it was not looked at when the answer was read.
    let text = |text: &str| Cell::new(visible::line(text));
    let mut table = table(["number", "time", "who", "from", "what", "about", "why", "before → after"]);
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
    format!("{table}\n")
}
