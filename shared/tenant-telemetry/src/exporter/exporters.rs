//! All that leaves the process, and to whom.

use std::time::Duration;

use futures_util::future::join_all;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_sdk::Resource;

use super::{Destination, Flushed, destinations};
use crate::{
    TelemetryError,
    privacy::{DenyList, Pseudonyms},
    settings::Settings,
    work::Ended,
};

/// The receivers of this process.
#[derive(Debug)]
pub(crate) struct Exporters {
    spans: Vec<Destination>,
}

impl Exporters {
    /// The exporters of these settings.
    pub(crate) fn new(settings: &Settings, resource: &Resource) -> Result<Self, TelemetryError> {
        Ok(Self { spans: destinations(settings, resource)? })
    }

    /// Whether nothing is sent at all.
    pub(crate) fn is_empty(&self) -> bool {
        self.spans.is_empty() && !self.takes_metrics()
    }

    /// Whether anybody receives metrics.
    pub(crate) fn takes_metrics(&self) -> bool {
        false
    }

    /// Takes spans over.
    pub(crate) fn push_spans(&self, spans: Vec<Ended>) {
        if let Some((last, others)) = self.spans.split_last() {
            others.iter().for_each(|destination| destination.push(spans.clone()));
            last.push(spans);
        }
    }

    /// Takes metrics over.
    pub(crate) fn push_metrics(&self, _request: ExportMetricsServiceRequest) {}

    /// The most that waits anywhere.
    pub(crate) fn waiting(&self) -> usize {
        self.spans.iter().map(Destination::len).max().unwrap_or_default()
    }

    /// Sends what waits, to all at once.
    pub(crate) async fn flush(&self, within: Duration, pseudonyms: &Pseudonyms, denied: &DenyList) -> Flushed {
        let flushes = self.spans.iter().map(async |destination| {
            let flushed = destination.flush(within, pseudonyms, denied).await;
            (destination.name, flushed)
        });
        let flushed = join_all(flushes).await;
        let dropped = flushed.iter().map(|(_, flushed)| flushed.dropped).sum();
        let failure = flushed.into_iter().find_map(|(name, flushed)| Some(format!("{name}: {}", flushed.failure?)));
        Flushed { failure, dropped }
    }
}
