//! A log record as the API and the pages show it.

use std::sync::Arc;

use opentelemetry_proto::tonic::{
    common::v1::{AnyValue, any_value::Value},
    logs::v1::{LogRecord, SeverityNumber},
    resource::v1::Resource,
};
use slo::row::cut;

use super::{
    allowance::Allowance,
    attributes::{tenant, text},
    facts::{self, SpanId},
};
use crate::{log_line::LogLine, trace::TraceId};

/// Bytes of JSON that a line and its sender's resource may take.
const MAX_BYTES: usize = 64_000;
/// The first of each, four numbers apart.
const SEVERITIES: [(SeverityNumber, &str); 6] = [
    (SeverityNumber::Fatal, "FATAL"),
    (SeverityNumber::Error, "ERROR"),
    (SeverityNumber::Warn, "WARN"),
    (SeverityNumber::Info, "INFO"),
    (SeverityNumber::Debug, "DEBUG"),
    (SeverityNumber::Trace, "TRACE"),
];

/// When a log record was written, for whom and where.
#[derive(Debug)]
pub struct LogFacts {
    /// When it was written, else when it was observed, nanoseconds since 1970, or `None` where it does not say.
    pub time_ns: Option<i64>,
    /// `cloud.account.id` of the record, else of the sender.
    pub account: Option<Arc<str>>,
    /// `tenant.id` of the record, else of the sender.
    pub tenant: Option<Arc<str>>,
    /// The span that it was written in.
    pub span_id: Option<SpanId>,
}

impl LogFacts {
    /// Reads the line from a record.
    pub fn of(sender: &facts::Resource, record: &LogRecord) -> Self {
        let times = [record.time_unix_nano, record.observed_time_unix_nano];
        let time = times.into_iter().find(|time| *time > 0);
        let account = text(&record.attributes, "cloud.account.id").map(|value| Arc::<str>::from(cut(&value)));
        Self {
            time_ns: time.map(|time| i64::try_from(time).unwrap_or(i64::MAX)),
            account: account.or_else(|| sender.account.clone()),
            tenant: tenant(&record.attributes).or_else(|| sender.tenant.clone()),
            span_id: Some(facts::id(&record.span_id)).filter(|id| *id != 0),
        }
    }
}

/// The record with all it carries, who sent it, and the name of its instrumentation scope, and about how many bytes of JSON that takes.
/// Time, span and tenant are those that it was stored by.
pub fn log_line(resource: &Resource, scope: String, record: LogRecord, trace_id: TraceId) -> (LogLine, usize) {
    let sender = facts::Resource::of(resource);
    let facts = LogFacts::of(&sender, &record);
    let mut allowance = Allowance::of(MAX_BYTES);
    let known = SEVERITIES.iter().find(|(first, _)| record.severity_number >= *first as i32);
    let severity = known.filter(|_| record.severity_number <= SeverityNumber::Fatal4 as i32);
    let severity = severity.map_or_else(|| allowance.text(record.severity_text), |(_, name)| (*name).to_owned());
    let message = match record.body.and_then(|body| body.value) {
        None => String::new(),
        Some(Value::StringValue(text)) => allowance.text(text),
        value => allowance.value(Some(AnyValue { value })).to_string(),
    };
    let line = LogLine {
        time_unix_ns: facts.time_ns.unwrap_or_default(),
        severity,
        message,
        service: sender.service.to_string(),
        account: facts.account.as_deref().map(Into::into),
        tenant: facts.tenant.as_deref().map(Into::into),
        trace_id,
        span_id: facts.span_id.map(|id| format!("{id:016x}")),
        scope: Some(scope).filter(|name| !name.is_empty()).map(|name| allowance.text(name)),
        attributes: allowance.object(record.attributes),
        resource: allowance.object(resource.attributes.clone()),
    };
    (line, MAX_BYTES - allowance.left())
}
