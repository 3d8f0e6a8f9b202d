//! Spans and log lines that were made outside any invocation, or after their invocation was exported: kept for the next export.

use std::collections::VecDeque;

use parking_lot::Mutex;

use super::work::OfWork;

/// How much is kept; beyond that the oldest goes.
const MAX_LATE: usize = 2_048;

/// Late spans, or late log lines.
#[derive(Debug)]
pub(super) struct Late<T>(Mutex<State<T>>);

#[derive(Debug)]
struct State<T> {
    items: VecDeque<OfWork<T>>,
    dropped: u64,
}

impl<T> Default for Late<T> {
    fn default() -> Self {
        Self(Mutex::new(State { items: VecDeque::new(), dropped: 0 }))
    }
}

impl<T> Late<T> {
    pub(super) fn extend(&self, items: impl IntoIterator<Item = OfWork<T>>) {
        let mut state = self.0.lock();
        state.items.extend(items);
        let excess = state.items.len().saturating_sub(MAX_LATE);
        state.items.drain(..excess);
        state.dropped += excess as u64;
    }

    pub(super) fn take(&self) -> Vec<OfWork<T>> {
        std::mem::take(&mut self.0.lock().items).into()
    }

    /// How many were dropped since the last call.
    pub(super) fn take_dropped(&self) -> u64 {
        std::mem::take(&mut self.0.lock().dropped)
    }
}
