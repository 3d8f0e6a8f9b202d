//! Reads metrics as lines over time.

use clickhouse::{Row, query::Query};
use control_plane_model::{
    cumulative::{CumulativePoint, REACH_NS, counted},
    lines_builder::{LineName, LinesBuilder},
    metrics::{EXEMPLARS, Exemplar, Kind, Line, MetricQuery, Summary},
    store::{Scope, StoreError},
    trace::TraceId,
};
use serde::Deserialize;

use crate::database::{Database, failed, seconds, within};

const NANOSECONDS: i64 = 1_000_000_000;

/// The key of a line and a step of it: metric, service, account or nothing, the attributes that are asked for, unit, kind; and the step.
type LineKey = (String, String, String, Vec<(String, String)>, String, i8, i64);

#[derive(Row, Deserialize)]
struct StepRow {
    place: LineKey,
    count: u64,
    sum: f64,
    min: Option<f64>,
    max: Option<f64>,
    bounds: Vec<f64>,
    buckets: Vec<u64>,
}

#[derive(Row, Deserialize)]
struct CumulativeRow {
    place: LineKey,
    stream: i64,
    time_ns: i64,
    since_ns: i64,
    count: u64,
    sum: f64,
    bounds: Vec<f64>,
    buckets: Vec<u64>,
}

#[derive(Row, Deserialize)]
struct ExemplarRow {
    place: LineKey,
    trace_id: [u8; 16],
    span_id: u64,
    value: f64,
    time_ns: i64,
}

/// Lines by metric, service, account and attributes.
pub(crate) async fn lines(database: &Database, scope: &Scope, query: &MetricQuery) -> Result<Vec<Line>, StoreError> {
    // The tenant '' is nobody.
    if scope.tenant() == Some("") {
        return Ok(Vec::new());
    }
    let asked = LinesQuery { database, scope, query, from: query.from, to: query.to };
    let (mut builder, counts, exemplars) = tokio::try_join!(asked.steps(), asked.counts(), asked.exemplars())?;
    builder.merge(counts);
    builder.merge(exemplars);
    builder.lines()
}

/// A query and the time that it is about, in Unix seconds.
struct LinesQuery<'a> {
    database: &'a Database,
    scope: &'a Scope,
    query: &'a MetricQuery,
    from: i64,
    to: i64,
}

impl LinesQuery<'_> {
    fn of(&self, sql: &str) -> Query {
        let MetricQuery { metrics, service, account, by, step, .. } = self.query;
        // Only minutes that begin in the window count.
        let minute = |time: i64| seconds((time.clamp(0, i64::MAX - 60) + 59).div_euclid(60) * 60);
        self.database
            .query(&sql.replace("$points", include_str!("../sql/points_asked.sql")))
            .param("from", minute(self.from))
            .param("to", minute(self.to))
            .param("step", (*step).max(60))
            .param("by", by)
            .param("metrics", metrics)
            .param("service", service.as_deref())
            .param("account", account.as_deref())
            .param("only", self.scope.tenant())
    }

    /// What was measured in each step.
    async fn steps(&self) -> Result<LinesBuilder, StoreError> {
        let mut rows = self.of(include_str!("../sql/metric_steps.sql")).fetch::<StepRow>().map_err(failed)?;
        let mut builder = LinesBuilder::default();
        while let Some(row) = within(rows.next()).await?
            && !builder.is_full()
        {
            let StepRow { place, count, sum, min, max, bounds, buckets } = row;
            add(&mut builder, place, &Summary { count, sum, min, max, bounds, buckets }, None);
        }
        Ok(builder)
    }

    /// What was counted since the points before, which may have been before the window.
    async fn counts(&self) -> Result<LinesBuilder, StoreError> {
        let earlier = Self { from: self.from.saturating_sub(REACH_NS / NANOSECONDS), ..*self };
        let mut rows = earlier.of(include_str!("../sql/metric_counts.sql")).fetch::<CumulativeRow>().map_err(failed)?;
        let mut builder = LinesBuilder::default();
        let mut before: Option<(i64, CumulativePoint)> = None;
        while let Some(row) = within(rows.next()).await?
            && !builder.is_full()
        {
            let CumulativeRow { place, stream, time_ns, since_ns, count, sum, bounds, buckets } = row;
            let summary = Summary { count, sum, min: None, max: None, bounds, buckets };
            let now = CumulativePoint { since_ns, time_ns, summary };
            let of_stream =
                before.take().filter(|(other, before)| *other == stream && before.time_ns >= time_ns - REACH_NS);
            if time_ns.div_euclid(60 * NANOSECONDS) * 60 >= self.from
                && let Some(kind) = kind(place.5)
            {
                let added = counted(kind, of_stream.as_ref().map(|(_, before)| before), &now);
                add(&mut builder, place, &added, None);
            }
            before = Some((stream, now));
        }
        Ok(builder)
    }

    /// The measurements that lead to a trace.
    async fn exemplars(&self) -> Result<LinesBuilder, StoreError> {
        let greatest = self.of(include_str!("../sql/metric_exemplars.sql")).param("limit", EXEMPLARS as u64);
        let mut rows = greatest.fetch::<ExemplarRow>().map_err(failed)?;
        let mut builder = LinesBuilder::default();
        while let Some(row) = within(rows.next()).await?
            && !builder.is_full()
        {
            let ExemplarRow { place, trace_id, span_id, value, time_ns } = row;
            let span_id = if span_id == 0 { String::new() } else { format!("{span_id:016x}") };
            let trace_id = TraceId::from_bytes(&trace_id).map_err(failed)?;
            let exemplar = Exemplar { trace_id, span_id, value, time_unix_ns: time_ns };
            add(&mut builder, place, &Summary::default(), Some(exemplar));
        }
        Ok(builder)
    }
}

fn kind(number: i8) -> Option<Kind> {
    Kind::ALL.into_iter().find(|kind| *kind as i8 == number)
}

fn add(builder: &mut LinesBuilder, place: LineKey, summary: &Summary, exemplar: Option<Exemplar>) {
    let (metric, service, account, attributes, unit, number, at) = place;
    let Some(kind) = kind(number) else { return };
    let account = Some(account).filter(|account| !account.is_empty());
    let line = LineName { metric, service, account, attributes: attributes.into_iter().collect(), unit, kind };
    builder.add(&line, at, summary, exemplar);
}
