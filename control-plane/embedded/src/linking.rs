//! That spans refer to a trace by a link: what the writer keeps of it.

use control_plane_model::{catalog::Numbers, otlp::Facts};
use rusqlite::params;

use crate::{dictionary::Writing, failure::Failure};

/// Keeps which traces a span of a trace, whose row this is, refers to.
pub(crate) fn store(numbers: &mut Writing<'_>, trace: i64, facts: &Facts) -> Result<(), Failure> {
    if facts.linked.is_empty() {
        return Ok(());
    }
    let service = numbers.node("service", facts.account.as_deref().unwrap_or_default(), &facts.service)?;
    let tenant = numbers.name(facts.tenant.as_deref())?;
    let sql = "INSERT INTO links (linked, start_ns, trace, span_id, service, tenant, name) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
    let mut insert = numbers.1.prepare_cached(sql)?;
    for linked in &facts.linked {
        let row =
            params![linked.as_bytes(), facts.start_ns, trace, facts.id.cast_signed(), service, tenant, facts.operation];
        insert.execute(row)?;
    }
    Ok(())
}
