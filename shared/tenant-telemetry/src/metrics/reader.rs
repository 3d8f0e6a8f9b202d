//! Reads what the SDK has counted when it is asked to. It has no thread and no timer, since a sandbox is frozen between invocations.

use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use opentelemetry_sdk::{
    error::OTelSdkResult,
    metrics::{InstrumentKind, ManualReader, Pipeline, Temporality, data::ResourceMetrics, reader::MetricReader},
};

/// The SDK's own reader, shared: the provider takes one for itself.
#[derive(Debug, Clone)]
pub(super) struct Reader(Arc<ManualReader>);

impl Default for Reader {
    /// Delta temporality: each collection has what was recorded since the one before. A sandbox may end at any time, and a receiver need not remember
    /// when it began.
    fn default() -> Self {
        Self(Arc::new(ManualReader::builder().with_temporality(Temporality::Delta).build()))
    }
}

impl MetricReader for Reader {
    fn register_pipeline(&self, pipeline: Weak<Pipeline>) {
        self.0.register_pipeline(pipeline);
    }

    fn collect(&self, metrics: &mut ResourceMetrics) -> OTelSdkResult {
        self.0.collect(metrics)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.0.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.0.shutdown_with_timeout(timeout)
    }

    fn temporality(&self, kind: InstrumentKind) -> Temporality {
        self.0.temporality(kind)
    }
}
