//! The demo's table: a line per booking.

use comfy_table::Table;

use super::bookings::Journey;

/// The journeys as a table.
pub(super) fn of(journeys: &[Journey]) -> Table {
    let mut table = Table::new();
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
            journey.accounts.len().to_string(),
            format!("{} ms", journey.end_to_end.as_millis()),
        ]);
    }
    table
}
