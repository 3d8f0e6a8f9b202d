//! Log records, as they come and as they are read: <https://opentelemetry.io/docs/specs/otel/logs/data-model/>.

use std::{fmt::Debug, sync::Arc};

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use opentelemetry_proto::tonic::logs::v1::ScopeLogs;

use crate::{
    error::StoreError,
    incoming::Sender,
    otlp::{self, SentResource, SpanId},
    scope::Scope,
    trace::TraceId,
};

pub use crate::log_line::LogLine;

/// The most log records that a trace may have: as many as spans. A loop that logs in one trace must not slow others. An engine that reads nothing
/// while it writes holds each request to it.
pub const MAX_RECORDS_PER_TRACE: usize = 50_000;
/// Bytes of JSON that the lines of an answer may take, however many were asked for.
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
    /// The span that it was written in, if it names one.
    pub span_id: Option<SpanId>,
    /// `tenant.id` of the record, else of its sender; most lines have none.
    pub tenant: Option<String>,
    /// The sender of the record.
    pub sender: Arc<Sender>,
    /// A `ScopeLogs` with this record alone, protobuf.
    pub body: Vec<u8>,
}

/// What storing log records came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct StoredLogs {
    /// Records that were new.
    pub new: usize,
    /// Records beyond [`MAX_RECORDS_PER_TRACE`].
    pub beyond: usize,
}

/// The lines of a trace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogQuery {
    /// The trace.
    pub trace_id: TraceId,
    /// Only records of this span.
    pub span_id: Option<SpanId>,
    /// How many at most: the first of them.
    pub limit: usize,
}

/// What was found.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Lines {
    /// The lines, sorted by time.
    pub lines: Vec<LogLine>,
    /// Whether there are more.
    pub truncated: bool,
}

/// Lines as they are read, as many as an answer may have.
#[derive(Debug)]
pub struct LinesRead {
    trace_id: TraceId,
    limit: usize,
    found: Lines,
    bytes: usize,
}

impl LinesRead {
    /// Of records that the query asks for and that may be seen, in the order of time and number.
    pub fn new(query: &LogQuery) -> Self {
        Self { trace_id: query.trace_id, limit: query.limit, found: Lines::default(), bytes: 0 }
    }

    /// Takes the next record, as it was stored; whether more may be wanted.
    pub fn take(&mut self, resource: &SentResource, stored: ScopeLogs) -> bool {
        let ScopeLogs { scope, mut log_records, .. } = stored;
        let Some(record) = log_records.pop() else { return true };
        self.found.truncated = self.found.lines.len() >= self.limit || self.bytes >= MAX_BYTES;
        if !self.found.truncated {
            let scope = scope.map(|scope| scope.name).unwrap_or_default();
            let (line, bytes) = otlp::log_line(resource, scope, record, self.trace_id);
            self.bytes += bytes;
            self.found.lines.push(line);
        }
        !self.found.truncated
    }

    /// What was found.
    pub fn into_lines(self) -> Lines {
        self.found
    }
}

/// Keeps log records.
///
/// A read for a tenant's [`Scope`] answers of records that name that tenant, and of those that name nobody and were written in one of its
/// spans: most log lines name no tenant.
#[async_trait]
pub trait LogStore: Debug + Send + Sync {
    /// Stores records; `Ok` means that they are durable. A record that is there already stays as it is.
    ///
    /// # Errors
    ///
    /// [`StoreError::Busy`] where more wait than may; whatever the error, the records may be sent again.
    async fn write_logs(&self, logs: Vec<IncomingLog>) -> Result<StoredLogs, StoreError>;

    /// The lines of a trace.
    async fn logs(&self, scope: &Scope, query: LogQuery) -> Result<Lines, StoreError>;
}
