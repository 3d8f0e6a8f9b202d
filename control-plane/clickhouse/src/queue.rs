//! What many requests brought, in one insert.

use std::{
    hash::{BuildHasher, RandomState},
    sync::Arc,
    time::Duration,
};

use control_plane_model::{store::StoreError, trace::TraceId};
use serde::Serializer;
use tokio::{
    sync::{Semaphore, mpsc, oneshot},
    time::{Instant, timeout, timeout_at},
};

use crate::database::now_ns;

/// The most requests that may wait. One more is answered with 503.
const MAX_WAITING: usize = 128;
/// Inserts under way at a time: while one is made durable, the next is sent.
const INSERTS: usize = 2;
/// How long the first of an insert waits for more: each insert makes parts, which have to be merged again and again.
const LINGER: Duration = Duration::from_millis(20);
/// Rows in one insert, so that nobody waits for an endless one.
const MAX_ROWS_PER_INSERT: usize = 30_000;
/// Senders hear of what takes longer before they stop listening, which exporters do after ten seconds:
/// <https://opentelemetry.io/docs/specs/otel/protocol/exporter/>.
const MAX_WAIT: Duration = Duration::from_secs(8);
/// The part of a rank that tells servers apart, and leaves 65 µs for a batch.
const SALT: u64 = 0xffff;

/// What is inserted of requests.
pub(crate) trait Insert: Clone + Send + Sync + 'static {
    /// What one request brings.
    type Brought: Send + Sync + 'static;
    /// What came of that.
    type Outcome: Clone + Default + Send + 'static;

    /// How many rows it makes.
    fn rows(brought: &Self::Brought) -> usize;

    /// Inserts what several requests brought; what came of each. `stamp` is greater with each batch: nanoseconds since 1970, about.
    fn insert(
        &self,
        batch: &[Self::Brought],
        stamp: u64,
    ) -> impl Future<Output = Result<Vec<Self::Outcome>, StoreError>> + Send;
}

struct Job<I: Insert> {
    brought: I::Brought,
    done: oneshot::Sender<Result<I::Outcome, StoreError>>,
}

/// A handle to what waits for its insert; it ends with the last handle.
#[derive(Debug)]
pub(crate) struct Queue<I: Insert>(mpsc::Sender<Job<I>>);

impl<I: Insert> Clone for Queue<I> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<I: Insert> Queue<I> {
    /// Begins to insert, within a Tokio runtime.
    pub(crate) fn start(insert: I) -> Self {
        let (jobs, waiting) = mpsc::channel(MAX_WAITING);
        tokio::spawn(run(insert, waiting));
        Self(jobs)
    }

    /// Stores what a request brought; `Ok` means that it is durable.
    pub(crate) async fn store(&self, brought: I::Brought) -> Result<I::Outcome, StoreError> {
        let (done, outcome) = oneshot::channel();
        self.0.try_send(Job { brought, done }).map_err(|_| StoreError::Busy)?;
        let outcome = timeout(MAX_WAIT, outcome).await;
        let outcome = outcome.map_err(|_| StoreError::Failed(format!("not stored within {} s", MAX_WAIT.as_secs())))?;
        outcome.map_err(|_| StoreError::Failed("the writer ended".into()))?
    }
}

async fn run<I: Insert>(insert: I, mut waiting: mpsc::Receiver<Job<I>>) {
    let salt = RandomState::new().hash_one(0) & SALT;
    let inserts = Arc::new(Semaphore::new(INSERTS));
    let mut stamp = 0;
    while let Ok(one) = inserts.clone().acquire_owned().await
        && let Some(Job { brought, done }) = waiting.recv().await
    {
        // Whoever gave up waiting sends it again.
        if done.is_closed() {
            continue;
        }
        let mut rows = I::rows(&brought);
        let (mut batch, mut all_done) = (vec![brought], vec![done]);
        let until = Instant::now() + LINGER;
        while rows < MAX_ROWS_PER_INSERT
            && let Ok(Some(Job { brought, done })) = timeout_at(until, waiting.recv()).await
        {
            rows += I::rows(&brought);
            batch.push(brought);
            all_done.push(done);
        }
        stamp = (now_ns() & !SALT | salt).max(stamp + SALT + 1);
        let insert = insert.clone();
        tokio::spawn(async move {
            let outcome = insert.insert(&batch, stamp).await;
            for (index, done) in all_done.into_iter().enumerate() {
                let outcome = outcome.as_ref().map(|outcomes| outcomes.get(index).cloned().unwrap_or_default());
                // Whoever asked may have gone.
                let _gone = done.send(outcome.map_err(Clone::clone));
            }
            drop(one);
        });
    }
}

/// Of two rows that say the same, the one with the greater rank stays: the one that came first.
pub(crate) fn rank(stamp: u64) -> u64 {
    u64::MAX - stamp
}

/// When a batch came, Unix seconds.
pub(crate) fn received(stamp: u64) -> u32 {
    u32::try_from(stamp / 1_000_000_000).unwrap_or(u32::MAX)
}

/// An id as a table has it.
pub(crate) fn bytes(trace_id: TraceId) -> [u8; 16] {
    trace_id.as_bytes().try_into().unwrap_or_default()
}

/// Protobuf in a row.
pub(crate) fn raw<S: Serializer>(bytes: &&[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_bytes(bytes)
}
