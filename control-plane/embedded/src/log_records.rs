//! Log records: what the writer keeps of them.

use std::num::NonZeroUsize;

use control_plane_model::{
    log_records::{IncomingLog, MAX_RECORDS_PER_TRACE},
    trace::TraceId,
};
use lru::LruCache;
use rusqlite::{Connection, params};

use crate::{dictionary::Dictionary, failure::Failure, ingest_batch::Added};

/// Traces whose records are counted in memory: those that records came of lately.
const TRACES: NonZeroUsize = NonZeroUsize::MIN.saturating_add(19_999);

/// How many records traces have.
#[derive(Debug)]
pub(crate) struct LogRecords {
    counts: LruCache<TraceId, usize>,
}

impl Default for LogRecords {
    fn default() -> Self {
        Self { counts: LruCache::new(TRACES) }
    }
}

impl LogRecords {
    /// Stores what a request brought.
    pub(crate) fn add(
        &mut self,
        dictionary: &mut Dictionary,
        connection: &Connection,
        logs: &[IncomingLog],
        now: i64,
    ) -> Result<Added, Failure> {
        let sql = "INSERT OR IGNORE INTO log_records (received, trace, time_ns, id, span_id, tenant, sender, body)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
        let mut insert = connection.prepare_cached(sql)?;
        let mut is_there =
            connection.prepare_cached("SELECT 1 FROM log_records WHERE trace = ?1 AND time_ns = ?2 AND id = ?3")?;
        let mut added = Added::default();
        for IncomingLog { id, time_ns, trace_id, span_id, tenant, sender, body } in logs {
            let trace = trace_id.as_bytes();
            let count = self.counts.try_get_or_insert_mut(*trace_id, || count(connection, *trace_id))?;
            if *count >= MAX_RECORDS_PER_TRACE {
                let is_new = !is_there.exists(params![trace, time_ns, id])?;
                added.beyond += usize::from(is_new);
                continue;
            }
            dictionary.resource(connection, sender)?;
            let span_id = span_id.unwrap_or_default().cast_signed();
            let new = insert.execute(params![now, trace, time_ns, id, span_id, tenant, sender.id, body])?;
            *count += new;
            added.new += new;
        }
        Ok(added)
    }

    /// Some records of a trace were removed.
    pub(crate) fn forget(&mut self, trace_id: TraceId) {
        self.counts.pop(&trace_id);
    }
}

fn count(connection: &Connection, trace_id: TraceId) -> Result<usize, Failure> {
    let mut select = connection.prepare_cached("SELECT count(*) FROM log_records WHERE trace = ?1")?;
    let records: i64 = select.query_row([trace_id.as_bytes()], |row| row.get(0))?;
    Ok(usize::try_from(records).unwrap_or(usize::MAX))
}
