//! Points of metrics as received.

use std::collections::BTreeMap;

use opentelemetry_proto::tonic::{
    collector::metrics::v1::ExportMetricsServiceRequest,
    metrics::v1::{Exemplar, Metric, NumberDataPoint, exemplar, metric::Data, number_data_point::Value},
};

use super::{hex, texts};

/// A point as received.
#[derive(Debug, Clone, PartialEq)]
pub struct Point {
    /// The metric's name.
    pub metric: String,
    /// Its unit.
    pub unit: String,
    /// The value of a sum or a gauge; of a histogram, how many were measured.
    pub value: f64,
    /// What a histogram's measurements add up to.
    pub sum: Option<f64>,
    /// Its attributes as text.
    pub attributes: BTreeMap<String, String>,
    /// Measurements that lead to their traces.
    pub exemplars: Vec<Measured>,
    /// When what it counts began and ended, nanoseconds since 1970.
    pub times: (u64, u64),
}

/// An exemplar as received.
#[derive(Debug, Clone, PartialEq)]
pub struct Measured {
    /// 32 hex digits.
    pub trace_id: String,
    /// 16 hex digits.
    pub span_id: String,
    /// What was measured.
    pub value: f64,
}

fn measured(exemplar: Exemplar) -> Measured {
    let value = match exemplar.value {
        Some(exemplar::Value::AsDouble(number)) => number,
        Some(exemplar::Value::AsInt(number)) => number as f64,
        None => 0.0,
    };
    Measured { trace_id: hex(&exemplar.trace_id), span_id: hex(&exemplar.span_id), value }
}

pub(super) fn of(request: ExportMetricsServiceRequest) -> Vec<Point> {
    let scopes = request.resource_metrics.into_iter().flat_map(|resource| resource.scope_metrics);
    scopes.flat_map(|scope| scope.metrics).flat_map(of_metric).collect()
}

fn of_metric(metric: Metric) -> Vec<Point> {
    let (name, unit) = (metric.name, metric.unit);
    let number = |point: NumberDataPoint| Point {
        metric: name.clone(),
        unit: unit.clone(),
        exemplars: point.exemplars.into_iter().map(measured).collect(),
        value: match point.value {
            Some(Value::AsInt(number)) => number as f64,
            Some(Value::AsDouble(number)) => number,
            None => 0.0,
        },
        sum: None,
        attributes: texts(point.attributes),
        times: (point.start_time_unix_nano, point.time_unix_nano),
    };
    match metric.data {
        Some(Data::Sum(sum)) => sum.data_points.into_iter().map(number).collect(),
        Some(Data::Gauge(gauge)) => gauge.data_points.into_iter().map(number).collect(),
        Some(Data::Histogram(histogram)) => histogram
            .data_points
            .into_iter()
            .map(|point| Point {
                metric: name.clone(),
                unit: unit.clone(),
                exemplars: point.exemplars.into_iter().map(measured).collect(),
                value: point.count as f64,
                sum: point.sum,
                attributes: texts(point.attributes),
                times: (point.start_time_unix_nano, point.time_unix_nano),
            })
            .collect(),
        _ => Vec::new(),
    }
}
