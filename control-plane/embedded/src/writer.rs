//! The one writer: group commit on a thread of its own, and housekeeping while nobody waits.

use std::{
    path::Path,
    sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel},
    thread,
    time::{Duration, Instant},
};

use control_plane_model::{
    complain::complain,
    incoming::Incoming,
    log_records::IncomingLog,
    metrics::{IncomingPoints, StoredPoints},
    store::{StoreError, Stored},
};
use rusqlite::{Connection, TransactionBehavior};
use tokio::{sync::oneshot, task::spawn_blocking};

use crate::{
    brought::{Added, Brought},
    failure::Failure,
    fragment::Compressed,
    housekeeping,
    ingest::Ingest,
    late::Late,
    lock::Lock,
    removal::Retention,
    schema, states,
};

/// Requests that may wait; one more is told to come back.
const MAX_WAITING: usize = 128;
/// Spans, points and log records in one transaction, so that nobody waits for an endless one.
const MAX_PER_COMMIT: usize = 30_000;
/// Between two steps of housekeeping while spans come without a pause.
const HOUSEKEEPING_EVERY: Duration = Duration::from_millis(500);
/// Between two looks at whether there is something to do, when nothing comes.
const IDLE: Duration = Duration::from_secs(10);

/// What the writer is asked for.
enum Work {
    Store(Job),
    /// What is none of these, by itself.
    Other(Box<dyn FnOnce(&mut Connection) + Send>),
}

struct Job {
    brought: Brought,
    /// How many spans, points or log records.
    items: usize,
    done: oneshot::Sender<Answer>,
}

/// The outcome; and what was sent, so that whoever sent it frees it, and the writer goes on.
type Answer = (Result<Added, StoreError>, Brought);

/// A handle to the writer; it ends with the last handle.
#[derive(Debug, Clone)]
pub(crate) struct Writer {
    work: SyncSender<Work>,
    late: Late,
}

impl Writer {
    /// Opens the database file and starts the writer.
    pub(crate) fn start(path: &Path, retention: Retention) -> Result<Self, StoreError> {
        let lock = Lock::take(&path.with_extension("lock"))?;
        let connection = schema::open_writer(path).map_err(Failure::from)?;
        states::name(&connection, path).map_err(Failure::from)?;
        let late = Late::default();
        let ingest = Ingest::load(&connection)?;
        let (sender, receiver) = sync_channel(MAX_WAITING);
        let to_tell = late.clone();
        let writes = move || {
            run(connection, ingest, receiver, &retention, &to_tell);
            drop(lock);
        };
        thread::Builder::new().name("span-writer".into()).spawn(writes).map_err(Failure::from)?;
        Ok(Self { work: sender, late })
    }

    /// Stores spans; `Ok` means they are durable. A span that is there already stays as it is.
    pub(crate) async fn store(&self, traces: Vec<Incoming>) -> Result<Stored, StoreError> {
        let spans = traces.iter().flat_map(|trace| &trace.parts).map(|part| part.spans.len()).sum();
        let traces = traces.into_iter().map(Compressed::from).collect();
        let Added { new, beyond } = self.commit(Brought::Spans(traces), spans).await?;
        Ok(Stored { spans: new, beyond })
    }

    /// The same with points.
    pub(crate) async fn store_points(&self, points: Vec<IncomingPoints>) -> Result<StoredPoints, StoreError> {
        let items = points.iter().map(|of_stream| of_stream.points.len()).sum();
        let Added { new, beyond } = self.commit(Brought::Points(points), items).await?;
        Ok(StoredPoints { new, forgotten: beyond })
    }

    /// The same with log records.
    pub(crate) async fn store_logs(&self, logs: Vec<IncomingLog>) -> Result<usize, StoreError> {
        let items = logs.len();
        Ok(self.commit(Brought::Logs(logs), items).await?.new)
    }

    async fn commit(&self, brought: Brought, items: usize) -> Result<Added, StoreError> {
        let (done, outcome) = oneshot::channel();
        self.work.try_send(Work::Store(Job { brought, items, done })).map_err(|_| StoreError::Busy)?;
        let (outcome, _brought) = outcome.await.map_err(|_| StoreError::Failed("the writer ended".into()))?;
        outcome
    }

    /// Writes what nobody sent; `Ok` means that it is durable.
    pub(crate) async fn write<T: Send + 'static>(
        &self,
        write: impl FnOnce(&mut Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (done, outcome) = oneshot::channel();
        let work = Work::Other(Box::new(move |connection| {
            // Whoever asked may have gone.
            let _gone = done.send(write(connection));
        }));
        let sender = self.work.clone();
        // It waits for its turn on a thread that may.
        let sent = spawn_blocking(move || sender.send(work)).await;
        let ended = || StoreError::Failed("the writer ended".into());
        let outcome = sent.is_ok_and(|sent| sent.is_ok()).then_some(outcome).ok_or_else(ended)?;
        outcome.await.map_err(|_| ended())?.map_err(|error| Failure::from(error).into())
    }

    /// Who had late spans.
    pub(crate) fn late(&self) -> &Late {
        &self.late
    }
}

fn run(mut connection: Connection, mut ingest: Ingest, work: Receiver<Work>, retention: &Retention, late: &Late) {
    let mut kept_house = Instant::now();
    // How long to wait for work before looking after the house: not at all while there is something to do.
    let mut patience = Duration::ZERO;
    let mut next = None;
    loop {
        let first = match next.take().map_or_else(|| work.recv_timeout(patience), Ok) {
            Ok(first) => Some(first),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => return,
        };
        if first.is_none() || kept_house.elapsed() >= HOUSEKEEPING_EVERY {
            kept_house = Instant::now();
            patience = match housekeeping::step(&mut connection, &mut ingest, retention, now()) {
                Ok(true) => Duration::ZERO,
                Ok(false) => IDLE,
                Err(error) => {
                    complain(format_args!("housekeeping: {}", StoreError::from(error)));
                    IDLE
                }
            };
        }
        match first {
            None => {}
            Some(Work::Other(write)) => write(&mut connection),
            Some(Work::Store(first)) => {
                let mut items = first.items;
                let mut batch = vec![first];
                while next.is_none()
                    && items < MAX_PER_COMMIT
                    && let Ok(more) = work.try_recv()
                {
                    match more {
                        Work::Store(job) => {
                            items += job.items;
                            batch.push(job);
                        }
                        other => next = Some(other),
                    }
                }
                let outcome = commit(&mut connection, &mut ingest, &batch).map_err(StoreError::from);
                match &outcome {
                    Ok(_) => late.note(ingest.take_touched()),
                    // What memory holds may have been rolled back: begin again from what is on disk.
                    Err(_) => match Ingest::load(&connection) {
                        Ok(fresh) => ingest = fresh,
                        Err(error) => {
                            complain(format_args!("the store cannot be read: {}", StoreError::from(error)));
                        }
                    },
                }
                for (at, job) in batch.into_iter().enumerate() {
                    let of_job = outcome.as_ref().map(|added| added[at]).map_err(Clone::clone);
                    // Whoever asked may have gone.
                    let _gone = job.done.send((of_job, job.brought));
                }
            }
        }
    }
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
