//! What a process's telemetry is set up with: read once, and every mistake in it is told.

use std::{sync::Arc, time::Duration};

#[cfg(feature = "aws-sdk")]
use aws_config::SdkConfig;
use opentelemetry::KeyValue;
use opentelemetry_sdk::Resource;

use super::{
    TelemetryError,
    exporter::{self, Exporter},
    flush::Mode,
    privacy::{DenyList, Pseudonyms, TenantIds},
    sampling::TenantSampler,
    semconv,
};

/// The longest one attempt to export may take, unless `OTEL_EXPORTER_OTLP_TIMEOUT` says otherwise: it keeps the function busy after its
/// response, never the caller.
const EXPORT_WITHIN: Duration = Duration::from_secs(2);

/// The settings of [`Telemetry`](crate::Telemetry). docs/telemetry.md describes each variable.
#[derive(Debug, Clone)]
pub struct Settings {
    pub(super) disabled: bool,
    pub(super) exporters: Vec<(Exporter, TenantIds)>,
    pub(super) places: exporter::Places,
    pub(super) sampler: TenantSampler,
    pub(super) flush: Mode,
    pub(super) denied: DenyList,
    pub(super) key: Option<Key>,
    pub(super) pseudonyms: Arc<Pseudonyms>,
    /// The Runtime API of this sandbox, which has an Extensions API beside it.
    pub(super) runtime_api: Option<String>,
    #[cfg(feature = "json-logs")]
    pub(super) logs: super::logs::LogSettings,
    function: Vec<KeyValue>,
    #[cfg(feature = "aws-sdk")]
    pub(super) aws: Option<SdkConfig>,
}

/// Where the key of pseudonyms is.
#[derive(Debug, Clone)]
pub(super) enum Key {
    /// Here.
    Given(Vec<u8>),
    /// In the SSM parameter or secret of this ARN.
    At(String),
}

impl Settings {
    /// Reads the process's environment: the standard `OTEL_*` variables (service name, resource attributes, `OTEL_SDK_DISABLED`,
    /// `OTEL_TRACES_EXPORTER`, `OTEL_TRACES_SAMPLER`, `OTEL_EXPORTER_OTLP_*`) and those of docs/telemetry.md.
    ///
    /// # Errors
    ///
    /// [`TelemetryError::Several`] with all variables whose values cannot be used, or the error itself where it is one.
    pub fn from_env() -> Result<Self, TelemetryError> {
        Self::read(|name| std::env::var(name).ok())
    }

    /// Reads variables from elsewhere. `OTEL_RESOURCE_ATTRIBUTES`, the endpoint and the headers of `otlp` stay the environment's: the
    /// OpenTelemetry SDK reads them itself.
    ///
    /// # Errors
    ///
    /// As [`Settings::from_env`].
    pub fn read(variable: impl Fn(&str) -> Option<String>) -> Result<Self, TelemetryError> {
        let given = |name: &str| variable(name).filter(|value| !value.is_empty());
        let text = |name: &str| variable(name).unwrap_or_default();
        let mut mistakes = Vec::new();
        let disabled = text("OTEL_SDK_DISABLED").eq_ignore_ascii_case("true");
        let names = if disabled { "none".to_owned() } else { text("OTEL_TRACES_EXPORTER") };
        let exporters = keep(&mut mistakes, exporter::named(&names, &text("TENANT_ID_EXPORT")));
        let (sampler, arg) = (text("OTEL_TRACES_SAMPLER"), text("OTEL_TRACES_SAMPLER_ARG"));
        let sampler = keep(&mut mistakes, TenantSampler::from_settings(&sampler, &arg, &text("OTEL_SERVICE_NAME")));
        let flush = keep(&mut mistakes, text("TELEMETRY_FLUSH").parse());
        let (Some(exporters), Some(sampler), Some(flush)) = (exporters, sampler, flush) else {
            return Err(match mistakes.pop() {
                Some(only) if mistakes.is_empty() => only,
                last => TelemetryError::Several(mistakes.into_iter().chain(last).collect()),
            });
        };
        let milliseconds = ["OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "OTEL_EXPORTER_OTLP_TIMEOUT"]
            .into_iter()
            .find_map(|name| variable(name)?.parse().ok());
        let function = [
            (semconv::FAAS_NAME, "AWS_LAMBDA_FUNCTION_NAME"),
            (semconv::FAAS_VERSION, "AWS_LAMBDA_FUNCTION_VERSION"),
            (semconv::CLOUD_REGION, "AWS_REGION"),
        ];
        let function = function.into_iter().filter_map(|(key, name)| Some(KeyValue::new(key, variable(name)?)));
        Ok(Self {
            disabled,
            exporters,
            places: exporter::Places {
                otlp: given("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT").or_else(|| given("OTEL_EXPORTER_OTLP_ENDPOINT")),
                #[cfg(feature = "aws-sdk")]
                xray_otlp: variable("XRAY_OTLP_ENDPOINT"),
                xray_daemon: variable("AWS_XRAY_DAEMON_ADDRESS"),
                within: milliseconds.map_or(EXPORT_WITHIN, Duration::from_millis),
            },
            sampler,
            flush,
            denied: DenyList::parse(&text("SPAN_ATTRIBUTE_DENY")),
            key: given("TENANT_ID_HMAC_KEY")
                .map(|key| Key::Given(key.into_bytes()))
                .or_else(|| given("TENANT_ID_HMAC_KEY_ARN").map(Key::At)),
            pseudonyms: Arc::default(),
            runtime_api: variable("AWS_LAMBDA_RUNTIME_API"),
            #[cfg(feature = "json-logs")]
            logs: super::logs::LogSettings {
                level: variable("AWS_LAMBDA_LOG_LEVEL").or_else(|| variable("RUST_LOG")).unwrap_or_default(),
                tenant: text("LOG_TENANT"),
            },
            function: function.collect(),
            #[cfg(feature = "aws-sdk")]
            aws: None,
        })
    }

    /// Gives region and credentials to what signs: the exporter `xray-otlp`, and the key of pseudonyms in SSM or Secrets Manager.
    #[cfg(feature = "aws-sdk")]
    #[must_use]
    pub fn signing_with(self, config: &SdkConfig) -> Self {
        Self { aws: Some(config.clone()), ..self }
    }

    pub(super) fn resource(&self) -> Resource {
        let attributes = self.function.iter().cloned().chain([KeyValue::new(semconv::CLOUD_PROVIDER, "aws")]);
        Resource::builder().with_schema_url(attributes.collect::<Vec<_>>(), semconv::SCHEMA_URL).build()
    }
}

fn keep<T>(mistakes: &mut Vec<TelemetryError>, read: Result<T, TelemetryError>) -> Option<T> {
    read.map_err(|mistake| mistakes.push(mistake)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mistakes(variables: &[(&str, &str)]) -> String {
        let read = Settings::read(|name| Some(variables.iter().find(|(known, _)| *known == name)?.1.to_owned()));
        read.err().map(|error| error.to_string()).unwrap_or_default()
    }

    #[test]
    fn every_mistake_is_told_at_once() {
        assert_eq!(mistakes(&[]), "");
        let one = mistakes(&[("TELEMETRY_FLUSH", "never")]);
        assert_eq!(one, "TELEMETRY_FLUSH: \"never\" is not each or adaptive");
        let three = mistakes(&[
            ("OTEL_TRACES_EXPORTER", "zipkin"),
            ("OTEL_TRACES_SAMPLER", "sometimes"),
            ("TELEMETRY_FLUSH", "never"),
        ]);
        for part in ["zipkin", "sometimes", "never"] {
            assert!(three.contains(part), "{three}");
        }
    }
}
