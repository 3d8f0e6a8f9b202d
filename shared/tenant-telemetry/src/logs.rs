//! One JSON object per log line, with the ids that lead from the line to its trace. Of the tenant it says an alias at most,
//! unless asked to be plain.

use std::{fmt, sync::Arc};

use opentelemetry::{Context, trace::TraceContextExt};
use serde_json::{Map, Value};
use tenancy::TenantLabel;
use tracing::{
    Event, Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::{
    Layer as _,
    filter::{LevelFilter, Targets},
    fmt::{FmtContext, FormatEvent, FormatFields, format::Writer},
    layer::SubscriberExt,
    registry::LookupSpan,
    util::{SubscriberInitExt, TryInitError},
};

use super::{Work, ids::xray_trace_id, privacy::Pseudonyms, semconv, settings::Settings};

/// What logs are set up with.
#[derive(Debug, Clone)]
pub(super) struct LogSettings {
    /// As `RUST_LOG` writes it; `info` where it is empty or cannot be read.
    pub(super) level: String,
    /// `LOG_TENANT`.
    pub(super) tenant: String,
}

impl Settings {
    /// A layer for a subscriber of your own: one JSON object per line on standard output, where Lambda collects it, with the ids of
    /// the trace. The level is `AWS_LAMBDA_LOG_LEVEL` (as Lambda's logging configuration sets it), else `RUST_LOG`, else `info`. What a
    /// line says of the tenant is `LOG_TENANT`: `alias` (where it is empty), a short keyed hash that is there only with a key; `plain`;
    /// or `none`.
    pub fn json_logs<S>(&self) -> impl tracing_subscriber::Layer<S> + use<S>
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        let tenant = match self.logs.tenant.as_str() {
            "plain" => TenantInLogs::Plain,
            "none" => TenantInLogs::Nothing,
            _ => TenantInLogs::Alias(self.pseudonyms.clone()),
        };
        let level = self.logs.level.to_lowercase();
        let filter: Targets = level
            .parse()
            .ok()
            .filter(|_| !level.is_empty())
            .unwrap_or_else(|| Targets::new().with_default(LevelFilter::INFO));
        tracing_subscriber::fmt::layer().event_format(Json { tenant }).with_filter(filter)
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

/// What a log line says of the tenant it served.
enum TenantInLogs {
    Alias(Arc<Pseudonyms>),
    Plain,
    Nothing,
}

impl TenantInLogs {
    fn of(&self, tenant: &TenantLabel) -> Option<(&'static str, String)> {
        match self {
            Self::Alias(pseudonyms) => Some((semconv::TENANT_ALIAS, pseudonyms.alias(tenant)?)),
            Self::Plain => Some((semconv::TENANT_ID, tenant.tenant_id.to_string())),
            Self::Nothing => None,
        }
    }
}

struct Json {
    tenant: TenantInLogs,
}

impl<S, N> FormatEvent<S, N> for Json
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, _: &FmtContext<'_, S, N>, mut writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let mut line = Map::new();
        line.insert("timestamp".into(), jiff::Timestamp::now().to_string().into());
        line.insert("level".into(), event.metadata().level().as_str().into());
        line.insert("target".into(), event.metadata().target().into());
        event.record(&mut Fields(&mut line));
        Context::map_current(|cx| {
            let span = cx.span();
            let span = span.span_context();
            if span.is_valid() {
                line.insert("trace_id".into(), span.trace_id().to_string().into());
                line.insert("span_id".into(), span.span_id().to_string().into());
                line.insert("xray_trace_id".into(), xray_trace_id(span.trace_id()).into());
            }
            let tenant = cx.get::<Work>().and_then(|work| self.tenant.of(work.tenant()?));
            if let Some((name, value)) = tenant {
                line.insert(name.into(), value.into());
            }
        });
        writeln!(writer, "{}", Value::Object(line))
    }
}

struct Fields<'a>(&'a mut Map<String, Value>);

impl Visit for Fields<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.insert(field.name().into(), format!("{value:?}").into());
    }
    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name().into(), value.into());
    }
    fn record_u64(&mut self, field: &Field, value: u64) {
        self.0.insert(field.name().into(), value.into());
    }
    fn record_i64(&mut self, field: &Field, value: i64) {
        self.0.insert(field.name().into(), value.into());
    }
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.0.insert(field.name().into(), value.into());
    }
    fn record_bool(&mut self, field: &Field, value: bool) {
        self.0.insert(field.name().into(), value.into());
    }
}
