//! Where nodes, edges and labels of the map stand: a band for each account, one below the other, and calls from left to right over all of them.
//!
//! Step by step as in Sugiyama, Tagawa and Toda, "Methods for Visual Understanding of Hierarchical System Structures", IEEE Transactions on Systems,
//! Man, and Cybernetics 11 (1981). An edge that passes a column has a place of its own there, as a node has, so it never lies behind one.
//!
//! | file | step |
//! |---|---|
//! | `columns` | circles of calls are opened, and each node gets a column |
//! | `grid` | nodes and passing edges by column and band |
//! | `order` | their order from top to bottom, so that few edges cross |
//! | `heights` | how high they stand, so that edges are straight |
//! | `ports` | where edges begin and end at a side of a node |
//! | `routes` | the curves of edges |
//! | `labels` | labels on edges, where there is room |

mod columns;
mod grid;
mod heights;
mod labels;
mod order;
mod ports;
mod routes;

#[cfg(test)]
mod tests;

use grid::Grid;

/// Width of a node, in the units of the drawing.
pub(super) const NODE_WIDTH: f64 = 164.0;
/// Height of a node with few edges; one with many is higher, so that they do not touch.
const NODE_HEIGHT: f64 = 78.0;
/// What a band has above its nodes, for its name.
const BAND_HEAD: f64 = 34.0;
/// What a band has around its nodes.
const BAND_PADDING: f64 = 18.0;
/// Between two bands.
const BAND_GAP: f64 = 14.0;

/// What is laid out.
#[derive(Debug, Clone, Default)]
pub(super) struct Graph {
    /// The width that the name of each band takes, from top to bottom.
    pub(super) bands: Vec<f64>,
    /// Each node's band.
    pub(super) nodes: Vec<usize>,
    /// No two with the same ends.
    pub(super) edges: Vec<Edge>,
}

/// An edge, and its label.
#[derive(Debug, Clone, Copy)]
pub(super) struct Edge {
    /// Number of the node at which it begins.
    pub(super) from: usize,
    /// Number of the node at which it ends.
    pub(super) to: usize,
    /// Width and height of its label.
    pub(super) label: (f64, f64),
}

/// A place in the drawing.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Point {
    pub(super) x: f64,
    pub(super) y: f64,
}

/// A rectangle of the drawing, by its upper left corner.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Rect {
    pub(super) x: f64,
    pub(super) y: f64,
    pub(super) width: f64,
    pub(super) height: f64,
}

impl Rect {
    pub(super) fn right(&self) -> f64 {
        self.x + self.width
    }

    pub(super) fn bottom(&self) -> f64 {
        self.y + self.height
    }

    fn holds(&self, inner: &Self) -> bool {
        self.x <= inner.x && self.y <= inner.y && inner.right() <= self.right() && inner.bottom() <= self.bottom()
    }

    fn has(&self, point: Point) -> bool {
        point.x > self.x && point.x < self.right() && point.y > self.y && point.y < self.bottom()
    }

    fn overlaps(&self, other: &Self) -> bool {
        self.x < other.right() && other.x < self.right() && self.y < other.bottom() && other.y < self.bottom()
    }

    /// The rectangle, larger by this much on each side.
    fn grown(&self, by: f64) -> Self {
        Self { x: self.x - by, y: self.y - by, width: self.width + 2.0 * by, height: self.height + 2.0 * by }
    }
}

/// A cubic Bézier curve from where the one before it ended: two control points, and its end.
pub(super) type Curve = [Point; 3];

/// How an edge goes.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Route {
    pub(super) start: Point,
    pub(super) curves: Vec<Curve>,
    /// Where its label stands, if there is room for one.
    pub(super) label: Option<Rect>,
}

/// The layout of a graph: its bands, nodes and edges in their order.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Layout {
    pub(super) width: f64,
    pub(super) height: f64,
    pub(super) bands: Vec<Rect>,
    pub(super) nodes: Vec<Rect>,
    pub(super) edges: Vec<Route>,
}

/// Where the name of a band stands.
pub(super) fn name_of(band: &Rect) -> Rect {
    Rect { x: band.x + BAND_PADDING, y: band.y + 8.0, width: band.width - 2.0 * BAND_PADDING, height: 20.0 }
}

/// Lays out a graph. The same graph always has the same layout.
pub(super) fn layout(graph: &Graph) -> Layout {
    let columns = columns::columns(graph);
    let mut grid = Grid::new(graph, columns);
    order::arrange(&mut grid);
    let mut heights = heights::Heights::new(&grid);
    heights.straighten(&grid, &ports::Ports::in_the_middle(&grid));
    let ports = ports::Ports::new(&grid, &heights);
    heights.straighten(&grid, &ports);
    heights.level(&grid, &ports);
    let ports = ports::Ports::new(&grid, &heights);
    let widths = routes::Widths::new(&grid, &heights, &ports);
    let nodes = widths.nodes(&grid, &heights);
    let mut edges: Vec<Route> =
        (0..graph.edges.len()).map(|edge| routes::route(edge, graph, &grid, &heights, &ports, &widths)).collect();
    let (width, height) = (widths.whole, heights.whole);
    let bands: Vec<Rect> =
        heights.bands.iter().map(|(y, height)| Rect { x: 0.0, y: *y, width, height: *height }).collect();
    let names = graph.bands.iter().zip(&bands).map(|(width, band)| Rect { width: *width, ..name_of(band) });
    let taken: Vec<Rect> = nodes.iter().copied().chain(names).collect();
    labels::place(graph, &Rect { x: 0.0, y: 0.0, width, height }, &taken, &mut edges);
    Layout { width, height, bands, nodes, edges }
}
