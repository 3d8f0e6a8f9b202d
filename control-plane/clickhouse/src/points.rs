//! Points of many requests in one insert.

use std::collections::HashSet;

use clickhouse::Row;
use control_plane_model::{
    metrics::{Exemplar, IncomingPoints},
    store::StoreError,
};
use serde::Serialize;

use crate::{
    database::Database,
    queue::{Insert, bytes, rank, received},
};

/// Inserts points.
#[derive(Debug, Clone)]
pub(crate) struct Points(pub(crate) Database);

/// An exemplar in a row: its trace and span, 0 being none, its value and its time.
type StoredExemplar = ([u8; 16], u64, f64, i64);

/// A row of `metric_points`, its columns in their order, but for the one that follows from another.
#[derive(Row, Serialize)]
struct PointRow<'a> {
    service: &'a str,
    metric: &'a str,
    stream: i64,
    time: i64,
    rank: u64,
    received: u32,
    unit: &'a str,
    kind: i8,
    account: &'a str,
    tenant: &'a str,
    attributes: Vec<(&'a str, &'a str)>,
    is_cumulative: bool,
    since: i64,
    count: u64,
    sum: f64,
    least: Option<f64>,
    greatest: Option<f64>,
    bounds: &'a [f64],
    buckets: &'a [u64],
    exemplars: Vec<StoredExemplar>,
}

impl Insert for Points {
    type Brought = Vec<IncomingPoints>;
    type Outcome = usize;

    fn rows(points: &Vec<IncomingPoints>) -> usize {
        points.iter().map(|of_stream| of_stream.points.len()).sum()
    }

    async fn insert(&self, batch: &[Vec<IncomingPoints>], stamp: u64) -> Result<Vec<usize>, StoreError> {
        let (rank, received) = (rank(stamp), received(stamp));
        let (mut rows, mut known) = (Vec::new(), HashSet::new());
        let mut stored = Vec::with_capacity(batch.len());
        for points in batch {
            let before = rows.len();
            for IncomingPoints { series, stream, points } in points {
                for point in points.iter().filter(|point| known.insert((*stream, point.time_ns))) {
                    rows.push(PointRow {
                        service: &series.service,
                        metric: &series.metric,
                        stream: *stream,
                        time: point.time_ns,
                        rank,
                        received,
                        unit: &series.unit,
                        kind: series.kind as i8,
                        account: series.account.as_deref().unwrap_or_default(),
                        tenant: series.tenant.as_deref().unwrap_or_default(),
                        attributes: series.attributes.iter().map(|(key, value)| (&**key, &**value)).collect(),
                        is_cumulative: point.since_ns.is_some(),
                        since: point.since_ns.unwrap_or_default(),
                        count: point.summary.count,
                        sum: point.summary.sum,
                        least: point.summary.min,
                        greatest: point.summary.max,
                        bounds: &point.summary.bounds,
                        buckets: &point.summary.buckets,
                        exemplars: point.exemplars.iter().map(stored_exemplar).collect(),
                    });
                }
            }
            stored.push(rows.len() - before);
        }
        self.0.insert::<PointRow<'_>>("metric_points", &rows).await?;
        Ok(stored)
    }
}

fn stored_exemplar(exemplar: &Exemplar) -> StoredExemplar {
    let span_id = u64::from_str_radix(&exemplar.span_id, 16).unwrap_or_default();
    (bytes(exemplar.trace_id), span_id, exemplar.value, exemplar.time_unix_ns)
}
