//! Tenants with late spans: spans of times that were evaluated already.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use parking_lot::Mutex;

/// The earliest bucket of each tenant, by number, that requests were added to.
pub(crate) type Touched = HashMap<u32, i64>;

/// Told by the writer, asked by the evaluator: until when all is evaluated, Unix seconds, and who had spans of before.
#[derive(Debug, Clone, Default)]
pub(crate) struct LateTenants(Arc<Mutex<(i64, HashSet<u32>)>>);

impl LateTenants {
    /// What a transaction brought. To be told after its commit: told before, the evaluator could read without it and never again.
    pub(crate) fn record(&self, touched: Touched) {
        let (until, tenants) = &mut *self.0.lock();
        tenants.extend(touched.into_iter().filter(|(_, bucket)| bucket < until).map(|(tenant, _)| tenant));
    }

    /// The tenants that had late spans since the last call. Sums before `until` are about to be read.
    pub(crate) fn take(&self, until: i64) -> HashSet<u32> {
        std::mem::replace(&mut *self.0.lock(), (until, HashSet::new())).1
    }

    /// Puts tenants back whose late spans were not read.
    pub(crate) fn put_back(&self, tenants: HashSet<u32>) {
        self.0.lock().1.extend(tenants);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_committed_after_the_evaluator_looked_is_late() {
        let late = LateTenants::default();
        // Gathered before anything was evaluated, committed after.
        let (old, new) = (Touched::from([(1, 300)]), Touched::from([(2, 600)]));
        assert!(late.take(600).is_empty());
        late.record(old);
        late.record(new);
        assert_eq!(late.take(600), HashSet::from([1]));
        assert!(late.take(600).is_empty(), "told once");
    }
}
