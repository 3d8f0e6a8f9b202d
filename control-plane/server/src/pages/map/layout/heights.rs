//! How high everything stands: within its band, in its order, and so that edges are as straight as that allows.

use super::{
    BAND_GAP, BAND_HEAD, BAND_PADDING, NODE_HEIGHT,
    grid::{Grid, What},
    ports::Ports,
};

/// How often all columns are gone through.
const SWEEPS: usize = 16;

/// The middle of each item, and top and height of each band.
#[derive(Debug)]
pub(super) struct Heights {
    pub(super) of: Vec<f64>,
    pub(super) bands: Vec<(f64, f64)>,
    pub(super) whole: f64,
}

impl Heights {
    /// All items of a cell close together, in the middle of their band.
    pub(super) fn new(grid: &Grid) -> Self {
        let mut heights = Self { of: vec![0.0; grid.items.len()], bands: Vec::new(), whole: 0.0 };
        let bands = grid.cells.first().map_or(0, Vec::len);
        for band in 0..bands {
            let needed =
                grid.cells.iter().map(|cells| Stack::new(grid, &cells[band]).height).fold(NODE_HEIGHT, f64::max);
            let height = BAND_HEAD + needed + BAND_PADDING;
            heights.bands.push((heights.whole, height));
            heights.whole += height + if band + 1 < bands { BAND_GAP } else { 0.0 };
            for cells in &grid.cells {
                let stack = Stack::new(grid, &cells[band]);
                let top = heights.bands[band].0 + BAND_HEAD + (needed - stack.height) / 2.0;
                for (item, offset) in cells[band].iter().zip(&stack.offsets) {
                    heights.of[*item] = top + offset;
                }
            }
        }
        heights
    }

    /// Moves items towards those that they are connected with.
    pub(super) fn straighten(&mut self, grid: &Grid, ports: &Ports) {
        for sweep in 0..SWEEPS {
            for step in 0..grid.cells.len() {
                let column = if sweep % 2 == 0 { step } else { grid.cells.len() - 1 - step };
                for (band, cell) in grid.cells[column].iter().enumerate() {
                    self.settle(grid, ports, band, cell);
                }
            }
        }
    }

    /// The best heights of a cell, as its neighbours stand now.
    fn settle(&mut self, grid: &Grid, ports: &Ports, band: usize, cell: &[usize]) {
        let stack = Stack::new(grid, cell);
        let (top, height) = self.bands[band];
        // Everything may move as far as the whole stack may.
        let (low, high) = (top + BAND_HEAD, top + height - BAND_PADDING - stack.height);
        let wanted = cell.iter().zip(&stack.offsets).map(|(item, offset)| {
            let (place, weight) = self.wanted(grid, ports, *item);
            (place - offset, weight)
        });
        let moved = ascending(wanted);
        for ((item, offset), moved) in cell.iter().zip(&stack.offsets).zip(moved) {
            self.of[*item] = moved.clamp(low, high.max(low)) + offset;
        }
    }

    /// Where an item would have straight edges, and how much that matters: most where edges pass, as Gansner, Koutsofios, North and Vo have it
    /// ("A Technique for Drawing Directed Graphs", 1993), and little where they lead to another band, so that they are bent anyway.
    fn wanted(&self, grid: &Grid, ports: &Ports, number: usize) -> (f64, f64) {
        let item = &grid.items[number];
        let (mut sum, mut weight) = (0.0, 0.0);
        for (links, is_left) in [(&item.left, true), (&item.right, false)] {
            for link in links {
                let other = grid.other(*link, number);
                let matters = match (item.what, grid.items[other].what) {
                    _ if item.band != grid.items[other].band => 0.05,
                    (What::Node, What::Node) => 1.0,
                    (What::Passing, What::Passing) => 8.0,
                    _ => 2.0,
                };
                let [of_left, of_right] = ports.shifts(*link);
                let shift = if is_left { of_left - of_right } else { of_right - of_left };
                sum += matters * (self.of[other] + shift);
                weight += matters;
            }
        }
        if weight > 0.0 { (sum / weight, weight) } else { (self.of[number], 0.1) }
    }

    /// Levels edges where they pass several columns: through as many at once as have a height in common that is free.
    pub(super) fn level(&mut self, grid: &Grid, ports: &Ports) {
        let mut at = vec![0; grid.items.len()];
        for cell in grid.cells.iter().flatten() {
            cell.iter().enumerate().for_each(|(place, item)| at[*item] = place);
        }
        for chain in grid.chains.iter().filter(|chain| chain.len() > 1) {
            let end = |link: usize, item: usize, side: usize| self.of[item] + ports.shifts(link)[side];
            let (first, last) = (chain[0], chain[chain.len() - 1]);
            let ends = [end(first, grid.links[first].left, 0), end(last, grid.links[last].right, 1)];
            let passed: Vec<usize> = chain[1..].iter().map(|link| grid.links[*link].left).collect();
            let mut rest = passed.as_slice();
            while !rest.is_empty() {
                let (mut low, mut high) = (f64::MIN, f64::MAX);
                let mut count = 0;
                for item in rest {
                    let room = self.room(grid, *item, at[*item]);
                    let narrowed = (low.max(room.0), high.min(room.1));
                    if count > 0 && narrowed.0 > narrowed.1 {
                        break;
                    }
                    (low, high) = narrowed;
                    count += 1;
                }
                let (run, after) = rest.split_at(count);
                let mean = run.iter().map(|item| self.of[*item]).sum::<f64>() / count as f64;
                let is_free = |place: &&f64| (low..=high).contains(*place);
                let place = ends.iter().find(is_free).copied().unwrap_or_else(|| mean.min(high).max(low));
                run.iter().for_each(|item| self.of[*item] = place);
                rest = after;
            }
        }
    }

    /// Between which heights an item may stand as its neighbours stand now; `at` is its place in its cell.
    fn room(&self, grid: &Grid, number: usize, at: usize) -> (f64, f64) {
        let item = &grid.items[number];
        let cell = &grid.cells[item.column][item.band];
        let (top, height) = self.bands[item.band];
        let above = at.checked_sub(1).map(|above| self.of[cell[above]] + grid.apart(cell[above], number));
        let below = cell.get(at + 1).map(|below| self.of[*below] - grid.apart(number, *below));
        (above.unwrap_or(top + BAND_HEAD), below.unwrap_or(top + height - BAND_PADDING))
    }
}

/// Items close together: where their middles are, counted from the top of the first.
struct Stack {
    offsets: Vec<f64>,
    height: f64,
}

impl Stack {
    fn new(grid: &Grid, cell: &[usize]) -> Self {
        let half = |item: Option<&usize>| item.map_or(0.0, |item| grid.items[*item].height / 2.0);
        let mut offsets: Vec<f64> = Vec::with_capacity(cell.len());
        for (at, item) in cell.iter().enumerate() {
            let before = at.checked_sub(1).map(|above| offsets[above] + grid.apart(cell[above], *item));
            offsets.push(before.unwrap_or_else(|| half(Some(item))));
        }
        let height = offsets.last().map_or(0.0, |last| last + half(cell.last()));
        Self { offsets, height }
    }
}

/// The ascending numbers that are nearest to these, by the sum of weighted squares: of neighbours in the wrong order, all get their mean (pool
/// adjacent violators; Ayer et al., "An Empirical Distribution Function for Sampling with Incomplete Information", 1955).
fn ascending(wanted: impl Iterator<Item = (f64, f64)>) -> Vec<f64> {
    // Mean, weight, and of how many.
    let mut pools: Vec<(f64, f64, usize)> = Vec::new();
    for (mut mean, mut weight) in wanted {
        let mut count = 1;
        while let Some((before, its_weight, its_count)) = pools.pop_if(|pool| pool.0 > mean) {
            mean = (before * its_weight + mean * weight) / (its_weight + weight);
            weight += its_weight;
            count += its_count;
        }
        pools.push((mean, weight, count));
    }
    pools.into_iter().flat_map(|(mean, _, count)| std::iter::repeat_n(mean, count)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_in_the_wrong_order_meets_in_the_middle() {
        let of = |wanted: &[(f64, f64)]| ascending(wanted.iter().copied());
        assert_eq!(of(&[(1.0, 1.0), (2.0, 1.0), (3.0, 1.0)]), [1.0, 2.0, 3.0]);
        assert_eq!(of(&[(0.0, 1.0), (5.0, 1.0), (3.0, 1.0), (9.0, 1.0)]), [0.0, 4.0, 4.0, 9.0]);
        assert_eq!(of(&[(6.0, 3.0), (2.0, 1.0)]), [5.0, 5.0]);
        assert_eq!(of(&[]), [] as [f64; 0]);
    }
}
