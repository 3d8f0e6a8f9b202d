//! The differences for a person, and for a program.

use anyhow::Result;
use comfy_table::{Table, presets::NOTHING};
use serde_json::json;

use super::compare::{Comparison, Difference};

/// One line of JSON.
pub(super) fn json(found: &Comparison, republished: usize) -> Result<String> {
    Ok(serde_json::to_string(&json!({ "differences": found.differences, "republished": republished }))?)
}

/// A table, or a sentence where there is nothing to list.
pub(super) fn table(found: &Comparison, republished: usize) -> String {
    let mut text = String::new();
    if republished > 0 {
        text = format!("{republished} reservation(s) published again\n");
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
        Difference::NotReserved { partition, booking_number } => {
            cells("no reservation", booking_number, partition, String::new())
        }
        Difference::WrongOwner { booking_number, reserved_by, posted_to } => {
            cells("wrong owner", booking_number, reserved_by, format!("posted to {posted_to}"))
        }
        Difference::PostedTwice { booking_number, also_posted_to } => {
            cells("posted twice", booking_number, also_posted_to, String::new())
        }
        Difference::WrongKey { partition, booking_number, fields_say } => {
            cells("wrong key", booking_number, partition, format!("fields say {fields_say}"))
        }
        Difference::WrongFlight { partition, booking_number, reserved, posted } => {
            cells("wrong flight", booking_number, partition, format!("reserved {reserved}, posted {posted}"))
        }
        Difference::WrongMiles { partition, booking_number, earned, posted } => {
            let earned = earned.map_or_else(|| "nothing".to_owned(), |miles| miles.to_string());
            cells("wrong miles", booking_number, partition, format!("earned {earned}, posted {posted}"))
        }
        Difference::WrongBalance { partition, entries_miles, entries, balance_miles, balance_bookings } => {
            let details =
                format!("{entries} entries of {entries_miles} miles, balance {balance_bookings} of {balance_miles}");
            cells("wrong balance", "", partition, details)
        }
        Difference::Unreadable { table, key, reason } => {
            cells("unreadable", table, key, reason.escape_default().to_string())
        }
        Difference::Messages { place, count } => cells("messages", place, "", count.to_string()),
    }
}
