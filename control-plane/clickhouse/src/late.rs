//! Whose past changed since: told by what makes the sums, asked by the evaluator, both of the one leader.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use parking_lot::Mutex;

/// The earliest request of each tenant, Unix seconds; `None` is nobody.
pub(crate) type Touched = BTreeMap<Option<String>, i64>;

#[derive(Debug, Clone, Default)]
pub(crate) struct Late(Arc<Mutex<(i64, BTreeSet<Option<String>>)>>);

impl Late {
    /// Sums that can be read now.
    pub(crate) fn note(&self, touched: Touched) {
        let (until, tenants) = &mut *self.0.lock();
        tenants.extend(touched.into_iter().filter(|(_, earliest)| earliest < until).map(|(tenant, _)| tenant));
    }

    /// Who had late spans since; what is before `until` is about to be read.
    pub(crate) fn take(&self, until: i64) -> BTreeSet<Option<String>> {
        let mut late = self.0.lock();
        late.0 = until;
        std::mem::take(&mut late.1)
    }
}
