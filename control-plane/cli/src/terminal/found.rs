//! What was found, in a terminal.

use std::fmt::Write;

use comfy_table::Cell;
use control_plane::{
    api::{FindAnswer, Hit},
    text,
};

use super::{Screen, lists, trace::trace};

/// What was found, and where that is one trace, all of it; else what it was taken for.
pub(crate) fn found(answer: &FindAnswer, screen: &Screen) -> String {
    match &answer.found {
        Some(Hit::Trace(hit)) => trace(hit, screen),
        Some(Hit::Traces(hit)) => {
            let mut out = lists::traces(&hit.traces, screen);
            if let Some(largest) = &hit.largest {
                // Writing to a string does not fail.
                let _ = writeln!(out, "{} has the most spans. {}", largest.trace_id, text::ending(&largest.ending));
            }
            out
        }
        Some(Hit::Tenants(tenants)) => {
            let mut table = screen.table(["tenant", "company"]);
            for named in tenants {
                table.add_row([Cell::new(&named.tenant), Cell::new(named.company.as_deref().unwrap_or("–"))]);
            }
            format!("{}\neach at {}\n", screen.draw(table, &[0], &[]), screen.link("/tenant?id=<tenant>"))
        }
        None => {
            let mut table = screen.table(["taken for", "what came of it"]);
            for tried in &answer.tried {
                table.add_row([Cell::new(&tried.what), Cell::new(&tried.outcome)]);
            }
            format!("{}\nnothing found\n", screen.draw(table, &[0], &[]))
        }
    }
}
