//! What the writer keeps of refused requests.

use control_plane_model::{catalog::Numbers, otlp::Facts, trace::TraceId};
use rusqlite::{Connection, params};

use crate::{dictionary::Writing, failure::Failure};

/// Keeps that a request was refused.
pub(crate) fn store(numbers: &mut Writing<'_>, trace_id: TraceId, facts: &Facts) -> Result<(), Failure> {
    let Some(reason) = &facts.refused else { return Ok(()) };
    let service = numbers.node("service", facts.account.as_deref().unwrap_or_default(), &facts.service)?;
    let (tenant, operation) = (numbers.name(facts.tenant.as_deref())?, numbers.name(Some(&facts.operation))?);
    let sql =
        "INSERT OR IGNORE INTO refusals (start_ns, trace_id, span_id, tenant, service, operation, status, user, reason)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
    let span_id = facts.id.cast_signed();
    let (status, user) = (facts.http_status, facts.user.as_deref());
    let row = params![facts.start_ns, trace_id.as_bytes(), span_id, tenant, service, operation, status, user, reason];
    numbers.1.prepare_cached(sql)?.execute(row)?;
    Ok(())
}

/// Removes those of a trace, and keeps when the latest that was ever removed began.
pub(crate) fn remove(connection: &Connection, trace_id: TraceId) -> rusqlite::Result<()> {
    let sql = "INSERT INTO refusals_removed (one, start_ns) SELECT 1, start_ns FROM refusals WHERE trace_id = ?1
               ON CONFLICT (one) DO UPDATE SET start_ns = max(start_ns, excluded.start_ns)";
    connection.prepare_cached(sql)?.execute([trace_id.as_bytes()])?;
    connection.prepare_cached("DELETE FROM refusals WHERE trace_id = ?1")?.execute([trace_id.as_bytes()])?;
    Ok(())
}
