//! The settings of a process's telemetry. They are read once, and every mistake is reported.

use std::{fmt, sync::Arc, time::Duration};

#[cfg(feature = "aws-sdk")]
use aws_config::SdkConfig;
use function_settings::{InvalidSettings, Reader, Variables};
use lambda_http_client::Roots;
use opentelemetry::KeyValue;
use opentelemetry_sdk::Resource;
use tenancy::TenantIds;

use super::{
    exporter::{self, BySignal, Exporter},
    flush::Mode,
    lines::{LateLines, LogTenant},
    metrics::TenantNames,
    privacy::{DenyList, Pseudonyms},
    sampling::TenantSampler,
    semconv,
    tracer::SpanSettings,
};

/// The longest one attempt to export may take, unless `OTEL_EXPORTER_OTLP_TIMEOUT` says otherwise: it keeps the function busy after its
/// response, never the caller.
const EXPORT_WITHIN: Duration = Duration::from_secs(2);

/// The settings of [`Telemetry`](crate::Telemetry). docs/telemetry.md describes each variable.
#[derive(Debug, Clone)]
pub struct Settings {
    pub(super) disabled: bool,
    pub(super) exporters: BySignal<Vec<(Exporter, TenantIds)>>,
    pub(super) places: exporter::Places,
    pub(super) sampler: TenantSampler,
    pub(super) spans: SpanSettings,
    pub(super) flush: Mode,
    /// Which tenants metrics name.
    pub(super) tenants_of_metrics: TenantNames,
    /// Whether this sandbox was started because an invocation waits for it.
    pub(super) on_demand: bool,
    pub(super) denied: DenyList,
    pub(super) key: Option<Key>,
    pub(super) pseudonyms: Arc<Pseudonyms>,
    pub(super) roots: Roots,
    /// The Runtime API of this sandbox, which has an Extensions API beside it.
    pub(super) runtime_api: Option<String>,
    #[cfg(feature = "json-logs")]
    pub(super) logs: super::logs::LogSettings,
    pub(super) log_tenant: LogTenant,
    /// Log lines that belong to no invocation: who writes them is set up apart from who sends them.
    pub(super) late_lines: LateLines,
    function: Vec<KeyValue>,
    #[cfg(feature = "aws-sdk")]
    pub(super) aws: Option<SdkConfig>,
}

/// The key of pseudonyms, or the place where it is kept.
#[derive(Clone)]
pub(super) enum Key {
    /// The key itself.
    Given(Vec<u8>),
    /// The ARN of the SSM parameter or secret that holds the key.
    At(String),
}

/// A function's settings may be printed; the key may not.
impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Given(_) => "Given(…)",
            Self::At(arn) => arn,
        })
    }
}

impl Settings {
    /// Reads the process's environment, as [`Settings::read`].
    ///
    /// # Errors
    ///
    /// [`InvalidSettings`] with all variables whose values cannot be used.
    pub fn from_env() -> Result<Self, InvalidSettings> {
        Variables::of_process().read(Self::read)
    }

    /// Reads the standard `OTEL_*` variables (service name, `OTEL_SDK_DISABLED`, `OTEL_TRACES_EXPORTER`, `OTEL_METRICS_EXPORTER`,
    /// `OTEL_LOGS_EXPORTER`, `OTEL_TRACES_SAMPLER`, `OTEL_EXPORTER_OTLP_*`) and those of docs/telemetry.md. `OTEL_RESOURCE_ATTRIBUTES`, the
    /// endpoint and the headers of `otlp` stay the environment's: the OpenTelemetry SDK reads them itself.
    pub fn read(read: &mut Reader<'_>) -> Self {
        let text = |read: &Reader<'_>, name: &str| read.optional(name).unwrap_or_default();
        let service_name = text(read, "OTEL_SERVICE_NAME");
        let roots = Roots::read(read);
        let disabled = text(read, "OTEL_SDK_DISABLED").eq_ignore_ascii_case("true");
        let policy = text(read, "TENANT_ID_EXPORT");
        let named = |read: &mut Reader<'_>, variable, known, otherwise: &str| {
            let names = read.optional(variable).filter(|names| !names.trim().is_empty());
            let names = if disabled { "none".to_owned() } else { names.unwrap_or_else(|| otherwise.to_owned()) };
            read.kept(exporter::named(variable, known, &names, &policy))
        };
        #[cfg(feature = "json-logs")]
        let of_logs = named(read, "OTEL_LOGS_EXPORTER", Exporter::OF_LOGS, "console");
        #[cfg(not(feature = "json-logs"))]
        let of_logs = Vec::new();
        let is_console = |(exporter, _): &(Exporter, TenantIds)| *exporter == Exporter::Console;
        #[cfg(feature = "json-logs")]
        let console = disabled || of_logs.iter().any(is_console);
        let exporters = BySignal {
            traces: named(read, "OTEL_TRACES_EXPORTER", Exporter::OF_TRACES, "otlp"),
            metrics: named(read, "OTEL_METRICS_EXPORTER", Exporter::OF_METRICS, "none"),
            logs: of_logs.into_iter().filter(|exporter| !is_console(exporter)).collect(),
        };
        let key = read.optional("TENANT_ID_HMAC_KEY").map(|key| Key::Given(key.into_bytes()));
        let key = key.or_else(|| read.optional_arn("TENANT_ID_HMAC_KEY_ARN").map(Key::At));
        if key.is_none()
            && let Some((hashed, _)) = exporters
                .traces
                .iter()
                .chain(&exporters.metrics)
                .chain(&exporters.logs)
                .find(|(_, ids)| *ids == TenantIds::Hmac)
        {
            read.mistake(format!("TENANT_ID_EXPORT: {} is to get hashed ids, but there is no key", hashed.name()));
        }
        let (sampler, arg) = (text(read, "OTEL_TRACES_SAMPLER"), text(read, "OTEL_TRACES_SAMPLER_ARG"));
        let sampler = read.kept(TenantSampler::from_settings(&sampler, &arg, &service_name, roots));
        let within = BySignal {
            traces: otlp_timeout(read, "TRACES"),
            metrics: otlp_timeout(read, "METRICS"),
            logs: otlp_timeout(read, "LOGS"),
        };
        let function = [
            (semconv::FAAS_NAME, "AWS_LAMBDA_FUNCTION_NAME"),
            (semconv::FAAS_VERSION, "AWS_LAMBDA_FUNCTION_VERSION"),
            (semconv::FAAS_INSTANCE, "AWS_LAMBDA_LOG_STREAM_NAME"),
            (semconv::CLOUD_REGION, "AWS_REGION"),
        ];
        let function = function.into_iter().filter_map(|(key, name)| Some(KeyValue::new(key, read.optional(name)?)));
        // Lambda says it in MiB, semantic conventions in bytes.
        let memory = read.optional("AWS_LAMBDA_FUNCTION_MEMORY_SIZE").and_then(|mib| mib.parse::<i64>().ok());
        let function = function.chain(memory.map(|mib| KeyValue::new(semconv::FAAS_MAX_MEMORY, mib << 20)));
        Self {
            function: function.collect(),
            disabled,
            exporters,
            places: exporter::Places {
                #[cfg(feature = "aws-sdk")]
                xray_otlp: read.optional_url("XRAY_OTLP_ENDPOINT"),
                #[cfg(feature = "aws-sdk")]
                cloudwatch_otlp: read.optional_url("CLOUDWATCH_OTLP_ENDPOINT"),
                xray_daemon: read.optional("AWS_XRAY_DAEMON_ADDRESS"),
                roots,
                within,
            },
            sampler,
            spans: SpanSettings::new(service_name, read.number_or("X_DEBUG_TRACES_PER_SECOND", 1)),
            flush: read.parsed("TELEMETRY_FLUSH"),
            tenants_of_metrics: tenants_of_metrics(read),
            on_demand: read.optional("AWS_LAMBDA_INITIALIZATION_TYPE").is_none_or(|kind| kind == "on-demand"),
            denied: DenyList::parse(&text(read, "SPAN_ATTRIBUTE_DENY")),
            key,
            pseudonyms: Arc::default(),
            roots,
            runtime_api: read.optional("AWS_LAMBDA_RUNTIME_API"),
            #[cfg(feature = "json-logs")]
            logs: super::logs::LogSettings {
                level: read.optional("AWS_LAMBDA_LOG_LEVEL").or_else(|| read.optional("RUST_LOG")).unwrap_or_default(),
                console,
            },
            log_tenant: read.parsed("LOG_TENANT"),
            late_lines: LateLines::default(),
            #[cfg(feature = "aws-sdk")]
            aws: None,
        }
    }

    /// Whom this process trusts for AWS.
    pub fn roots(&self) -> Roots {
        self.roots
    }

    /// Gives region and credentials to what signs: the exporters `xray-otlp` and `cloudwatch-otlp`, and the key of pseudonyms in SSM or
    /// Secrets Manager.
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

/// Which tenants metrics name: of the busiest so many that every function keeps few points.
fn tenants_of_metrics(read: &mut Reader<'_>) -> TenantNames {
    const MOST: u32 = 100;
    let names: u32 = read.number_or("METRICS_TENANT_TOP", 20);
    if !(1..=MOST).contains(&names) {
        read.mistake(format!("METRICS_TENANT_TOP: {names} is not 1 to {MOST}"));
    }
    match read.optional("METRICS_TENANT").unwrap_or_default().as_str() {
        "" | "none" => TenantNames::None,
        "top" => TenantNames::Top(names.clamp(1, MOST) as usize),
        other => {
            read.mistake(format!("METRICS_TENANT: {other:?} is not none or top"));
            TenantNames::None
        }
    }
}

/// The longest that an attempt to send a signal by OTLP may take. Its endpoint is checked here and read by the SDK.
fn otlp_timeout(read: &mut Reader<'_>, signal: &str) -> Duration {
    let variables = |of: &str| [format!("OTEL_EXPORTER_OTLP_{signal}_{of}"), format!("OTEL_EXPORTER_OTLP_{of}")];
    for endpoint in variables("ENDPOINT") {
        let _checked = read.optional_url(&endpoint);
    }
    let timeout = variables("TIMEOUT").into_iter().find(|name| read.optional(name).is_some());
    timeout.map_or(EXPORT_WITHIN, |name| Duration::from_millis(read.number(&name).into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mistakes(variables: &'static [(&str, &str)]) -> Vec<String> {
        let value = |name: &str| Some(variables.iter().find(|(known, _)| *known == name)?.1.to_owned());
        Variables::from_fn(value).read(Settings::read).err().map(|error| error.0).unwrap_or_default()
    }

    #[test]
    fn every_mistake_is_told_at_once() {
        assert!(mistakes(&[]).is_empty());
        assert_eq!(mistakes(&[("TELEMETRY_FLUSH", "never")]), [r#"TELEMETRY_FLUSH: "never" is not each or adaptive"#]);
        let all = mistakes(&[
            ("OTEL_TRACES_EXPORTER", "zipkin"),
            ("OTEL_TRACES_SAMPLER", "sometimes"),
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "localhost"),
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "2s"),
            ("X_DEBUG_TRACES_PER_SECOND", "many"),
            ("TELEMETRY_FLUSH", "never"),
        ]);
        let expected = ["zipkin", "sometimes", "OTEL_EXPORTER_OTLP_ENDPOINT", "2s", "many", "never"];
        assert_eq!(all.len(), expected.len(), "{all:?}");
        for (mistake, part) in all.iter().zip(expected) {
            assert!(mistake.contains(part), "{all:?}");
        }
    }

    #[test]
    fn each_signal_has_its_exporters() {
        let told = mistakes(&[
            ("OTEL_TRACES_EXPORTER", "emf"),
            ("OTEL_METRICS_EXPORTER", "console"),
            ("OTEL_LOGS_EXPORTER", "xray-udp"),
            ("OTEL_EXPORTER_OTLP_LOGS_ENDPOINT", "localhost"),
            ("OTEL_EXPORTER_OTLP_METRICS_TIMEOUT", "2s"),
        ]);
        let expected = [
            r#"OTEL_LOGS_EXPORTER: "xray-udp" is not console, otlp or none"#,
            r#"OTEL_TRACES_EXPORTER: "emf" is not otlp, xray-otlp, xray-udp or none"#,
            r#"OTEL_METRICS_EXPORTER: "console" is not otlp, cloudwatch-otlp, emf or none"#,
            r#"OTEL_EXPORTER_OTLP_METRICS_TIMEOUT="2s" is not a whole number"#,
            "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT is not the URL of a web service",
        ];
        assert_eq!(told, expected);
    }

    #[cfg(feature = "json-logs")]
    #[test]
    fn what_is_disabled_still_logs_to_the_console() {
        let read = |variables: &'static [(&str, &str)]| {
            let value = |name: &str| Some(variables.iter().find(|(known, _)| *known == name)?.1.to_owned());
            let settings = Variables::from_fn(value).read(Settings::read).unwrap();
            (settings.logs.console, settings.exporters.logs.len(), settings.exporters.metrics.len())
        };
        assert_eq!(read(&[]), (true, 0, 0), "metrics are asked for");
        let all = [("OTEL_LOGS_EXPORTER", "otlp"), ("OTEL_METRICS_EXPORTER", "otlp,emf")];
        assert_eq!(read(Box::leak(Box::new(all))), (false, 1, 2));
        let disabled = [all[0], all[1], ("OTEL_SDK_DISABLED", "true")];
        assert_eq!(read(Box::leak(Box::new(disabled))), (true, 0, 0));
    }

    #[test]
    fn logs_say_of_the_tenant_what_there_is_to_say() {
        for value in ["alias", "plain", "none"] {
            let given = move |name: &str| (name == "LOG_TENANT").then(|| value.to_owned());
            assert!(Variables::from_fn(given).read(Settings::read).is_ok(), "{value}");
        }
        assert_eq!(mistakes(&[("LOG_TENANT", "plian")]), [r#"LOG_TENANT: "plian" is not alias, plain or none"#]);
    }

    #[test]
    fn hashing_wants_a_key() {
        let told = mistakes(&[("TENANT_ID_EXPORT", "hmac")]);
        assert_eq!(told, ["TENANT_ID_EXPORT: otlp is to get hashed ids, but there is no key"]);
        let given = |name: &str| (name == "TENANT_ID_HMAC_KEY").then(|| "secret".to_owned());
        let settings = Variables::from_fn(given).read(Settings::read).unwrap();
        assert_eq!(format!("{:?}", settings.key), "Some(Given(…))", "it is not printed");
        assert!(mistakes(&[("TENANT_ID_EXPORT", "hmac"), ("TENANT_ID_HMAC_KEY", "secret")]).is_empty());
    }
}
