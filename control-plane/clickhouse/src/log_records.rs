//! Log records: many requests' in one insert, and the lines of a trace.

use bytes::Bytes;
use clickhouse::Row;
use control_plane_model::{
    log_records::{IncomingLog, Lines, LogQuery, Reading, Seen},
    otlp::SentResource,
    store::{Scope, StoreError},
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
    tenant: &'a str,
    received: u32,
    #[serde(serialize_with = "raw")]
    resource: &'a [u8],
    #[serde(serialize_with = "raw")]
    body: &'a [u8],
}

impl Insert for LogRecords {
    type Brought = Vec<IncomingLog>;
    type Outcome = usize;

    fn rows(logs: &Vec<IncomingLog>) -> usize {
        logs.len()
    }

    async fn insert(&self, batch: &[Vec<IncomingLog>], stamp: u64) -> Result<Vec<usize>, StoreError> {
        let rows = batch.iter().flatten().map(|log| LogRow {
            trace_id: log.trace_id.map_or([0; 16], bytes),
            time: log.time_ns,
            id: log.id,
            tenant: log.tenant.as_deref().unwrap_or_default(),
            received: received(stamp),
            resource: &log.sender.body,
            body: &log.body,
        });
        self.0.insert::<LogRow<'_>>("log_records", &rows.collect::<Vec<_>>()).await?;
        Ok(batch.iter().map(Vec::len).collect())
    }
}

#[derive(Row, Deserialize)]
struct Found {
    resource: Bytes,
    body: Bytes,
}

/// The lines of a trace.
pub(crate) async fn lines(
    database: &Database,
    scope: &Scope,
    query: &LogQuery,
    seen: Seen,
) -> Result<Lines, StoreError> {
    let found = database.query(include_str!("../sql/log_lines.sql")).param("trace_id", query.trace_id.to_string());
    let mut rows = found.param("only", scope.tenant()).fetch::<Found>().map_err(failed)?;
    let mut reading = Reading::new(query, seen);
    while let Some(Found { resource, body }) = within(rows.next()).await? {
        let resource = SentResource::decode(resource).map_err(failed)?;
        if !reading.take(&resource, ScopeLogs::decode(body).map_err(failed)?) {
            break;
        }
    }
    Ok(reading.found())
}
