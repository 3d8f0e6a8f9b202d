//! Spans and log lines that belong to no invocation under way: they were made outside any, after theirs was exported, or beyond what it keeps.

use opentelemetry_sdk::trace::SpanData;
use parking_lot::Mutex;
use tokio::sync::Notify;

use super::{
    queue::{Queue, Size},
    work::OfWork,
};

/// Late spans, or late log lines.
#[derive(Debug)]
pub(super) struct LateItems<T> {
    state: Mutex<State<T>>,
    enough: Notify,
}

#[derive(Debug)]
struct State<T> {
    items: Queue<OfWork<T>>,
    dropped: usize,
}

/// An item that is kept until it is sent.
pub(super) trait Buffered {
    /// How much is kept. Beyond that, the oldest items are dropped.
    const CAPACITY: Size;
    /// How much is sent without waiting for the end of an invocation.
    const FLUSH_AT: Size;

    fn size(&self) -> Size;
}

impl Buffered for SpanData {
    const CAPACITY: Size = Size::of(2_048);
    const FLUSH_AT: Size = Size::of(512);

    fn size(&self) -> Size {
        Size { count: 1, bytes: 0 }
    }
}

impl<T: Buffered> Default for LateItems<T> {
    fn default() -> Self {
        Self { state: Mutex::new(State { items: Queue::new(T::CAPACITY), dropped: 0 }), enough: Notify::new() }
    }
}

impl<T: Buffered> LateItems<T> {
    pub(super) fn extend(&self, items: impl IntoIterator<Item = OfWork<T>>) {
        let held = {
            let mut state = self.state.lock();
            for item in items {
                let size = item.item.size();
                state.dropped += state.items.push(item, size);
            }
            state.items.size()
        };
        if held.reaches(T::FLUSH_AT) {
            self.enough.notify_one();
        }
    }

    /// Waits until so much has gathered that it should be sent without waiting for an invocation.
    pub(super) async fn enough(&self) {
        self.enough.notified().await;
    }

    pub(super) fn take(&self) -> Vec<OfWork<T>> {
        self.state.lock().items.take_all()
    }

    /// How many were dropped since the last call.
    pub(super) fn take_dropped(&self) -> usize {
        std::mem::take(&mut self.state.lock().dropped)
    }
}
