//! Refused requests as a table.

use comfy_table::Cell;
use control_plane::{
    api::TurnedAwayAnswer,
    text::{clock, count, known, percent},
};

use super::screen::{Screen, number};

/// A line by whom, where and why; `page` shows the same.
pub(crate) fn turned_away(answer: &TurnedAwayAnswer, page: &str, screen: &Screen) -> String {
    let mut table = screen.table([
        "tenant",
        "user",
        "reason",
        "status",
        "operation",
        "service",
        "requests",
        "of the tenant's",
        "first",
        "last",
        "trace",
    ]);
    for line in &answer.lines {
        let refused = &line.refused;
        table.add_row([
            Cell::new(&refused.tenant),
            Cell::new(refused.user.as_deref().unwrap_or("not told")),
            Cell::new(&refused.reason),
            number(refused.status.to_string()),
            Cell::new(&refused.operation),
            Cell::new(&refused.service),
            number(count(refused.requests)),
            number(known(line.share(), percent)),
            Cell::new(clock(refused.first_unix_ns)),
            Cell::new(clock(refused.last_unix_ns)),
            Cell::new(refused.trace_ids.first().map(ToString::to_string).unwrap_or_default()),
        ]);
    }
    let table = screen.draw(table, &[1, 3, 6, 7, 8, 9, 10], &[8, 5, 3, 9, 7, 10, 4]);
    let more = if answer.more { " (these are the lines with the most)" } else { "" };
    format!("{table}\n{} requests were refused{more}\n{}\n", count(answer.requests), screen.link(page))
}
