//! The one writer: group commit on a thread of its own, and housekeeping while nobody waits.

use std::{
    path::Path,
    thread,
    time::{Duration, Instant},
};

use control_plane_model::{
    complain::complain,
    incoming::Incoming,
    log_records::{IncomingLog, StoredLogs},
    metrics::{IncomingPoints, StoredPoints},
    store::{IngestOutcome, StoreError},
};
use rusqlite::{Connection, TransactionBehavior};
use tokio::sync::oneshot;

use crate::{
    failure::Failure,
    fragment::Compressed,
    housekeeping,
    ingest::Ingest,
    ingest_batch::{Added, IngestBatch},
    late::LateTenants,
    lock::Lock,
    queue::{Job, Queue, Waiting, ended},
    removal::Retention,
    schema, states,
};

/// Between two steps of housekeeping while work comes without a pause: as long as there is more to be done, and else.
const HOUSEKEEPING_EVERY: [Duration; 2] = [Duration::from_millis(50), Duration::from_millis(500)];
/// Between two looks at whether there is something to do, when nothing comes.
const IDLE: Duration = Duration::from_secs(10);

/// A handle to the writer; it ends with the last handle.
#[derive(Debug, Clone)]
pub(crate) struct Writer {
    queue: Queue,
    late: LateTenants,
}

impl Writer {
    /// Opens the database file and starts the writer.
    pub(crate) fn start(path: &Path, retention: Retention) -> Result<Self, StoreError> {
        let lock = Lock::take(&path.with_extension("lock"))?;
        let connection = schema::open_writer(path).map_err(Failure::from)?;
        states::name(&connection, path).map_err(Failure::from)?;
        let late = LateTenants::default();
        let ingest = Ingest::load(&connection)?;
        let (queue, waiting) = Queue::new();
        let to_tell = late.clone();
        let writes = move || {
            run(connection, ingest, waiting, &retention, &to_tell);
            drop(lock);
        };
        thread::Builder::new().name("span-writer".into()).spawn(writes).map_err(Failure::from)?;
        Ok(Self { queue, late })
    }

    /// Stores spans; `Ok` means they are durable. A span that is there already stays as it is.
    pub(crate) async fn store(&self, traces: Vec<Incoming>) -> Result<IngestOutcome, StoreError> {
        let spans = traces.iter().flat_map(|trace| &trace.parts).map(|part| part.spans.len()).sum();
        let traces = traces.into_iter().map(Compressed::from).collect();
        let Added { new, beyond } = self.commit(IngestBatch::Spans(traces), spans).await?;
        Ok(IngestOutcome { spans: new, beyond })
    }

    /// Stores points.
    pub(crate) async fn store_points(&self, points: Vec<IncomingPoints>) -> Result<StoredPoints, StoreError> {
        let items = points.iter().map(|of_stream| of_stream.points.len()).sum();
        let Added { new, beyond } = self.commit(IngestBatch::Points(points), items).await?;
        Ok(StoredPoints { new, forgotten: beyond })
    }

    /// Stores log records.
    pub(crate) async fn store_logs(&self, logs: Vec<IncomingLog>) -> Result<StoredLogs, StoreError> {
        let items = logs.len();
        let Added { new, beyond } = self.commit(IngestBatch::Logs(logs), items).await?;
        Ok(StoredLogs { new, beyond })
    }

    async fn commit(&self, brought: IngestBatch, items: usize) -> Result<Added, StoreError> {
        let (done, outcome) = oneshot::channel();
        self.queue.try_store(Job { brought, items, done })?;
        let (outcome, _brought) = outcome.await.map_err(|_| ended())?;
        outcome
    }

    /// Writes what nobody sent; `Ok` means that it is durable.
    pub(crate) async fn write<T: Send + 'static>(
        &self,
        write: impl FnOnce(&mut Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (done, outcome) = oneshot::channel();
        let write = Box::new(move |connection: &mut Connection| {
            // Whoever asked may have gone.
            let _gone = done.send(write(connection));
        });
        self.queue.write(write).await?;
        outcome.await.map_err(|_| ended())?.map_err(|error| Failure::from(error).into())
    }

    /// Tenants with late spans.
    pub(crate) fn late(&self) -> &LateTenants {
        &self.late
    }
}

fn run(
    mut connection: Connection,
    mut ingest: Ingest,
    mut waiting: Waiting,
    retention: &Retention,
    late: &LateTenants,
) {
    let mut kept_house = Instant::now();
    let mut has_more = true;
    // Where housekeeping has more to do, it goes on at once while nothing waits.
    while waiting.look(if has_more { Duration::ZERO } else { IDLE }) {
        if waiting.is_empty() || is_due(has_more, kept_house.elapsed()) {
            has_more = housekeeping::step(&mut connection, &mut ingest, retention, now()).unwrap_or_else(|error| {
                complain(format_args!("housekeeping: {}", StoreError::from(error)));
                false
            });
            kept_house = Instant::now();
        }
        while let Some(write) = waiting.other() {
            write(&mut connection);
        }
        let batch = waiting.batch();
        if batch.is_empty() {
            continue;
        }
        let outcome = commit(&mut connection, &mut ingest, &batch).map_err(StoreError::from);
        match &outcome {
            Ok(_) => late.record(ingest.take_touched()),
            // What memory holds may have been rolled back: begin again from what is on disk.
            Err(_) => match Ingest::load(&connection) {
                Ok(fresh) => ingest = fresh,
                Err(error) => complain(format_args!("the store cannot be read: {}", StoreError::from(error))),
            },
        }
        for (at, job) in batch.into_iter().enumerate() {
            let of_job = outcome.as_ref().map(|added| added[at]).map_err(Clone::clone);
            // Whoever asked may have gone.
            let _gone = job.done.send((of_job, job.brought));
        }
    }
}

/// Whether a step of housekeeping is due so long after the last, though work waits: what comes faster than it is removed would fill the
/// disk, so where there is more to be done, the next step comes soon.
fn is_due(has_more: bool, since: Duration) -> bool {
    let [busy, quiet] = HOUSEKEEPING_EVERY;
    since >= if has_more { busy } else { quiet }
}

fn commit(connection: &mut Connection, ingest: &mut Ingest, batch: &[Job]) -> Result<Vec<Added>, Failure> {
    let now = now();
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let mut added = Vec::with_capacity(batch.len());
    for job in batch {
        added.push(ingest.add(&transaction, &job.brought, now)?);
    }
    ingest.finish(&transaction, now)?;
    transaction.commit()?;
    Ok(added)
}

/// Unix seconds.
fn now() -> i64 {
    jiff::Timestamp::now().as_second()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn housekeeping_goes_on_soon_where_there_is_more_to_be_done() {
        let after = |ms| [true, false].map(|has_more| is_due(has_more, Duration::from_millis(ms)));
        assert_eq!([after(20), after(60), after(600)], [[false, false], [true, false], [true, true]]);
    }
}
