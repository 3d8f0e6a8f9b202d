//! Which networks and addresses are counted by themselves: a caller who comes from everywhere must not fill the store with series.

use std::collections::{BTreeMap, BTreeSet, HashSet};

/// How many networks of a batch are named: those with the most requests.
pub(super) const OF_BATCH: usize = 100;
/// How many networks are named in all batches of a day, UTC: those that come first.
pub(super) const OF_DAY: usize = 5_000;
const DAY: i64 = 86_400;

/// Networks and hashes of addresses that were named today. They are in memory: a server that starts again names anew.
#[derive(Debug, Default)]
pub(in crate::intake) struct NamedNetworks {
    day: i64,
    networks: HashSet<String>,
    addresses: HashSet<String>,
}

impl NamedNetworks {
    /// Those of a batch's networks and addresses that are named; each comes once for each of its requests. `now` are Unix seconds.
    pub(super) fn of<'a>(
        &mut self,
        networks: impl Iterator<Item = &'a String>,
        addresses: impl Iterator<Item = &'a String>,
        now: i64,
    ) -> (BTreeSet<String>, BTreeSet<String>) {
        let day = now.div_euclid(DAY);
        if day != self.day {
            *self = Self { day, ..Self::default() };
        }
        (most(&mut self.networks, networks), most(&mut self.addresses, addresses))
    }
}

/// Those that come most often, as far as there is room beside those that are known.
fn most<'a>(known: &mut HashSet<String>, names: impl Iterator<Item = &'a String>) -> BTreeSet<String> {
    let mut counts: BTreeMap<&String, u64> = BTreeMap::new();
    for name in names {
        *counts.entry(name).or_default() += 1;
    }
    let mut most: Vec<(&String, u64)> = counts.into_iter().collect();
    // Stable: of those that come as often, the first by name.
    most.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let mut has_room = |name: &&String| {
        let is_named = known.contains(*name) || known.len() < OF_DAY;
        if is_named {
            known.insert((*name).clone());
        }
        is_named
    };
    most.into_iter().take(OF_BATCH).map(|(name, _)| name).filter(|name| has_room(name)).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_later_others_are_named() {
        let names: Vec<String> = (0..OF_DAY + 1).map(|n| n.to_string()).collect();
        let mut named = NamedNetworks::default();
        let mut count = |names: &[String], day: i64| named.of(names.iter(), [].iter(), day * DAY).0.len();
        assert_eq!(names.chunks(OF_BATCH).map(|batch| count(batch, 1)).sum::<usize>(), OF_DAY);
        assert_eq!(count(&names[..1], 1), 1, "what was named stays so");
        assert_eq!(count(&names[OF_DAY..], 2), 1);
    }
}
