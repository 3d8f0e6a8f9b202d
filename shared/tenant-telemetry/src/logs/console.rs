//! One JSON object per line, with the ids that lead from the line to its trace.

use std::{fmt, sync::Arc};

use opentelemetry::{Context, trace::TraceContextExt};
use serde_json::{Map, Value};
use tenancy::TenantIds;
use tracing::{Event, Subscriber};
use tracing_subscriber::{
    fmt::{FmtContext, FormatEvent, FormatFields, format::Writer},
    registry::LookupSpan,
};

use super::Fields;
use crate::{Work, ids::xray_trace_id, lines::LogTenant, privacy::Pseudonyms};

pub(super) struct Json {
    tenant: LogTenant,
    pseudonyms: Arc<Pseudonyms>,
}

impl Json {
    pub(super) fn new(tenant: LogTenant, pseudonyms: Arc<Pseudonyms>) -> Self {
        Self { tenant, pseudonyms }
    }
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
        event.record(&mut Fields(|name: &'static str, value| {
            line.insert(name.into(), value);
        }));
        Context::map_current(|cx| {
            let span = cx.span();
            let span = span.span_context();
            if span.is_valid() {
                line.insert("trace_id".into(), span.trace_id().to_string().into());
                line.insert("span_id".into(), span.span_id().to_string().into());
                line.insert("xray_trace_id".into(), xray_trace_id(span.trace_id()).into());
            }
            if let Some(tenant) = cx.get::<Work>().and_then(Work::tenant) {
                let fields = self.pseudonyms.log_fields(tenant, self.tenant, TenantIds::Plain);
                line.extend(fields.map(|(name, id)| (name.to_owned(), Value::from(id))));
            }
        });
        writeln!(writer, "{}", Value::Object(line))
    }
}
