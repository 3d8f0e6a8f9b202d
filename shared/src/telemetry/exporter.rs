//! Where spans go, chosen by `OTEL_TRACES_EXPORTER`.

use opentelemetry_otlp::{SpanExporter, WithHttpConfig};
use opentelemetry_sdk::{
    Resource,
    error::OTelSdkError,
    trace::{SpanData, SpanExporter as _},
};

use super::TelemetryError;
use crate::http::HttpClient;

/// One destination of spans.
#[derive(Debug)]
pub(super) enum Exporter {
    /// OTLP over HTTP, configured by the standard `OTEL_EXPORTER_OTLP_*` variables.
    Otlp(Box<SpanExporter>),
    /// Spans are made, so that context still travels, and thrown away.
    None,
}

impl Exporter {
    /// `otlp` (the default) or `none`.
    pub(super) fn from_env(client: HttpClient, resource: &Resource) -> Result<Self, TelemetryError> {
        let name = std::env::var("OTEL_TRACES_EXPORTER").unwrap_or_default();
        match name.as_str() {
            "" | "otlp" => {
                let built = SpanExporter::builder().with_http().with_http_client(client).build();
                let mut exporter = built.map_err(|error| TelemetryError::Exporter(error.to_string()))?;
                exporter.set_resource(resource);
                Ok(Self::Otlp(Box::new(exporter)))
            }
            "none" => Ok(Self::None),
            _ => Err(TelemetryError::Exporter(format!("OTEL_TRACES_EXPORTER: {name:?} is not otlp or none"))),
        }
    }

    pub(super) async fn export(&self, spans: Vec<SpanData>) -> Result<(), OTelSdkError> {
        match self {
            Self::Otlp(exporter) => exporter.export(spans).await,
            Self::None => Ok(()),
        }
    }
}
