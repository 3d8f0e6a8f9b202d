//! What goes when it is too old, or there is no room: the oldest first, whether traces, log records or sums of metrics.

use control_plane_model::{
    rollup::{DAY, HOUR},
    trace::TraceId,
};
use rusqlite::{Connection, OptionalExtension, Transaction, params};

use crate::{
    failure::Failure,
    ingest::{DELETE_TENANT, Ingest, hour},
    outline, refusing,
};

/// Traces and log records removed in one step.
const TRACES_PER_STEP: i64 = 200;
const LOGS_PER_STEP: i64 = 500;
/// Rows of metrics removed in one step, about.
const MINUTES_PER_STEP: i64 = 1_000;
const SERIES_PER_STEP: i64 = 1_000;
const POINTS_PER_STEP: i64 = 20_000;
/// What is remembered of points may take one in this many parts of the whole room.
const SHARE_OF_POINTS: u64 = 2;
const NANOSECONDS: i64 = 1_000_000_000;

/// How long and how much of spans, metrics and logs is kept.
#[derive(Debug, Clone, Copy)]
pub struct Retention {
    /// Spans and log records this old, in seconds since they came, are removed, and metrics of that age.
    pub max_age: i64,
    /// Once the file holds more bytes, the oldest of these are removed.
    pub max_bytes: u64,
}

impl Default for Retention {
    /// A week; 20 GB.
    fn default() -> Self {
        Self { max_age: 7 * DAY, max_bytes: 20_000_000_000 }
    }
}

/// What is removed by age and for room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Of {
    Traces,
    Logs,
    Minutes,
}

/// Removes some of what is too old, or for which there is no room; whether there may be more.
pub(crate) fn step(
    transaction: &Transaction<'_>,
    ingest: &mut Ingest,
    retention: &Retention,
    now: i64,
) -> Result<bool, Failure> {
    let until = now - retention.max_age;
    let is_full = || Ok::<_, Failure>(bytes(transaction)? > retention.max_bytes);
    let remembered = ingest.remembered();
    remembered.forget(transaction, retention.max_bytes / SHARE_OF_POINTS, now)?;
    let (first, is_short_of_room) = (remembered.first(now), remembered.is_short_of_room(now));
    let mut more = remove_of_hour(transaction, ("metric_counts", "stream", POINTS_PER_STEP), first)?;
    more |= remove_points(transaction, first * HOUR * NANOSECONDS)?;
    // What is being forgotten makes room, so that nothing else has to.
    let makes_room = more && is_short_of_room;
    let oldest = if !makes_room && is_full()? { oldest(transaction)? } else { None };
    let is = |of: Of| oldest == Some(of);
    more |= remove_traces(transaction, ingest, until, || Ok(is(Of::Traces) && is_full()?))?;
    more |= remove_logs(transaction, ingest, until, is(Of::Logs))?;
    let minutes_until = if is(Of::Minutes) { i64::MAX } else { until.div_euclid(HOUR) };
    if remove_of_hour(transaction, ("metric_minutes", "series", MINUTES_PER_STEP), minutes_until)? {
        more = true;
    } else {
        // Its last sums are of the day on which a series was seen last, or of the hour after it: these are gone.
        let sql =
            "DELETE FROM metric_series WHERE number IN (SELECT number FROM metric_series WHERE seen < ?1 LIMIT ?2)";
        let seen = until.div_euclid(DAY) - 1;
        more |= transaction.prepare_cached(sql)?.execute([seen, SERIES_PER_STEP])? as i64 == SERIES_PER_STEP;
    }
    Ok(more)
}

/// What there is oldest of.
fn oldest(connection: &Connection) -> Result<Option<Of>, Failure> {
    let first = |sql| connection.prepare_cached(sql)?.query_row([], |row| row.get::<_, i64>(0)).optional();
    let of = [
        (first("SELECT received FROM traces ORDER BY id LIMIT 1")?, Of::Traces),
        (first("SELECT received FROM log_records ORDER BY number LIMIT 1")?, Of::Logs),
        (first("SELECT hour * 3600 FROM metric_minutes ORDER BY hour LIMIT 1")?, Of::Minutes),
    ];
    let known = of.into_iter().filter_map(|(since, of)| Some((since?, of)));
    Ok(known.min_by_key(|(since, _)| *since).map(|(_, of)| of))
}

/// Removes the oldest traces that came before a time, and while there is no room.
fn remove_traces(
    transaction: &Transaction<'_>,
    ingest: &mut Ingest,
    until: i64,
    is_full: impl Fn() -> Result<bool, Failure>,
) -> Result<bool, Failure> {
    let mut select = transaction
        .prepare_cached("SELECT id, trace_id, received, start_ns, outline FROM traces ORDER BY id LIMIT ?1")?;
    let mut rows = select.query([TRACES_PER_STEP])?;
    let mut removed = 0;
    while let Some(row) = rows.next()? {
        let id: i64 = row.get(0)?;
        if row.get::<_, i64>(2)? >= until && !is_full()? {
            break;
        }
        if let Ok(trace_id) = TraceId::from_bytes(row.get_ref(1)?.as_blob().unwrap_or_default()) {
            ingest.forget(trace_id);
            refusing::remove(transaction, trace_id)?;
        }
        let start_ns: i64 = row.get(3)?;
        for tenant in outline::read(row, 4)?.tenants {
            transaction.prepare_cached(DELETE_TENANT)?.execute(params![hour(start_ns), tenant, start_ns, id])?;
        }
        for sql in [
            "DELETE FROM links WHERE trace = ?1",
            "DELETE FROM fragments WHERE trace = ?1",
            "DELETE FROM traces WHERE id = ?1",
        ] {
            transaction.prepare_cached(sql)?.execute([id])?;
        }
        removed += 1;
    }
    Ok(removed == TRACES_PER_STEP)
}

/// Removes the oldest log records that came before a time, or all the same.
fn remove_logs(transaction: &Transaction<'_>, ingest: &mut Ingest, until: i64, is_full: bool) -> Result<bool, Failure> {
    let sql = "SELECT received FROM log_records ORDER BY number LIMIT 1";
    let first: Option<i64> = transaction.prepare_cached(sql)?.query_row([], |row| row.get(0)).optional()?;
    if first.is_none_or(|first| first >= until && !is_full) {
        return Ok(false);
    }
    let sql = "DELETE FROM log_records WHERE number IN (SELECT number FROM log_records ORDER BY number LIMIT ?1)
               AND (received < ?2 OR ?3) RETURNING trace";
    let mut delete = transaction.prepare_cached(sql)?;
    let mut rows = delete.query(params![LOGS_PER_STEP, until, is_full])?;
    let mut removed = 0;
    while let Some(row) = rows.next()? {
        if let Ok(trace_id) = TraceId::from_bytes(row.get_ref(0)?.as_blob().unwrap_or_default()) {
            ingest.forget_logs(trace_id);
        }
        removed += 1;
    }
    Ok(removed == LOGS_PER_STEP)
}

/// Removes rows of the oldest hour since 1970, where it is before another: those of the first of a key, about so many.
fn remove_of_hour(
    transaction: &Transaction<'_>,
    (table, key, rows): (&str, &str, i64),
    until: i64,
) -> Result<bool, Failure> {
    let sql = format!("SELECT min(hour) FROM {table}");
    let first: Option<i64> = transaction.prepare_cached(&sql)?.query_row([], |row| row.get(0))?;
    let Some(hour) = first.filter(|hour| *hour < until) else { return Ok(false) };
    let sql = format!("SELECT {key} FROM {table} WHERE hour = ?1 ORDER BY {key} LIMIT 1 OFFSET ?2");
    let last: Option<i64> = transaction.prepare_cached(&sql)?.query_row([hour, rows], |row| row.get(0)).optional()?;
    let sql = format!("DELETE FROM {table} WHERE hour = ?1 AND {key} <= ?2");
    transaction.prepare_cached(&sql)?.execute([hour, last.unwrap_or(i64::MAX)])?;
    Ok(true)
}

/// Forgets points of before a time, nanoseconds since 1970.
fn remove_points(transaction: &Transaction<'_>, until: i64) -> Result<bool, Failure> {
    let sql = "SELECT time_ns FROM metric_points WHERE time_ns < ?1 ORDER BY time_ns LIMIT 1 OFFSET ?2";
    let mut select = transaction.prepare_cached(sql)?;
    let last: Option<i64> = select.query_row([until, POINTS_PER_STEP], |row| row.get(0)).optional()?;
    let sql = "DELETE FROM metric_points WHERE time_ns <= ?1";
    transaction.prepare_cached(sql)?.execute([last.unwrap_or(until - 1)])?;
    Ok(last.is_some())
}

/// What the file holds, without what is free in it.
fn bytes(connection: &Connection) -> rusqlite::Result<u64> {
    let pragma = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let bytes = (pragma("page_count")? - pragma("freelist_count")?) * pragma("page_size")?;
    Ok(u64::try_from(bytes).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, ops::Range, sync::Arc};

    use control_plane_model::{
        incoming::Sender,
        log_records::{IncomingLog, MAX_RECORDS_PER_TRACE},
        metrics::{IncomingPoints, Kind, Point, Series, Summary},
    };

    use super::*;
    use crate::{ingest_batch::IngestBatch, schema};

    const NOW: i64 = 1_800_000_000;

    fn points(age: i64, streams: i64, is_cumulative: bool) -> IngestBatch {
        let of_stream = |stream| {
            let series = Series {
                id: stream,
                metric: "m".into(),
                unit: "1".into(),
                kind: Kind::Sum,
                service: "api".into(),
                account: None,
                tenant: None,
                attributes: BTreeMap::new(),
            };
            let summary = Summary { count: 1, sum: 1.0, ..Summary::default() };
            let time_ns = (NOW - age) * NANOSECONDS;
            let since_ns = is_cumulative.then_some(time_ns - 1);
            let points = vec![Point { time_ns, since_ns, summary, exemplars: vec![] }];
            IncomingPoints { series: Arc::new(series), stream, points }
        };
        IngestBatch::Points((0..streams).map(of_stream).collect())
    }

    fn logs(ids: Range<i64>, bytes: usize) -> IngestBatch {
        let sender = Arc::new(Sender::new(vec![]));
        let log = |id| IncomingLog {
            id,
            time_ns: 1,
            trace_id: TraceId::from_bytes(&[1; 16]).unwrap(),
            span_id: None,
            tenant: None,
            sender: sender.clone(),
            body: vec![7; bytes],
        };
        IngestBatch::Logs(ids.map(log).collect())
    }

    /// A file with these, each brought when it was so old.
    fn store(brought: impl IntoIterator<Item = (i64, IngestBatch)>) -> (Connection, Ingest, tempfile::TempDir) {
        let dir = tempfile::tempdir().unwrap();
        let mut connection = schema::open_writer(&dir.path().join("store.sqlite")).unwrap();
        let mut ingest = Ingest::load(&connection).unwrap();
        for (age, brought) in brought {
            let transaction = connection.transaction().unwrap();
            ingest.add(&transaction, &brought, NOW - age).unwrap();
            ingest.finish(&transaction, NOW - age).unwrap();
            transaction.commit().unwrap();
        }
        (connection, ingest, dir)
    }

    fn rows(connection: &Connection) -> [i64; 5] {
        ["metric_points", "metric_counts", "metric_minutes", "metric_series", "log_records"]
            .map(|table| connection.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0)).unwrap())
    }

    fn keep_house(connection: &mut Connection, ingest: &mut Ingest, retention: &Retention, steps: usize) {
        for _ in 0..steps {
            let transaction = connection.transaction().unwrap();
            let more = step(&transaction, ingest, retention, NOW).unwrap();
            transaction.commit().unwrap();
            if !more {
                break;
            }
        }
    }

    #[test]
    fn metrics_and_logs_go_when_they_are_too_old() {
        let old = 9 * DAY;
        let (mut connection, mut ingest, _dir) = store([
            (old, points(old, 3_000, true)),
            (old, logs(0..1_200, 4_000)),
            (2 * DAY, points(2 * DAY, 5, false)),
            (60, points(60, 7, true)),
            (60, logs(0..3, 4_000)),
        ]);
        assert_eq!(rows(&connection), [3_012, 3_007, 3_012, 3_000, 1_200], "the last three logs are there already");
        keep_house(&mut connection, &mut ingest, &Retention::default(), 100);
        // Sums of two days ago are there, while nobody remembers of which points.
        assert_eq!(rows(&connection), [7, 7, 12, 7, 0]);
    }

    #[test]
    fn what_there_is_no_room_for_goes_the_oldest_first() {
        let day = |age: i64| (age, points(age, 2_500, false));
        let (mut connection, mut ingest, _dir) =
            store([day(3 * HOUR), (2 * HOUR, logs(0..1_500, 4_000)), (HOUR, points(HOUR, 4_000, false)), day(0)]);
        let full = Retention { max_bytes: bytes(&connection).unwrap() - 100_000, ..Retention::default() };
        keep_house(&mut connection, &mut ingest, &full, 2);
        let [_, _, minutes, _, logs] = rows(&connection);
        assert!((6_500..9_000).contains(&minutes) && logs == 1_500, "{minutes} {logs}");
        let full = Retention { max_bytes: bytes(&connection).unwrap() - 2_000_000, ..Retention::default() };
        keep_house(&mut connection, &mut ingest, &full, 100);
        let [_, _, minutes, _, logs] = rows(&connection);
        assert!(minutes == 6_500 && (1..1_500).contains(&logs), "{minutes} {logs}");
    }

    #[test]
    fn a_trace_that_is_full_of_log_records_has_room_again_once_some_are_gone() {
        let most = MAX_RECORDS_PER_TRACE as i64;
        let (mut connection, mut ingest, _dir) = store([(9 * DAY, logs(0..10, 9)), (60, logs(10..most, 9))]);
        let added = ingest.add(&connection, &logs(0..most + 1, 9), NOW).unwrap();
        assert_eq!((added.new, added.beyond), (0, 1));
        keep_house(&mut connection, &mut ingest, &Retention::default(), 100);
        let added = ingest.add(&connection, &logs(0..most + 1, 9), NOW).unwrap();
        assert_eq!((added.new, added.beyond), (10, 1));
    }

    #[test]
    fn what_is_remembered_of_points_drives_nothing_else_out() {
        let of_hour = |hour: i64| (hour * HOUR, points(hour * HOUR, 1_500, true));
        let (mut connection, mut ingest, _dir) =
            store(std::iter::once((10 * HOUR, logs(0..3, 4_000))).chain((0..10).rev().map(of_hour)));
        let sql = "INSERT INTO traces (id, trace_id, received, start_ns, end_ns, spans, flags, outline) VALUES (1, x'01', ?1, 1, 2, 1, 0, x'')";
        connection.execute(sql, [NOW - 10 * HOUR]).unwrap();
        assert_eq!(rows(&connection), [15_000, 15_000, 15_000, 1_500, 3]);
        let full = Retention { max_bytes: bytes(&connection).unwrap() - 500_000, ..Retention::default() };
        keep_house(&mut connection, &mut ingest, &full, 100);
        assert!(bytes(&connection).unwrap() <= full.max_bytes, "it is as small as it should be");
        let traces: i64 = connection.query_row("SELECT count(*) FROM traces", [], |row| row.get(0)).unwrap();
        let [points_known, counts, minutes, _, logs] = rows(&connection);
        assert_eq!((traces, minutes, logs), (1, 15_000, 3), "all else is there");
        assert!(points_known == counts && (3_000..13_500).contains(&counts), "{points_known} {counts}");

        // What was forgotten would count twice. A server that starts again knows that too.
        let mut ingest = Ingest::load(&connection).unwrap();
        let mut again = |hour: i64, streams| {
            let added = ingest.add(&connection, &points(hour * HOUR, streams, true), NOW).unwrap();
            (added.new, added.beyond)
        };
        assert_eq!([again(9, 1_500), again(1, 1_500), again(0, 1_501)], [(0, 1_500), (0, 0), (1, 0)]);
    }

    #[test]
    fn no_points_are_taken_where_the_last_hours_alone_have_no_room() {
        let (mut connection, mut ingest, _dir) = store([(60, points(60, 2_000, false))]);
        let full = Retention { max_bytes: 100_000, ..Retention::default() };
        keep_house(&mut connection, &mut ingest, &full, 100);
        let new = points(30, 10, false);
        assert_eq!(ingest.add(&connection, &new, NOW).unwrap().beyond, 10);
        keep_house(&mut connection, &mut ingest, &Retention::default(), 100);
        assert_eq!(ingest.add(&connection, &new, NOW).unwrap().new, 10);
    }
}
