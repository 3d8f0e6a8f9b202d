//! The curves of edges: level where they pass a column, bent between columns, where no node stands.

use super::{
    BAND_PADDING, Curve, Graph, NODE_WIDTH, Point, Rect, Route,
    columns::Way,
    grid::{Grid, What},
    heights::Heights,
    ports::Ports,
};

/// Between two columns at least: room for a label.
const GAP: f64 = 76.0;
/// More of it for each edge that is bent by a node's height or more, but no more than this.
const PER_BEND: f64 = 4.0;
const MAX_GAP: f64 = 160.0;
const STEEP: f64 = 70.0;
/// Left and right of all columns.
const MARGIN: f64 = BAND_PADDING;
/// How far an edge that ends where it began goes beyond the corner of its node.
const LOOP: f64 = 16.0;
/// How far an edge between nodes of one column goes beside it: so much, and more the further apart they stand, up to what a gap has.
const BESIDE: f64 = 30.0;
const BESIDE_PER_HEIGHT: f64 = 0.08;
const MAX_BESIDE: f64 = 66.0;

/// Where columns begin.
#[derive(Debug)]
pub(super) struct Widths {
    columns: Vec<f64>,
    pub(super) whole: f64,
}

impl Widths {
    pub(super) fn new(grid: &Grid, heights: &Heights, ports: &Ports) -> Self {
        let mut steep = vec![0; grid.cells.len()];
        let mut beyond: f64 = LOOP;
        for (number, link) in grid.links.iter().enumerate() {
            let [left, right] = ends(number, grid, heights, ports);
            let column = grid.items[link.left].column;
            if (left - right).abs() > STEEP {
                steep[column] += 1;
            }
            if column + 1 == grid.cells.len() {
                beyond = beyond.max(beside(left, right));
            }
        }
        let mut x = MARGIN;
        let mut columns = Vec::with_capacity(grid.cells.len());
        for steep in steep {
            columns.push(x);
            x += NODE_WIDTH + (GAP + f64::from(steep) * PER_BEND).min(MAX_GAP);
        }
        let whole = columns.last().map_or(0.0, |last| last + NODE_WIDTH + beyond + MARGIN);
        Self { columns, whole }
    }

    /// Where nodes stand.
    pub(super) fn nodes(&self, grid: &Grid, heights: &Heights) -> Vec<Rect> {
        let nodes = grid.items.iter().zip(&heights.of).take_while(|(item, _)| item.what == What::Node);
        nodes
            .map(|(item, middle)| Rect {
                x: self.columns[item.column],
                y: middle - item.height / 2.0,
                width: NODE_WIDTH,
                height: item.height,
            })
            .collect()
    }
}

/// How high a link begins and ends.
fn ends(link: usize, grid: &Grid, heights: &Heights, ports: &Ports) -> [f64; 2] {
    let ([left, right], ends) = (ports.shifts(link), grid.links[link]);
    [heights.of[ends.left] + left, heights.of[ends.right] + right]
}

/// How far an edge between nodes of one column goes beside it.
fn beside(from: f64, to: f64) -> f64 {
    (BESIDE + (from - to).abs() * BESIDE_PER_HEIGHT).min(MAX_BESIDE)
}

/// The way of an edge.
pub(super) fn route(
    edge: usize,
    graph: &Graph,
    grid: &Grid,
    heights: &Heights,
    ports: &Ports,
    widths: &Widths,
) -> Route {
    let chain = &grid.chains[edge];
    if chain.is_empty() {
        return back_to_itself(graph.edges[edge].from, grid, heights, widths);
    }
    let right_of = |item: usize| widths.columns[grid.items[item].column] + NODE_WIDTH;
    if grid.way[edge] == Way::Beside {
        let ([from, to], x) = (ends(chain[0], grid, heights, ports), right_of(grid.links[chain[0]].left));
        // The control points are a third further out than the curve comes.
        let out = x + beside(from, to) * 4.0 / 3.0;
        let curve = [Point { x: out, y: from }, Point { x: out, y: to }, Point { x, y: to }];
        return Route { start: Point { x, y: from }, curves: vec![curve], label: None };
    }
    let points = |link: &usize| {
        let [left, right] = ends(*link, grid, heights, ports);
        let items = grid.links[*link];
        [Point { x: right_of(items.left), y: left }, Point { x: right_of(items.right) - NODE_WIDTH, y: right }]
    };
    let mut points: Vec<Point> = chain.iter().flat_map(points).collect();
    if grid.way[edge] == Way::Left {
        points.reverse();
    }
    Route { start: points[0], curves: points.windows(2).map(|pair| curve(pair[0], pair[1])).collect(), label: None }
}

/// A curve that is level at both ends.
fn curve(from: Point, to: Point) -> Curve {
    let bend = (to.x - from.x) / 2.0;
    [Point { x: from.x + bend, y: from.y }, Point { x: to.x - bend, y: to.y }, to]
}

/// Out of the top of a node and in at its right side.
fn back_to_itself(node: usize, grid: &Grid, heights: &Heights, widths: &Widths) -> Route {
    let item = &grid.items[node];
    let (right, top) = (widths.columns[item.column] + NODE_WIDTH, heights.of[node] - item.height / 2.0);
    let start = Point { x: right - LOOP, y: top };
    let end = Point { x: right, y: top + LOOP / 2.0 };
    let curve = [Point { x: start.x, y: top - LOOP }, Point { x: right + LOOP, y: top - LOOP / 2.0 }, end];
    Route { start, curves: vec![curve], label: None }
}
