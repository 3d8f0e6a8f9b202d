//! The order from top to bottom within each column and band: items stand where those stand that they are connected with, so that few edges cross.

use super::grid::{Grid, Item};

/// How often all columns are gone through.
const SWEEPS: usize = 14;
/// How often neighbours are exchanged, where that takes crossings away.
const EXCHANGES: usize = 6;

/// Orders the items of all cells.
pub(super) fn arrange(grid: &mut Grid) {
    let mut places = Places::new(grid);
    let mut best = (crossings(grid, &places), grid.cells.clone());
    for sweep in 0..SWEEPS {
        let to_right = sweep % 2 == 0;
        for step in 0..grid.cells.len() {
            let column = if to_right { step } else { grid.cells.len() - 1 - step };
            sort(grid, &mut places, column, to_right);
        }
        let crossing = crossings(grid, &places);
        if crossing < best.0 {
            best = (crossing, grid.cells.clone());
        }
    }
    grid.cells = best.1;
    places = Places::new(grid);
    for _ in 0..EXCHANGES {
        if !exchange(grid, &mut places) {
            break;
        }
    }
}

/// How high each item stands, roughly: cells are as high as the highest of their band, and their items in the middle.
struct Places {
    of: Vec<f64>,
    tops: Vec<f64>,
    heights: Vec<f64>,
}

impl Places {
    fn new(grid: &Grid) -> Self {
        let bands = grid.cells.first().map_or(0, Vec::len);
        let height = |band: usize| grid.cells.iter().map(|cells| height(grid, &cells[band])).fold(0.0, f64::max);
        let heights: Vec<f64> = (0..bands).map(height).collect();
        let tops = heights.iter().scan(0.0, |top, height| Some(std::mem::replace(top, *top + height))).collect();
        let mut places = Self { of: vec![0.0; grid.items.len()], tops, heights };
        for column in 0..grid.cells.len() {
            places.set(grid, column);
        }
        places
    }

    /// After the order in a column has changed.
    fn set(&mut self, grid: &Grid, column: usize) {
        for (band, cell) in grid.cells[column].iter().enumerate() {
            let mut y = self.tops[band] + (self.heights[band] - height(grid, cell)) / 2.0;
            for (at, item) in cell.iter().enumerate() {
                y += at.checked_sub(1).map_or(0.0, |above| grid.apart(cell[above], *item));
                self.of[*item] = y;
            }
        }
    }
}

/// The distance from the middle of a cell's first item to that of its last.
fn height(grid: &Grid, cell: &[usize]) -> f64 {
    cell.windows(2).map(|pair| grid.apart(pair[0], pair[1])).sum()
}

/// Sorts the cells of a column by where the items stand that are connected on one side.
fn sort(grid: &mut Grid, places: &mut Places, column: usize, to_right: bool) {
    for band in 0..grid.cells[column].len() {
        let mut cell = std::mem::take(&mut grid.cells[column][band]);
        let middle = |item: &usize| {
            let Item { left, right, beside, .. } = &grid.items[*item];
            let links = if to_right { left } else { right }.iter().chain(beside);
            let (sum, count) =
                links.fold((0.0, 0.0), |(sum, count), link| (sum + places.of[grid.other(*link, *item)], count + 1.0));
            if count > 0.0 { sum / count } else { places.of[*item] }
        };
        cell.sort_by_cached_key(|item| Total(middle(item)));
        grid.cells[column][band] = cell;
    }
    places.set(grid, column);
}

/// A number with an order.
#[derive(PartialEq)]
struct Total(f64);

impl Eq for Total {}

impl PartialOrd for Total {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Total {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.total_cmp(&other.0)
    }
}

/// How often edges cross: pairs that are in one order in one column, and in the other order in the next.
fn crossings(grid: &Grid, places: &Places) -> usize {
    let mut ends: Vec<(f64, f64)> = Vec::new();
    let mut count = 0;
    for cells in &grid.cells {
        ends.clear();
        for item in cells.iter().flatten() {
            let right = grid.items[*item].right.iter().map(|link| grid.links[*link].right);
            ends.extend(right.map(|right| (places.of[*item], places.of[right])));
        }
        ends.sort_by(|one, other| one.0.total_cmp(&other.0).then(one.1.total_cmp(&other.1)));
        count += inversions(&ends);
    }
    count
}

/// Pairs whose second numbers are in the wrong order, counted in a tree of sums (Barth, Mutzel and Jünger, "Simple and Efficient Bilayer Cross
/// Counting", 2002).
fn inversions(ends: &[(f64, f64)]) -> usize {
    let mut values: Vec<f64> = ends.iter().map(|end| end.1).collect();
    values.sort_by(f64::total_cmp);
    values.dedup();
    let mut tree = vec![0_usize; values.len() + 1];
    let mut count = 0;
    for (before, (_, value)) in ends.iter().enumerate() {
        let rank = values.partition_point(|known| known <= value);
        let mut not_greater = 0;
        let mut at = rank;
        while at > 0 {
            not_greater += tree[at];
            at &= at - 1;
        }
        count += before - not_greater;
        at = rank;
        while at < tree.len() {
            tree[at] += 1;
            at += at & at.wrapping_neg();
        }
    }
    count
}

/// Exchanges neighbours of which fewer edges cross then; whether there were any.
fn exchange(grid: &mut Grid, places: &mut Places) -> bool {
    let mut exchanged = false;
    for column in 0..grid.cells.len() {
        for band in 0..grid.cells[column].len() {
            for at in 1..grid.cells[column][band].len() {
                let (above, below) = (grid.cells[column][band][at - 1], grid.cells[column][band][at]);
                if between(grid, places, above, below) > between(grid, places, below, above) {
                    grid.cells[column][band].swap(at - 1, at);
                    exchanged = true;
                }
            }
        }
        places.set(grid, column);
    }
    exchanged
}

/// How often edges of two neighbours cross each other, if the first stands above the second.
fn between(grid: &Grid, places: &Places, above: usize, below: usize) -> usize {
    let crossed = |of_above: &[usize], of_below: &[usize]| -> usize {
        let place = |link: &usize, item: usize| places.of[grid.other(*link, item)];
        let higher = |than: f64| of_below.iter().filter(|link| place(link, below) < than).count();
        of_above.iter().map(|link| higher(place(link, above))).sum()
    };
    let (of_above, of_below) = (&grid.items[above], &grid.items[below]);
    crossed(&of_above.left, &of_below.left) + crossed(&of_above.right, &of_below.right)
}
