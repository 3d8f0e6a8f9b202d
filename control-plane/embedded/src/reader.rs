//! Reading: connections, and one trace.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Instant,
};

use control_plane_model::{
    catalog::Catalog,
    otlp,
    store::{Facets, Scope, StoreError},
    trace::{Trace, TraceId},
};
use parking_lot::{Mutex, RwLock, RwLockReadGuard};
use rusqlite::{Connection, OptionalExtension};

use crate::{catalog, failure::Failure, ingest::fragments, schema};

/// What was read last, and when.
pub(crate) type FacetsRead = Mutex<Option<(Instant, Facets)>>;

/// Connections that are kept open.
const MAX_IDLE: usize = 4;

/// Reads from the database. Every call blocks.
#[derive(Debug, Clone)]
pub(crate) struct Reader(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    path: PathBuf,
    idle: Mutex<Vec<Connection>>,
    catalog: RwLock<Catalog>,
    facets: FacetsRead,
}

impl Reader {
    /// Reads from this file.
    pub(crate) fn new(path: &Path) -> Self {
        Self(Arc::new(Inner {
            path: path.to_owned(),
            idle: Mutex::default(),
            catalog: RwLock::default(),
            facets: Mutex::default(),
        }))
    }

    /// Reads with one of the connections.
    pub(crate) fn read<T>(&self, read: impl FnOnce(&Connection) -> Result<T, Failure>) -> Result<T, StoreError> {
        let idle = || self.0.idle.lock();
        let pooled = idle().pop();
        let connection = match pooled {
            Some(connection) => connection,
            None => schema::open_reader(&self.0.path).map_err(Failure::from)?,
        };
        let outcome = read(&connection);
        let mut idle = idle();
        if idle.len() < MAX_IDLE {
            idle.push(connection);
        }
        Ok(outcome?)
    }

    /// The catalog, with all that has been committed so far.
    pub(crate) fn catalog(&self, connection: &Connection) -> Result<RwLockReadGuard<'_, Catalog>, Failure> {
        catalog::refresh(&mut self.0.catalog.write(), connection)?;
        Ok(self.0.catalog.read())
    }

    /// A trace, its spans by start time; `None` if no span of it is known.
    pub(crate) fn trace(&self, scope: &Scope, trace_id: TraceId) -> Result<Option<Trace>, StoreError> {
        self.read(|connection| {
            let mut find = connection.prepare_cached("SELECT id FROM traces WHERE trace_id = ?1")?;
            let row: Option<i64> = find.query_row([trace_id.as_bytes()], |row| row.get(0)).optional()?;
            let Some(row) = row else { return Ok(None) };
            let mut spans = Vec::new();
            for (resource, scope_spans) in fragments(connection, row)? {
                spans.extend(scope_spans.spans.into_iter().map(|span| otlp::span(&resource, span)));
            }
            Ok(Trace::seen_by(scope, trace_id, spans))
        })
    }

    /// The facets, as they were read last.
    pub(crate) fn facets_read(&self) -> &FacetsRead {
        &self.0.facets
    }
}
