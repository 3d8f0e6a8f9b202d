//! The lines of a trace's log.

use std::collections::{HashMap, hash_map::Entry};

use control_plane_model::{
    log_records::{Lines, LogQuery, Reading, Seen},
    otlp::SentResource,
    store::{Scope, StoreError},
};
use opentelemetry_proto::tonic::logs::v1::ScopeLogs;
use prost::Message;
use rusqlite::params;

use crate::reader::{Asker, Reader};

impl Reader {
    /// The lines of a trace.
    pub(crate) fn logs(&self, asker: &Asker, scope: &Scope, query: &LogQuery) -> Result<Lines, StoreError> {
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
                asker.waits()?;
                let sender = match senders.entry(row.get(0)?) {
                    Entry::Occupied(known) => known.into_mut(),
                    Entry::Vacant(new) => {
                        new.insert(SentResource::decode(row.get_ref(2)?.as_blob().unwrap_or_default())?)
                    }
                };
                let stored = ScopeLogs::decode(row.get_ref(1)?.as_blob().unwrap_or_default())?;
                if !reading.take(sender, stored) {
                    break;
                }
            }
            Ok(reading.found())
        })
    }
}
