//! Log lines as received.

use std::collections::BTreeMap;

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;

use super::{hex, text, texts};

/// A log record as received.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    /// `service.name` of its resource.
    pub service: String,
    /// Who wrote it: the name of its scope.
    pub target: String,
    /// `INFO` or another.
    pub severity: String,
    /// Its number.
    pub severity_number: i32,
    /// What it says.
    pub body: String,
    /// Its attributes as text.
    pub attributes: BTreeMap<String, String>,
    /// 32 hex digits; empty where it was written in no span.
    pub trace_id: String,
    /// 16 hex digits; empty where it was written in no span.
    pub span_id: String,
    /// Nanoseconds since 1970.
    pub time: u64,
}

pub(super) fn of(request: ExportLogsServiceRequest) -> Vec<Line> {
    let mut lines = Vec::new();
    for group in request.resource_logs {
        let resource = texts(group.resource.unwrap_or_default().attributes);
        for scope in group.scope_logs {
            let target = scope.scope.unwrap_or_default().name;
            lines.extend(scope.log_records.into_iter().map(|record| Line {
                service: resource.get("service.name").cloned().unwrap_or_default(),
                target: target.clone(),
                severity: record.severity_text,
                severity_number: record.severity_number,
                body: text(record.body),
                attributes: texts(record.attributes),
                trace_id: hex(&record.trace_id),
                span_id: hex(&record.span_id),
                time: record.time_unix_nano,
            }));
        }
    }
    lines
}
