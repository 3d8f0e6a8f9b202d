//! Traces as they were received, read by the primary key of `spans`.

use std::{collections::HashMap, sync::Arc};

use bytes::Bytes;
use clickhouse::Row;
use control_plane_model::{
    sample::{MAX_BYTES_PER_BATCH, MAX_BYTES_PER_TRACE, StoredPart, StoredTrace, too_large},
    store::{MAX_SPANS_PER_TRACE, StoreError},
    trace::TraceId,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use prost::Message;
use serde::Deserialize;

use crate::database::{Database, failed, within};

/// Traces that are read at a time: as many as ClickHouse takes ids of in one field of a form, 128 KiB. Those of a sample lie all over the
/// window, and each batch reads most of its blocks.
pub(crate) const BATCH: usize = 3_600;

/// Of a row of `spans`.
#[derive(Row, Deserialize)]
struct SampledSpan {
    trace_id: [u8; 16],
    resource: Bytes,
    scope: Bytes,
    body: Bytes,
}

/// The spans of these traces, each once, as it came first.
pub(crate) async fn stored_traces(database: &Database, ids: &[String]) -> Result<Vec<StoredTrace>, StoreError> {
    let query = database.query(include_str!("../sql/sample_spans.sql"));
    let query = query.param("traces", ids).param("limit", MAX_SPANS_PER_TRACE as u64);
    let mut rows = query.fetch::<SampledSpan>().map_err(failed)?;
    let mut senders: HashMap<Bytes, Arc<Resource>> = HashMap::new();
    let mut traces: Vec<StoredTrace> = Vec::new();
    let (mut bytes, mut all_bytes) = (0, 0);
    while let Some(SampledSpan { trace_id, resource, scope, body }) = within(rows.next()).await? {
        let trace_id = TraceId::from_bytes(&trace_id).map_err(failed)?;
        if traces.last().is_none_or(|last| last.trace_id != trace_id) {
            traces.push(StoredTrace { trace_id, parts: Vec::new() });
            bytes = 0;
        }
        if bytes > MAX_BYTES_PER_TRACE {
            continue;
        }
        bytes += body.len();
        all_bytes += body.len();
        if all_bytes > MAX_BYTES_PER_BATCH {
            return Err(too_large());
        }
        let resource = match senders.get(&resource) {
            Some(known) => known.clone(),
            None => {
                let decoded = Arc::new(Resource::decode(resource.clone()).map_err(failed)?);
                senders.entry(resource).or_insert(decoded).clone()
            }
        };
        let Some(StoredTrace { parts, .. }) = traces.last_mut() else { continue };
        match parts.iter_mut().find(|part| Arc::ptr_eq(&part.resource, &resource) && part.scope == scope) {
            Some(part) => part.spans.push(body),
            None => parts.push(StoredPart { resource, scope, spans: vec![body] }),
        }
    }
    Ok(traces)
}
