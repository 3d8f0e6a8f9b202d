//! Spans that refer to a trace by a link.

use control_plane_model::{
    links::{LinkedFrom, LinkingSpan},
    store::{Scope, StoreError},
    trace::TraceId,
};
use rusqlite::params;

use crate::{catalog::number, reader::Reader};

impl Reader {
    /// The spans that refer to a trace, the newest first, `limit` of them at most.
    pub(crate) fn linked_from(&self, scope: &Scope, trace_id: TraceId, limit: usize) -> Result<LinkedFrom, StoreError> {
        self.read(|connection| {
            let own = match scope.tenant() {
                None => None,
                Some(own) => match number(connection, own)? {
                    None => return Ok(LinkedFrom::default()),
                    known => known,
                },
            };
            let catalog = self.catalog(connection)?;
            let sql = "SELECT trace_id, l.span_id, l.service, l.tenant, l.name, l.start_ns
                       FROM links l JOIN traces t ON t.id = l.trace
                       WHERE linked = ?1 AND (?2 IS NULL OR tenant = ?2)
                       ORDER BY l.start_ns DESC, trace_id DESC, l.span_id < 0, l.span_id LIMIT ?3";
            let mut select = connection.prepare_cached(sql)?;
            let mut rows = select.query(params![trace_id.as_bytes(), own, limit as i64 + 1])?;
            let mut spans = Vec::new();
            while let Some(row) = rows.next()? {
                let tenant = catalog.name(row.get(3)?);
                spans.push(LinkingSpan {
                    trace_id: TraceId::from_bytes(row.get_ref(0)?.as_blob().unwrap_or_default())?,
                    span_id: format!("{:016x}", row.get::<_, i64>(1)?),
                    service: catalog.node(row.get(2)?).name,
                    tenant: Some(tenant.to_owned()).filter(|tenant| !tenant.is_empty()),
                    name: row.get(4)?,
                    start_unix_ns: row.get(5)?,
                });
            }
            Ok(LinkedFrom::first(limit, spans))
        })
    }
}
