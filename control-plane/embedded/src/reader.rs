//! Reading: connections, and one trace.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Weak},
    time::{Duration, Instant},
};

use control_plane_model::{
    catalog::Catalog,
    otlp,
    store::{Facets, Scope, StoreError},
    trace::{Trace, TraceId},
};
use parking_lot::{Mutex, MutexGuard};
use rusqlite::{Connection, OptionalExtension};

use crate::{catalog, failure::Failure, ingest::fragments, schema};

/// What was read last, and when.
pub(crate) type FacetsRead = Mutex<Option<(Instant, Facets)>>;

/// Connections that are kept open.
const MAX_IDLE: usize = 4;

/// Between two looks at whether anybody still waits for an answer.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Whoever waits for an answer.
#[derive(Debug)]
pub(crate) struct Asker(Weak<()>);

impl Asker {
    /// One who waits for as long as this is kept.
    pub(crate) fn of(waiting: &Arc<()>) -> Self {
        Self(Arc::downgrade(waiting))
    }

    /// Fails once nobody waits.
    pub(crate) fn waits(&self) -> Result<(), Failure> {
        let has_gone = self.0.strong_count() == 0;
        if has_gone { Err(Failure("nobody waits for the answer".to_owned())) } else { Ok(()) }
    }
}

/// Reads from the database. Every call blocks.
#[derive(Debug, Clone)]
pub(crate) struct Reader(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    path: PathBuf,
    idle: Mutex<Vec<Connection>>,
    catalog: Mutex<Arc<Catalog>>,
    facets: FacetsRead,
    /// Held by whoever reads spans for attributes that no index has, which takes all cores.
    lookup: Mutex<()>,
}

impl Reader {
    /// Reads from this file.
    pub(crate) fn new(path: &Path) -> Self {
        Self(Arc::new(Inner {
            path: path.to_owned(),
            idle: Mutex::default(),
            catalog: Mutex::default(),
            facets: Mutex::default(),
            lookup: Mutex::default(),
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

    /// The catalog, with all that has been committed so far. Nobody waits for those who look at it.
    pub(crate) fn catalog(&self, connection: &Connection) -> Result<Arc<Catalog>, Failure> {
        let mut catalog = self.0.catalog.lock();
        catalog::refresh(&mut catalog, connection)?;
        Ok(catalog.clone())
    }

    /// A trace, its spans by start time; `None` if no span of it is known.
    pub(crate) fn trace(&self, scope: &Scope, trace_id: TraceId) -> Result<Option<Trace>, StoreError> {
        self.read(|connection| {
            let Some(row) = row_of(connection, trace_id)? else { return Ok(None) };
            let mut spans = Vec::new();
            for (resource, scope_spans) in fragments(connection, row)? {
                spans.extend(scope_spans.spans.into_iter().map(|span| otlp::span(&resource, span)));
            }
            Ok(Trace::seen_by(scope, trace_id, spans))
        })
    }

    /// Waits until nobody else looks attributes up.
    pub(crate) fn lookup(&self, asker: &Asker) -> Result<MutexGuard<'_, ()>, Failure> {
        loop {
            asker.waits()?;
            if let Some(turn) = self.0.lookup.try_lock_for(LOOK_EVERY) {
                return Ok(turn);
            }
        }
    }

    /// The facets, as they were read last.
    pub(crate) fn facets_read(&self) -> &FacetsRead {
        &self.0.facets
    }
}

/// Where a trace is in `traces`; `None` if no span of it is known.
pub(crate) fn row_of(connection: &Connection, trace_id: TraceId) -> Result<Option<i64>, Failure> {
    let mut find = connection.prepare_cached("SELECT id FROM traces WHERE trace_id = ?1")?;
    Ok(find.query_row([trace_id.as_bytes()], |row| row.get(0)).optional()?)
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    #[test]
    fn a_lookup_ends_when_nobody_waits_for_it() {
        let reader = Reader::new(Path::new("nowhere"));
        let waiting = Arc::new(());
        let asker = Asker::of(&waiting);
        let turn = reader.lookup(&asker).unwrap();
        thread::scope(|threads| {
            let second = threads.spawn(|| reader.lookup(&asker).is_err());
            drop(waiting);
            assert!(second.join().unwrap(), "it waited for the first");
        });
        drop(turn);
        assert!(reader.lookup(&asker).is_err(), "it began");
    }
}
