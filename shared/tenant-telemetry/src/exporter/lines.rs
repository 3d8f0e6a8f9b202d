//! Exports log lines.

use std::collections::BTreeMap;

use futures_util::FutureExt;
use opentelemetry_otlp::LogExporter;
use opentelemetry_proto::{
    tonic::{
        collector::logs::v1::ExportLogsServiceRequest,
        common::v1::{AnyValue, InstrumentationScope, KeyValue, any_value::Value},
        logs::v1::{LogRecord, ResourceLogs, ScopeLogs},
        resource::v1::Resource as ProtoResource,
    },
    transform::common::tonic::ResourceAttributesWithSchema,
};
use opentelemetry_sdk::{
    Resource,
    logs::{LogBatch, LogExporter as _},
};

use super::{
    caught::Caught,
    signal::{Signal, at_once, configured},
};
use crate::{
    late::Buffered,
    lines::{Line, LogTenant},
    privacy::Policy,
    queue::Size,
    semconv,
    work::Written,
};

/// Makes OTLP log records of log lines.
#[derive(Debug)]
pub(crate) struct Lines {
    resource: ResourceLogs,
    tenant: LogTenant,
}

impl Lines {
    /// Makes records of this process's lines, which name the tenant as `tenant` says.
    pub(super) fn of(resource: &Resource, tenant: LogTenant) -> Self {
        let ResourceAttributesWithSchema { attributes, schema_url } = resource.into();
        let resource = ProtoResource { attributes: attributes.0, ..ProtoResource::default() };
        let schema_url = schema_url.unwrap_or_default();
        Self { resource: ResourceLogs { resource: Some(resource), schema_url, ..ResourceLogs::default() }, tenant }
    }
}

impl Signal for Lines {
    type Item = Written;
    type Request = ExportLogsServiceRequest;

    const MAX_WAITING: Size = Line::CAPACITY;
    /// In bytes, what CloudWatch Logs takes at once, 1 MB, with room for what records say of tenants:
    /// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch-OTLPEndpoint.html>
    const MAX_PER_REQUEST: Size = Size { count: 512, bytes: 900_000 };

    fn size(written: &Written) -> Size {
        written.item.size()
    }

    fn request(&self, items: Vec<Written>, policy: Policy<'_>, dropped: u64) -> ExportLogsServiceRequest {
        // A scope is who wrote a line: <https://opentelemetry.io/docs/specs/otel/logs/data-model/#field-instrumentationscope>
        let mut scopes = BTreeMap::<_, Vec<LogRecord>>::new();
        let mut dropped = Some(dropped).filter(|dropped| *dropped > 0);
        for written in items {
            let target = written.item.target;
            let mut record = policy.stamp_record(written, self.tenant);
            if let Some(dropped) = dropped.take() {
                let value = Value::IntValue(i64::try_from(dropped).unwrap_or(i64::MAX));
                let value = Some(AnyValue { value: Some(value) });
                let key = semconv::TELEMETRY_DROPPED_LOG_RECORDS.to_owned();
                record.attributes.push(KeyValue { key, value, ..KeyValue::default() });
            }
            scopes.entry(target).or_default().push(record);
        }
        let scopes = scopes.into_iter().map(|(target, log_records)| {
            let scope = InstrumentationScope { name: target.to_owned(), ..InstrumentationScope::default() };
            ScopeLogs { scope: Some(scope), log_records, ..ScopeLogs::default() }
        });
        let resource_logs = vec![ResourceLogs { scope_logs: scopes.collect(), ..self.resource.clone() }];
        ExportLogsServiceRequest { resource_logs }
    }

    fn send_nothing(endpoint: Option<String>, client: Caught) -> Result<(), String> {
        let builder = configured(LogExporter::builder().with_http(), endpoint, client);
        let exporter = builder.build().map_err(|error| error.to_string())?;
        at_once(exporter.export(LogBatch::new(&[])).now_or_never())
    }
}
