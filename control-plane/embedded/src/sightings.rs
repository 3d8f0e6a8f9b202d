//! What the writer keeps of versions of services.

use control_plane_model::{otlp::SentResource, rollup, store::Version};
use prost::Message;
use rusqlite::{Connection, params};

/// Keeps that versions were seen.
pub(crate) fn store(connection: &Connection, sightings: &[Version]) -> rusqlite::Result<()> {
    let sql = "INSERT OR IGNORE INTO versions (service, account, attribute, version, seen) VALUES (?1, ?2, ?3, ?4, ?5)";
    let mut insert = connection.prepare_cached(sql)?;
    for Version { service, account, attribute, version, first_seen } in sightings {
        insert.execute(params![service, account, attribute, version, first_seen])?;
    }
    Ok(())
}

/// Of a file that has spans from before versions were kept: what sent them counts as seen when the first of its traces began, so that it
/// is nothing new from now on.
pub(crate) fn assume(connection: &Connection) -> rusqlite::Result<()> {
    let first = "SELECT min(start_ns) / 1000000000 FROM traces WHERE start_ns > (unixepoch() - ?1) * 1000000000";
    let first: Option<i64> = connection.query_row(first, [rollup::KEPT], |row| row.get(0))?;
    let Some(first) = first else { return Ok(()) };
    let mut select = connection.prepare("SELECT body FROM resources")?;
    let mut rows = select.query([])?;
    while let Some(row) = rows.next()? {
        if let Ok(sender) = SentResource::decode(row.get_ref(0)?.as_blob().unwrap_or_default()) {
            store(connection, &Version::named_by(&sender, first))?;
        }
    }
    Ok(())
}
