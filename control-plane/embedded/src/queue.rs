//! What waits for the writer: each signal has a queue of its own, so that a flood of one turns nothing of another away.

use std::{
    collections::VecDeque,
    sync::{
        Arc,
        mpsc::{Receiver, RecvTimeoutError, Sender, channel},
    },
    time::Duration,
};

use control_plane_model::store::StoreError;
use rusqlite::Connection;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use crate::ingest_batch::{Added, IngestBatch};

/// Requests of one signal that may wait, and writes of the control plane itself.
const MAX_WAITING: usize = 128;
/// Places that a request takes by itself, and one more for so many spans, points or log records: fewer may wait where they are large.
const PLACES: usize = 8;
const ITEMS_PER_PLACE: usize = 1_000;
/// Spans, points and log records in one commit, so that nobody waits for an endless one.
const MAX_PER_COMMIT: usize = 30_000;
/// How many queues there are: one for each kind of [`IngestBatch`].
const SIGNALS: usize = 3;

/// What a request brought, to be committed with others.
pub(crate) struct Job {
    pub(crate) brought: IngestBatch,
    /// How many spans, points or log records.
    pub(crate) items: usize,
    pub(crate) done: oneshot::Sender<Answer>,
}

/// The outcome; and what was sent, so that whoever sent it frees it, and the writer goes on.
pub(crate) type Answer = (Result<Added, StoreError>, IngestBatch);

/// What is written by itself.
pub(crate) type Write = Box<dyn FnOnce(&mut Connection) + Send>;

enum Work {
    Store(Job),
    Other(Write),
}

/// A place in a queue, taken until the writer begins with the work.
type Place = OwnedSemaphorePermit;

/// Where work is left; the writer ends with the last of these.
#[derive(Debug, Clone)]
pub(crate) struct Queue {
    work: Sender<(Work, Place)>,
    signals: [Arc<Semaphore>; SIGNALS],
    others: Arc<Semaphore>,
}

impl Queue {
    /// An empty queue.
    pub(crate) fn new() -> (Self, Waiting) {
        let places = || Arc::new(Semaphore::new(MAX_WAITING * PLACES));
        let (work, incoming) = channel();
        let signals = [places(), places(), places()];
        (Self { work, signals, others: Arc::new(Semaphore::new(MAX_WAITING)) }, Waiting::new(incoming))
    }

    /// Leaves what a request brought; [`StoreError::Busy`] where as many requests of its signal wait as may.
    pub(crate) fn try_store(&self, job: Job) -> Result<(), StoreError> {
        let places = self.signals[job.brought.signal()].clone();
        let wanted = (PLACES + job.items / ITEMS_PER_PLACE).min(MAX_WAITING * PLACES);
        let wanted = u32::try_from(wanted).unwrap_or(u32::MAX);
        let place = places.try_acquire_many_owned(wanted).map_err(|_| StoreError::Busy)?;
        self.work.send((Work::Store(job), place)).map_err(|_| ended())
    }

    /// Leaves what is written by itself, once there is a place.
    pub(crate) async fn write(&self, write: Write) -> Result<(), StoreError> {
        let place = self.others.clone().acquire_owned().await.map_err(|_| ended())?;
        self.work.send((Work::Other(write), place)).map_err(|_| ended())
    }
}

/// No answer comes any more.
pub(crate) fn ended() -> StoreError {
    StoreError::Failed("the writer ended".into())
}

/// The writer's side: what waits, by signal, in the order in which it came.
pub(crate) struct Waiting {
    incoming: Receiver<(Work, Place)>,
    signals: [VecDeque<(Job, Place)>; SIGNALS],
    others: VecDeque<(Write, Place)>,
}

impl Waiting {
    fn new(incoming: Receiver<(Work, Place)>) -> Self {
        Self { incoming, signals: Default::default(), others: VecDeque::new() }
    }

    /// Looks for work and waits at most `patience` if there is none. Returns whether any may still come.
    pub(crate) fn look(&mut self, patience: Duration) -> bool {
        if self.is_empty() {
            match self.incoming.recv_timeout(patience) {
                Ok(work) => self.push(work),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return false,
            }
        }
        while let Ok(work) = self.incoming.try_recv() {
            self.push(work);
        }
        true
    }

    fn push(&mut self, (work, place): (Work, Place)) {
        match work {
            Work::Store(job) => self.signals[job.brought.signal()].push_back((job, place)),
            Work::Other(write) => self.others.push_back((write, place)),
        }
    }

    /// Whether nothing waits.
    pub(crate) fn is_empty(&self) -> bool {
        self.others.is_empty() && self.signals.iter().all(VecDeque::is_empty)
    }

    /// What is to be written by itself next.
    pub(crate) fn other(&mut self) -> Option<Write> {
        self.others.pop_front().map(|(write, _)| write)
    }

    /// What is to be committed next, at least one request of each signal that waits; besides, always one of the signal that the batch has the
    /// fewest items of, so that small requests do not wait for large ones.
    pub(crate) fn batch(&mut self) -> Vec<Job> {
        let mut batch = Vec::new();
        let (mut items, mut requests) = ([0; SIGNALS], [0; SIGNALS]);
        loop {
            let has_room = items.iter().sum::<usize>() < MAX_PER_COMMIT;
            let signals = (0..SIGNALS).filter(|signal| has_room || requests[*signal] == 0);
            let waiting = signals.filter(|signal| !self.signals[*signal].is_empty());
            let Some(signal) = waiting.min_by_key(|signal| items[*signal]) else { return batch };
            if let Some((job, _)) = self.signals[signal].pop_front() {
                items[signal] += job.items;
                requests[signal] += 1;
                batch.push(job);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(brought: IngestBatch, items: usize) -> Job {
        Job { brought, items, done: oneshot::channel().0 }
    }

    fn points(items: usize) -> Job {
        job(IngestBatch::Points(Vec::new()), items)
    }

    /// What a batch has, by signal.
    fn signals(batch: &[Job]) -> Vec<usize> {
        batch.iter().map(|job| job.brought.signal()).collect()
    }

    #[test]
    fn a_flood_of_one_signal_turns_nothing_of_another_away() {
        let (queue, mut waiting) = Queue::new();
        for _ in 0..MAX_WAITING {
            queue.try_store(points(900)).unwrap();
        }
        assert!(matches!(queue.try_store(points(1)), Err(StoreError::Busy)));
        queue.try_store(job(IngestBatch::Logs(Vec::new()), 500)).unwrap();
        queue.try_store(job(IngestBatch::Spans(Vec::new()), 100)).unwrap();
        assert!(waiting.look(Duration::ZERO));
        let turned_away = queue.try_store(points(1));
        assert!(matches!(turned_away, Err(StoreError::Busy)), "what the writer has not begun with keeps its place");
        let batch = signals(&waiting.batch());
        assert_eq!(batch[..3], [0, 1, 2], "nor does what came last wait for all of it");
        assert_eq!(batch.len(), 2 + 33, "a commit has an end");
        queue.try_store(points(1)).unwrap();
    }

    #[test]
    fn small_requests_do_not_wait_for_large_ones() {
        let (queue, mut waiting) = Queue::new();
        for _ in 0..60 {
            queue.try_store(points(8_192)).unwrap();
        }
        for _ in 0..MAX_WAITING {
            queue.try_store(job(IngestBatch::Spans(Vec::new()), 10)).unwrap();
        }
        assert!(waiting.look(Duration::ZERO));
        let batch = signals(&waiting.batch());
        assert_eq!(batch.iter().filter(|signal| **signal == 0).count(), MAX_WAITING);
        let none_is_too_large = job(IngestBatch::Spans(Vec::new()), 600_000_000);
        queue.try_store(none_is_too_large).unwrap();
        queue.try_store(points(500_000)).unwrap_err();
        waiting.look(Duration::ZERO);
        assert_eq!(signals(&waiting.batch()), [0, 1], "each has its turn");
    }

    #[test]
    fn small_requests_are_committed_together_in_the_order_in_which_they_came() {
        let (queue, mut waiting) = Queue::new();
        for items in [10, 20, 30] {
            queue.try_store(points(items)).unwrap();
        }
        assert!(waiting.look(Duration::ZERO) && !waiting.is_empty());
        assert_eq!(waiting.batch().iter().map(|job| job.items).collect::<Vec<_>>(), [10, 20, 30]);
        assert!(waiting.is_empty() && waiting.batch().is_empty());
    }

    #[test]
    fn what_was_left_before_the_last_handle_went_is_still_done() {
        let (queue, mut waiting) = Queue::new();
        queue.try_store(points(1)).unwrap();
        drop(queue);
        assert!(waiting.look(Duration::ZERO));
        assert_eq!(waiting.batch().len(), 1);
        assert!(!waiting.look(Duration::ZERO));
    }
}
