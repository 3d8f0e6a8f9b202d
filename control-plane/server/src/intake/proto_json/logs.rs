//! Requests with log records.

use opentelemetry_proto::tonic::{
    collector::logs::v1::ExportLogsServiceRequest,
    logs::v1::{LogRecord, ResourceLogs, ScopeLogs, SeverityNumber},
};

use super::{Broken, Cursor, Field, Message, Request, id, integer, list, message, named, object, text, unknown};

impl Request for ExportLogsServiceRequest {
    const LIST: &'static str = "resourceLogs";

    fn is_empty(&self) -> bool {
        self.resource_logs.iter().flat_map(|group| &group.scope_logs).all(|scope| scope.log_records.is_empty())
    }
}

message!(ExportLogsServiceRequest, "request", { "resourceLogs" => resource_logs = list });
message!(ResourceLogs, "resourceLogs", {
    "resource" => resource = object, "scopeLogs" => scope_logs = list, "schemaUrl" => schema_url = text,
});
message!(ScopeLogs, "scopeLogs", {
    "scope" => scope = object, "logRecords" => log_records = list, "schemaUrl" => schema_url = text,
});
message!(LogRecord, "logRecords", {
    "timeUnixNano" => time_unix_nano = integer, "observedTimeUnixNano" => observed_time_unix_nano = integer,
    "severityNumber" => severity_number = severity, "severityText" => severity_text = text, "body" => body = object,
    "attributes" => attributes = list, "droppedAttributesCount" => dropped_attributes_count = integer,
    "flags" => flags = integer, "traceId" => trace_id = id, "spanId" => span_id = id, "eventName" => event_name = text,
});

fn severity(cursor: &mut Cursor<'_>, _: &str) -> Field<i32> {
    named(cursor, |name| Some(SeverityNumber::from_str_name(name)? as i32))
}
