//! Where edges begin and end at a side of a node: spread over it, in the order in which they go on.

use super::{
    grid::{Grid, What},
    heights::Heights,
};

/// Between two ends at most.
const APART: f64 = 15.0;
/// The least distance from the end of an edge to the corner of its node.
const CORNER: f64 = 7.0;
/// A distance larger than any map is high.
const FAR: f64 = 1e9;

/// By link: how far below the middles of the left and the right item it ends.
#[derive(Debug)]
pub(super) struct Ports(Vec<[f64; 2]>);

impl Ports {
    /// All ends in the middle.
    pub(super) fn in_the_middle(grid: &Grid) -> Self {
        Self(vec![[0.0; 2]; grid.links.len()])
    }

    /// Ends spread over the sides of nodes.
    pub(super) fn new(grid: &Grid, heights: &Heights) -> Self {
        let mut ports = Self::in_the_middle(grid);
        for (number, item) in grid.items.iter().enumerate().filter(|(_, item)| item.what == What::Node) {
            let place = |link: &usize| heights.of[grid.other(*link, number)];
            // Those that go up beside the column leave above all others, the nearest first, and likewise below: so they do not cross.
            let beside = |link: &usize| {
                let away = place(link) - heights.of[number];
                (if away < 0.0 { -FAR - away } else { FAR - away }, *link)
            };
            let onward = |links: &[usize]| links.iter().map(|link| (place(link), *link)).collect::<Vec<_>>();
            let mut right = onward(&item.right);
            right.extend(item.beside.iter().map(beside));
            for mut side in [onward(&item.left), right] {
                side.sort_by(|one, other| one.0.total_cmp(&other.0));
                let gaps = side.len().saturating_sub(1) as f64;
                let apart = ((item.height - 2.0 * CORNER) / gaps.max(1.0)).min(APART);
                for (at, (_, link)) in side.into_iter().enumerate() {
                    let end = usize::from(grid.links[link].left != number);
                    ports.0[link][end] = (at as f64 - gaps / 2.0) * apart;
                }
            }
        }
        ports
    }

    /// How far below the middles of its items a link ends.
    pub(super) fn shifts(&self, link: usize) -> [f64; 2] {
        self.0[link]
    }
}
