//! Metrics by OpenTelemetry's API: instruments, and what they have recorded since it was gathered last.
//!
//! | file | idea |
//! |---|---|
//! | `reader` | what the SDK has counted, whenever it is asked for |
//! | `exemplars` | the slowest measurement of a point, and its trace |

mod exemplars;
mod reader;

use std::sync::Arc;

use opentelemetry::{
    InstrumentationScope,
    metrics::{Meter, MeterProvider},
};
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_sdk::{
    Resource,
    metrics::{SdkMeterProvider, data::ResourceMetrics, reader::MetricReader},
};
use parking_lot::Mutex;

use self::{
    exemplars::{Exemplars, WithExemplars},
    reader::Reader,
};

/// The meter provider of a process, and how what it counted is gathered.
#[derive(Debug, Clone)]
pub(crate) struct Metrics(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    provider: SdkMeterProvider,
    reader: Reader,
    exemplars: Arc<Exemplars>,
    /// Kept, so that its lists are made once. Locked while gathering: what was counted is handed out once.
    gathered: Mutex<ResourceMetrics>,
}

impl Metrics {
    pub(crate) fn new(resource: Resource) -> Self {
        let reader = Reader::default();
        let provider = SdkMeterProvider::builder().with_resource(resource).with_reader(reader.clone()).build();
        Self(Arc::new(Inner { provider, reader, exemplars: Arc::default(), gathered: Mutex::default() }))
    }

    /// What was recorded since the last call, with the trace of the slowest measurement of each point; none if nothing was.
    pub(crate) fn gather(&self) -> Option<ExportMetricsServiceRequest> {
        let inner = &*self.0;
        let mut gathered = inner.gathered.lock();
        // Before the points: whatever is noted in between has been counted by then.
        let slowest = inner.exemplars.take();
        inner.reader.collect(&mut gathered).ok()?;
        let mut request = ExportMetricsServiceRequest::from(&*gathered);
        exemplars::attach(&slowest, &gathered, &mut request);
        request.resource_metrics.iter().any(|resource| !resource.scope_metrics.is_empty()).then_some(request)
    }
}

impl MeterProvider for Metrics {
    fn meter_with_scope(&self, scope: InstrumentationScope) -> Meter {
        let meter = self.0.provider.meter_with_scope(scope.clone());
        Meter::new(Arc::new(WithExemplars::new(meter, scope, self.0.exemplars.clone())))
    }
}
