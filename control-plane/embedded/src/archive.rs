//! All spans of a file that nobody serves, in the order in which they came: to be stored elsewhere.

use std::path::Path;

use control_plane_model::{
    store::{Scope, StoreError},
    trace::{Trace, TraceId},
};
use opentelemetry_proto::tonic::{collector::trace::v1::ExportTraceServiceRequest, trace::v1::ResourceSpans};

use crate::{ingest::parts, lock::Lock, reader::Reader};

/// Fragments that are read at a time; each has a trace's spans of one request.
const FRAGMENTS: i64 = 2_000;

/// Such a file. Every call blocks.
#[derive(Debug)]
pub struct Archive {
    reader: Reader,
    _lock: Lock,
}

impl Archive {
    /// Opens a file; nothing in it changes.
    ///
    /// # Errors
    ///
    /// [`StoreError::InUse`] where another process has it open.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let lock = Lock::take(&path.with_extension("lock"))?;
        Ok(Self { reader: Reader::new(path), _lock: lock })
    }

    /// How many spans there are.
    ///
    /// # Errors
    ///
    /// [`StoreError::Failed`] where it cannot be read, as in all that follows.
    pub fn spans(&self) -> Result<u64, StoreError> {
        self.reader.read(|connection| {
            let sum: i64 = connection.query_row("SELECT coalesce(sum(spans), 0) FROM traces", [], |row| row.get(0))?;
            Ok(u64::try_from(sum).unwrap_or_default())
        })
    }

    /// Some spans behind a position, and the position behind them; `None` at the end. The first position is 0.
    pub fn after(&self, position: i64) -> Result<Option<(i64, ExportTraceServiceRequest)>, StoreError> {
        self.reader.read(|connection| {
            let sql = "SELECT id, body FROM fragments WHERE id > ?1 ORDER BY id LIMIT ?2";
            let parts = parts(connection, sql, [position, FRAGMENTS])?;
            let last = parts.last().map(|(id, ..)| *id);
            let resource_spans = parts.into_iter().map(|(_, resource, scope_spans)| ResourceSpans {
                resource: Some(resource),
                scope_spans: vec![scope_spans],
                ..ResourceSpans::default()
            });
            Ok(last.map(|last| (last, ExportTraceServiceRequest { resource_spans: resource_spans.collect() })))
        })
    }

    /// The ids of this many traces, spread over the whole file.
    pub fn sample(&self, traces: u32) -> Result<Vec<TraceId>, StoreError> {
        self.reader.read(|connection| {
            let every =
                "SELECT trace_id FROM traces WHERE id % max(1, (SELECT count(*) FROM traces) / ?1) = 0 LIMIT ?1";
            let mut select = connection.prepare(every)?;
            let ids = select.query_map([traces], |row| row.get::<_, Vec<u8>>(0))?;
            ids.map(|id| Ok(TraceId::from_bytes(&id?)?)).collect()
        })
    }

    /// A trace, its spans by start time.
    pub fn trace(&self, trace_id: TraceId) -> Result<Option<Trace>, StoreError> {
        self.reader.trace(&Scope::All, trace_id)
    }
}
