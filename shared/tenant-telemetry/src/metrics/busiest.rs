//! Which tenants are named: those that are surely among the busiest. The rest is counted as one, so that a metric has few points, however
//! many tenants there are, and few series, however many sandboxes count.
//!
//! Tenants are counted by the Space-Saving algorithm: A. Metwally, D. Agrawal, A. El Abbadi, "Efficient Computation of Frequent and Top-k
//! Elements in Data Streams", ICDT 2005, <https://doi.org/10.1007/978-3-540-30570-5_27>. A newcomer takes the counter of who has the least,
//! with its count as a possible error.
//!
//! Each sandbox counts by itself, and a new one has seen few requests: whoever came first or had luck would seem busy in one of them, and
//! so, over many sandboxes, nearly everybody would be named. So a tenant is named only where chance does not explain that it has more
//! requests than the one that comes after the last name.

use std::{collections::HashMap, sync::Arc};

/// Counters for each tenant that may be named: to become busy, a tenant needs one before. The more there are, the smaller are their errors.
const COUNTERS_PER_NAME: usize = 8;
/// Tenants are ranked after every so many observations.
const RANKED_EVERY: u32 = 20;
/// After so many observations all counts are halved: what counts is who is busy now.
const HALVED_AFTER: u32 = 10_000;
/// By how much the square root of a tenant's count must be greater. The square root of a count of independent requests has a standard
/// deviation of one half, whatever the count (M. S. Bartlett, "The Square Root Transformation in Analysis of Variance", 1936), and so the
/// difference of two has one of 0.71: this is 2.8 times that.
const MARGIN: f64 = 2.0;

/// The busiest tenants of late. It holds a fixed number of counters.
#[derive(Debug)]
pub(super) struct Busiest {
    names: usize,
    counters: Vec<Counter>,
    /// Where the counter of a tenant is.
    places: HashMap<Arc<str>, usize>,
    observed: u32,
}

#[derive(Debug)]
struct Counter {
    tenant: Arc<str>,
    count: u32,
    /// At most so much of the count is of others, who had the counter before.
    error: u32,
    named: bool,
}

impl Counter {
    fn sure(&self) -> u32 {
        self.count - self.error
    }
}

impl Busiest {
    /// At most `names` tenants are named at any time.
    pub(super) fn new(names: usize) -> Self {
        Self { names, counters: Vec::new(), places: HashMap::new(), observed: 0 }
    }

    /// Counts a tenant once; whether it is surely one of the busiest.
    pub(super) fn observe(&mut self, tenant: &Arc<str>) -> bool {
        let place = self.count(tenant);
        self.observed += 1;
        if self.observed.is_multiple_of(RANKED_EVERY) {
            self.rank();
        }
        if self.observed >= HALVED_AFTER {
            self.observed = 0;
            self.halve();
        }
        place.and_then(|place| self.counters.get(place)).is_some_and(|counter| counter.named)
    }

    /// Where the tenant's counter is, which has counted it.
    fn count(&mut self, tenant: &Arc<str>) -> Option<usize> {
        if let Some(place) = self.places.get(tenant) {
            self.counters.get_mut(*place)?.count += 1;
            return Some(*place);
        }
        let place = if self.counters.len() < self.names * COUNTERS_PER_NAME {
            self.counters.push(Counter { tenant: tenant.clone(), count: 1, error: 0, named: false });
            self.counters.len() - 1
        } else {
            let (place, least) = self.counters.iter_mut().enumerate().min_by_key(|(_, counter)| counter.count)?;
            self.places.remove(&least.tenant);
            *least = Counter { tenant: tenant.clone(), count: least.count + 1, error: least.count, named: false };
            place
        };
        self.places.insert(tenant.clone(), place);
        Some(place)
    }

    /// Names who surely has more than the one after the last name. Who is named stays so for as long as it has more.
    fn rank(&mut self) {
        let mut counts: Vec<u32> = self.counters.iter().map(|counter| counter.count).collect();
        let after_the_last = if counts.len() > self.names {
            *counts.select_nth_unstable_by(self.names, |one, other| other.cmp(one)).1
        } else {
            0
        };
        for counter in &mut self.counters {
            let sure = counter.sure();
            let surely = f64::from(sure).sqrt() - f64::from(after_the_last).sqrt() >= MARGIN;
            counter.named = surely || (counter.named && sure > after_the_last);
        }
    }

    fn halve(&mut self) {
        for counter in &mut self.counters {
            let sure = counter.sure() / 2;
            counter.error /= 2;
            counter.count = counter.error + sure;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn named(busiest: &mut Busiest, tenant: &str) -> bool {
        busiest.observe(&tenant.into())
    }

    /// Requests of very many tenants, of whom each has half as many as the one of half its rank (Zipf's law).
    struct Requests {
        cumulative: Vec<f64>,
        state: u64,
    }

    impl Requests {
        fn of(tenants: u32) -> Self {
            let shares = (1..=tenants).scan(0.0, |sum, rank| {
                *sum += 1.0 / f64::from(rank);
                Some(*sum)
            });
            Self { cumulative: shares.collect(), state: 7 }
        }

        /// The rank of the tenant that comes next, by the generator SplitMix64 (<https://prng.di.unimi.it/splitmix64.c>).
        fn next(&mut self) -> usize {
            self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mixed = (self.state ^ (self.state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            let uniform = ((mixed ^ (mixed >> 31)) >> 11) as f64 / (1_u64 << 53) as f64;
            let at = uniform * self.cumulative.last().unwrap();
            self.cumulative.partition_point(|sum| *sum < at) + 1
        }
    }

    #[test]
    fn however_many_sandboxes_count_they_name_few_tenants_between_them_and_those_are_busy() {
        const NAMES: usize = 20;
        let mut requests = Requests::of(5_000);
        let tenants: Vec<Arc<str>> = (0..=5_000).map(|rank| format!("t{rank}").into()).collect();
        let mut ranks = BTreeSet::new();
        for sandbox in 0..100 {
            let mut busiest = Busiest::new(NAMES);
            // One in twenty lives for long, and halves its counts.
            for _ in 0..if sandbox % 20 == 0 { 11_000 } else { 1_000 } {
                let rank = requests.next();
                if busiest.observe(&tenants[rank]) {
                    ranks.insert(rank);
                }
            }
        }
        assert!(ranks.len() <= NAMES && ranks.last() <= Some(&(NAMES + NAMES / 4)), "{ranks:?}");
        assert!((1..=8).all(|rank| ranks.contains(&rank)), "{ranks:?}");
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
        assert_eq!((busiest.counters.len(), busiest.places.len()), (2 * COUNTERS_PER_NAME, 2 * COUNTERS_PER_NAME));
    }

    #[test]
    fn few_tenants_are_all_named_once_they_are_known() {
        let mut busiest = Busiest::new(3);
        for (n, tenant) in (1..=60).zip(["a", "b", "c"].into_iter().cycle()) {
            assert_eq!(named(&mut busiest, tenant), n >= RANKED_EVERY, "{tenant}, observation {n}");
        }
    }

    #[test]
    fn what_others_had_before_makes_nobody_busy() {
        let mut busiest = Busiest::new(1);
        for n in 0..50 * COUNTERS_PER_NAME {
            named(&mut busiest, &format!("t{}", n % COUNTERS_PER_NAME));
        }
        // Its counter begins with the 50 of who had it.
        assert!((0..60).all(|_| !named(&mut busiest, "newcomer")));
    }

    #[test]
    fn where_all_are_alike_nobody_is_among_the_busiest() {
        let mut busiest = Busiest::new(5);
        assert!((0..20_000).all(|n| !named(&mut busiest, &format!("t{}", n % 500))));
    }

    #[test]
    fn who_was_busy_long_ago_makes_room() {
        let mut busiest = Busiest::new(1);
        let acme: Vec<bool> = (0..50_000).map(|_| named(&mut busiest, "acme")).collect();
        assert!(acme[acme.iter().position(|named| *named).unwrap()..].iter().all(|named| *named), "once named, always");
        let until = (0..50_000).position(|_| named(&mut busiest, "globex"));
        assert!(until.is_some_and(|until| until < 2 * HALVED_AFTER as usize), "{until:?}");
        assert!((0..10).all(|_| named(&mut busiest, "globex")));
        assert!(!named(&mut busiest, "acme"));
    }
}
