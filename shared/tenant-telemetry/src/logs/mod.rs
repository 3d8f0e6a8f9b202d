//! Log lines: one JSON object each on standard output, OTLP log records, or both. Of the tenant they say an alias at most, unless asked to be
//! plain.
//!
//! | file | idea |
//! |---|---|
//! | `console` | a line as JSON |
//! | `records` | a line as an OTLP log record |

mod console;
mod records;

use std::fmt;

use serde_json::Value;
use tracing::{
    Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::{
    Layer as _,
    filter::{LevelFilter, Targets},
    layer::SubscriberExt,
    registry::LookupSpan,
    util::{SubscriberInitExt, TryInitError},
};

use self::{console::Json, records::Records};
use super::settings::Settings;

/// Who tells of the export itself. Such a line would bring the next export about, and where nothing can be exported nobody would
/// read it: they go to standard output, whatever `OTEL_LOGS_EXPORTER` says, and nowhere else.
const OF_EXPORTS: &str = crate::telemetry::TARGET;
/// Whose lines each export makes, on a level at which they are shown: the HTTP client, and the SDKs of OpenTelemetry and AWS.
const OF_AN_EXPORT: [&str; 6] = ["aws_config", "aws_sigv4", "aws_smithy", "hyper", "opentelemetry", "rustls"];

/// What logs are set up with.
#[derive(Debug, Clone)]
pub(super) struct LogSettings {
    /// As `RUST_LOG` writes it; `info` where it is empty or cannot be read.
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
        let level = self.logs.level.to_lowercase();
        let shown: Targets = level
            .parse()
            .ok()
            .filter(|_| !level.is_empty())
            .unwrap_or_else(|| Targets::new().with_default(LevelFilter::INFO));
        let of_an_export = OF_AN_EXPORT.into_iter().chain([OF_EXPORTS]).map(|target| (target, LevelFilter::OFF));
        let sent = shown.clone().with_targets(of_an_export);
        let printed = if self.logs.console { shown } else { Targets::new().with_target(OF_EXPORTS, LevelFilter::WARN) };
        let json = Json::new(self.log_tenant, self.pseudonyms.clone());
        let console = tracing_subscriber::fmt::layer().event_format(json).with_filter(printed).boxed();
        let records = || Records::new(self.late_lines.clone()).with_filter(sent).boxed();
        // Not `and_then`: on a bare registry it lets the level of one of the two count for both.
        let records = (!self.exporters.logs.is_empty()).then(records);
        std::iter::once(console).chain(records).collect::<Vec<_>>()
    }

    /// Makes that layer the process's subscriber.
    ///
    /// # Errors
    ///
    /// If the process has one already.
    pub fn init_json_logs(&self) -> Result<(), TryInitError> {
        tracing_subscriber::registry().with(self.json_logs()).try_init()
    }
}

/// Takes the fields of a line, each by its name.
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
