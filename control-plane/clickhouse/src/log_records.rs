//! Log records: many requests' in one insert, and the lines of a trace.

use std::collections::HashMap;

use bytes::Bytes;
use clickhouse::Row;
use control_plane_model::{
    log_records::{IncomingLog, Lines, LinesRead, LogQuery, MAX_RECORDS_PER_TRACE, StoredLogs},
    otlp::SentResource,
    store::{Scope, StoreError},
    trace::TraceId,
};
use opentelemetry_proto::tonic::logs::v1::ScopeLogs;
use prost::Message;
use serde::{Deserialize, Serialize};

use crate::{
    database::{Database, failed, within},
    queue::{Insert, bytes, raw, received},
};

/// Inserts log records.
#[derive(Debug, Clone)]
pub(crate) struct LogRecords(pub(crate) Database);

/// A row of `log_records`, its columns in their order.
#[derive(Row, Serialize)]
struct LogRow<'a> {
    trace_id: [u8; 16],
    time: i64,
    id: i64,
    span_id: u64,
    tenant: &'a str,
    received: u32,
    #[serde(serialize_with = "raw")]
    resource: &'a [u8],
    #[serde(serialize_with = "raw")]
    body: &'a [u8],
}

impl Insert for LogRecords {
    type Brought = Vec<IncomingLog>;
    type Outcome = StoredLogs;

    fn rows(logs: &Vec<IncomingLog>) -> usize {
        logs.len()
    }

    async fn insert(&self, batch: &[Vec<IncomingLog>], stamp: u64) -> Result<Vec<StoredLogs>, StoreError> {
        let (mut rows, mut stored) = (Vec::new(), Vec::new());
        for logs in batch {
            let mut counts: HashMap<TraceId, usize> = HashMap::new();
            let mut of_job = StoredLogs::default();
            for log in logs {
                let count = counts.entry(log.trace_id).or_default();
                if *count >= MAX_RECORDS_PER_TRACE {
                    of_job.beyond += 1;
                    continue;
                }
                *count += 1;
                of_job.new += 1;
                rows.push(LogRow {
                    trace_id: bytes(log.trace_id),
                    time: log.time_ns,
                    id: log.id,
                    span_id: log.span_id.unwrap_or_default(),
                    tenant: log.tenant.as_deref().unwrap_or_default(),
                    received: received(stamp),
                    resource: &log.sender.body,
                    body: &log.body,
                });
            }
            stored.push(of_job);
        }
        self.0.insert::<LogRow<'_>>("log_records", &rows).await?;
        Ok(stored)
    }
}

#[derive(Row, Deserialize)]
struct LogRecordRow {
    resource: Bytes,
    body: Bytes,
}

/// The lines of a trace.
pub(crate) async fn lines(database: &Database, scope: &Scope, query: &LogQuery) -> Result<Lines, StoreError> {
    let asked = database.query(include_str!("../sql/log_lines.sql")).param("trace_id", query.trace_id.to_string());
    let asked = asked.param("span_id", query.span_id).param("only", scope.tenant());
    // One more tells whether there are more.
    let mut rows = asked.param("limit", query.limit as u64 + 1).fetch::<LogRecordRow>().map_err(failed)?;
    let mut read = LinesRead::new(query);
    while let Some(LogRecordRow { resource, body }) = within(rows.next()).await? {
        let resource = SentResource::decode(resource).map_err(failed)?;
        if !read.take(&resource, ScopeLogs::decode(body).map_err(failed)?) {
            break;
        }
    }
    Ok(read.into_lines())
}
