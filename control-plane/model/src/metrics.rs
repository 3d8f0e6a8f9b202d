//! Metrics, as they come and as they are read: <https://opentelemetry.io/docs/specs/otel/metrics/data-model/>.
//!
//! A point is kept under its stream and time, so that one that is sent twice counts once. What pages show is summed by the minute, over all
//! sandboxes of a function.

use std::{collections::BTreeMap, sync::Arc};

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::{
    error::StoreError,
    scope::Scope,
    trace::{InvalidTraceId, TraceId},
};

/// Exemplars that an answer has of one step of one line.
pub const EXEMPLARS: usize = 4;

/// How points of a metric add up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A value at a moment. Values do not add up; they have a least and a greatest.
    Gauge,
    /// What was added since the point before.
    Sum,
    /// How many measurements there were since the point before, by their size.
    Histogram,
}

/// What points have in common, whichever process measured them.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    /// The first 64 bits of the SHA-256 of all that follows.
    pub id: i64,
    /// The metric's name.
    pub metric: String,
    /// Its unit, in UCUM.
    pub unit: String,
    /// How its points add up.
    pub kind: Kind,
    /// `service.name`.
    pub service: String,
    /// `cloud.account.id`.
    pub account: Option<String>,
    /// `tenant.id` of the points, else of the sender; most metrics have none.
    pub tenant: Option<String>,
    /// Attributes of the points, as text; `faas.max_memory` of the sender among them.
    pub attributes: BTreeMap<String, String>,
}

/// Points of one stream that one request brings.
#[derive(Debug)]
pub struct IncomingPoints {
    /// What they have in common with those of other processes.
    pub series: Arc<Series>,
    /// The first 64 bits of the SHA-256 of the series and all of the sender's resource and scope: no two processes have the same.
    pub stream: i64,
    /// The points.
    pub points: Vec<Point>,
}

/// A point, as it was sent.
#[derive(Debug, Clone, PartialEq)]
pub struct Point {
    /// When it was measured, nanoseconds since 1970.
    pub time_ns: i64,
    /// Where its sender counts since it began, when that was, nanoseconds since 1970, 0 where it does not say. What such a point adds,
    /// [`counted`](crate::cumulative::counted) says. None, where it counts since the point before, as most do, and of a gauge.
    pub since_ns: Option<i64>,
    /// What was measured.
    pub summary: Summary,
    /// Measurements that lead to their traces.
    pub exemplars: Vec<Exemplar>,
}

/// Measurements by their number, sum and size.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Summary {
    /// How many; of a sum and a gauge, how many points.
    pub count: u64,
    /// Of all of them together.
    pub sum: f64,
    /// The least; a sender need not say it.
    pub min: Option<f64>,
    /// The greatest; likewise.
    pub max: Option<f64>,
    /// Upper bounds of a histogram's buckets, the last bucket's left out as it has none; empty, where it is none.
    pub bounds: Vec<f64>,
    /// Measurements by bucket: one more than there are bounds.
    pub buckets: Vec<u64>,
}

/// A measurement, and the trace in which it was made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Exemplar {
    /// The trace.
    pub trace_id: TraceId,
    /// The span, 16 hex digits.
    pub span_id: String,
    /// What was measured, in the metric's unit.
    pub value: f64,
    /// When, nanoseconds since 1970.
    pub time_unix_ns: i64,
}

/// Which metrics.
#[derive(Debug, Clone)]
pub struct MetricQuery {
    /// Points of minutes that begin at or after this, Unix seconds.
    pub from: i64,
    /// And before this.
    pub to: i64,
    /// How many seconds a step has: a whole number of minutes. Steps begin at multiples of it.
    pub step: i64,
    /// Names of the metrics; all, where it is empty.
    pub metrics: Vec<String>,
    /// `service.name`; all, where there is none.
    pub service: Option<String>,
    /// `cloud.account.id`; all, where there is none.
    pub account: Option<String>,
    /// Attributes of points that tell lines apart; what differs in others only is one line.
    pub by: Vec<String>,
}

/// A line: one metric of one service by time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Line {
    /// The metric's name.
    pub metric: String,
    /// Its unit, in UCUM.
    pub unit: String,
    /// How its points add up.
    pub kind: Kind,
    /// `service.name`.
    pub service: String,
    /// `cloud.account.id`.
    pub account: Option<String>,
    /// The attributes asked for that its points have.
    pub attributes: BTreeMap<String, String>,
    /// Steps in which something was measured, in the order of time.
    pub steps: Vec<Step>,
}

/// What was measured in one step. Of histograms whose bounds differ, the buckets are left out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// When it began, Unix seconds.
    pub at: i64,
    /// What was measured.
    #[serde(flatten)]
    pub summary: Summary,
    /// The [`EXEMPLARS`] with the greatest values.
    pub exemplars: Vec<Exemplar>,
}

/// Keeps metrics.
///
/// A read for a tenant's [`Scope`] answers of points that name that tenant, and of no others.
#[async_trait]
pub trait MetricStore: std::fmt::Debug + Send + Sync {
    /// Stores points; `Ok` means that they are durable, and says how many were new, as far as the engine knows. A point that is there
    /// already stays as it is.
    ///
    /// # Errors
    ///
    /// [`StoreError::Busy`] where more wait than may; whatever the error, the points may be sent again.
    async fn write_points(&self, points: Vec<IncomingPoints>) -> Result<usize, StoreError>;

    /// Lines by metric, service, account and attributes, in this order.
    async fn lines(&self, scope: &Scope, query: MetricQuery) -> Result<Vec<Line>, StoreError>;
}

impl Exemplar {
    /// From ids as they are sent.
    ///
    /// # Errors
    ///
    /// Where the trace's id is none.
    pub fn new(trace_id: &[u8], span_id: &[u8], value: f64, time_unix_ns: i64) -> Result<Self, InvalidTraceId> {
        let span_id = span_id.iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(Self { trace_id: TraceId::from_bytes(trace_id)?, span_id, value, time_unix_ns })
    }

    /// Puts others to some, each once: the [`EXEMPLARS`] with the greatest values stay, the greatest first.
    pub fn merge(some: &mut Vec<Self>, others: impl IntoIterator<Item = Self>) {
        some.extend(others);
        some.sort_by(|a, b| b.value.total_cmp(&a.value).then_with(|| a.place().cmp(&b.place())));
        some.dedup();
        some.truncate(EXEMPLARS);
    }

    fn place(&self) -> (i64, TraceId, &str) {
        (self.time_unix_ns, self.trace_id, &self.span_id)
    }
}

impl Summary {
    /// Takes another's measurements in. Buckets whose bounds differ cannot be added: then there are none.
    pub fn add(&mut self, other: &Self) {
        if self.count == 0 {
            self.clone_from(other);
            return;
        }
        if other.count == 0 {
            return;
        }
        self.count = self.count.saturating_add(other.count);
        self.sum += other.sum;
        self.min = self.min.zip(other.min).map(|(own, other)| own.min(other));
        self.max = self.max.zip(other.max).map(|(own, other)| own.max(other));
        if self.bounds == other.bounds && self.buckets.len() == other.buckets.len() {
            self.buckets.iter_mut().zip(&other.buckets).for_each(|(own, other)| *own = own.saturating_add(*other));
        } else {
            self.bounds.clear();
            self.buckets.clear();
        }
    }

    /// Takes out again what was [added](Self::add), but for the least and the greatest, which stay.
    pub fn remove(&mut self, other: &Self) {
        self.count = self.count.saturating_sub(other.count);
        self.sum -= other.sum;
        self.buckets.iter_mut().zip(&other.buckets).for_each(|(own, other)| *own = own.saturating_sub(*other));
    }

    /// The mean; none of nothing.
    #[allow(clippy::cast_precision_loss, reason = "nobody counts to 2^52")]
    pub fn mean(&self) -> Option<f64> {
        (self.count > 0).then(|| self.sum / self.count as f64)
    }

    /// The value below which this share of the measurements lies, interpolated within its bucket; none without buckets. Of the last bucket,
    /// which has no bound, it is the greatest value, or the bucket's lower bound where nobody said the greatest.
    #[allow(clippy::cast_precision_loss, reason = "nobody counts to 2^52")]
    pub fn quantile(&self, share: f64) -> Option<f64> {
        let all: u64 = self.buckets.iter().sum();
        let wanted = share * all as f64;
        let mut below = 0_u64;
        for (at, &n) in self.buckets.iter().enumerate() {
            let next = below + n;
            if n > 0 && next as f64 >= wanted {
                let lowest = self.min.filter(|_| below == 0);
                let from = lowest.or_else(|| at.checked_sub(1).and_then(|before| self.bounds.get(before)).copied());
                let Some(to) = self.bounds.get(at).copied() else { return self.max.or(from) };
                let to = self.max.map_or(to, |max| to.min(max));
                let from = from.unwrap_or(0.0).min(to);
                return Some(from + (to - from) * ((wanted - below as f64) / n as f64).clamp(0.0, 1.0));
            }
            below = next;
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn histogram(buckets: &[u64], min: f64, max: f64) -> Summary {
        let count = buckets.iter().sum();
        let (bounds, buckets) = (vec![10.0, 100.0], buckets.to_vec());
        Summary { count, sum: 50.0, min: Some(min), max: Some(max), bounds, buckets }
    }

    #[test]
    fn histograms_of_the_same_bounds_add_up() {
        let mut sum = Summary::default();
        sum.add(&histogram(&[1, 2, 0], 4.0, 60.0));
        sum.add(&histogram(&[0, 1, 3], 20.0, 700.0));
        assert_eq!(sum, Summary { sum: 100.0, ..histogram(&[1, 3, 3], 4.0, 700.0) });
        sum.add(&Summary { bounds: vec![1.0], buckets: vec![1, 0], ..histogram(&[1], 1.0, 1.0) });
        assert_eq!((sum.count, sum.buckets.len(), sum.quantile(0.5)), (8, 0, None));
    }

    #[test]
    fn a_quantile_lies_within_its_bucket_and_what_was_measured() {
        let measured = histogram(&[2, 2, 1], 4.0, 250.0);
        assert_eq!(measured.quantile(0.4), Some(10.0));
        assert_eq!(measured.quantile(0.6), Some(55.0));
        assert_eq!(measured.quantile(1.0), Some(250.0));
        assert_eq!(Summary::default().quantile(0.5), None);
        assert_eq!(histogram(&[4, 0, 0], 6.0, 8.0).quantile(1.0), Some(8.0));
    }
}
