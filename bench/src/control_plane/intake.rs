//! Points of metrics and log records as functions and collectors send them.

use std::time::Instant;

use anyhow::Result;
use opentelemetry_proto::tonic::{
    collector::{logs::v1::ExportLogsServiceRequest, metrics::v1::ExportMetricsServiceRequest},
    common::v1::{AnyValue, any_value::Value},
    logs::v1::{LogRecord, ResourceLogs, ScopeLogs},
    metrics::v1::{
        AggregationTemporality, Exemplar, Gauge, Histogram, HistogramDataPoint, Metric, NumberDataPoint,
        ResourceMetrics, ScopeMetrics, Sum, exemplar, metric::Data, number_data_point,
    },
    resource::v1::Resource,
};
use prost::Message;

use super::{
    HOUR_NS,
    generator::{Random, text},
    server::{Server, Shipment, now_ns},
};
use crate::report::Part;

/// Sandboxes of functions, which take turns.
const SANDBOXES: u64 = 400;
pub(super) const SERVICES: [&str; 5] =
    ["booking-api", "booking-publisher", "mileage-accrual", "mileage-api", "registration-api"];
/// Sandboxes whose points a collector sends in one request, and points of each.
const SANDBOXES_PER_REQUEST: u64 = 20;
pub(super) const ROUTES: [&str; 10] =
    ["/a", "/b", "/bookings", "/bookings/{number}", "/c", "/miles", "/mileage", "/quotes", "/mileage/{number}", "/d"];
const METRICS: u64 = 5;
pub(super) const POINTS_PER_REQUEST: u64 = SANDBOXES_PER_REQUEST * METRICS * ROUTES.len() as u64;
/// As many as the Collector's batch processor is often told to send.
const RECORDS_PER_REQUEST: u64 = 500;
/// OpenTelemetry's buckets of durations, in seconds.
const BOUNDS: [f64; 14] = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0];

/// Sends `items` points and as many log records.
pub(super) async fn measure(report: &mut Part<'_>, server: Server, items: u64) -> Result<()> {
    let now = now_ns()?;
    for (path, what, per_request) in
        [("/v1/metrics", "points", POINTS_PER_REQUEST), ("/v1/logs", "log_records", RECORDS_PER_REQUEST)]
    {
        let requests = (items / per_request).max(1);
        let before = server.disk_bytes().await?;
        let begun = Instant::now();
        let make = move |number: u64| {
            let time = now - HOUR_NS + (number as f64 / requests as f64 * HOUR_NS as f64) as u64;
            let random = &mut Random::new(number + 1);
            if what == "points" { points(random, number, time) } else { records(random, time) }
        };
        server.send_all(path, Shipment { requests, per_request, what }, make).await?;
        let sent = (requests * per_request) as f64;
        report.add(&format!("intake_{what}_per_s"), sent / begun.elapsed().as_secs_f64());
        report.add(
            &format!("disk_bytes_per_{}", what.trim_end_matches('s')),
            (server.disk_bytes().await? - before) as f64 / sent,
        );
    }
    report.add("intake_peak_rss_mb", server.peak_rss()? as f64 / 1e6);
    server.stop().await
}

fn resource(sandbox: u64) -> Option<Resource> {
    let service = SERVICES.get((sandbox % SERVICES.len() as u64) as usize).copied().unwrap_or_default();
    let attributes = vec![
        text("service.name", service),
        text("cloud.account.id", if service.starts_with("mileage") { "222222222222" } else { "111111111111" }),
        text("cloud.region", "us-east-1"),
        text("faas.name", service),
        text("faas.instance", &format!("2026/11/27/[$LATEST]{sandbox:032x}")),
        text("faas.max_memory", "268435456"),
    ];
    Some(Resource { attributes, ..Resource::default() })
}

/// What several sandboxes measured up to a time: of each route a histogram, three sums and a gauge.
pub(super) fn points(random: &mut Random, number: u64, time: u64) -> Vec<u8> {
    let value = |random: &mut Random, route: &str| NumberDataPoint {
        attributes: vec![text("http.route", route), text("http.request.method", "GET")],
        time_unix_nano: time,
        value: Some(number_data_point::Value::AsInt((random.next() % 100).cast_signed())),
        ..NumberDataPoint::default()
    };
    let histogram = |random: &mut Random, route: &str| {
        let buckets: Vec<u64> = (0..=BOUNDS.len()).map(|_| random.next() % 4).collect();
        let exemplar = Exemplar {
            trace_id: [random.next().to_be_bytes(), random.next().to_be_bytes()].concat(),
            span_id: random.next().to_be_bytes().to_vec(),
            time_unix_nano: time,
            value: Some(exemplar::Value::AsDouble(0.25)),
            ..Exemplar::default()
        };
        HistogramDataPoint {
            attributes: vec![text("http.route", route), text("http.request.method", "GET")],
            time_unix_nano: time,
            count: buckets.iter().sum(),
            sum: Some(0.04 * buckets.iter().sum::<u64>() as f64),
            bucket_counts: buckets,
            explicit_bounds: BOUNDS.to_vec(),
            min: Some(0.004),
            max: Some(0.5),
            exemplars: vec![exemplar],
            ..HistogramDataPoint::default()
        }
    };
    let delta = AggregationTemporality::Delta as i32;
    let metric = |name: &str, data| Metric {
        name: name.to_owned(),
        unit: "1".to_owned(),
        data: Some(data),
        ..Metric::default()
    };
    let groups = (0..SANDBOXES_PER_REQUEST).map(|turn| {
        let sandbox = (number * SANDBOXES_PER_REQUEST + turn) % SANDBOXES;
        let data_points = ROUTES.iter().map(|route| histogram(random, route)).collect();
        let durations = Data::Histogram(Histogram { data_points, aggregation_temporality: delta });
        let mut metrics = vec![metric("http.server.request.duration", durations)];
        for name in ["faas.invocations", "faas.errors", "booking.bookings"] {
            let data_points = ROUTES.iter().map(|route| value(random, route)).collect();
            metrics
                .push(metric(name, Data::Sum(Sum { data_points, aggregation_temporality: delta, is_monotonic: true })));
        }
        let data_points = ROUTES.iter().map(|route| value(random, route)).collect();
        metrics.push(metric("faas.mem_usage", Data::Gauge(Gauge { data_points })));
        ResourceMetrics {
            resource: resource(sandbox),
            scope_metrics: vec![ScopeMetrics { metrics, ..ScopeMetrics::default() }],
            ..ResourceMetrics::default()
        }
    });
    ExportMetricsServiceRequest { resource_metrics: groups.collect() }.encode_to_vec()
}

/// What one sandbox wrote, five lines of each trace.
fn records(random: &mut Random, time: u64) -> Vec<u8> {
    let mut trace_id = Vec::new();
    let lines = (0..RECORDS_PER_REQUEST).map(|n| {
        if n.is_multiple_of(5) {
            trace_id = [random.next().to_be_bytes(), random.next().to_be_bytes()].concat();
        }
        LogRecord {
            time_unix_nano: time + n * 1_000,
            severity_number: 9,
            severity_text: "INFO".to_owned(),
            body: Some(AnyValue { value: Some(Value::StringValue("the request was answered".to_owned())) }),
            attributes: vec![
                text("http.route", "/bookings"),
                text("faas.invocation_id", "8f507cfc-1f2e-4b6c-9f0e-5a1f2c3d4e5f"),
                text("code.module.name", "booking::handlers::book"),
            ],
            trace_id: trace_id.clone(),
            span_id: random.next().to_be_bytes().to_vec(),
            flags: 1,
            ..LogRecord::default()
        }
    });
    let log_records = lines.collect();
    let group = ResourceLogs {
        resource: resource(0),
        scope_logs: vec![ScopeLogs { log_records, ..ScopeLogs::default() }],
        ..ResourceLogs::default()
    };
    ExportLogsServiceRequest { resource_logs: vec![group] }.encode_to_vec()
}
