//! The tables of the SQLite file, and connections to it.

use std::path::Path;

use rusqlite::{Connection, OpenFlags};

use crate::{cells::TABLES, sightings};

/// The layout of `sql/`; a file of another one is refused, not guessed at.
const VERSION: i64 = 3;

/// What came later than the rest, made where it is missing.
const LATER: &str = include_str!("../sql/later.sql");

/// Pages of 4 kB that the writer keeps: the index by trace id of ten million spans.
const WRITER_CACHE_KB: i64 = 56 * 1024;
/// The inner pages of what is searched: a page reads on a dozen connections at once, and what one scans the system has in memory anyway.
const READER_CACHE_KB: i64 = 2 * 1024;
/// Pages in the write-ahead log before it is copied back: pages that change with every commit are copied once for many.
const CHECKPOINT_PAGES: i64 = 40_000;

/// The writer's connection. `synchronous = FULL` syncs the log at every commit: what is acknowledged survives a power cut.
pub(crate) fn open_writer(path: &Path) -> rusqlite::Result<Connection> {
    let mut connection = Connection::open(path)?;
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
            let schema = include_str!("../sql/schema.sql");
            let cells = TABLES.map(|table| include_str!("../sql/cells.sql").replace("$table", table)).concat();
            connection.execute_batch(&format!("BEGIN; {schema} {cells} PRAGMA user_version = {VERSION}; COMMIT;"))?;
        }
        VERSION => {}
        _ => return Err(rusqlite::Error::InvalidQuery),
    }
    let versions = "SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE name = 'versions')";
    let has_versions: bool = connection.query_row(versions, [], |row| row.get(0))?;
    // One transaction: versions are assumed only once, when their table is made.
    let transaction = connection.transaction()?;
    transaction.execute_batch(LATER)?;
    if !has_versions {
        sightings::assume(&transaction)?;
    }
    transaction.commit()?;
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
