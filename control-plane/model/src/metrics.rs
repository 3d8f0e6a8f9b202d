//! Metrics, as they come and as they are read: <https://opentelemetry.io/docs/specs/otel/metrics/data-model/>.
//!
//! A point is kept under its stream and time, so that one that is sent twice counts once. What pages show is summed by the minute, over all
//! sandboxes of a function.

use std::{collections::BTreeMap, sync::Arc};

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::{
    error::StoreError,
    incoming::number_of,
    scope::Scope,
    trace::{InvalidTraceId, TraceId},
};

pub use crate::summary::Summary;

/// Exemplars that an answer has of one step of one line.
pub const EXEMPLARS: usize = 4;

/// How old a point may be when it comes, in seconds. Which points there were is known for somewhat longer, so that none counts twice.
pub const TAKEN_FOR: i64 = 86_400;

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

impl Kind {
    /// All kinds, in the order of their numbers.
    pub const ALL: [Self; 3] = [Self::Gauge, Self::Sum, Self::Histogram];
}

/// What points have in common, whichever process measured them.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    /// The [number](number_of) of all that follows.
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
    /// The [number](number_of) of the series and all of the sender's resource and scope: no two processes have the same.
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
    /// the module `cumulative` says. None, where it counts since the point before, as most do, and of a gauge.
    pub since_ns: Option<i64>,
    /// What was measured.
    pub summary: Summary,
    /// Measurements that lead to their traces.
    pub exemplars: Vec<Exemplar>,
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

/// What became of points.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoredPoints {
    /// How many were new, as far as the engine knows.
    pub new: usize,
    /// How many are of times whose points the engine had no room to remember. It does not take them, as they may have been there before.
    pub forgotten: usize,
}

/// Selects points of metrics, and says how they are added up.
#[derive(Debug, Clone)]
pub struct MetricQuery {
    /// Points of minutes that begin at or after this, Unix seconds.
    pub from: i64,
    /// Only points before this time.
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
    /// Stores points; `Ok` means that they are durable, but for those that it says were forgotten. A point that is there already stays as it
    /// is.
    ///
    /// # Errors
    ///
    /// [`StoreError::Busy`] where more wait than may; whatever the error, the points may be sent again.
    async fn write_points(&self, points: Vec<IncomingPoints>) -> Result<StoredPoints, StoreError>;

    /// Lines by metric, service, account and attributes, in this order.
    async fn lines(&self, scope: &Scope, query: MetricQuery) -> Result<Vec<Line>, StoreError>;

    /// The services that sent points within a day, and maybe before, by name. APIs whose refusals the control plane counts are not among them.
    async fn services(&self, scope: &Scope) -> Result<Vec<String>, StoreError>;
}

impl MetricQuery {
    /// When the step of a minute began, both Unix seconds.
    pub fn step_of(&self, minute: i64) -> i64 {
        let step = self.step.max(60);
        minute.div_euclid(step) * step
    }
}

impl Series {
    /// Adds the point's number.
    #[must_use]
    pub fn numbered(self) -> Self {
        let kind = [self.kind as u8];
        let [account, tenant] =
            [&self.account, &self.tenant].map(|text| text.as_deref().unwrap_or_default().as_bytes());
        let named = [self.metric.as_bytes(), self.unit.as_bytes(), &kind, self.service.as_bytes(), account, tenant];
        let attributes = self.attributes.iter().flat_map(|(key, value)| [key.as_bytes(), value.as_bytes()]);
        Self { id: number_of(named.into_iter().chain(attributes)), ..self }
    }

    /// The number of its points whose buckets have these bounds: what is summed apart from others. Where there are none it is its own.
    pub fn with_bounds(&self, bounds: &[f64]) -> i64 {
        if bounds.is_empty() {
            return self.id;
        }
        let bounds: Vec<u8> = bounds.iter().flat_map(|bound| bound.to_be_bytes()).collect();
        number_of([&self.id.to_be_bytes(), bounds.as_slice()])
    }
}

impl Exemplar {
    /// Makes an exemplar of ids as they are sent.
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
