//! Outlines of traces as bytes, small enough to scan all traces of an hour.

use control_plane_model::search::Outline;
use rusqlite::Row;

pub(crate) fn encode(outline: &Outline) -> Vec<u8> {
    postcard::to_allocvec(outline).unwrap_or_default()
}

/// What [`encode`] made, from a column; nothing, of other bytes.
pub(crate) fn read(row: &Row<'_>, column: usize) -> rusqlite::Result<Outline> {
    Ok(postcard::from_bytes(row.get_ref(column)?.as_blob().unwrap_or_default()).unwrap_or_default())
}
