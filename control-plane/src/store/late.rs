//! Which tenants had spans of times that were evaluated already.

use std::{
    collections::HashSet,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicI64, Ordering},
    },
};

/// Told by the writer, asked by the evaluator.
#[derive(Debug, Clone, Default)]
pub(super) struct Late(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    /// What was before is evaluated; Unix seconds.
    until: AtomicI64,
    tenants: Mutex<HashSet<u32>>,
}

impl Late {
    /// A tenant has a span in this bucket.
    pub(super) fn note(&self, bucket: i64, tenant: u32) {
        if bucket < self.0.until.load(Ordering::Acquire) {
            self.0.tenants.lock().unwrap_or_else(PoisonError::into_inner).insert(tenant);
        }
    }

    /// Who had late spans since; what is before `until` is about to be read.
    pub(super) fn take(&self, until: i64) -> HashSet<u32> {
        self.0.until.store(until, Ordering::Release);
        std::mem::take(&mut self.0.tenants.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
