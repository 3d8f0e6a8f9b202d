//! Log records, as they come and as they are read: <https://opentelemetry.io/docs/specs/otel/logs/data-model/>.

use std::{collections::BTreeMap, fmt::Debug, sync::Arc};

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use opentelemetry_proto::tonic::logs::v1::LogRecord;

use crate::{
    error::StoreError,
    incoming::Sender,
    otlp::{self, SentResource},
    scope::Scope,
    trace::TraceId,
};

/// Bytes of records that an answer is made of, however many lines were asked for.
const MAX_BYTES: usize = 2_000_000;

/// A log record that a request brings.
#[derive(Debug)]
pub struct IncomingLog {
    /// The first 64 bits of the SHA-256 of the sender's resource and all of the record: one that is sent twice is kept once.
    pub id: i64,
    /// When it was written, else when it was observed; nanoseconds since 1970.
    pub time_ns: i64,
    /// The trace that it was written in, by which it is read.
    pub trace_id: TraceId,
    /// `tenant.id` of the record, else of its sender; most lines have none.
    pub tenant: Option<String>,
    /// Who sends it.
    pub sender: Arc<Sender>,
    /// The `LogRecord`, protobuf.
    pub body: Vec<u8>,
}

/// A log record as it is shown.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LogLine {
    /// Nanoseconds since 1970.
    pub time_unix_ns: i64,
    /// `TRACE`, `DEBUG`, `INFO`, `WARN`, `ERROR` or `FATAL`, by its number; as it was sent, where it has no number.
    pub severity: String,
    /// Its body, where that is text; else as JSON.
    pub message: String,
    /// `service.name`.
    pub service: String,
    /// `cloud.account.id`.
    pub account: Option<String>,
    /// `tenant.id`.
    pub tenant: Option<String>,
    /// The trace that it was written in.
    pub trace_id: TraceId,
    /// The span, 16 hex digits.
    pub span_id: Option<String>,
    /// The record's own attributes.
    pub attributes: BTreeMap<String, serde_json::Value>,
    /// The sender's resource attributes.
    pub resource: BTreeMap<String, serde_json::Value>,
}

impl LogLine {
    /// About how many bytes it takes.
    fn bytes(&self) -> usize {
        let of = |attributes: &BTreeMap<String, serde_json::Value>| {
            attributes.iter().map(|(key, value)| key.len() + value.as_str().map_or(24, str::len)).sum::<usize>()
        };
        self.message.len() + of(&self.attributes) + of(&self.resource)
    }
}

/// The lines of a trace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogQuery {
    /// The trace.
    pub trace_id: TraceId,
    /// Of one span alone, 16 hex digits.
    pub span_id: Option<String>,
    /// How many at most: the first of them.
    pub limit: usize,
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Lines {
    /// In the order of time.
    pub lines: Vec<LogLine>,
    /// Whether there are more.
    pub truncated: bool,
}

impl Lines {
    /// The first lines of a trace that a query asks for, of its records in the order of time and number. `records` is not asked for more than that.
    ///
    /// # Errors
    ///
    /// Those of `records`.
    pub fn of<E>(
        query: &LogQuery,
        records: impl IntoIterator<Item = Result<(Arc<SentResource>, LogRecord), E>>,
    ) -> Result<Self, E> {
        let mut found = Self { lines: Vec::new(), truncated: false };
        let mut bytes = 0;
        for record in records {
            let (resource, record) = record?;
            let line = otlp::log_line(&resource, record, query.trace_id);
            if query.span_id.as_ref().is_some_and(|wanted| line.span_id.as_ref() != Some(wanted)) {
                continue;
            }
            if found.lines.len() >= query.limit || bytes >= MAX_BYTES {
                found.truncated = true;
                break;
            }
            bytes += line.bytes();
            found.lines.push(line);
        }
        Ok(found)
    }
}

/// Keeps log records.
///
/// A read for a tenant's [`Scope`] answers of records that name that tenant, and of no others.
#[async_trait]
pub trait LogStore: Debug + Send + Sync {
    /// Stores records; `Ok` means that they are durable, and says how many were new. A record that is there already stays as it is.
    ///
    /// # Errors
    ///
    /// [`StoreError::Busy`] where more wait than may; whatever the error, the records may be sent again.
    async fn write_logs(&self, logs: Vec<IncomingLog>) -> Result<usize, StoreError>;

    /// The lines of a trace.
    async fn logs(&self, scope: &Scope, query: LogQuery) -> Result<Lines, StoreError>;
}
