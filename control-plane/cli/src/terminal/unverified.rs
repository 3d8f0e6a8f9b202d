//! What was refused before anybody was known, as a table.

use comfy_table::Cell;
use control_plane::{
    api::UnverifiedAnswer,
    text::{clock, count},
};

use super::screen::{Screen, number};

const NANOSECONDS: i64 = 1_000_000_000;

/// A line by API, reason and network; `page` shows the same.
pub(crate) fn unverified(answer: &UnverifiedAnswer, page: &str, screen: &Screen) -> String {
    let heads = ["reason", "status", "api", "account", "network", "addresses", "requests", "first", "last"];
    let mut table = screen.table(heads);
    let at = |seconds: i64| clock(seconds.saturating_mul(NANOSECONDS));
    for line in &answer.lines {
        table.add_row([
            Cell::new(&line.reason),
            number(line.status.to_string()),
            Cell::new(&line.api),
            Cell::new(line.account.as_deref().unwrap_or("not told")),
            Cell::new(&line.network),
            number(if line.addresses == 0 { "–".to_owned() } else { count(line.addresses) }),
            number(count(line.requests)),
            Cell::new(at(line.first)),
            Cell::new(at(line.last)),
        ]);
    }
    let table = screen.draw(table, &[1, 4, 5, 6, 7, 8], &[3, 7, 5, 1]);
    let more = if answer.more { " (these are the lines with the most)" } else { "" };
    let requests = count(answer.requests);
    format!("{table}\n{requests} requests were refused before anybody was known{more}\n{}\n", screen.link(page))
}
