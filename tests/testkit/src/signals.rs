//! The three signals of OTLP: where each is sent, and requests of each.

use std::sync::LazyLock;

use opentelemetry_proto::tonic::{
    collector::{logs::v1::ExportLogsServiceRequest, metrics::v1::ExportMetricsServiceRequest},
    common::v1::{AnyValue, KeyValue, any_value},
    logs::v1::{LogRecord, ResourceLogs, ScopeLogs},
    metrics::v1::{
        AggregationTemporality, Gauge, Histogram, HistogramDataPoint, Metric, NumberDataPoint, ResourceMetrics,
        ScopeMetrics, Sum, metric::Data, number_data_point::Value,
    },
    resource::v1::Resource,
};
use prost::Message;

use crate::control_plane::{now_ns, request_of, span, text};

/// A signal as its senders know it.
#[derive(Debug, Clone, Copy)]
pub struct Signal {
    /// Where it is sent.
    pub path: &'static str,
    /// The field of a request in JSON.
    pub list: &'static str,
    /// What an answer in JSON calls the number that was not taken.
    pub rejected: &'static str,
    /// A request with the n-th span, point or log record of testkit's sender, which is of account 111111111111.
    pub request: fn(u64) -> Vec<u8>,
}

/// All of them.
pub const SIGNALS: [Signal; 3] = [
    Signal {
        path: "/v1/traces",
        list: "resourceSpans",
        rejected: "rejectedSpans",
        request: |n| request_of(vec![span(7, n)]),
    },
    Signal {
        path: "/v1/metrics",
        list: "resourceMetrics",
        rejected: "rejectedDataPoints",
        request: |n| metrics_of(&sender(), vec![sum("requests", &[value(*START + n, 1.0)])]).encode_to_vec(),
    },
    Signal {
        path: "/v1/logs",
        list: "resourceLogs",
        rejected: "rejectedLogRecords",
        request: |n| logs_of(&sender(), vec![record(7, n, "a line")]).encode_to_vec(),
    },
];

/// A minute before the first request, nanoseconds since 1970: the same point is the same in each request with it.
static START: LazyLock<u64> = LazyLock::new(|| now_ns().unsigned_abs() - 60_000_000_000);

/// Who sends.
pub fn sender() -> Vec<KeyValue> {
    vec![text("service.name", "booking-api"), text("cloud.account.id", "111111111111")]
}

/// A point with a value.
pub fn value(time_unix_nano: u64, value: f64) -> NumberDataPoint {
    NumberDataPoint { time_unix_nano, value: Some(Value::AsDouble(value)), ..NumberDataPoint::default() }
}

fn metric(name: &str, data: Data) -> Metric {
    Metric { name: name.to_owned(), unit: "1".to_owned(), data: Some(data), ..Metric::default() }
}

/// Values at moments.
pub fn gauge(name: &str, points: &[NumberDataPoint]) -> Metric {
    metric(name, Data::Gauge(Gauge { data_points: points.to_vec() }))
}

/// What was added since the point before.
pub fn sum(name: &str, points: &[NumberDataPoint]) -> Metric {
    let aggregation_temporality = AggregationTemporality::Delta as i32;
    metric(name, Data::Sum(Sum { data_points: points.to_vec(), aggregation_temporality, is_monotonic: true }))
}

/// What was added since the sender began.
pub fn total(name: &str, points: &[NumberDataPoint]) -> Metric {
    let aggregation_temporality = AggregationTemporality::Cumulative as i32;
    metric(name, Data::Sum(Sum { data_points: points.to_vec(), aggregation_temporality, is_monotonic: true }))
}

/// Measurements by their size.
pub fn histogram(name: &str, temporality: AggregationTemporality, points: &[HistogramDataPoint]) -> Metric {
    metric(
        name,
        Data::Histogram(Histogram { data_points: points.to_vec(), aggregation_temporality: temporality as i32 }),
    )
}

/// A request with metrics of one sender.
pub fn metrics_of(sender: &[KeyValue], metrics: Vec<Metric>) -> ExportMetricsServiceRequest {
    let scope_metrics = vec![ScopeMetrics { metrics, ..ScopeMetrics::default() }];
    let resource = Some(Resource { attributes: sender.to_vec(), ..Resource::default() });
    ExportMetricsServiceRequest {
        resource_metrics: vec![ResourceMetrics { resource, scope_metrics, ..ResourceMetrics::default() }],
    }
}

/// The n-th log record of a trace, written in its n-th span.
pub fn record(trace: u8, n: u64, line: &str) -> LogRecord {
    let span = span(trace, n);
    LogRecord {
        time_unix_nano: span.start_time_unix_nano,
        severity_number: 9,
        body: Some(AnyValue { value: Some(any_value::Value::StringValue(line.to_owned())) }),
        trace_id: span.trace_id,
        span_id: span.span_id,
        ..LogRecord::default()
    }
}

/// A request with log records of one sender.
pub fn logs_of(sender: &[KeyValue], log_records: Vec<LogRecord>) -> ExportLogsServiceRequest {
    let scope_logs = vec![ScopeLogs { log_records, ..ScopeLogs::default() }];
    let resource = Some(Resource { attributes: sender.to_vec(), ..Resource::default() });
    ExportLogsServiceRequest { resource_logs: vec![ResourceLogs { resource, scope_logs, ..ResourceLogs::default() }] }
}
