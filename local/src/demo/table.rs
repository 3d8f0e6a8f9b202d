//! The demo's table: a line per booking.

use comfy_table::{CellAlignment, Table, presets::NOTHING};

use super::bookings::Journey;

/// The journeys as a table.
pub(super) fn of(journeys: &[Journey]) -> Table {
    let mut table = Table::new();
    table.load_style(NOTHING);
    table.set_header(["tenant", "tier", "booking", "route", "miles", "trace ID", "spans", "accounts", "end to end"]);
    for journey in journeys {
        table.add_row([
            journey.tenant.clone(),
            journey.tier.clone(),
            journey.booking_number.clone(),
            format!("{}–{}", journey.from, journey.to),
            journey.miles.map_or_else(|| "–".to_owned(), |miles| miles.to_string()),
            journey.trace_id.clone(),
            journey.spans.to_string(),
            journey.accounts.iter().cloned().collect::<Vec<_>>().join(" "),
            format!("{} ms", journey.end_to_end.as_millis()),
        ]);
    }
    for number in [4, 6, 8] {
        if let Some(column) = table.column_mut(number) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}
