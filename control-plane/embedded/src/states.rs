//! What is remembered besides spans: states by name, alerts, entries that end by themselves, the audit, and investigations.

use std::path::Path;

use control_plane_model::store::{AlertRecord, AuditFrom, AuditRecord, InvestigationRecord, StateEntry, StoreError};
use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::reader::Reader;

/// A state, and the alerts that changed with it.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) name: String,
    pub(crate) state: String,
    pub(crate) changed: Vec<AlertRecord>,
}

impl State {
    /// Writes all of it or nothing.
    pub(crate) fn write(&self, connection: &mut Connection) -> rusqlite::Result<()> {
        let transaction = connection.transaction()?;
        let sql = "INSERT OR REPLACE INTO states (name, body) VALUES (?1, ?2)";
        transaction.execute(sql, [&self.name, &self.state])?;
        for AlertRecord { id, tenant, opened, body } in &self.changed {
            let sql = "INSERT OR REPLACE INTO alerts (id, tenant, opened, body) VALUES (?1, ?2, ?3, ?4)";
            transaction.execute(sql, params![id, tenant, opened, body])?;
        }
        transaction.commit()
    }
}

/// Keeps an entry, and forgets those whose time is over.
pub(crate) fn add_entry(
    connection: &Connection,
    StateEntry { name, body, until }: &StateEntry,
) -> rusqlite::Result<()> {
    connection.execute("DELETE FROM entries WHERE until <= unixepoch()", [])?;
    let sql = "INSERT OR REPLACE INTO entries (name, body, until) VALUES (?1, ?2, ?3)";
    connection.execute(sql, params![name, body, until]).map(|_| ())
}

/// Replaces an entry that is there; whether it was.
pub(crate) fn replace_entry(
    connection: &Connection,
    StateEntry { name, body, until }: &StateEntry,
) -> rusqlite::Result<bool> {
    let sql = "UPDATE entries SET body = ?2, until = ?3 WHERE name = ?1 AND until > unixepoch()";
    connection.execute(sql, params![name, body, until]).map(|changed| changed > 0)
}

/// Takes an entry away.
pub(crate) fn take_entry(connection: &Connection, name: &str) -> rusqlite::Result<Option<String>> {
    let sql = "DELETE FROM entries WHERE name = ?1 RETURNING CASE WHEN until > unixepoch() THEN body END";
    connection.query_row(sql, [name], |row| row.get(0)).optional().map(Option::flatten)
}

/// Adds a record to the audit; whether its number was free.
pub(crate) fn append(connection: &Connection, record: &AuditRecord) -> rusqlite::Result<bool> {
    let AuditRecord { number, previous, hash, body } = record;
    let sql = "INSERT INTO audit (number, previous, hash, body) VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING";
    connection.execute(sql, params![as_key(*number), previous, hash, body]).map(|added| added > 0)
}

/// Keeps an investigation; whether the version before it was there, or none of a first one.
pub(crate) fn keep_investigation(connection: &Connection, record: &InvestigationRecord) -> rusqlite::Result<bool> {
    let InvestigationRecord { id, version, body } = record;
    let sql = match version {
        1 => "INSERT INTO investigations (id, version, body) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING",
        _ => "UPDATE investigations SET version = ?2, body = ?3 WHERE id = ?1 AND version = ?2 - 1",
    };
    connection.execute(sql, params![id, as_key(*version), body]).map(|kept| kept > 0)
}

/// Takes an investigation away; whether it was there.
pub(crate) fn erase_investigation(connection: &Connection, id: &str) -> rusqlite::Result<bool> {
    connection.execute("DELETE FROM investigations WHERE id = ?1", [id]).map(|erased| erased > 0)
}

fn investigation(row: &Row<'_>) -> rusqlite::Result<InvestigationRecord> {
    let version = u64::try_from(row.get::<_, i64>(1)?).unwrap_or_default();
    Ok(InvestigationRecord { id: row.get(0)?, version, body: row.get(2)? })
}

/// A number as SQLite has them.
fn as_key(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// Names the file for good, wherever it is moved to: by where it was made, and at random.
pub(crate) fn name(connection: &Connection, path: &Path) -> rusqlite::Result<()> {
    let sql = "INSERT OR IGNORE INTO states VALUES ('identity', ?1 || ' (' || hex(randomblob(8)) || ')')";
    let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    connection.execute(sql, [path.to_string_lossy()])?;
    Ok(())
}

impl Reader {
    /// The identity that [`name`] gave the file.
    pub(crate) fn identity(&self) -> Result<String, StoreError> {
        self.state("identity")?.ok_or_else(|| StoreError::Failed("the file has no name".into()))
    }

    /// What was stored under a name.
    pub(crate) fn state(&self, name: &str) -> Result<Option<String>, StoreError> {
        self.read(|connection| {
            let mut select = connection.prepare_cached("SELECT body FROM states WHERE name = ?1")?;
            Ok(select.query_row([name], |row| row.get(0)).optional()?)
        })
    }

    /// The body of an entry whose time is not over.
    pub(crate) fn entry(&self, name: &str) -> Result<Option<String>, StoreError> {
        self.read(|connection| {
            let sql = "SELECT body FROM entries WHERE name = ?1 AND until > unixepoch()";
            Ok(connection.prepare_cached(sql)?.query_row([name], |row| row.get(0)).optional()?)
        })
    }

    /// Alerts, the latest first: of a tenant, if one is named.
    pub(crate) fn alerts(&self, tenant: Option<&str>, limit: usize) -> Result<Vec<String>, StoreError> {
        let sql = "SELECT body FROM alerts WHERE ?1 IS NULL OR tenant = ?1 ORDER BY opened DESC, id LIMIT ?2";
        self.read(|connection| {
            let mut select = connection.prepare_cached(sql)?;
            let limit = i64::try_from(limit).unwrap_or(i64::MAX);
            let rows = select.query_map(params![tenant, limit], |row| row.get(0))?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })
    }

    /// Records of the audit.
    pub(crate) fn audit(&self, from: AuditFrom, limit: usize) -> Result<Vec<AuditRecord>, StoreError> {
        let (sql, number) = match from {
            AuditFrom::After(number) => ("WHERE number > ?1 ORDER BY number", number),
            AuditFrom::Before(number) => ("WHERE number < ?1 ORDER BY number DESC", number),
        };
        self.read(|connection| {
            let sql = format!("SELECT number, previous, hash, body FROM audit {sql} LIMIT ?2");
            let mut select = connection.prepare_cached(&sql)?;
            let limit = i64::try_from(limit).unwrap_or(i64::MAX);
            let rows = select.query_map([as_key(number), limit], |row| {
                let number = u64::try_from(row.get::<_, i64>(0)?).unwrap_or_default();
                Ok(AuditRecord { number, previous: row.get(1)?, hash: row.get(2)?, body: row.get(3)? })
            })?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })
    }

    /// An investigation.
    pub(crate) fn investigation(&self, id: &str) -> Result<Option<InvestigationRecord>, StoreError> {
        self.read(|connection| {
            let sql = "SELECT id, version, body FROM investigations WHERE id = ?1";
            Ok(connection.prepare_cached(sql)?.query_row([id], investigation).optional()?)
        })
    }

    /// Investigations, the last first.
    pub(crate) fn investigations(&self, limit: usize) -> Result<Vec<InvestigationRecord>, StoreError> {
        self.read(|connection| {
            let sql = "SELECT id, version, body FROM investigations ORDER BY id DESC LIMIT ?1";
            let mut select = connection.prepare_cached(sql)?;
            let rows = select.query_map([i64::try_from(limit).unwrap_or(i64::MAX)], investigation)?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })
    }
}
