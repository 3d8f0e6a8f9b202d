//! Retention and compaction, in steps so small that nobody notices.

use control_plane_model::rollup::DAY;
use rusqlite::{Connection, Transaction, TransactionBehavior, params};

use crate::{
    cells::{self, Cells, DAYS, EDGES, REQUESTS},
    failure::Failure,
    ingest::Ingest,
    removal::{self, Retention},
};

/// Pages given back to the file system in one step.
const PAGES_PER_STEP: i64 = 500;
/// Days for which it is known that a version was seen: as those of sums, and somewhat longer, so that what was in use all the time is not
/// thought to be new.
const DAYS_OF_VERSIONS: i64 = 37;
/// Days whose cost can be told: a year, and the month under way.
const DAYS_KEPT: i64 = 400;

/// Does one step of what is due; whether more is.
pub(crate) fn step(
    connection: &mut Connection,
    ingest: &mut Ingest,
    retention: &Retention,
    now: i64,
) -> Result<bool, Failure> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let removed = removal::step(&transaction, ingest, retention, now)?;
    let compacted = compact(&transaction, ingest, now)?;
    transaction.commit()?;
    let free: i64 = connection.pragma_query_value(None, "freelist_count", |row| row.get(0))?;
    if free > PAGES_PER_STEP {
        connection.execute_batch(&format!("PRAGMA incremental_vacuum({PAGES_PER_STEP})"))?;
    }
    Ok(removed || compacted)
}

/// Puts the oldest minutes together to five minutes, those to hours, and drops what is too old; one bucket each time.
fn compact(transaction: &Transaction<'_>, ingest: &mut Ingest, now: i64) -> Result<bool, Failure> {
    let mut more = false;
    for table in [REQUESTS, EDGES] {
        for (width, age) in [(300, 2 * DAY), (3_600, 8 * DAY)] {
            more |= widen(transaction, ingest, table, width, now - age)?;
        }
    }
    for (table, days) in [(REQUESTS, 35), (EDGES, 35), (DAYS, DAYS_KEPT)] {
        let sql = format!("DELETE FROM {table} WHERE bucket < ?1 AND bucket = (SELECT min(bucket) FROM {table})");
        more |= transaction.prepare_cached(&sql)?.execute([now - days * DAY])? > 0;
    }
    let sql = "DELETE FROM versions WHERE seen < ?1";
    transaction.prepare_cached(sql)?.execute([now - DAYS_OF_VERSIONS * DAY])?;
    Ok(more)
}

/// Merges the first buckets before `until` that are narrower than `width` into one of that width.
fn widen(
    transaction: &Transaction<'_>,
    ingest: &mut Ingest,
    table: &str,
    width: i64,
    until: i64,
) -> Result<bool, Failure> {
    let from = cells::widened(transaction, table, width)?;
    let sql = format!("SELECT min(bucket) FROM {table} WHERE bucket >= ?1");
    let first: Option<i64> = transaction.prepare_cached(&sql)?.query_row([from], |row| row.get(0))?;
    let Some(start) = first.map(|first| first.div_euclid(width) * width).filter(|start| start + width <= until) else {
        return Ok(false);
    };
    let columns = cells::COLUMNS;
    let sql = format!("SELECT bucket, tenant, series, {columns} FROM {table} WHERE bucket >= ?1 AND bucket < ?2");
    let mut merged = Cells::new(table);
    let mut select = transaction.prepare_cached(&sql)?;
    let mut rows = select.query([start, start + width])?;
    let mut narrow = false;
    while let Some(row) = rows.next()? {
        narrow |= row.get::<_, i64>(0)? != start;
        merged.merge((start, row.get(1)?, row.get(2)?), &cells::read(row, 3)?);
    }
    drop(rows);
    if narrow {
        let sql = format!("DELETE FROM {table} WHERE bucket >= ?1 AND bucket < ?2");
        transaction.prepare_cached(&sql)?.execute([start, start + width])?;
        merged.flush(transaction)?;
        ingest.forget_cells();
    }
    let sql = "INSERT OR REPLACE INTO progress (name, value) VALUES (?1, ?2)";
    transaction.prepare_cached(sql)?.execute(params![cells::progress(table, width), start + width])?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use control_plane_model::{
        otlp::{Flags, Sample},
        rollup::Cell,
    };

    use super::*;
    use crate::schema;

    fn sum(connection: &Connection) -> (Cell, i64) {
        let sql = format!("SELECT {} FROM request_cells", cells::COLUMNS);
        let mut total = Cell::default();
        let mut rows = 0;
        let mut select = connection.prepare(&sql).unwrap();
        let mut found = select.query([]).unwrap();
        while let Some(row) = found.next().unwrap() {
            total.merge(&cells::read(row, 0).unwrap());
            rows += 1;
        }
        (total, rows)
    }

    #[test]
    fn compaction_widens_buckets_and_changes_no_sum() {
        let dir = tempfile::tempdir().unwrap();
        let mut connection = schema::open_writer(&dir.path().join("store.sqlite")).unwrap();
        let begun = 1_800_000_000;
        let mut minutes = Cells::new(REQUESTS);
        for minute in 0..240_i64 {
            let flags = Flags::from_bits_retain(u8::from(minute % 7 == 0));
            let sample = Sample { duration_ns: 1_000 << (minute % 20), flags, weight: 2.5, estimated: minute % 3 == 0 };
            minutes.add((begun + minute * 60, u32::try_from(minute % 2).unwrap(), 1), &sample, 1);
        }
        minutes.flush(&connection).unwrap();
        let (before, rows) = sum(&connection);
        assert_eq!((before.count, rows), (240, 240));

        let mut ingest = Ingest::load(&connection).unwrap();
        let mut keep_house = |now: i64| {
            while step(&mut connection, &mut ingest, &Retention::default(), now).unwrap() {}
            sum(&connection)
        };
        assert_eq!(keep_house(begun + DAY), (before.clone(), 240));
        let (after, rows) = keep_house(begun + 4 * DAY);
        assert_eq!((after, rows), (before.clone(), 240 / 5 * 2));
        let (after, rows) = keep_house(begun + 10 * DAY);
        assert_eq!((after, rows), (before, 4 * 2));
        assert_eq!(keep_house(begun + 40 * DAY).1, 0);
    }
}
