//! A node or an edge of the map, over time and by tenant.

use std::collections::BTreeMap;

use control_plane_model::{
    map::Stats,
    part::PartSums,
    rollup::{self, Cell},
};

/// Points of a chart, at most.
const MAX_POINTS: i64 = 120;

/// How a part of the map fared.
#[derive(Debug)]
pub(crate) struct PartAnswer {
    /// Unix seconds.
    pub(crate) from: i64,
    /// Unix seconds.
    pub(crate) to: i64,
    /// The figures of the whole window.
    pub(crate) stats: Stats,
    /// How long each stretch is, in seconds.
    pub(crate) width: i64,
    /// By when their time begins, Unix seconds; stretches without requests are left out.
    pub(crate) points: Vec<(i64, Stats)>,
    /// The tenants with their figures. It is empty where the query names one tenant.
    pub(crate) tenants: Vec<(String, Stats)>,
    /// The time from which on tenants are counted, in Unix seconds.
    pub(crate) tenants_from: i64,
}

impl PartAnswer {
    /// Of sums, by stretches that are no shorter than what sums of that age are kept by.
    pub(super) fn of(sums: PartSums, now: i64) -> Self {
        let PartSums { from, to, over_time, tenants, tenants_from } = sums;
        let kept = rollup::width(from, now).unwrap_or(rollup::HOUR);
        let few = |width: &i64| *width >= kept && (to - from) / width <= MAX_POINTS;
        let width = [rollup::MINUTE, 5 * rollup::MINUTE, rollup::HOUR].into_iter().find(few).unwrap_or(rollup::DAY);
        let mut whole = Cell::default();
        let mut stretches: BTreeMap<i64, Cell> = BTreeMap::new();
        for (time, cell) in &over_time {
            whole.merge(cell);
            stretches.entry(time.div_euclid(width) * width).or_default().merge(cell);
        }
        // Of the first and the last stretch, what is in the window and over.
        let seconds = |start: i64| ((start + width).min(to).min(now) - start.max(from)).max(1);
        let point = |(start, cell): (i64, Cell)| (start, Stats::of(&cell, seconds(start)));
        let tenant = |(name, cell): (String, Cell)| (name, Stats::of(&cell, to - tenants_from));
        Self {
            from,
            to,
            stats: Stats::of(&whole, to - from),
            width,
            points: stretches.into_iter().map(point).collect(),
            tenants: tenants.into_iter().map(tenant).collect(),
            tenants_from,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn minutes_become_stretches_and_the_last_is_as_long_as_what_is_over_of_it() {
        let cell = Cell { count: 1, weight: 60.0, ..Cell::default() };
        let day = 86_400;
        let over_time = vec![(0, cell.clone()), (60, cell.clone()), (day - 60, cell.clone())];
        let sums =
            PartSums { from: 0, to: day, over_time, tenants: vec![("acme".into(), cell)], tenants_from: day - 3_600 };
        let answer = PartAnswer::of(sums, day - 1_800);
        assert_eq!((answer.width, answer.stats.count), (3_600, 3));
        let rates: Vec<_> = answer.points.iter().map(|(start, stats)| (*start, stats.rate)).collect();
        assert_eq!(rates, [(0, 120.0 / 3_600.0), (day - 3_600, 60.0 / 1_800.0)]);
        assert_eq!(answer.tenants[0].1.rate, 60.0 / 3_600.0);
    }
}
