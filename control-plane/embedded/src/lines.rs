//! Lines of metrics.

use std::collections::BTreeMap;

use control_plane_model::{
    gathering::{Gathering, LineName, Steps},
    metrics::{Kind, Line, MetricQuery},
    rollup::HOUR,
    store::{Scope, StoreError},
};
use rusqlite::{Connection, params};

use crate::{failure::Failure, points::read, reader::Reader};

impl Reader {
    /// Lines by metric, service, account and attributes.
    pub(crate) fn lines(&self, scope: &Scope, query: &MetricQuery) -> Result<Vec<Line>, StoreError> {
        self.read(|connection| {
            let mut gathering = Gathering::default();
            let hours = hours(connection, query)?;
            let sql = "SELECT metric, service, account, attributes, unit, kind, number, bounds FROM metric_series
                       WHERE (?1 = '[]' OR metric IN (SELECT value FROM json_each(?1)))
                       AND (?2 IS NULL OR service = ?2) AND (?3 IS NULL OR account = ?3) AND (?4 IS NULL OR tenant = ?4)";
            let metrics = serde_json::to_string(&query.metrics)?;
            let mut select = connection.prepare_cached(sql)?;
            let mut rows = select.query(params![metrics, query.service, query.account, scope.tenant()])?;
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
                let bounds: Vec<f64> = postcard::from_bytes(row.get_ref(7)?.as_blob().unwrap_or_default())?;
                let steps = gathering.of(line);
                for hour in hours.clone() {
                    add(connection, steps, query, (hour, row.get(6)?), &bounds)?;
                }
            }
            Ok(gathering.lines())
        })
    }
}

/// The hours since 1970 of the window in which anything was measured.
fn hours(connection: &Connection, query: &MetricQuery) -> Result<std::ops::Range<i64>, Failure> {
    let sql = "SELECT coalesce((SELECT min(hour) FROM metric_minutes), 0), coalesce((SELECT max(hour) FROM metric_minutes), 0)";
    let (first, last): (i64, i64) =
        connection.prepare_cached(sql)?.query_row([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(query.from.div_euclid(HOUR).max(first)..(query.to.div_euclid(HOUR).min(last) + 1))
}

/// Adds the minutes of an hour and series.
fn add(
    connection: &Connection,
    steps: &mut Steps,
    query: &MetricQuery,
    (hour, series): (i64, i64),
    bounds: &[f64],
) -> Result<(), Failure> {
    let sql =
        "SELECT minute, body FROM metric_minutes WHERE hour = ?1 AND series = ?2 AND minute >= ?3 AND minute < ?4";
    let mut select = connection.prepare_cached(sql)?;
    let mut rows = select.query([hour, series, query.from, query.to])?;
    while let Some(row) = rows.next()? {
        let (mut summary, exemplars) = read(row.get_ref(1)?.as_blob().unwrap_or_default())?;
        summary.bounds = bounds.to_vec();
        steps.add(query.step_of(row.get(0)?), &summary, exemplars);
    }
    Ok(())
}
