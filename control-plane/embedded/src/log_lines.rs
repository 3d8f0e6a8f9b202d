//! The lines of a trace's log.

use std::collections::HashSet;

use control_plane_model::{
    log_records::{Lines, LinesRead, LogQuery},
    otlp::{Resource, SpanId, StoredSpan},
    store::{Scope, StoreError},
    trace::TraceId,
};
use opentelemetry_proto::tonic::logs::v1::ScopeLogs;
use prost::Message;
use rusqlite::{Connection, params};

use crate::{
    failure::Failure,
    fragment::Fragment,
    fragments::fragments_of,
    reader::{Asker, Reader, row_of},
    senders::Senders,
};

impl Reader {
    /// The lines of a trace.
    pub(crate) fn logs(&self, asker: &Asker, scope: &Scope, query: &LogQuery) -> Result<Lines, StoreError> {
        self.read(|connection| {
            let own = scope.tenant().map(|tenant| spans_of(connection, asker, query.trace_id, tenant)).transpose()?;
            let sql = "SELECT sender, body, span_id, tenant IS NULL FROM log_records
                       WHERE trace = ?1 AND (?2 IS NULL OR span_id = ?2) AND (?3 IS NULL OR tenant IS NULL OR tenant = ?3)
                       ORDER BY time_ns, id";
            let mut select = connection.prepare_cached(sql)?;
            let mut senders = Senders::default();
            let mut read = LinesRead::new(query);
            let span_id = query.span_id.map(u64::cast_signed);
            let mut rows = select.query(params![query.trace_id.as_bytes(), span_id, scope.tenant()])?;
            while let Some(row) = rows.next()? {
                asker.waits()?;
                // What names nobody is for whom its span was made.
                let (span_id, names_nobody): (i64, bool) = (row.get(2)?, row.get(3)?);
                if names_nobody && own.as_ref().is_some_and(|own| !own.contains(&span_id.cast_unsigned())) {
                    continue;
                }
                let sender = senders.resource(connection, row.get(0)?)?;
                let stored = ScopeLogs::decode(row.get_ref(1)?.as_blob().unwrap_or_default())?;
                if !read.take(&sender, stored) {
                    break;
                }
            }
            Ok(read.into_lines())
        })
    }
}

/// The spans of a trace that are a tenant's.
fn spans_of(
    connection: &Connection,
    asker: &Asker,
    trace_id: TraceId,
    tenant: &str,
) -> Result<HashSet<SpanId>, Failure> {
    let mut own = HashSet::new();
    let mut senders = Senders::default();
    let row = row_of(connection, trace_id)?;
    fragments_of(connection, row.as_slice(), |_, body| {
        asker.waits()?;
        for part in Fragment::read(body)?.parts {
            let sender = Resource::of(&*senders.resource(connection, part.resource)?);
            for span in part.bodies()?.1 {
                let span = StoredSpan::decode(span)?;
                if span.tenant(&sender).as_deref() == Some(tenant) {
                    own.insert(span.id());
                }
            }
        }
        Ok(())
    })?;
    Ok(own)
}
