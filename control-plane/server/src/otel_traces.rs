//! What comes by the Collector's ClickHouse exporter: stored as if it had been sent here, but for keys, which its database checks.

use control_plane_model::{
    complain::complain,
    store::{SpanStore, StoreError},
};
use control_plane_otel_traces::{Block, OtelTraces};

use crate::intake::by_trace;

/// Stores what has been written since. A block that cannot be stored holds up none of the others, and is tried again.
pub(crate) async fn import(from: &OtelTraces, spans: &dyn SpanStore) -> Result<(), StoreError> {
    for block in from.blocks().await? {
        if let Err(error) = store(from, &block, spans).await {
            complain(format_args!("spans of otel_traces not stored: {error}"));
        }
    }
    Ok(())
}

async fn store(from: &OtelTraces, block: &Block, spans: &dyn SpanStore) -> Result<(), StoreError> {
    let mut requests = from.requests(block)?;
    while let Some(request) = requests.next().await? {
        let (traces, rejected) = by_trace(request, None, jiff::Timestamp::now().as_second());
        if rejected.count > 0 {
            complain(format_args!("{} spans of otel_traces not stored: {}", rejected.count, rejected.reasons()));
        }
        spans.write(traces).await?;
    }
    from.done(block).await
}
