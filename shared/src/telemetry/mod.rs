//! Spans and logs that say which tenant they served.
//!
//! | file | idea |
//! |---|---|
//! | `work` | the unit of work that spans belong to, in the OpenTelemetry context |
//! | `processor` | the one span processor: buffer per invocation, stamp the tenant |
//! | `layers` | tower layers: invocation span, HTTP request span, export after the response |
//! | `messages` | the span of one message, continuing the trace that sent it |
//! | `aws_sdk` | the SDK interceptor: CLIENT and PRODUCER spans for AWS calls |
//! | `outgoing` | the CLIENT span of an HTTP call |
//! | `propagation` | W3C and X-Ray context, baggage |
//! | `exporter` | where spans go |
//! | `ids`, `logs`, `semconv` | X-Ray-shaped trace ids, JSON logs, attribute names |

mod aws_sdk;
mod exporter;
mod ids;
mod layers;
mod logs;
mod messages;
mod outgoing;
mod processor;
pub mod propagation;
pub mod semconv;
mod work;

use std::{sync::Arc, time::Duration};

use opentelemetry::{
    Context, InstrumentationScope, KeyValue, global,
    trace::{SpanBuilder, TraceContextExt, Tracer, TracerProvider},
};
use opentelemetry_sdk::{Resource, trace::SdkTracerProvider};

pub use aws_sdk::{AwsSdkTracing, MessageContexts};
pub use ids::xray_trace_id;
pub use layers::{ExportLayer, ExportService, HttpLayer, HttpService, InvocationLayer, InvocationService};
pub use messages::{MessageSpan, Received, fail_span, process};
pub use outgoing::{SendError, send};
pub use work::Work;

use self::{exporter::Exporter, ids::XrayIdGenerator, processor::TenantSpanProcessor};
use crate::http::HttpClient;

/// Why telemetry could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The exporter's configuration cannot be used.
    #[error("exporter: {0}")]
    Exporter(String),
}

/// The longest an export may take: it keeps the function busy after its response, never the caller.
const EXPORT_TIMEOUT: Duration = Duration::from_secs(2);

/// The process's telemetry: one tracer provider, one processor, one exporter.
#[derive(Debug, Clone)]
pub struct Telemetry(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    processor: TenantSpanProcessor,
    exporter: Exporter,
}

impl Telemetry {
    /// Sets up spans and logs for this process from the standard `OTEL_*` variables: service name and resource attributes,
    /// `OTEL_TRACES_EXPORTER`, `OTEL_TRACES_SAMPLER`, `OTEL_EXPORTER_OTLP_*`.
    pub fn from_env() -> Result<Self, TelemetryError> {
        logs::init();
        let resource = resource();
        let exporter = Exporter::from_env(HttpClient::new(EXPORT_TIMEOUT), &resource)?;
        let processor = TenantSpanProcessor::default();
        let provider = SdkTracerProvider::builder()
            .with_resource(resource)
            .with_id_generator(XrayIdGenerator::default())
            .with_span_processor(processor.clone())
            .build();
        global::set_tracer_provider(provider);
        Ok(Self(Arc::new(Inner { processor, exporter })))
    }

    /// The layer around the runtime: everything of one invocation, then export once the response is out. Wrap it around
    /// `lambda_runtime::Runtime` with `.layer(…)`.
    pub fn export_layer(&self) -> ExportLayer {
        ExportLayer::new(self.clone())
    }

    async fn export(&self, work: &Work) {
        let spans = self.0.processor.drain(work);
        let dropped = self.0.processor.take_dropped();
        if dropped > 0 {
            tracing::warn!(dropped, "spans dropped: the buffer was full");
        }
        if spans.is_empty() {
            return;
        }
        let lost = spans.len();
        // The exporter's own calls must not make spans.
        let quiet = Context::current().with_telemetry_suppressed();
        if let Err(error) = opentelemetry::trace::FutureExt::with_context(self.0.exporter.export(spans), quiet).await {
            tracing::warn!(%error, lost, "spans not exported");
        }
    }
}

fn resource() -> Resource {
    let from_lambda = [
        (semconv::FAAS_NAME, "AWS_LAMBDA_FUNCTION_NAME"),
        (semconv::FAAS_VERSION, "AWS_LAMBDA_FUNCTION_VERSION"),
        (semconv::CLOUD_REGION, "AWS_REGION"),
    ];
    let attributes = from_lambda
        .into_iter()
        .filter_map(|(key, variable)| Some(KeyValue::new(key, std::env::var(variable).ok()?)))
        .chain([KeyValue::new(semconv::CLOUD_PROVIDER, "aws")]);
    Resource::builder().with_attributes(attributes.collect::<Vec<_>>()).build()
}

/// Starts a span of this crate's tracer in `cx`; the returned context holds it.
fn start(builder: SpanBuilder, cx: &Context) -> Context {
    let scope = InstrumentationScope::builder(env!("CARGO_PKG_NAME")).with_version(env!("CARGO_PKG_VERSION")).build();
    let tracer = global::tracer_provider().tracer_with_scope(scope);
    let span = tracer.build_with_context(builder, cx);
    cx.with_span(span)
}
