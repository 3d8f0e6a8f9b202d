//! Log records, as they come and as they are read: <https://opentelemetry.io/docs/specs/otel/logs/data-model/>.

use std::{collections::BTreeSet, fmt::Debug, sync::Arc};

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use opentelemetry_proto::tonic::logs::v1::{LogRecord, ScopeLogs};

use crate::{
    error::StoreError,
    incoming::Sender,
    otlp::{self, LogFacts, Resource, SentResource},
    scope::Scope,
    trace::{Trace, TraceId},
};

pub use crate::log_line::LogLine;

/// Bytes of records that an answer is made of, however many lines were asked for.
const MAX_BYTES: usize = 2_000_000;

/// A log record that a request brings.
#[derive(Debug)]
pub struct IncomingLog {
    /// The first 64 bits of the SHA-256 of the sender's resource and all of the record: one that is sent twice is kept once.
    pub id: i64,
    /// When it was written, else when it was observed; nanoseconds since 1970.
    pub time_ns: i64,
    /// The trace that it was written in, by which it is read; none of what was written before the first request.
    pub trace_id: Option<TraceId>,
    /// `tenant.id` of the record, else of its sender; most lines have none.
    pub tenant: Option<String>,
    /// Who sends it.
    pub sender: Arc<Sender>,
    /// A `ScopeLogs` with this record alone, protobuf.
    pub body: Vec<u8>,
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
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Lines {
    /// In the order of time.
    pub lines: Vec<LogLine>,
    /// Whether there are more.
    pub truncated: bool,
}

/// Whose lines of a trace an answer may have: a line that names nobody is for whom its span was made.
#[derive(Debug, Clone, Default)]
pub struct Seen(Option<(String, BTreeSet<String>)>);

impl Seen {
    /// What a scope sees, of a trace of which it sees this.
    pub fn of(scope: &Scope, trace: Option<&Trace>) -> Self {
        let own = |tenant: &str| {
            let spans = trace.iter().flat_map(|trace| &trace.spans).map(|span| span.span_id.clone());
            (tenant.to_owned(), spans.collect())
        };
        Self(scope.tenant().map(own))
    }

    fn has(&self, resource: &SentResource, record: &LogRecord, span_id: Option<&String>) -> bool {
        self.0.as_ref().is_none_or(|(tenant, spans)| match LogFacts::of(&Resource::of(resource), record).tenant {
            Some(named) => *named == **tenant,
            None => span_id.is_some_and(|span| spans.contains(span)),
        })
    }
}

/// The lines that a query asks for and that may be seen, as they are read.
#[derive(Debug)]
pub struct Reading<'a> {
    query: &'a LogQuery,
    seen: Seen,
    found: Lines,
    bytes: usize,
}

impl<'a> Reading<'a> {
    /// Of the records of a trace, in the order of time and number.
    pub fn new(query: &'a LogQuery, seen: Seen) -> Self {
        Self { query, seen, found: Lines::default(), bytes: 0 }
    }

    /// Takes the next record, as it was stored; whether more may be wanted.
    pub fn take(&mut self, resource: &SentResource, stored: ScopeLogs) -> bool {
        let ScopeLogs { scope, mut log_records, .. } = stored;
        let Some(record) = log_records.pop() else { return true };
        // Before the line is made of it, which takes much longer: a trace may have very many.
        let span_id = otlp::span_id_of(&record);
        let is_asked = self.query.span_id.is_none() || self.query.span_id == span_id;
        if !is_asked || !self.seen.has(resource, &record, span_id.as_ref()) {
            return true;
        }
        let scope = scope.map(|scope| scope.name).unwrap_or_default();
        let line = otlp::log_line(resource, scope, record, self.query.trace_id);
        self.found.truncated = self.found.lines.len() >= self.query.limit || self.bytes >= MAX_BYTES;
        if !self.found.truncated {
            self.bytes += line.bytes();
            self.found.lines.push(line);
        }
        !self.found.truncated
    }

    /// What was found.
    pub fn found(self) -> Lines {
        self.found
    }
}

/// Keeps log records.
///
/// A read for a tenant's [`Scope`] answers of records that name that tenant, and of those that name nobody and were written in one of its
/// spans: most log lines name no tenant.
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
