//! Log records: what the writer keeps of them.

use control_plane_model::{log_records::IncomingLog, trace::TraceId};
use rusqlite::{Connection, params};

use crate::{dictionary::Dictionary, failure::Failure};

/// Stores what a request brought; how many records were new.
pub(crate) fn store(
    dictionary: &mut Dictionary,
    connection: &Connection,
    logs: &[IncomingLog],
    now: i64,
) -> Result<usize, Failure> {
    let sql = "INSERT OR IGNORE INTO log_records (received, trace, time_ns, id, tenant, sender, body) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
    let mut insert = connection.prepare_cached(sql)?;
    let mut new = 0;
    for IncomingLog { id, time_ns, trace_id, tenant, sender, body } in logs {
        dictionary.resource(connection, sender)?;
        let trace = trace_id.as_ref().map_or(&[][..], TraceId::as_bytes);
        new += insert.execute(params![now, trace, time_ns, id, tenant, sender.id, body])?;
    }
    Ok(new)
}
