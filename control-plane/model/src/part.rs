//! One node or one edge of the service map: how it was over time, and whose requests it served.

use std::collections::BTreeMap;

use crate::{
    catalog::Node,
    map::{MapQuery, ServiceMap, counts_what_it_sends},
    rollup::{Cell, MINUTE},
};

/// Tenants are counted over at most this many seconds.
const TENANTS_WITHIN: i64 = 15 * MINUTE;
/// Tenants that are listed for how much they ask, and as many for how much of theirs fails.
pub const LISTED: usize = 20;

/// A part of the map.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// A node: what comes in, or what goes out where it is one that [counts what it sends](counts_what_it_sends).
    Node(Node),
    /// An edge, from one node to another.
    Edge(Node, Node),
}

impl Part {
    /// Where its edges begin and end; anywhere, where that is `None`.
    pub fn ends(&self) -> (Option<&Node>, Option<&Node>) {
        match self {
            Self::Node(node) if counts_what_it_sends(&node.kind) => (Some(node), None),
            Self::Node(node) => (None, Some(node)),
            Self::Edge(source, target) => (Some(source), Some(target)),
        }
    }
}

/// What is asked of a part of the map.
#[derive(Debug, Clone)]
pub struct PartQuery {
    /// From, Unix seconds.
    pub from: i64,
    /// Until, Unix seconds; both as in [`MapQuery`].
    pub to: i64,
    /// Only what was done for this tenant.
    pub tenant: Option<String>,
    /// Only what was done for tenants of this tier.
    pub tier: Option<String>,
    /// The part of the map that is asked for.
    pub of: Part,
}

/// Sums of a part of the map. Of the durations of its cells, only the weighted sum and the histogram are known.
#[derive(Debug, Clone, PartialEq)]
pub struct PartSums {
    /// Unix seconds: a whole minute.
    pub from: i64,
    /// Unix seconds: the end of the minute under way.
    pub to: i64,
    /// Sums by when their time begins, Unix seconds, in order: minutes for two days, five minutes for eight, then hours.
    pub over_time: Vec<(i64, Cell)>,
    /// Whose they are: those who ask the most and those of whose requests the most fail, in the order of names. Nobody, where one tenant
    /// is asked for.
    pub tenants: Vec<(String, Cell)>,
    /// From when on tenants are counted, Unix seconds: over the last quarter of an hour of the window, for their sums are many.
    pub tenants_from: i64,
}

impl PartSums {
    /// Nothing yet, of the minutes that a map of the same window has.
    pub fn of(query: &PartQuery) -> Self {
        let ServiceMap { from, to, .. } =
            ServiceMap::of(&MapQuery { from: query.from, to: query.to, ..MapQuery::default() });
        Self { from, to, over_time: Vec::new(), tenants: Vec::new(), tenants_from: from.max(to - TENANTS_WITHIN) }
    }

    /// Keeps those of some tenants that are listed.
    pub fn list(&mut self, mut tenants: BTreeMap<String, Cell>) {
        let mut ranked: Vec<_> =
            tenants.iter().map(|(name, cell)| (cell.count, cell.faults + cell.throttles, name.clone())).collect();
        ranked.sort_by(|one, other| (other.0, &one.2).cmp(&(one.0, &other.2)));
        let mut listed: Vec<String> = ranked.iter().take(LISTED).map(|(.., name)| name.clone()).collect();
        ranked.retain(|(_, failed, _)| *failed > 0);
        ranked.sort_by(|one, other| (other.1, &one.2).cmp(&(one.1, &other.2)));
        listed.extend(ranked.into_iter().take(LISTED).map(|(.., name)| name));
        tenants.retain(|name, _| listed.contains(name));
        self.tenants = tenants.into_iter().collect();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_who_ask_the_most_and_those_whose_requests_fail_are_listed() {
        let node = Node { kind: "service".into(), ..Node::default() };
        let query = PartQuery { from: 0, to: 90_000, tenant: None, tier: None, of: Part::Node(node) };
        let mut sums = PartSums::of(&query);
        assert_eq!((sums.from, sums.to, sums.tenants_from), (0, 90_060, 89_160));
        // The smallest fail.
        let cell = |n: i64| Cell { count: 1_000 - n, faults: (n / 90) * n, ..Cell::default() };
        sums.list((0..100).map(|n| (format!("{n:02}"), cell(n))).collect());
        let names: Vec<_> = sums.tenants.iter().map(|(name, _)| name.as_str()).collect();
        let expected: Vec<_> = (0..20).chain(90..100).map(|n| format!("{n:02}")).collect();
        assert_eq!(names, expected);
    }
}
