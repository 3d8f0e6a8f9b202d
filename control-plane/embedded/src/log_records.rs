//! Log records: what the writer keeps of them, and the lines of a trace.

use std::collections::{HashMap, hash_map::Entry};

use control_plane_model::{
    log_records::{IncomingLog, Lines, LogQuery, Reading, Seen},
    otlp::SentResource,
    store::{Scope, StoreError},
    trace::TraceId,
};
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use prost::Message;
use rusqlite::{Connection, params};

use crate::{dictionary::Dictionary, failure::Failure, reader::Reader};

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

impl Reader {
    /// The lines of a trace.
    pub(crate) fn logs(&self, scope: &Scope, query: &LogQuery) -> Result<Lines, StoreError> {
        let own = if scope.tenant().is_some() { self.trace(scope, query.trace_id)? } else { None };
        let seen = Seen::of(scope, own.as_ref());
        self.read(|connection| {
            let sql = "SELECT sender, l.body, r.body FROM log_records l JOIN resources r ON r.id = l.sender
                       WHERE trace = ?1 AND (?2 IS NULL OR tenant IS NULL OR tenant = ?2) ORDER BY time_ns, l.id";
            let mut select = connection.prepare_cached(sql)?;
            let mut senders: HashMap<i64, SentResource> = HashMap::new();
            let mut reading = Reading::new(query, seen);
            let mut rows = select.query(params![query.trace_id.as_bytes(), scope.tenant()])?;
            while let Some(row) = rows.next()? {
                let sender = match senders.entry(row.get(0)?) {
                    Entry::Occupied(known) => known.into_mut(),
                    Entry::Vacant(new) => {
                        new.insert(SentResource::decode(row.get_ref(2)?.as_blob().unwrap_or_default())?)
                    }
                };
                let record = LogRecord::decode(row.get_ref(1)?.as_blob().unwrap_or_default())?;
                if !reading.take(sender, record) {
                    break;
                }
            }
            Ok(reading.found())
        })
    }
}
