//! Tables and connections.

use std::path::Path;

use rusqlite::{Connection, OpenFlags};

/// Spans are clustered by trace, so that a trace is one read; ids that begin with the time (as X-Ray wants them) then also
/// go in nearly in order. `body` is the span's own protobuf: what has no column is not lost.
const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS resources (id INTEGER PRIMARY KEY, body BLOB NOT NULL UNIQUE);
CREATE TABLE IF NOT EXISTS spans (
    trace_id BLOB NOT NULL,
    span_id BLOB NOT NULL,
    parent_span_id BLOB,
    name TEXT NOT NULL,
    kind INTEGER NOT NULL,
    service TEXT NOT NULL,
    account TEXT,
    tenant TEXT,
    tier TEXT,
    start_ns INTEGER NOT NULL,
    end_ns INTEGER NOT NULL,
    status INTEGER NOT NULL,
    resource INTEGER NOT NULL REFERENCES resources (id),
    body BLOB NOT NULL,
    PRIMARY KEY (trace_id, span_id)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS spans_by_start ON spans (start_ns);
CREATE INDEX IF NOT EXISTS spans_by_tenant ON spans (tenant, start_ns) WHERE tenant IS NOT NULL;
";

/// The writer's connection. `synchronous = FULL` syncs the log at every commit: what is acknowledged survives a power cut.
pub(super) fn open_writer(path: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open(path)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.execute_batch(SCHEMA)?;
    Ok(connection)
}

/// A reader's connection.
pub(super) fn open_reader(path: &Path) -> rusqlite::Result<Connection> {
    Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX)
}
