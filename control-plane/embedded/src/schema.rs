//! Tables and connections.

use std::path::Path;

use rusqlite::{Connection, OpenFlags};

/// The layout below; a file of another one is refused, not guessed at.
const VERSION: i64 = 3;

/// What one request brought of one trace is a fragment: one row, in order of arrival, so that writing is appending. `traces`
/// has a row per trace with what a search looks at. The random part of writing is one index, from trace id to row.
///
/// Which tenants' traces began in an hour stands together, for the same reason.
///
/// Sums are kept by (bucket, tenant, series): the rows of now lie side by side, whoever they are of. Tenant 0 is all
/// tenants of a tier together. What tenants cost is read from sums by the day, which have no tenant 0.
const SCHEMA: &str = "
CREATE TABLE names (id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE);
CREATE TABLE nodes (id INTEGER PRIMARY KEY, kind TEXT NOT NULL, account TEXT NOT NULL, name TEXT NOT NULL, UNIQUE (kind, account, name));
CREATE TABLE resources (id INTEGER PRIMARY KEY, body BLOB NOT NULL);
CREATE TABLE series (
    id INTEGER PRIMARY KEY, service INTEGER NOT NULL, operation INTEGER NOT NULL, kind INTEGER NOT NULL, tier INTEGER NOT NULL,
    UNIQUE (service, operation, kind, tier)
);
CREATE TABLE edges (
    id INTEGER PRIMARY KEY, source INTEGER NOT NULL, target INTEGER NOT NULL, tier INTEGER NOT NULL,
    UNIQUE (source, target, tier)
);

CREATE TABLE traces (
    id INTEGER PRIMARY KEY,
    trace_id BLOB NOT NULL,
    received INTEGER NOT NULL,
    start_ns INTEGER NOT NULL,
    end_ns INTEGER NOT NULL,
    spans INTEGER NOT NULL,
    flags INTEGER NOT NULL,
    outline BLOB NOT NULL
);
CREATE UNIQUE INDEX traces_by_trace_id ON traces (trace_id);
CREATE INDEX traces_by_start ON traces (start_ns, end_ns, flags);
CREATE TABLE trace_tenants (
    hour INTEGER NOT NULL, tenant INTEGER NOT NULL, start_ns INTEGER NOT NULL, trace INTEGER NOT NULL,
    PRIMARY KEY (hour, tenant, start_ns, trace)
) WITHOUT ROWID;
CREATE TABLE fragments (id INTEGER PRIMARY KEY, trace INTEGER NOT NULL, body BLOB NOT NULL);
CREATE INDEX fragments_by_trace ON fragments (trace);

CREATE TABLE progress (name TEXT PRIMARY KEY, value INTEGER NOT NULL);
CREATE TABLE states (name TEXT PRIMARY KEY, body TEXT NOT NULL);
CREATE TABLE alerts (id TEXT PRIMARY KEY, tenant TEXT, opened INTEGER NOT NULL, body TEXT NOT NULL);
CREATE INDEX alerts_by_time ON alerts (opened);
";

/// What is kept until its time is over. It came later than the rest, and is made where it is missing.
const ENTRIES: &str =
    "CREATE TABLE IF NOT EXISTS entries (name TEXT PRIMARY KEY, body TEXT NOT NULL, until INTEGER NOT NULL)";

/// Tables of sums, which are alike.
const CELLS: [&str; 3] = ["request_cells", "edge_cells", "day_cells"];
const CELL_COLUMNS: &str = "
    bucket INTEGER NOT NULL, tenant INTEGER NOT NULL, series INTEGER NOT NULL,
    count INTEGER NOT NULL, errors INTEGER NOT NULL, faults INTEGER NOT NULL, throttles INTEGER NOT NULL,
    duration_ns INTEGER NOT NULL, weight REAL NOT NULL, weighted_errors REAL NOT NULL, weighted_faults REAL NOT NULL,
    weighted_duration_ns REAL NOT NULL, estimated INTEGER NOT NULL, histogram BLOB NOT NULL,
    PRIMARY KEY (bucket, tenant, series)
";

/// Pages of 4 kB that the writer keeps: the index by trace id of ten million spans.
const WRITER_CACHE_KB: i64 = 56 * 1024;
const READER_CACHE_KB: i64 = 8 * 1024;
/// Pages in the write-ahead log before it is copied back: pages that change with every commit are copied once for many.
const CHECKPOINT_PAGES: i64 = 40_000;

/// The writer's connection. `synchronous = FULL` syncs the log at every commit: what is acknowledged survives a power cut.
pub(crate) fn open_writer(path: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open(path)?;
    connection.set_prepared_statement_cache_capacity(64);
    let version: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if version == 0 {
        // Before the first table, or it has no effect: space that retention frees can be given back.
        connection.pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
    }
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "cache_size", -WRITER_CACHE_KB)?;
    connection.pragma_update(None, "wal_autocheckpoint", CHECKPOINT_PAGES)?;
    match version {
        0 => {
            let cells = CELLS.map(|table| format!("CREATE TABLE {table} ({CELL_COLUMNS}) WITHOUT ROWID;")).concat();
            connection.execute_batch(&format!("BEGIN; {SCHEMA} {cells} PRAGMA user_version = {VERSION}; COMMIT;"))?;
        }
        VERSION => {}
        _ => return Err(rusqlite::Error::InvalidQuery),
    }
    connection.execute_batch(ENTRIES)?;
    Ok(connection)
}

/// A reader's connection.
pub(crate) fn open_reader(path: &Path) -> rusqlite::Result<Connection> {
    let connection =
        Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.set_prepared_statement_cache_capacity(32);
    connection.pragma_update(None, "cache_size", -READER_CACHE_KB)?;
    Ok(connection)
}
