//! Reading: connections, and one trace.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
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

/// Connections that are kept open.
const MAX_IDLE: usize = 4;
/// Every page asks for these; they change seldom.
const FACETS_FOR: Duration = Duration::from_secs(2);

/// Reads from the database. Every call blocks.
#[derive(Debug, Clone)]
pub(crate) struct Reader(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    path: PathBuf,
    idle: Mutex<Vec<Connection>>,
    catalog: RwLock<Catalog>,
    facets: Mutex<Option<(Instant, Facets)>>,
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
            spans.retain(|span| scope.sees(span.tenant.as_deref()));
            spans.sort_by_key(|span| (span.start_unix_ns, span.end_unix_ns));
            Ok((!spans.is_empty()).then(|| Trace { trace_id, xray_trace_id: trace_id.xray(), spans }))
        })
    }

    /// What spans have named that a search or a map can be narrowed to, as it was a moment ago.
    pub(crate) fn facets(&self) -> Result<Facets, StoreError> {
        let lately = || self.0.facets.lock();
        if let Some((at, facets)) = &*lately()
            && at.elapsed() < FACETS_FOR
        {
            return Ok(facets.clone());
        }
        let facets = self.read_facets()?;
        *lately() = Some((Instant::now(), facets.clone()));
        Ok(facets)
    }

    fn read_facets(&self) -> Result<Facets, StoreError> {
        // Of the last hours in which anybody was served, so that it stays quick; whoever was served long ago can be typed in.
        const TENANTS: &str = "
            WITH RECURSIVE hours(hour, n) AS (
                SELECT max(hour), 1 FROM trace_tenants
                UNION ALL
                SELECT (SELECT max(hour) FROM trace_tenants WHERE hour < hours.hour), n + 1 FROM hours
                WHERE hours.hour IS NOT NULL AND n < 24
            ), served(hour, tenant) AS (
                SELECT hour, (SELECT min(tenant) FROM trace_tenants o WHERE o.hour = hours.hour) FROM hours
                UNION ALL
                SELECT hour, (SELECT min(tenant) FROM trace_tenants o WHERE o.hour = served.hour AND tenant > served.tenant)
                FROM served WHERE served.tenant IS NOT NULL
            )
            SELECT DISTINCT text FROM served JOIN names ON names.id = served.tenant ORDER BY text";
        const TIERS: &str = "SELECT DISTINCT text FROM edges JOIN names ON names.id = tier ORDER BY text";
        const ACCOUNTS: &str = "SELECT DISTINCT account FROM nodes WHERE account <> '' ORDER BY account";
        const SERVICES: &str = "SELECT DISTINCT name FROM nodes WHERE kind = 'service' ORDER BY name";
        self.read(|connection| {
            let list = |sql: &str| {
                let mut statement = connection.prepare_cached(sql)?;
                statement.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<Vec<String>>>()
            };
            Ok(Facets {
                tenants: list(TENANTS)?,
                tiers: list(TIERS)?,
                accounts: list(ACCOUNTS)?,
                services: list(SERVICES)?,
            })
        })
    }
}
