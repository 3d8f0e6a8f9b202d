//! The kinds of telemetry: what waits for a destination, and the OTLP request that carries it.

use std::fmt;

use futures_util::FutureExt;
use opentelemetry::KeyValue;
use opentelemetry_otlp::{MetricExporter, SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_proto::{
    tonic::{
        collector::{metrics::v1::ExportMetricsServiceRequest, trace::v1::ExportTraceServiceRequest},
        metrics::v1::{Metric, metric::Data},
    },
    transform::{common::tonic::ResourceAttributesWithSchema, trace::tonic::group_spans_by_resource_and_scope},
};
use opentelemetry_sdk::{
    Resource,
    error::OTelSdkResult,
    metrics::{data::ResourceMetrics, exporter::PushMetricExporter},
    trace::{SpanData, SpanExporter as _},
};
use prost::Message;

use super::caught::Caught;
use crate::{late::Buffered, lines::LogTenant, privacy::Policy, queue::Size, semconv, work::Ended};

/// A kind of telemetry: spans, metrics or log lines.
pub(crate) trait Signal: fmt::Debug {
    /// One thing that waits to be sent: a span, a point or a log record.
    type Item: Clone + fmt::Debug;
    /// The request that carries items to a receiver.
    type Request: Message;

    /// How much is kept while a receiver does not accept it. Beyond that, the oldest items are dropped.
    const MAX_WAITING: Size;
    /// How much goes in one request.
    const MAX_PER_REQUEST: Size;

    /// The size of an item.
    fn size(item: &Self::Item) -> Size;

    /// Makes a request of items, with ids as `policy` allows. Where the request has a place for it, it also says how many items were dropped before
    /// these.
    fn request(&self, items: Vec<Self::Item>, policy: Policy<'_>, dropped: u64) -> Self::Request;

    /// Lets the exporter of opentelemetry-otlp send an empty request, to `endpoint` or to the one that the environment names, to find out how it is
    /// configured.
    ///
    /// # Errors
    ///
    /// What is wrong with the configuration.
    fn send_nothing(endpoint: Option<String>, client: Caught) -> Result<(), String>;
}

/// Spans that have ended.
#[derive(Debug)]
pub(crate) struct Spans {
    resource: ResourceAttributesWithSchema,
}

impl Spans {
    pub(super) fn of(resource: &Resource) -> Self {
        Self { resource: resource.into() }
    }
}

impl Signal for Spans {
    type Item = Ended;
    type Request = ExportTraceServiceRequest;

    const MAX_WAITING: Size = SpanData::CAPACITY;
    const MAX_PER_REQUEST: Size = Size::of(512);

    fn size(ended: &Ended) -> Size {
        ended.item.size()
    }

    fn request(&self, items: Vec<Ended>, policy: Policy<'_>, dropped: u64) -> ExportTraceServiceRequest {
        let mut spans: Vec<_> = items.into_iter().map(|ended| policy.stamp(ended)).collect();
        if let Some(first) = spans.first_mut().filter(|_| dropped > 0) {
            let dropped = i64::try_from(dropped).unwrap_or(i64::MAX);
            first.attributes.push(KeyValue::new(semconv::TELEMETRY_DROPPED_SPANS, dropped));
        }
        ExportTraceServiceRequest { resource_spans: group_spans_by_resource_and_scope(spans, &self.resource) }
    }

    fn send_nothing(endpoint: Option<String>, client: Caught) -> Result<(), String> {
        let builder = configured(SpanExporter::builder().with_http(), endpoint, client);
        let exporter = builder.build().map_err(|error| error.to_string())?;
        at_once(exporter.export(Vec::new()).now_or_never())
    }
}

/// Points of metrics that were collected since the last time.
#[derive(Debug)]
pub(crate) struct Metrics {
    /// How points that go to the log name tenants.
    pub(super) in_log: Option<LogTenant>,
}

impl Signal for Metrics {
    type Item = ExportMetricsServiceRequest;
    type Request = ExportMetricsServiceRequest;

    const MAX_WAITING: Size = Size::of(8_192);
    /// Half of what CloudWatch takes at once, 1,000 points and 1 MB:
    /// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch-OTLPEndpoint.html>
    const MAX_PER_REQUEST: Size = Size::of(500);

    fn size(item: &ExportMetricsServiceRequest) -> Size {
        let scopes = item.resource_metrics.iter().flat_map(|resource| &resource.scope_metrics);
        Size { count: scopes.flat_map(|scope| &scope.metrics).map(points).sum(), bytes: 0 }
    }

    /// A request has no place for how many points were dropped.
    fn request(
        &self,
        items: Vec<ExportMetricsServiceRequest>,
        policy: Policy<'_>,
        _: u64,
    ) -> ExportMetricsServiceRequest {
        let mut request = ExportMetricsServiceRequest::default();
        for mut resource in items.into_iter().flat_map(|item| item.resource_metrics) {
            match request.resource_metrics.last_mut() {
                Some(last) if (&last.resource, &last.schema_url) == (&resource.resource, &resource.schema_url) => {
                    last.scope_metrics.append(&mut resource.scope_metrics);
                }
                _ => request.resource_metrics.push(resource),
            }
        }
        policy.stamp_metrics(&mut request, self.in_log);
        request
    }

    fn send_nothing(endpoint: Option<String>, client: Caught) -> Result<(), String> {
        let builder = configured(MetricExporter::builder().with_http(), endpoint, client);
        let exporter = builder.build().map_err(|error| error.to_string())?;
        at_once(exporter.export(&ResourceMetrics::default()).now_or_never())
    }
}

/// How many points a metric has.
pub(super) fn points(metric: &Metric) -> usize {
    match &metric.data {
        Some(Data::Gauge(gauge)) => gauge.data_points.len(),
        Some(Data::Sum(sum)) => sum.data_points.len(),
        Some(Data::Histogram(histogram)) => histogram.data_points.len(),
        Some(Data::ExponentialHistogram(histogram)) => histogram.data_points.len(),
        Some(Data::Summary(summary)) => summary.data_points.len(),
        None => 0,
    }
}

pub(super) fn configured<B: WithExportConfig + WithHttpConfig>(
    builder: B,
    endpoint: Option<String>,
    client: Caught,
) -> B {
    let builder = builder.with_http_client(client);
    match endpoint {
        Some(endpoint) => builder.with_endpoint(endpoint),
        None => builder,
    }
}

/// Nothing is waited for: what is sent is caught.
pub(super) fn at_once(sent: Option<OTelSdkResult>) -> Result<(), String> {
    sent.unwrap_or(Ok(())).map_err(|error| error.to_string())
}
