//! Sums by bucket, tenant and series: gathered over a commit, written once at its end.

use std::collections::HashMap;

use rusqlite::{Connection, OptionalExtension, Row, params};

use control_plane_model::{
    otlp::Sample,
    rollup::{Cell, HOUR, MINUTE},
};

use crate::histogram::{decode, encode};

/// Cells of the latest buckets that are remembered, so that adding to one reads nothing.
const MAX_REMEMBERED: usize = 40_000;

/// Tables of sums, which are alike: of requests, of edges, and of requests by the day.
pub(crate) const TABLES: [&str; 3] = [REQUESTS, EDGES, DAYS];
pub(crate) const REQUESTS: &str = "request_cells";
pub(crate) const EDGES: &str = "edge_cells";
pub(crate) const DAYS: &str = "day_cells";

/// Under which name it is remembered how far a table's buckets are widened.
pub(crate) fn progress(table: &str, width: i64) -> String {
    format!("{table} by {width} s")
}

/// The time until which a table's buckets have this width, in Unix seconds.
pub(crate) fn widened(connection: &Connection, table: &str, width: i64) -> rusqlite::Result<i64> {
    let mut select = connection.prepare_cached("SELECT value FROM progress WHERE name = ?1")?;
    Ok(select.query_row([progress(table, width)], |row| row.get(0)).optional()?.unwrap_or(i64::MIN))
}

/// The starts of all buckets of `from..to` that the table may hold: whoever looks for one tenant's goes from one to the next, and
/// passes over everybody else's.
pub(crate) fn buckets(connection: &Connection, table: &str, from: i64, to: i64) -> rusqlite::Result<Vec<i64>> {
    // By themselves each is one step; together they would be a walk through the table.
    let sql = format!("SELECT (SELECT min(bucket) FROM {table}), (SELECT max(bucket) FROM {table})");
    let (first, last): (Option<i64>, Option<i64>) =
        connection.prepare_cached(&sql)?.query_row([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let (Some(first), Some(last)) = (first, last) else { return Ok(Vec::new()) };
    let (to, mut start) = (to.min(last + 1), from.max(first).div_euclid(HOUR) * HOUR);
    let (hours, fives) = (widened(connection, table, HOUR)?, widened(connection, table, 5 * MINUTE)?);
    let mut buckets = Vec::new();
    while start < to {
        if start >= from {
            buckets.push(start);
        }
        start += match start {
            start if start < hours => HOUR,
            start if start < fives => 5 * MINUTE,
            _ => MINUTE,
        };
    }
    Ok(buckets)
}

/// bucket, tenant, series.
pub(crate) type CellKey = (i64, u32, u32);

#[derive(Debug)]
pub(crate) struct Cells {
    /// The cells that the commit under way has changed.
    pending: HashMap<CellKey, Cell>,
    /// What the table holds, where it is known.
    known: HashMap<CellKey, Cell>,
    select: String,
    replace: String,
    delete: String,
}

pub(crate) const COLUMNS: &str = "count, errors, faults, throttles, duration_ns, weight, weighted_errors, weighted_faults, \
                           weighted_duration_ns, estimated, histogram";

impl Cells {
    pub(crate) fn new(table: &str) -> Self {
        let key = "bucket = ?1 AND tenant = ?2 AND series = ?3";
        Self {
            pending: HashMap::new(),
            known: HashMap::new(),
            select: format!("SELECT {COLUMNS} FROM {table} WHERE {key}"),
            replace: format!(
                "INSERT OR REPLACE INTO {table} (bucket, tenant, series, {COLUMNS})
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)"
            ),
            delete: format!("DELETE FROM {table} WHERE {key}"),
        }
    }

    pub(crate) fn add(&mut self, key: CellKey, sample: &Sample, sign: i64) {
        self.pending.entry(key).or_default().add(sample, sign);
    }

    pub(crate) fn merge(&mut self, key: CellKey, cell: &Cell) {
        self.pending.entry(key).or_default().merge(cell);
    }

    /// Writes what is pending.
    pub(crate) fn flush(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        let mut select = connection.prepare_cached(&self.select)?;
        let mut replace = connection.prepare_cached(&self.replace)?;
        let mut delete = connection.prepare_cached(&self.delete)?;
        if self.known.len() > MAX_REMEMBERED {
            self.known.clear();
        }
        // Written in the order of the table, so that neighbouring rows are written together.
        let mut pending: Vec<_> = self.pending.drain().collect();
        pending.sort_unstable_by_key(|(key, _)| *key);
        for (key, change) in pending {
            let mut cell = match self.known.remove(&key) {
                Some(cell) => cell,
                None => {
                    let mut rows = select.query(key)?;
                    rows.next()?.map(|row| read(row, 0)).transpose()?.unwrap_or_default()
                }
            };
            cell.merge(&change);
            if cell.count == 0 {
                delete.execute(key)?;
                continue;
            }
            replace.execute(params![
                key.0,
                key.1,
                key.2,
                cell.count,
                cell.errors,
                cell.faults,
                cell.throttles,
                cell.duration_ns,
                cell.weight,
                cell.weighted_errors,
                cell.weighted_faults,
                cell.weighted_duration_ns,
                cell.estimated,
                encode(&cell.histogram),
            ])?;
            self.known.insert(key, cell);
        }
        Ok(())
    }

    /// Forgets what the table is thought to hold.
    pub(crate) fn forget(&mut self) {
        self.pending.clear();
        self.known.clear();
    }
}

/// A cell of a row whose columns are [`COLUMNS`] from `first` on.
pub(crate) fn read(row: &Row<'_>, first: usize) -> rusqlite::Result<Cell> {
    Ok(Cell {
        count: row.get(first)?,
        errors: row.get(first + 1)?,
        faults: row.get(first + 2)?,
        throttles: row.get(first + 3)?,
        duration_ns: row.get(first + 4)?,
        weight: row.get(first + 5)?,
        weighted_errors: row.get(first + 6)?,
        weighted_faults: row.get(first + 7)?,
        weighted_duration_ns: row.get(first + 8)?,
        estimated: row.get(first + 9)?,
        histogram: decode(row.get_ref(first + 10)?.as_blob().unwrap_or_default()),
    })
}
