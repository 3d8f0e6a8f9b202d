//! Traces as they were received, whole.

use std::collections::BinaryHeap;

use crate::{
    failure::Failure,
    fragment::Fragment,
    fragments::fragments_of,
    reader::{Asker, Reader, row_of},
    scan::{Counts, scan},
    senders::Senders,
    window::TraceColumns,
};
use control_plane_model::{
    sample::{MAX_BYTES_PER_BATCH, Reading, SampleQuery, StoredTrace, batches, place, too_large},
    store::{Scope, StoreError},
    trace::TraceId,
};

/// Traces that are handed on at a time.
const BATCH: usize = 256;

/// A trace of a sample.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct SampledTrace {
    row: i64,
    trace_id: TraceId,
    /// How many it had when it was found.
    spans: usize,
}

impl Reader {
    /// Which traces a sample has, in the order of their rows, and how many match.
    pub(crate) fn sampled(
        &self,
        asker: &Asker,
        scope: &Scope,
        query: &SampleQuery,
    ) -> Result<(Counts, Vec<SampledTrace>), StoreError> {
        self.read(|connection| {
            let catalog = self.catalog(connection)?;
            // The traces with the lowest places, the highest of them on top of the heap.
            let mut taken = BinaryHeap::new();
            let wanted = TraceColumns { trace_id: true, spans: true, ..TraceColumns::default() };
            let counts = scan((self, asker), connection, &catalog, scope, &query.into(), wanted, |found| {
                let trace = |trace_id| (place(trace_id), trace_id, found.row, found.spans);
                taken.extend(found.trace_id.map(trace));
                if taken.len() > query.limit {
                    taken.pop();
                }
            })?;
            let trace = |(_, trace_id, row, spans)| SampledTrace { row, trace_id, spans };
            let mut taken: Vec<SampledTrace> = taken.into_iter().map(trace).collect();
            taken.sort_unstable();
            Ok((counts, taken))
        })
    }

    /// Those of these traces that exist, with the spans that the scope may see.
    pub(crate) fn traces_as_stored(
        &self,
        scope: &Scope,
        trace_ids: &[TraceId],
    ) -> Result<Vec<StoredTrace>, StoreError> {
        let mut taken = self.read(|connection| {
            let taken = trace_ids.iter().map(|trace_id| {
                let row = row_of(connection, *trace_id)?;
                Ok(row.map(|row| SampledTrace { row, trace_id: *trace_id, spans: 0 }))
            });
            let mut taken = taken.filter_map(Result::transpose).collect::<Result<Vec<_>, Failure>>()?;
            // Fragments are looked for in the order of rows.
            taken.sort_unstable();
            taken.dedup();
            Ok(taken)
        })?;
        // They are read in the order of their rows, whatever the order of their ids.
        taken.sort_unstable();
        let mut stored = Vec::new();
        self.stored_traces(scope, &taken, |traces| {
            stored.extend(traces);
            true
        })?;
        Ok(stored)
    }

    /// The traces in these rows, some at a time, until `found` wants no more. One that was removed meanwhile is passed over.
    pub(crate) fn stored_traces(
        &self,
        scope: &Scope,
        taken: &[SampledTrace],
        mut found: impl FnMut(Vec<StoredTrace>) -> bool,
    ) -> Result<(), StoreError> {
        self.read(|connection| {
            let mut senders = Senders::default();
            for some in batches(taken, BATCH, |trace| trace.spans) {
                let rows: Vec<i64> = some.iter().map(|trace| trace.row).collect();
                let mut all_bytes = 0;
                let mut read: Vec<_> = some.iter().map(|trace| Reading::new(scope, trace.trace_id)).collect();
                fragments_of(connection, &rows, |place, body| {
                    let Some(reading) = read.get_mut(place).filter(|reading| reading.has_room()) else {
                        return Ok(());
                    };
                    for part in Fragment::read(body)?.parts {
                        let resource = senders.resource(connection, part.resource)?;
                        let (scope, spans) = part.bodies()?;
                        all_bytes += reading.take(&resource, &scope, spans);
                    }
                    if all_bytes > MAX_BYTES_PER_BATCH {
                        return Err(too_large().into());
                    }
                    Ok(())
                })?;
                let batch: Vec<_> = read.into_iter().filter_map(Reading::trace).collect();
                if !batch.is_empty() && !found(batch) {
                    break;
                }
            }
            Ok(())
        })
    }
}
