//! Investigations as a table.

use comfy_table::Cell;
use control_plane::{
    api::Investigation,
    text::{count, window},
};

use super::screen::{Screen, number};

/// A line for each.
pub(crate) fn investigations(found: &[Investigation], screen: &Screen) -> String {
    let mut table = screen.table(["id", "title", "state", "window", "opened", "by", "notes"]);
    for one in found {
        table.add_row([
            Cell::new(&one.id),
            Cell::new(&one.title),
            Cell::new(if one.closed.is_some() { "closed" } else { "open" }),
            Cell::new(window(one.from, one.to)),
            Cell::new(format!("{:.0}", one.opened_at)),
            Cell::new(&one.opened_by),
            number(count(one.notes.len())),
        ]);
    }
    let table = screen.draw(table, &[0, 2, 4, 6], &[3, 5, 6, 4]);
    format!("{table}\n{}\n", screen.link("/investigations"))
}
