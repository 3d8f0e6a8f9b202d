//! All destinations of a process, and a flush of them.

use std::time::Duration;

use futures_util::{future, future::join_all};
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_sdk::Resource;

use super::{
    ExportDestination, Exporter, Wire,
    destination::Flushed,
    divided::divided,
    emf::Emf,
    lines::Lines,
    otlp::Otlp,
    signal::{Metrics, Signal, Spans},
    xray_udp::XrayUdp,
};
use crate::{
    TelemetryError,
    privacy::{DenyList, Pseudonyms},
    settings::Settings,
    work::{Ended, Written},
};

/// The destinations of each signal.
#[derive(Debug)]
pub(crate) struct Exporters {
    spans: Vec<ExportDestination<Spans>>,
    metrics: Vec<ExportDestination<Metrics>>,
    lines: Vec<ExportDestination<Lines>>,
}

/// What a flush could not send.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Lost {
    /// Spans given up since the last flush.
    pub(crate) spans: u64,
    /// Points of metrics given up since the last flush.
    pub(crate) points: u64,
    /// Log records given up since the last flush.
    pub(crate) log_records: u64,
    /// Why something is still waiting, or was refused: the destination and its reason.
    pub(crate) failure: Option<String>,
}

impl Exporters {
    /// Makes the destinations that these settings name.
    pub(crate) fn new(settings: &Settings, resource: &Resource) -> Result<Self, TelemetryError> {
        let within = &settings.places.within;
        let (mut spans, mut metrics, mut lines) = (Vec::new(), Vec::new(), Vec::new());
        for (exporter, ids) in &settings.exporters.traces {
            let wire = match exporter {
                Exporter::XrayUdp => {
                    Wire::Unacknowledged(Box::new(XrayUdp::new(settings.places.xray_daemon.as_deref())?))
                }
                _ => Wire::Otlp(Box::new(otlp::<Spans>(*exporter, settings, within.traces)?)),
            };
            spans.push(ExportDestination::new(exporter.name(), Spans::of(resource), wire, *ids));
        }
        for (exporter, ids) in &settings.exporters.metrics {
            let (wire, in_log) = match exporter {
                Exporter::Emf => (Wire::Unacknowledged(Box::new(Emf::of(resource))), Some(settings.log_tenant)),
                _ => (Wire::Otlp(Box::new(otlp::<Metrics>(*exporter, settings, within.metrics)?)), None),
            };
            metrics.push(ExportDestination::new(exporter.name(), Metrics { in_log }, wire, *ids));
        }
        for (exporter, ids) in &settings.exporters.logs {
            let wire = Wire::Otlp(Box::new(otlp::<Lines>(*exporter, settings, within.logs)?));
            lines.push(ExportDestination::new(exporter.name(), Lines::of(resource, settings.log_tenant), wire, *ids));
        }
        Ok(Self { spans, metrics, lines })
    }

    /// Whether there is no destination at all.
    pub(crate) fn is_empty(&self) -> bool {
        self.spans.is_empty() && self.metrics.is_empty() && self.lines.is_empty()
    }

    /// Whether there is a destination for metrics. Without one, none need be collected.
    pub(crate) fn takes_metrics(&self) -> bool {
        !self.metrics.is_empty()
    }

    /// Counts spans and log records that were dropped before they came here.
    pub(crate) fn count_dropped(&self, spans: usize, log_records: usize) {
        self.spans.iter().for_each(|destination| destination.count_dropped(spans));
        self.lines.iter().for_each(|destination| destination.count_dropped(log_records));
    }

    /// Hands spans to every destination of spans.
    pub(crate) fn push_spans(&self, spans: Vec<Ended>) {
        push(&self.spans, spans);
    }

    /// Hands points, which were collected since the last time, to every destination of metrics.
    pub(crate) fn push_metrics(&self, points: ExportMetricsServiceRequest) {
        push(&self.metrics, divided(points, Metrics::MAX_PER_REQUEST.count));
    }

    /// Hands log lines to every destination of log lines.
    pub(crate) fn push_lines(&self, lines: Vec<Written>) {
        push(&self.lines, lines);
    }

    /// How many items the destination with the most has waiting.
    pub(crate) fn waiting(&self) -> usize {
        [most(&self.spans), most(&self.metrics), most(&self.lines)].into_iter().max().unwrap_or_default()
    }

    /// Sends what waits, to all destinations at the same time.
    pub(crate) async fn flush(&self, within: Duration, pseudonyms: &Pseudonyms, denied: &DenyList) -> Lost {
        let (spans, metrics, lines) = future::join3(
            flush(&self.spans, within, pseudonyms, denied),
            flush(&self.metrics, within, pseudonyms, denied),
            flush(&self.lines, within, pseudonyms, denied),
        )
        .await;
        Lost {
            spans: spans.dropped,
            points: metrics.dropped,
            log_records: lines.dropped,
            failure: spans.failure.or(metrics.failure).or(lines.failure),
        }
    }
}

fn most<S: Signal>(destinations: &[ExportDestination<S>]) -> usize {
    destinations.iter().map(ExportDestination::len).max().unwrap_or_default()
}

fn push<S: Signal>(destinations: &[ExportDestination<S>], items: Vec<S::Item>) {
    if let Some((last, others)) = destinations.split_last() {
        others.iter().for_each(|destination| destination.push(items.iter().cloned()));
        last.push(items);
    }
}

async fn flush<S: Signal>(
    destinations: &[ExportDestination<S>],
    within: Duration,
    pseudonyms: &Pseudonyms,
    denied: &DenyList,
) -> Flushed {
    let flushes = destinations.iter().map(async |destination| {
        let flushed = destination.flush(within, pseudonyms, denied).await;
        Flushed { failure: flushed.failure.map(|failure| format!("{}: {failure}", destination.name)), ..flushed }
    });
    let flushed = join_all(flushes).await;
    Flushed {
        dropped: flushed.iter().map(|flushed| flushed.dropped).sum(),
        failure: flushed.into_iter().find_map(|flushed| flushed.failure),
    }
}

/// An exporter that speaks OTLP over HTTP.
fn otlp<S: Signal>(exporter: Exporter, settings: &Settings, within: Duration) -> Result<Otlp, TelemetryError> {
    match exporter {
        Exporter::XrayOtlp | Exporter::CloudwatchOtlp => signed::<S>(exporter, settings, within),
        _ => Otlp::of_environment::<S>(settings.places.roots, within),
    }
}

/// AWS's own endpoints, which take OTLP that is signed.
/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch-OTLPEndpoint.html>
#[cfg(feature = "aws-sdk")]
fn signed<S: Signal>(exporter: Exporter, settings: &Settings, within: Duration) -> Result<Otlp, TelemetryError> {
    let places = &settings.places;
    let (service, path, given) = match exporter {
        Exporter::CloudwatchOtlp => ("monitoring", "/v1/metrics", &places.cloudwatch_otlp),
        _ => ("xray", "/v1/traces", &places.xray_otlp),
    };
    let unusable = |reason: String| TelemetryError::Exporter(format!("{}: {reason}", exporter.name()));
    let config = settings.aws.as_ref().ok_or_else(|| unusable("Settings::signing_with was not called".to_owned()))?;
    let signer = lambda_http_client::Signer::new(config, service).map_err(|error| unusable(error.to_string()))?;
    let region = config.region().map(ToString::to_string).unwrap_or_default();
    let endpoint = given.clone().unwrap_or_else(|| format!("https://{service}.{region}.amazonaws.com{path}"));
    Otlp::signed::<S>(endpoint, signer, places.roots, within)
}

#[cfg(not(feature = "aws-sdk"))]
fn signed<S: Signal>(exporter: Exporter, _: &Settings, _: Duration) -> Result<Otlp, TelemetryError> {
    Err(TelemetryError::Exporter(format!("{} signs: it needs the feature aws-sdk", exporter.name())))
}
