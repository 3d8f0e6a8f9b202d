//! Which tenants are named: the busiest. The rest is counted as one, so that the number of a metric's points has a bound, however many
//! tenants there are.
//!
//! The Space-Saving algorithm: A. Metwally, D. Agrawal, A. El Abbadi, "Efficient Computation of Frequent and Top-k Elements in Data
//! Streams", ICDT 2005, <https://doi.org/10.1007/978-3-540-30570-5_27>. A newcomer takes the counter of who has the least, with its count as
//! a possible error; who ranks by what is sure (count less error) is really busy.

use std::{cmp::Reverse, sync::Arc};

/// Counters for each tenant that is named: who is not named yet needs one too, to become busy.
const COUNTERS_PER_NAME: usize = 4;
/// After so many observations all counts are halved: what counts is who is busy now.
const OBSERVATIONS: u32 = 10_000;

/// The busiest tenants of late. It holds a fixed number of counters.
#[derive(Debug)]
pub(super) struct Busiest {
    names: usize,
    counters: Vec<Counter>,
    observed: u32,
}

#[derive(Debug)]
struct Counter {
    tenant: Arc<str>,
    count: u32,
    /// At most so much of the count is of others, who had the counter before.
    error: u32,
}

impl Counter {
    fn sure(&self) -> u32 {
        self.count - self.error
    }
}

impl Busiest {
    /// At most `names` tenants are named at any time.
    pub(super) fn new(names: usize) -> Self {
        Self { names, counters: Vec::with_capacity(names * COUNTERS_PER_NAME), observed: 0 }
    }

    /// Counts a tenant once; whether it is one of the busiest.
    pub(super) fn observe(&mut self, tenant: &Arc<str>) -> bool {
        self.age();
        let Some(index) = self.count(tenant) else { return false };
        // Of two with the same count, who has had a counter for longer.
        let rank = |index: usize| (self.counters[index].sure(), Reverse(self.counters[index].error), Reverse(index));
        (0..self.counters.len()).filter(|other| rank(*other) > rank(index)).count() < self.names
    }

    /// The index of the tenant's counter, which has counted it.
    fn count(&mut self, tenant: &Arc<str>) -> Option<usize> {
        if let Some(index) = self.counters.iter().position(|counter| counter.tenant == *tenant) {
            self.counters[index].count += 1;
            return Some(index);
        }
        if self.counters.len() < self.names * COUNTERS_PER_NAME {
            self.counters.push(Counter { tenant: tenant.clone(), count: 1, error: 0 });
            return Some(self.counters.len() - 1);
        }
        let (index, least) = self.counters.iter_mut().enumerate().min_by_key(|(_, counter)| counter.count)?;
        *least = Counter { tenant: tenant.clone(), count: least.count + 1, error: least.count };
        Some(index)
    }

    fn age(&mut self) {
        self.observed += 1;
        if self.observed >= OBSERVATIONS {
            self.observed = 0;
            for counter in &mut self.counters {
                let sure = counter.sure() / 2;
                counter.error /= 2;
                counter.count = counter.error + sure;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(busiest: &mut Busiest, tenant: &str) -> bool {
        busiest.observe(&tenant.into())
    }

    #[test]
    fn the_busiest_are_named_and_no_more() {
        let mut busiest = Busiest::new(2);
        for round in 0..1_000 {
            for tenant in ["acme", "acme", "acme", "globex", "globex", "initech"] {
                named(&mut busiest, tenant);
            }
            // Many who come once.
            named(&mut busiest, &format!("passer-by-{round}"));
        }
        assert!(named(&mut busiest, "acme") && named(&mut busiest, "globex"));
        assert!(!named(&mut busiest, "initech") && !named(&mut busiest, "passer-by-1001"));
        assert_eq!(busiest.counters.len(), 2 * COUNTERS_PER_NAME);
    }

    #[test]
    fn few_tenants_are_all_named() {
        let mut busiest = Busiest::new(3);
        for _ in 0..10 {
            for tenant in ["a", "b", "c"] {
                assert!(named(&mut busiest, tenant), "{tenant}");
            }
        }
    }

    #[test]
    fn one_round_of_very_many_names_no_more_than_it_may() {
        let mut busiest = Busiest::new(5);
        let named = (0..5_000).filter(|tenant| named(&mut busiest, &format!("t{tenant}"))).count();
        assert_eq!(named, 5, "those that came first");
    }

    #[test]
    fn who_was_busy_long_ago_makes_room() {
        let mut busiest = Busiest::new(1);
        assert!((0..50_000).all(|_| named(&mut busiest, "acme")));
        let until = (0..50_000).position(|_| named(&mut busiest, "globex"));
        assert!(until.is_some_and(|until| until < 2 * OBSERVATIONS as usize), "{until:?}");
        assert!((0..10).all(|_| named(&mut busiest, "globex")));
        assert!(!named(&mut busiest, "acme"));
    }
}
