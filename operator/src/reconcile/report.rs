//! The differences for a person, and for a program.

use anyhow::Result;
use comfy_table::{Table, presets::NOTHING};
use mileage::ledger::EntryKind;
use serde_json::json;

use super::{compare::Reconciliation, difference::Difference};

/// One line of JSON.
pub(super) fn json(found: &Reconciliation, republished: usize) -> Result<String> {
    Ok(serde_json::to_string(&json!({ "differences": found.differences, "republished": republished }))?)
}

/// A table, or a sentence where there is nothing to list.
pub(super) fn table(found: &Reconciliation, republished: usize) -> String {
    let mut text = String::new();
    if republished > 0 {
        text = format!("{republished} reservation(s) or cancellation(s) published again\n");
    }
    if found.differences.is_empty() {
        return text + "no difference";
    }
    let mut table = Table::new();
    table.load_style(NOTHING);
    table.set_header(["difference", "what", "where", "details"]);
    for difference in &found.differences {
        table.add_row(row(difference));
    }
    format!("{text}{table}\n{} difference(s)", found.differences.len())
}

fn row(difference: &Difference) -> [String; 4] {
    let cells = |kind: &str, what: &str, place: &str, details: String| {
        [kind.to_owned(), what.to_owned(), place.to_owned(), details]
    };
    match difference {
        Difference::NotPosted { partition, booking_number } => {
            cells("no ledger entry", booking_number, partition, String::new())
        }
        Difference::NotTakenBack { partition, booking_number } => {
            cells("miles not taken back", booking_number, partition, String::new())
        }
        Difference::NotReserved { partition, booking_number } => {
            cells("no reservation", booking_number, partition, String::new())
        }
        Difference::NotCancelled { partition, booking_number } => {
            cells("no cancellation", booking_number, partition, String::new())
        }
        Difference::HalfCancelled { partition, booking_number, reservation_says, cancellation_says } => {
            let [reservation, cancellation] =
                [reservation_says, cancellation_says].map(|said| said.as_deref().unwrap_or("nothing"));
            let details = format!("the reservation says {reservation}, the cancellation {cancellation}");
            cells("half cancelled", booking_number, partition, details)
        }
        Difference::WrongOwner { booking_number, entry, reserved_by, posted_to } => {
            cells("wrong owner", booking_number, reserved_by, format!("{} {posted_to}", to_whom(*entry)))
        }
        Difference::PostedTwice { booking_number, entry, also_posted_to } => {
            cells("posted twice", booking_number, also_posted_to, format!("{} its user too", to_whom(*entry)))
        }
        Difference::WrongKey { partition, booking_number, fields_say } => {
            cells("wrong key", booking_number, partition, format!("fields say {fields_say}"))
        }
        Difference::WrongFlight { partition, booking_number, reserved, posted, .. } => {
            cells("wrong flight", booking_number, partition, format!("reserved {reserved}, posted {posted}"))
        }
        Difference::WrongMiles { partition, booking_number, due, posted } => {
            let due = due.map_or_else(|| "nothing".to_owned(), |miles| miles.to_string());
            cells("wrong miles", booking_number, partition, format!("due {due}, posted {posted}"))
        }
        Difference::WrongBalance { partition, entries_miles, entries_bookings, balance_miles, balance_bookings } => {
            let details = format!(
                "entries: {entries_bookings} bookings, {entries_miles} miles; balance: {balance_bookings}, {balance_miles}"
            );
            cells("wrong balance", "", partition, details)
        }
        Difference::Unreadable { table, key, reason } => {
            cells("unreadable", table, key, reason.escape_default().to_string())
        }
        Difference::Unwritable { booking_number, reason } => {
            cells("not published again", booking_number, "", reason.escape_default().to_string())
        }
        Difference::Messages { place, count } => cells("messages", place, "", count.to_string()),
    }
}

fn to_whom(entry: EntryKind) -> &'static str {
    match entry {
        EntryKind::Earned => "posted to",
        EntryKind::TakenBack => "taken back from",
    }
}
