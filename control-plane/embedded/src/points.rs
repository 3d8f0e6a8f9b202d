//! From incoming points to sums by the minute: which are new, and what they add.

use std::{
    collections::{BTreeMap, HashMap},
    mem,
};

use control_plane_model::{
    cumulative::{CumulativePoint, REACH_NS, counted},
    metrics::{Exemplar, IncomingPoints, Kind, Point, Series, Summary},
    rollup::{DAY, HOUR},
    trace::TraceId,
};
use rusqlite::{Connection, OptionalExtension, params};

use crate::{failure::Failure, ingest_batch::Added, remembered::PointMemory};

/// Series whose numbers are remembered.
const MAX_SERIES: usize = 200_000;
const NANOSECONDS: i64 = 1_000_000_000;

/// What the points of a commit add to the sums.
#[derive(Debug, Default)]
pub(crate) struct Points {
    /// Numbers by what they stand for, and the last day on which that was noted.
    numbers: HashMap<i64, (i64, i64)>,
    minutes: BTreeMap<Place, Minute>,
    pub(crate) remembered: PointMemory,
}

/// Hour since 1970, series, Unix seconds of the minute.
type Place = (i64, i64, i64);

#[derive(Debug, Default)]
struct Minute {
    added: Summary,
    /// What was added before and is replaced by something more exact.
    removed: Summary,
    exemplars: Vec<Exemplar>,
}

impl Points {
    pub(crate) fn load(connection: &Connection) -> Result<Self, Failure> {
        Ok(Self { remembered: PointMemory::load(connection)?, ..Self::default() })
    }

    /// Adds what a request brought; points of times that are not remembered are left out, as they may have been there before. Nothing is
    /// complete before [`Points::finish`].
    pub(crate) fn add(
        &mut self,
        connection: &Connection,
        points: &[IncomingPoints],
        now: i64,
    ) -> Result<Added, Failure> {
        let sql = "INSERT OR IGNORE INTO metric_points (time_ns, stream) VALUES (?1, ?2)";
        let mut insert = connection.prepare_cached(sql)?;
        let mut added = Added::default();
        for of_stream in points {
            for point in &of_stream.points {
                if !self.remembered.takes(hour(point.time_ns)) {
                    added.beyond += 1;
                    continue;
                }
                if insert.execute([point.time_ns, of_stream.stream])? == 0 {
                    continue;
                }
                added.new += 1;
                self.remembered.add(hour(point.time_ns));
                let mut aggregator = Aggregator { points: self, connection, series: &of_stream.series, now };
                match point.since_ns {
                    None => aggregator.add(point.time_ns, &point.summary)?,
                    Some(since_ns) => aggregator.count(of_stream.stream, since_ns, point)?,
                }
                if !point.exemplars.is_empty() {
                    let minute = aggregator.minute(point.time_ns, &point.summary.bounds)?;
                    Exemplar::merge(&mut minute.exemplars, point.exemplars.iter().cloned());
                }
            }
        }
        Ok(added)
    }

    /// Writes what [`Points::add`] gathered.
    pub(crate) fn finish(&mut self, connection: &Connection) -> Result<(), Failure> {
        let sql = "SELECT body FROM metric_minutes WHERE hour = ?1 AND series = ?2 AND minute = ?3";
        let mut select = connection.prepare_cached(sql)?;
        let sql = "INSERT OR REPLACE INTO metric_minutes (hour, series, minute, body) VALUES (?1, ?2, ?3, ?4)";
        let mut insert = connection.prepare_cached(sql)?;
        for ((hour, series, minute), Minute { added, removed, exemplars: new }) in mem::take(&mut self.minutes) {
            let stored: Option<Vec<u8>> = select.query_row([hour, series, minute], |row| row.get(0)).optional()?;
            let (mut summary, mut exemplars) = stored.map(|body| read(&body)).transpose()?.unwrap_or_default();
            summary.bounds.clone_from(&added.bounds);
            summary.add(&added);
            summary.remove(&removed);
            Exemplar::merge(&mut exemplars, new);
            insert.execute(params![hour, series, minute, write(summary, &exemplars)?])?;
        }
        self.remembered.finish(connection)
    }

    /// The number of a series with buckets of these bounds.
    fn number(&mut self, connection: &Connection, series: &Series, bounds: &[f64], now: i64) -> Result<i64, Failure> {
        let today = now.div_euclid(DAY);
        let id = series.with_bounds(bounds);
        if let Some((number, day)) = self.numbers.get(&id)
            && *day == today
        {
            return Ok(*number);
        }
        let sql =
            "INSERT INTO metric_series (id, seen, metric, unit, kind, service, account, tenant, attributes, bounds)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
                   ON CONFLICT (id) DO UPDATE SET seen = excluded.seen RETURNING number";
        let bounds = postcard::to_allocvec(bounds)?;
        let Series { metric, unit, kind, service, account, tenant, attributes, .. } = series;
        let attributes = serde_json::to_string(attributes)?;
        let named = params![id, today, metric, unit, *kind as u8, service, account, tenant, attributes, bounds];
        let number = connection.prepare_cached(sql)?.query_row(named, |row| row.get(0))?;
        if self.numbers.len() >= MAX_SERIES {
            self.numbers.clear();
        }
        self.numbers.insert(id, (number, today));
        Ok(number)
    }
}

/// Points of a series, where they are added.
struct Aggregator<'a> {
    points: &'a mut Points,
    connection: &'a Connection,
    series: &'a Series,
    now: i64,
}

impl Aggregator<'_> {
    fn minute(&mut self, time_ns: i64, bounds: &[f64]) -> Result<&mut Minute, Failure> {
        let number = self.points.number(self.connection, self.series, bounds, self.now)?;
        let minute = time_ns.div_euclid(60 * NANOSECONDS) * 60;
        Ok(self.points.minutes.entry((minute.div_euclid(HOUR), number, minute)).or_default())
    }

    fn add(&mut self, time_ns: i64, summary: &Summary) -> Result<(), Failure> {
        if summary.count > 0 {
            self.minute(time_ns, &summary.bounds)?.added.add(summary);
        }
        Ok(())
    }

    fn remove(&mut self, time_ns: i64, summary: &Summary) -> Result<(), Failure> {
        if summary.count > 0 {
            self.minute(time_ns, &summary.bounds)?.removed.add(summary);
        }
        Ok(())
    }

    /// Adds what a point counted since the one before; the one behind it counted so much less since.
    fn count(&mut self, stream: i64, since_ns: i64, point: &Point) -> Result<(), Failure> {
        let kind: Kind = self.series.kind;
        let now = CumulativePoint { since_ns, time_ns: point.time_ns, summary: point.summary.clone() };
        let (before, behind) = neighbours(self.connection, stream, point.time_ns)?;
        let hour = hour(point.time_ns);
        let sql = "INSERT INTO metric_counts (hour, stream, time_ns, body) VALUES (?1, ?2, ?3, ?4)";
        let body = postcard::to_allocvec(&now)?;
        self.points.remembered.add_count(hour, body.len());
        self.connection.prepare_cached(sql)?.execute(params![hour, stream, point.time_ns, body])?;
        self.add(point.time_ns, &counted(kind, before.as_ref(), &now))?;
        if let Some(behind) = behind {
            let before = before.filter(|before| before.time_ns >= behind.time_ns - REACH_NS);
            self.remove(behind.time_ns, &counted(kind, before.as_ref(), &behind))?;
            self.add(behind.time_ns, &counted(kind, Some(&now), &behind))?;
        }
        Ok(())
    }
}

/// What a stream counted last before a time, and first after it, each within reach.
fn neighbours(
    connection: &Connection,
    stream: i64,
    time_ns: i64,
) -> Result<(Option<CumulativePoint>, Option<CumulativePoint>), Failure> {
    let find = |sql, hours: [i64; 2], from: i64, to: i64| {
        let mut select = connection.prepare_cached(sql)?;
        let of = params![hours[0], hours[1], stream, from, to];
        let body: Option<Vec<u8>> = select.query_row(of, |row| row.get(0)).optional()?;
        Ok::<_, Failure>(body.map(|body| postcard::from_bytes(&body)).transpose()?)
    };
    let hour = hour(time_ns);
    let before =
        "SELECT body FROM metric_counts WHERE hour IN (?1, ?2) AND stream = ?3 AND time_ns >= ?4 AND time_ns < ?5
                  ORDER BY time_ns DESC LIMIT 1";
    let behind =
        "SELECT body FROM metric_counts WHERE hour IN (?1, ?2) AND stream = ?3 AND time_ns > ?4 AND time_ns <= ?5
                  ORDER BY time_ns LIMIT 1";
    Ok((
        find(before, [hour - 1, hour], time_ns - REACH_NS, time_ns)?,
        find(behind, [hour, hour + 1], time_ns, time_ns + REACH_NS)?,
    ))
}

/// The hour since 1970.
fn hour(time_ns: i64) -> i64 {
    time_ns.div_euclid(HOUR * NANOSECONDS)
}

/// An exemplar as it is stored: 16 bytes, the span or 0, its value and its time.
type ExemplarTuple = ([u8; 16], u64, f64, i64);

/// A minute as bytes. Its bounds stand with its series.
fn write(summary: Summary, exemplars: &[Exemplar]) -> Result<Vec<u8>, Failure> {
    let exemplars = exemplars.iter().map(|exemplar| {
        let trace_id = exemplar.trace_id.as_bytes().try_into().unwrap_or_default();
        let span_id = u64::from_str_radix(&exemplar.span_id, 16).unwrap_or_default();
        (trace_id, span_id, exemplar.value, exemplar.time_unix_ns)
    });
    let exemplars: Vec<ExemplarTuple> = exemplars.collect();
    Ok(postcard::to_allocvec(&(Summary { bounds: Vec::new(), ..summary }, exemplars))?)
}

/// A minute, but for its bounds.
pub(crate) fn read(body: &[u8]) -> Result<(Summary, Vec<Exemplar>), Failure> {
    let (summary, stored): (Summary, Vec<ExemplarTuple>) = postcard::from_bytes(body)?;
    let exemplars = stored.into_iter().map(|(trace_id, span_id, value, time_unix_ns)| {
        let span_id = if span_id == 0 { String::new() } else { format!("{span_id:016x}") };
        Ok(Exemplar { trace_id: TraceId::from_bytes(&trace_id)?, span_id, value, time_unix_ns })
    });
    Ok((summary, exemplars.collect::<Result<_, Failure>>()?))
}
