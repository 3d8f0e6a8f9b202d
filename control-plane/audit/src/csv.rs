//! Records as CSV (RFC 4180), for spreadsheets.

use csv::{Error, Writer};

use crate::{Recorded, event::RecordBody};

/// The names of the columns, as a line.
pub(crate) fn header() -> Result<String, Error> {
    line([
        "number",
        "at",
        "who",
        "subject",
        "issued_by",
        "role",
        "address",
        "forwarded_for",
        "what",
        "outcome",
        "about",
        "why",
        "before",
        "after",
        "previous",
        "hash",
    ])
}

/// A record, as a line. What a spreadsheet would take for a formula begins with an apostrophe, which makes it text
/// (<https://owasp.org/www-community/attacks/CSV_Injection>).
pub(crate) fn row(Recorded { record, said }: &Recorded) -> Result<String, Error> {
    let number = record.number.to_string();
    let Some(RecordBody { at, event }) = said else {
        let mut cells = [""; 16];
        (cells[0], cells[8], cells[13]) = (&number, "unreadable", &record.body);
        (cells[14], cells[15]) = (&record.previous, &record.hash);
        return line(cells);
    };
    let json = |value: &Option<serde_json::Value>| value.as_ref().map(ToString::to_string).unwrap_or_default();
    line([
        &number,
        &at.to_string(),
        &event.who.name,
        &event.who.subject,
        &event.who.issued_by,
        &event.who.role,
        event.from.address.as_deref().unwrap_or_default(),
        event.from.forwarded_for.as_deref().unwrap_or_default(),
        event.what.name(),
        event.outcome.name(),
        event.about.as_ref().map(crate::About::name).unwrap_or_default(),
        event.why.as_deref().unwrap_or_default(),
        &json(&event.before),
        &json(&event.after),
        &record.previous,
        &record.hash,
    ])
}

fn line(cells: [&str; 16]) -> Result<String, Error> {
    let mut writer = Writer::from_writer(Vec::new());
    writer.write_record(cells.map(no_formula))?;
    let bytes = writer.into_inner().map_err(csv::IntoInnerError::into_error)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// A cell that no spreadsheet takes for a formula: texts in it may be anybody's.
pub fn no_formula(cell: &str) -> String {
    let is_formula = cell.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']);
    if is_formula { format!("'{cell}") } else { cell.to_owned() }
}
