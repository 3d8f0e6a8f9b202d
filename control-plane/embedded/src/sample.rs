//! Traces as they were received, whole.

use std::{
    collections::{BinaryHeap, HashMap, hash_map::Entry},
    sync::Arc,
};

use control_plane_model::{
    sample::{SampleQuery, StoredPart, StoredTrace, place},
    store::{Scope, StoreError},
    trace::TraceId,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use prost::Message;
use rusqlite::Connection;

use crate::{
    failure::Failure,
    fragment::Fragment,
    reader::Reader,
    scan::{Counts, scan},
};

/// Traces that are handed on at a time.
const BATCH: usize = 256;

/// A trace of a sample, by its row.
type Taken = (i64, TraceId);

impl Reader {
    /// Which traces a sample has, in the order of their rows, and how many match.
    pub(crate) fn sampled(&self, scope: &Scope, query: &SampleQuery) -> Result<(Counts, Vec<Taken>), StoreError> {
        self.read(|connection| {
            let catalog = self.catalog(connection)?;
            // Those whose place is the lowest; the highest of them on top.
            let mut taken = BinaryHeap::new();
            let mut odd = None;
            let counts = scan(connection, &catalog, scope, &query.into(), "trace_id", |found| {
                match TraceId::from_bytes(found.wanted.as_blob().unwrap_or_default()) {
                    Ok(trace_id) => taken.push((place(trace_id), trace_id, found.row)),
                    Err(error) => odd = Some(error),
                }
                if taken.len() > query.limit {
                    taken.pop();
                }
            })?;
            if let Some(error) = odd {
                return Err(error.into());
            }
            let mut taken: Vec<Taken> = taken.into_iter().map(|(_, trace_id, row)| (row, trace_id)).collect();
            taken.sort_unstable();
            Ok((counts, taken))
        })
    }

    /// The traces in these rows, some at a time, until `found` wants no more. One that was removed meanwhile is passed over.
    pub(crate) fn stored_traces(
        &self,
        scope: &Scope,
        taken: &[Taken],
        mut found: impl FnMut(Vec<StoredTrace>) -> bool,
    ) -> Result<(), StoreError> {
        self.read(|connection| {
            let mut senders = Senders::default();
            for some in taken.chunks(BATCH) {
                let mut batch = Vec::with_capacity(some.len());
                for (row, trace_id) in some {
                    let parts = stored_parts(connection, &mut senders, *row)?;
                    batch.extend(StoredTrace { trace_id: *trace_id, parts }.seen_by(scope));
                }
                if !batch.is_empty() && !found(batch) {
                    break;
                }
            }
            Ok(())
        })
    }
}

/// The resources that were read, by their row.
#[derive(Default)]
struct Senders(HashMap<i64, Arc<Resource>>);

impl Senders {
    fn resource(&mut self, connection: &Connection, row: i64) -> Result<Arc<Resource>, Failure> {
        Ok(match self.0.entry(row) {
            Entry::Occupied(known) => known.get().clone(),
            Entry::Vacant(new) => {
                let mut select = connection.prepare_cached("SELECT body FROM resources WHERE id = ?1")?;
                let body: Vec<u8> = select.query_row([row], |row| row.get(0))?;
                new.insert(Arc::new(Resource::decode(body.as_slice())?)).clone()
            }
        })
    }
}

fn stored_parts(connection: &Connection, senders: &mut Senders, row: i64) -> Result<Vec<StoredPart>, Failure> {
    let mut select = connection.prepare_cached("SELECT body FROM fragments WHERE trace = ?1 ORDER BY id")?;
    let mut rows = select.query([row])?;
    let mut parts = Vec::new();
    while let Some(row) = rows.next()? {
        for part in Fragment::read(row.get_ref(0)?.as_blob().unwrap_or_default())?.parts {
            let resource = senders.resource(connection, part.resource)?;
            parts.push(StoredPart { resource, spans: part.bodies()? });
        }
    }
    Ok(parts)
}
