//! What was told outside any invocation, or after its invocation was exported: kept for the next export.

use std::collections::VecDeque;

use parking_lot::Mutex;

use super::work::Told;

/// How much is kept; beyond that the oldest goes.
const MAX_LATE: usize = 2_048;

/// Late spans, or late log lines.
#[derive(Debug)]
pub(super) struct Late<T>(Mutex<Kept<T>>);

#[derive(Debug)]
struct Kept<T> {
    told: VecDeque<Told<T>>,
    dropped: u64,
}

impl<T> Default for Late<T> {
    fn default() -> Self {
        Self(Mutex::new(Kept { told: VecDeque::new(), dropped: 0 }))
    }
}

impl<T> Late<T> {
    pub(super) fn extend(&self, told: impl IntoIterator<Item = Told<T>>) {
        let mut kept = self.0.lock();
        kept.told.extend(told);
        let excess = kept.told.len().saturating_sub(MAX_LATE);
        kept.told.drain(..excess);
        kept.dropped += excess as u64;
    }

    pub(super) fn take(&self) -> Vec<Told<T>> {
        std::mem::take(&mut self.0.lock().told).into()
    }

    /// How many were dropped since the last call.
    pub(super) fn take_dropped(&self) -> u64 {
        std::mem::take(&mut self.0.lock().dropped)
    }
}
