//! OTLP log records, each kept with the work that it was written in.
//! <https://opentelemetry.io/docs/specs/otel/logs/data-model/>

use std::time::SystemTime;

use opentelemetry::{
    Context,
    trace::{SpanContext, TraceContextExt},
};
use opentelemetry_proto::tonic::{
    common::v1::{AnyValue, KeyValue, any_value},
    logs::v1::{LogRecord, SeverityNumber},
};
use serde_json::Value;
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::layer;

use super::Fields;
use crate::{
    Work,
    lines::{LateLines, Line},
};

/// The most bytes that all texts of a record have together. What is beyond is cut off.
const MAX_TEXT: usize = 64 * 1024;

/// Makes OTLP records of log lines.
pub(super) struct Records {
    late: LateLines,
}

impl Records {
    pub(super) fn new(late: LateLines) -> Self {
        Self { late }
    }
}

impl<S: Subscriber> tracing_subscriber::Layer<S> for Records {
    fn on_event(&self, event: &Event<'_>, _: layer::Context<'_, S>) {
        // What an export writes would bring the next one about.
        if Context::is_current_telemetry_suppressed() {
            return;
        }
        let mut record = record(event);
        let work = Context::map_current(|cx| {
            belong(&mut record, cx.span().span_context());
            cx.get::<Work>().cloned()
        });
        self.late.extend(work.unwrap_or_else(Work::closed).write(Line::new(event.metadata().target(), record)));
    }
}

fn record(event: &Event<'_>) -> LogRecord {
    let metadata = event.metadata();
    let now = nanoseconds(SystemTime::now());
    let mut record = LogRecord {
        time_unix_nano: now,
        observed_time_unix_nano: now,
        severity_number: severity(*metadata.level()).into(),
        severity_text: metadata.level().as_str().to_owned(),
        ..LogRecord::default()
    };
    let mut room = MAX_TEXT;
    event.record(&mut Fields(|name: &'static str, value| {
        let value = Some(any_value(value, &mut room));
        if name == "message" {
            record.body = value;
        } else {
            record.attributes.push(KeyValue { key: name.to_owned(), value, ..KeyValue::default() });
        }
    }));
    record
}

fn belong(record: &mut LogRecord, span: &SpanContext) {
    if span.is_valid() {
        record.trace_id = span.trace_id().to_bytes().to_vec();
        record.span_id = span.span_id().to_bytes().to_vec();
        record.flags = span.trace_flags().to_u8().into();
    }
}

fn severity(level: Level) -> SeverityNumber {
    match level {
        Level::TRACE => SeverityNumber::Trace,
        Level::DEBUG => SeverityNumber::Debug,
        Level::INFO => SeverityNumber::Info,
        Level::WARN => SeverityNumber::Warn,
        Level::ERROR => SeverityNumber::Error,
    }
}

fn nanoseconds(time: SystemTime) -> u64 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

/// The value of a field: a text, as far as there is `room` for it, a number or a boolean.
fn any_value(value: Value, room: &mut usize) -> AnyValue {
    let value = match value {
        Value::String(mut text) => {
            text.truncate(text.floor_char_boundary(*room));
            *room -= text.len();
            any_value::Value::StringValue(text)
        }
        Value::Bool(truth) => any_value::Value::BoolValue(truth),
        Value::Number(number) => match number.as_i64() {
            Some(number) => any_value::Value::IntValue(number),
            None => any_value::Value::DoubleValue(number.as_f64().unwrap_or(f64::NAN)),
        },
        other => any_value::Value::StringValue(other.to_string()),
    };
    AnyValue { value: Some(value) }
}
