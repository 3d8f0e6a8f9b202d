//! Which tenants metrics name: those that are with near certainty among the busiest. All others are counted as one, so that a metric has few points,
//! however many tenants there are, and few series, however many sandboxes count.
//!
//! Tenants are counted by the Space-Saving algorithm: A. Metwally, D. Agrawal, A. El Abbadi, "Efficient Computation of Frequent and Top-k
//! Elements in Data Streams", ICDT 2005, <https://doi.org/10.1007/978-3-540-30570-5_27>. A newcomer takes the counter of who has the least,
//! with its count as a possible error.
//!
//! Each sandbox counts by itself, and a new one has seen few requests: whoever came first or had luck would seem busy in one of them, and
//! so, over many sandboxes, nearly everybody would be named. So a tenant is named only where chance does not explain that it has more
//! requests than the one that comes after the last name. Requests of one tenant come in bursts, a page with its five or a batch with its
//! ten, and a burst is one chance: of each fifty observations a tenant is counted once.

use std::{collections::HashMap, sync::Arc};

/// How many counters there are for each tenant that may be named. A tenant needs a counter before it can be named, and more counters make smaller
/// errors.
const COUNTERS_PER_NAME: usize = 8;
/// The observations in a block, in which a tenant is counted once: far more than a burst has, even where several bursts overlap. Tenants are ranked
/// after each block.
const BLOCK: u32 = 50;
/// After this many observations all counts are halved, so that the recent past counts most.
const HALVED_AFTER: u32 = 10_000;
/// By how much the square root of a tenant's count must be greater. The square root of a count of independent events has a standard
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
    /// The number of the block that is under way.
    block: u32,
}

#[derive(Debug)]
struct Counter {
    tenant: Arc<str>,
    /// In how many blocks it was observed.
    count: u32,
    /// In which one it was counted last.
    block: u32,
    /// At most this much of the count belongs to tenants that had the counter before.
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
        Self { names, counters: Vec::new(), places: HashMap::new(), observed: 0, block: 0 }
    }

    /// Counts a tenant, if it is the first time in this block. Returns whether the tenant is named.
    pub(super) fn observe(&mut self, tenant: &Arc<str>) -> bool {
        let place = self.count(tenant);
        self.observed += 1;
        if self.observed.is_multiple_of(BLOCK) {
            self.rank();
            self.block = self.block.wrapping_add(1);
        }
        if self.observed >= HALVED_AFTER {
            self.observed = 0;
            self.halve();
        }
        place.and_then(|place| self.counters.get(place)).is_some_and(|counter| counter.named)
    }

    /// Counts the tenant and returns the index of its counter.
    fn count(&mut self, tenant: &Arc<str>) -> Option<usize> {
        let block = self.block;
        if let Some(place) = self.places.get(tenant) {
            let counter = self.counters.get_mut(*place)?;
            counter.count += u32::from(counter.block != block);
            counter.block = block;
            return Some(*place);
        }
        let new = |error| Counter { tenant: tenant.clone(), count: error + 1, block, error, named: false };
        let place = if self.counters.len() < self.names * COUNTERS_PER_NAME {
            self.counters.push(new(0));
            self.counters.len() - 1
        } else {
            let (place, least) = self.counters.iter_mut().enumerate().min_by_key(|(_, counter)| counter.count)?;
            self.places.remove(&least.tenant);
            *least = new(least.count);
            place
        };
        self.places.insert(tenant.clone(), place);
        Some(place)
    }

    /// Names the tenants that with near certainty have more requests than the one after the last name. A tenant stays named for as long as it has
    /// more.
    fn rank(&mut self) {
        let mut counts: Vec<u32> = self.counters.iter().map(|counter| counter.count).collect();
        let runner_up = if counts.len() > self.names {
            *counts.select_nth_unstable_by(self.names, |one, other| other.cmp(one)).1
        } else {
            0
        };
        for counter in &mut self.counters {
            let sure = counter.sure();
            let is_busier = f64::from(sure).sqrt() - f64::from(runner_up).sqrt() >= MARGIN;
            counter.named = is_busier || (counter.named && sure > runner_up);
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

    /// Requests of very many tenants, of whom each has half as many as the one of half its rank (Zipf's law), in bursts that go side by side.
    struct Requests {
        cumulative: Vec<f64>,
        random: u64,
        /// How many requests a burst has on average.
        mean: f64,
        /// The tenants whose bursts are under way, by rank.
        bursts: Vec<usize>,
    }

    impl Requests {
        fn of(tenants: u32, mean: f64, side_by_side: usize) -> Self {
            let shares = (1..=tenants).scan(0.0, |sum, rank| {
                *sum += 1.0 / f64::from(rank);
                Some(*sum)
            });
            let mut requests = Self { cumulative: shares.collect(), random: 7, mean, bursts: Vec::new() };
            requests.bursts = (0..side_by_side).map(|_| requests.tenant()).collect();
            requests
        }

        /// A number from 0 to 1, by the generator SplitMix64 (<https://prng.di.unimi.it/splitmix64.c>).
        fn uniform(&mut self) -> f64 {
            self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mixed = (self.random ^ (self.random >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            ((mixed ^ (mixed >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
        }

        fn tenant(&mut self) -> usize {
            let at = self.uniform() * self.cumulative.last().unwrap();
            self.cumulative.partition_point(|sum| *sum < at) + 1
        }

        /// The rank of the tenant that comes next.
        fn next(&mut self) -> usize {
            let burst = (self.uniform() * self.bursts.len() as f64) as usize;
            if self.uniform() < 1.0 / self.mean {
                self.bursts[burst] = self.tenant();
            }
            self.bursts[burst]
        }
    }

    #[test]
    fn however_many_sandboxes_count_they_name_few_tenants_between_them_and_those_are_busy() {
        const NAMES: usize = 20;
        let tenants: Vec<Arc<str>> = (0..=5_000).map(|rank| format!("t{rank}").into()).collect();
        for (mean, side_by_side) in [(1.0, 1), (4.0, 1), (4.0, 3), (10.0, 1), (10.0, 3)] {
            let mut requests = Requests::of(5_000, mean, side_by_side);
            let mut ranks = BTreeSet::new();
            for sandbox in 0..100 {
                let mut busiest = Busiest::new(NAMES);
                // Most have a short life. One in fifty has a long one, and halves its counts.
                for _ in 0..[300, 11_000][usize::from(sandbox % 50 == 0)] {
                    let rank = requests.next();
                    if busiest.observe(&tenants[rank]) {
                        ranks.insert(rank);
                    }
                }
            }
            let busy = ranks.range(..=NAMES + NAMES / 4).count();
            assert!(
                ranks.len() <= NAMES && ranks.len() - busy <= 2,
                "bursts of {mean}, {side_by_side} at a time: {ranks:?}"
            );
            assert!((1..=5).all(|rank| ranks.contains(&rank)), "bursts of {mean}, {side_by_side} at a time: {ranks:?}");
        }
    }

    #[test]
    fn the_busiest_are_named_and_no_more() {
        let mut busiest = Busiest::new(2);
        for round in 0..100 {
            let third = if round % 3 == 0 { "initech" } else { "acme" };
            let passer_by = format!("passer-by-{}", round / 2);
            for n in 0..BLOCK {
                named(&mut busiest, ["acme", "acme", "globex", third, &passer_by][n as usize % 5]);
            }
        }
        assert!(named(&mut busiest, "acme") && named(&mut busiest, "globex"));
        assert!(!named(&mut busiest, "initech") && !named(&mut busiest, "another"));
        assert_eq!((busiest.counters.len(), busiest.places.len()), (2 * COUNTERS_PER_NAME, 2 * COUNTERS_PER_NAME));
    }

    #[test]
    fn few_tenants_are_all_named_once_they_are_known() {
        let mut busiest = Busiest::new(3);
        for (n, tenant) in (1..=300).zip(["a", "b", "c"].into_iter().cycle()) {
            assert_eq!(named(&mut busiest, tenant), n >= 4 * BLOCK, "{tenant}, observation {n}");
        }
    }

    #[test]
    fn what_others_had_before_makes_nobody_busy() {
        let mut busiest = Busiest::new(1);
        for n in 0..40 * BLOCK as usize {
            named(&mut busiest, &format!("t{}", n % COUNTERS_PER_NAME));
        }
        // Its counter begins with the 40 of who had it.
        assert!((0..60 * BLOCK).all(|_| !named(&mut busiest, "newcomer")));
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
        assert!(until.is_some_and(|until| until < 3 * HALVED_AFTER as usize), "{until:?}");
        assert!((0..10).all(|_| named(&mut busiest, "globex")));
        assert!(!named(&mut busiest, "acme"));
    }
}
