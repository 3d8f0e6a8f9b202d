//! Reads metrics as lines over time.

use std::{collections::BTreeMap, ops::Range};

use control_plane_model::{
    lines_builder::{LineName, LinesBuilder},
    metrics::{Kind, Line, MetricQuery},
    rollup::HOUR,
    store::{Scope, StoreError},
    unverified,
};
use rusqlite::{Connection, Params, params};

use crate::{
    failure::Failure,
    points::read,
    reader::{Asker, Reader},
};

/// The most series that are looked up one by one in each hour. For more, reading the whole hour is faster.
const LOOKED_UP: usize = 2_000;

/// A series by its number: the line that it is part of, and the bounds of its buckets.
type Wanted = BTreeMap<i64, (LineName, Vec<f64>)>;

impl Reader {
    /// Lines by metric, service, account and attributes.
    pub(crate) fn lines(&self, asker: &Asker, scope: &Scope, query: &MetricQuery) -> Result<Vec<Line>, StoreError> {
        let builder = self.read(|connection| {
            let wanted = wanted(connection, scope, query)?;
            let mut reading = Reading { connection, asker, query, wanted: &wanted, builder: LinesBuilder::default() };
            for hour in hours(connection, query)? {
                reading.hour(hour)?;
            }
            Ok(reading.builder)
        })?;
        builder.lines()
    }

    /// The services that sent points, by name.
    pub(crate) fn measured_services(&self, scope: &Scope) -> Result<Vec<String>, StoreError> {
        self.read(|connection| {
            let mut select = connection.prepare_cached(include_str!("../sql/metric_services.sql"))?;
            let services = select.query_map(params![scope.tenant(), unverified::METRIC], |row| row.get(0))?;
            Ok(services.collect::<rusqlite::Result<_>>()?)
        })
    }
}

/// The series that a question is about.
fn wanted(connection: &Connection, scope: &Scope, query: &MetricQuery) -> Result<Wanted, Failure> {
    let sql = "SELECT metric, service, account, attributes, unit, kind, number, bounds FROM metric_series
               WHERE (?1 = '[]' OR metric IN (SELECT value FROM json_each(?1)))
               AND (?2 IS NULL OR service = ?2) AND (?3 IS NULL OR account = ?3) AND (?4 IS NULL OR tenant = ?4)";
    let metrics = serde_json::to_string(&query.metrics)?;
    let mut select = connection.prepare_cached(sql)?;
    let mut rows = select.query(params![metrics, query.service, query.account, scope.tenant()])?;
    let mut wanted = Wanted::new();
    while let Some(row) = rows.next()? {
        let attributes: BTreeMap<String, String> = serde_json::from_str(&row.get::<_, String>(3)?)?;
        let attributes = attributes.into_iter().filter(|(key, _)| query.by.contains(key)).collect();
        let number: u8 = row.get(5)?;
        let kind = Kind::ALL.into_iter().find(|kind| *kind as u8 == number);
        let Some(kind) = kind else { continue };
        let line = LineName {
            metric: row.get(0)?,
            service: row.get(1)?,
            account: row.get(2)?,
            attributes,
            unit: row.get(4)?,
            kind,
        };
        let bounds = postcard::from_bytes(row.get_ref(7)?.as_blob().unwrap_or_default())?;
        wanted.insert(row.get(6)?, (line, bounds));
    }
    Ok(wanted)
}

/// The hours since 1970 of the window in which anything was measured.
fn hours(connection: &Connection, query: &MetricQuery) -> Result<Range<i64>, Failure> {
    let sql = "SELECT coalesce((SELECT min(hour) FROM metric_minutes), 0), coalesce((SELECT max(hour) FROM metric_minutes), 0)";
    let (first, last): (i64, i64) =
        connection.prepare_cached(sql)?.query_row([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(query.from.div_euclid(HOUR).max(first)..(query.to.div_euclid(HOUR).min(last) + 1))
}

/// A question that is being answered.
struct Reading<'a> {
    connection: &'a Connection,
    asker: &'a Asker,
    query: &'a MetricQuery,
    wanted: &'a Wanted,
    builder: LinesBuilder,
}

impl Reading<'_> {
    /// Adds the minutes of an hour.
    fn hour(&mut self, hour: i64) -> Result<(), Failure> {
        let (from, to) = (self.query.from, self.query.to);
        if self.wanted.len() > LOOKED_UP {
            let sql =
                "SELECT series, minute, body FROM metric_minutes WHERE hour = ?1 AND minute >= ?2 AND minute < ?3";
            return self.add(sql, [hour, from, to]);
        }
        let sql = "SELECT series, minute, body FROM metric_minutes
                   WHERE hour = ?1 AND series = ?4 AND minute >= ?2 AND minute < ?3";
        self.wanted.keys().try_for_each(|series| self.add(sql, [hour, from, to, *series]))
    }

    fn add(&mut self, sql: &str, of: impl Params) -> Result<(), Failure> {
        self.asker.waits()?;
        let mut select = self.connection.prepare_cached(sql)?;
        let mut rows = select.query(of)?;
        while let Some(row) = rows.next()?
            && !self.builder.is_full()
        {
            self.asker.waits()?;
            let Some((line, bounds)) = self.wanted.get(&row.get(0)?) else { continue };
            let (mut summary, exemplars) = read(row.get_ref(2)?.as_blob().unwrap_or_default())?;
            summary.bounds.clone_from(bounds);
            self.builder.add(line, self.query.step_of(row.get(1)?), &summary, exemplars);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use control_plane_model::metrics::{IncomingPoints, Point, Series, Summary};

    use super::*;
    use crate::{ingest::Ingest, ingest_batch::IngestBatch, schema};

    const NOW: i64 = 1_800_000_000;
    const DAY: i64 = 24 * HOUR;

    /// A file with so many series of two metrics, each measured in two hours.
    fn store(series: i64) -> (Reader, tempfile::TempDir) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("store.sqlite");
        let connection = schema::open_writer(&path).unwrap();
        let mut ingest = Ingest::load(&connection).unwrap();
        let of_series = |id| {
            let series = Series {
                id,
                metric: format!("m{}", id % 2),
                unit: "1".into(),
                kind: Kind::Sum,
                service: "api".into(),
                account: None,
                tenant: None,
                attributes: BTreeMap::new(),
            };
            let point = |time: i64, sum: f64| {
                let summary = Summary { count: 1, sum, ..Summary::default() };
                Point { time_ns: time * 1_000_000_000, since_ns: None, summary, exemplars: vec![] }
            };
            let points = vec![point(NOW - 2 * HOUR, 1.0), point(NOW - 60, id as f64)];
            IncomingPoints { series: Arc::new(series), stream: id, points }
        };
        ingest.add(&connection, &IngestBatch::Points((0..series).map(of_series).collect()), NOW).unwrap();
        ingest.finish(&connection, NOW).unwrap();
        (Reader::new(&path), dir)
    }

    fn asked(metrics: &[&str]) -> MetricQuery {
        let metrics = metrics.iter().map(|name| (*name).to_owned()).collect();
        MetricQuery { from: NOW - DAY, to: NOW, step: DAY, metrics, service: None, account: None, by: vec![] }
    }

    #[test]
    fn many_series_are_answered_as_few_are() {
        let (reader, _dir) = store(2_010);
        let waiting = Arc::new(());
        let lines = |metrics: &[&str]| reader.lines(&Asker::of(&waiting), &Scope::All, &asked(metrics)).unwrap();
        let (all, some) = (lines(&[]), [lines(&["m0"]), lines(&["m1"])].concat());
        assert_eq!(all, some);
        let sums = |line: &Line| line.steps.iter().map(|step| step.summary.sum).sum::<f64>();
        assert_eq!(all.iter().map(sums).collect::<Vec<_>>(), [1_009_020.0 + 1_005.0, 1_010_025.0 + 1_005.0]);
    }

    #[test]
    fn nothing_is_read_for_whoever_has_gone() {
        let (reader, _dir) = store(1);
        let asker = Asker::of(&Arc::new(()));
        assert!(reader.lines(&asker, &Scope::All, &asked(&[])).is_err());
    }
}
