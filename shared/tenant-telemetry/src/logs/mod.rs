//! Log lines: one JSON object each on standard output, OTLP log records, or both. They name the tenant by an alias at most, unless `LOG_TENANT` is
//! `plain`.
//!
//! | file | idea |
//! |---|---|
//! | `console` | a line as JSON |
//! | `records` | a line as an OTLP log record |

mod console;
mod records;

use std::{fmt, io};

use opentelemetry::Context;
use serde_json::Value;
use tracing::{
    Level, Metadata, Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::{
    Layer as _,
    filter::{LevelFilter, Targets, dynamic_filter_fn},
    fmt::MakeWriter,
    layer::SubscriberExt,
    registry::LookupSpan,
    util::{SubscriberInitExt, TryInitError},
};

use self::{console::Json, records::Records};
use super::settings::Settings;

/// Whose lines an export makes: this crate where it tells of losses, the HTTP client, and the SDKs of OpenTelemetry and AWS. Such a line would
/// bring the next export about, so it becomes no record; warnings and errors go to standard output, whatever `OTEL_LOGS_EXPORTER` says.
const OF_AN_EXPORT: [&str; 7] =
    [crate::telemetry::TARGET, "aws_config", "aws_sigv4", "aws_smithy", "hyper", "opentelemetry", "rustls"];

/// The settings of logs.
#[derive(Debug, Clone)]
pub(super) struct LogSettings {
    /// The level, in the form of `RUST_LOG`. It is `info` where the text is empty or invalid.
    pub(super) level: String,
    /// Whether lines go to standard output.
    pub(super) console: bool,
}

impl Settings {
    /// A layer for a subscriber of your own. As `OTEL_LOGS_EXPORTER` says, a line is one JSON object on standard output (`console`, and where
    /// it is empty), where Lambda collects it, with the ids of the trace; or an OTLP log record (`otlp`), which [`Telemetry`] sends with the
    /// spans; or both. The level is `AWS_LAMBDA_LOG_LEVEL` (as Lambda's logging configuration sets it), else `RUST_LOG`, else `info`. What a
    /// line says of the tenant is `LOG_TENANT`: `alias` (where it is empty), a short keyed hash that is there only with a key; `plain`;
    /// or `none`.
    ///
    /// [`Telemetry`]: crate::Telemetry
    pub fn json_logs<S>(&self) -> impl tracing_subscriber::Layer<S> + use<S>
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        self.lines_to(io::stdout)
    }

    fn lines_to<S, W>(&self, console: W) -> Vec<Box<dyn tracing_subscriber::Layer<S> + Send + Sync>>
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
        W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
    {
        let level = self.logs.level.to_lowercase();
        let shown: Targets = level
            .parse()
            .ok()
            .filter(|_| !level.is_empty())
            .unwrap_or_else(|| Targets::new().with_default(LevelFilter::INFO));
        let sent = shown.clone().with_targets(OF_AN_EXPORT.map(|target| (target, LevelFilter::OFF)));
        let json = Json::new(self.log_tenant, self.pseudonyms.clone());
        let console = tracing_subscriber::fmt::layer().event_format(json).with_writer(console);
        let console = if self.logs.console {
            console.with_filter(shown).boxed()
        } else {
            let of_exports = dynamic_filter_fn(|metadata, _| tells_of_an_export(metadata));
            console.with_filter(of_exports.with_max_level_hint(LevelFilter::WARN)).boxed()
        };
        let records = || Records::new(self.late_lines.clone()).with_filter(sent).boxed();
        // Not `and_then`: on a bare registry it lets the level of one of the two count for both.
        let records = (!self.exporters.logs.is_empty()).then(records);
        std::iter::once(console).chain(records).collect()
    }

    /// Makes the layer of [`json_logs`](Self::json_logs) the process's subscriber.
    ///
    /// # Errors
    ///
    /// If the process has one already.
    pub fn init_json_logs(&self) -> Result<(), TryInitError> {
        tracing_subscriber::registry().with(self.json_logs()).try_init()
    }
}

/// Whether a line warns of something that no record may tell.
fn tells_of_an_export(metadata: &Metadata<'_>) -> bool {
    let of_an_export = OF_AN_EXPORT.iter().any(|target| metadata.target().starts_with(target));
    *metadata.level() <= Level::WARN && (of_an_export || Context::is_current_telemetry_suppressed())
}

/// Collects the fields of a line by name.
struct Fields<F>(F);

impl<F: FnMut(&'static str, Value)> Visit for Fields<F> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0(field.name(), format!("{value:?}").into());
    }
    fn record_str(&mut self, field: &Field, value: &str) {
        self.0(field.name(), value.into());
    }
    fn record_u64(&mut self, field: &Field, value: u64) {
        self.0(field.name(), value.into());
    }
    fn record_i64(&mut self, field: &Field, value: i64) {
        self.0(field.name(), value.into());
    }
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.0(field.name(), value.into());
    }
    fn record_bool(&mut self, field: &Field, value: bool) {
        self.0(field.name(), value.into());
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use function_settings::Variables;
    use opentelemetry_proto::tonic::common::v1::{AnyValue, any_value};
    use parking_lot::Mutex;

    use super::*;
    use crate::lines::Line;

    #[derive(Clone, Default)]
    struct Console(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Console {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().write(bytes)
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// The messages on the console, and the lines that are sent.
    fn written(exporters: &'static str, write: impl FnOnce()) -> (Vec<String>, Vec<Line>) {
        let variables =
            Variables::from_fn(move |name: &str| (name == "OTEL_LOGS_EXPORTER").then(|| exporters.to_owned()));
        let settings = variables.read(Settings::read).unwrap();
        let console = Console::default();
        let writer = console.clone();
        let subscriber = tracing_subscriber::registry().with(settings.lines_to(move || writer.clone()));
        tracing::subscriber::with_default(subscriber, write);
        let printed = String::from_utf8(console.0.lock().clone()).unwrap();
        let printed = printed.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let printed = printed.map(|line| line["message"].as_str().unwrap_or_default().to_owned());
        (printed.collect(), settings.late_lines.take().into_iter().map(|written| written.item).collect())
    }

    fn body(line: &Line) -> &str {
        match &line.record.body {
            Some(AnyValue { value: Some(any_value::Value::StringValue(text)) }) => text,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_warns_of_an_export_is_printed_and_never_sent() {
        let write = || {
            tracing::warn!(target: "aws_config::imds", "no credentials");
            tracing::error!(target: "rustls::client", "no trust");
            tracing::warn!(target: "opentelemetry_sdk", "no bounds");
            tracing::info!(target: "hyper::client", "connected");
            tracing::warn!("of the handler");
            let _exporting = Context::new().with_telemetry_suppressed().attach();
            tracing::warn!("of somebody else during an export");
            tracing::info!("of the same, but no warning");
        };
        let warnings = ["no credentials", "no trust", "no bounds"];
        let during = "of somebody else during an export";
        for (exporters, printed, sent) in [
            ("otlp", [&warnings[..], &[during]].concat(), &["of the handler"][..]),
            ("none", [&warnings[..], &[during]].concat(), &[]),
            (
                "console,otlp",
                [&warnings[..], &["connected", "of the handler", during, "of the same, but no warning"]].concat(),
                &["of the handler"],
            ),
        ] {
            let (console, lines) = written(exporters, write);
            assert_eq!(console, printed, "{exporters}");
            assert_eq!(lines.iter().map(body).collect::<Vec<_>>(), sent, "{exporters}");
        }
    }

    #[test]
    fn a_record_has_a_bound_in_bytes() {
        let (_, lines) =
            written("otlp", || tracing::info!(more = "ü".repeat(20_000), number = 7, "{}", "a".repeat(60_001)));
        let [line] = &lines[..] else { panic!("{} lines", lines.len()) };
        assert_eq!(body(line).len(), 60_001);
        let more = line.record.attributes.iter().find(|attribute| attribute.key == "more").unwrap();
        let Some(any_value::Value::StringValue(more)) = &more.value.as_ref().unwrap().value else { panic!("{more:?}") };
        assert_eq!(more.len(), 64 * 1024 - 60_001 - 1, "as far as whole letters have room");
        assert_eq!(line.record.attributes.len(), 2, "a number is always there");
    }
}
