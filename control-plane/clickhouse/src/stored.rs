//! Traces as they were received, read by the primary key of `spans`.

use std::{collections::HashMap, sync::Arc};

use bytes::Bytes;
use clickhouse::Row;
use control_plane_model::{
    sample::{MAX_BYTES_PER_BATCH, Reading, StoredTrace, too_large},
    store::{MAX_SPANS_PER_TRACE, Scope, StoreError},
    trace::TraceId,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use prost::Message;
use serde::Deserialize;

use crate::database::{Database, failed, within};

/// Traces that are read at a time: as many as ClickHouse takes ids of in one field of a form, 128 KiB. Those of a sample lie all over the
/// window, and each batch reads most of its blocks.
pub(crate) const BATCH: usize = 3_600;

/// The columns of `spans` that a sample reads.
#[derive(Row, Deserialize)]
struct SampledSpan {
    trace_id: [u8; 16],
    resource: Bytes,
    scope: Bytes,
    body: Bytes,
}

/// The spans of these traces that the scope may see, each once and as it came first.
pub(crate) async fn stored_traces(
    database: &Database,
    scope: &Scope,
    ids: &[String],
) -> Result<Vec<StoredTrace>, StoreError> {
    let query = database.query(include_str!("../sql/sample_spans.sql"));
    let query = query.param("traces", ids).param("limit", MAX_SPANS_PER_TRACE as u64);
    let mut rows = query.fetch::<SampledSpan>().map_err(failed)?;
    let mut senders: HashMap<Bytes, Arc<Resource>> = HashMap::new();
    let mut traces: Vec<StoredTrace> = Vec::new();
    let mut reading: Option<Reading<'_>> = None;
    let mut all_bytes = 0;
    while let Some(SampledSpan { trace_id, resource, scope: sent_by, body }) = within(rows.next()).await? {
        let trace_id = TraceId::from_bytes(&trace_id).map_err(failed)?;
        // Rows of a trace stand together.
        if let Some(read) = reading.take_if(|reading| reading.trace_id() != trace_id) {
            traces.extend(read.trace());
        }
        let reading = reading.get_or_insert_with(|| Reading::new(scope, trace_id));
        if !reading.has_room() {
            continue;
        }
        let resource = match senders.get(&resource) {
            Some(known) => known.clone(),
            None => {
                let decoded = Arc::new(Resource::decode(resource.clone()).map_err(failed)?);
                senders.entry(resource).or_insert(decoded).clone()
            }
        };
        all_bytes += reading.take(&resource, &sent_by, vec![body]);
        if all_bytes > MAX_BYTES_PER_BATCH {
            return Err(too_large());
        }
    }
    traces.extend(reading.and_then(Reading::trace));
    Ok(traces)
}
