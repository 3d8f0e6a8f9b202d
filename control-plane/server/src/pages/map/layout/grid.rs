//! Nodes, and edges that pass a column, by column and band.

use super::{
    Graph, NODE_HEIGHT,
    columns::{Columns, Way},
};

/// Between two nodes of a column.
const NODES_APART: f64 = 24.0;
/// Between a node and an edge that passes beside it.
const EDGE_APART: f64 = 13.0;
/// Between two edges that pass side by side.
const EDGES_APART: f64 = 9.0;
/// Between the ends of edges at a side of a node, at least.
const PORTS_APART: f64 = 7.0;

/// What takes a place in a column.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum What {
    Node,
    /// An edge that passes.
    Passing,
}

/// A place in a column.
#[derive(Debug, Clone)]
pub(super) struct Item {
    pub(super) what: What,
    pub(super) column: usize,
    pub(super) band: usize,
    pub(super) height: f64,
    /// Links to the column before.
    pub(super) left: Vec<usize>,
    /// Links to the column after.
    pub(super) right: Vec<usize>,
    /// Links to other nodes of this column, which begin and end at the right side.
    pub(super) beside: Vec<usize>,
}

/// A piece of an edge between two items, of which the first is never further right.
#[derive(Debug, Clone, Copy)]
pub(super) struct Link {
    pub(super) left: usize,
    pub(super) right: usize,
}

/// All places: those of nodes come first, in the order of nodes.
#[derive(Debug)]
pub(super) struct Grid {
    pub(super) items: Vec<Item>,
    pub(super) links: Vec<Link>,
    /// The items by column and band, from top to bottom.
    pub(super) cells: Vec<Vec<Vec<usize>>>,
    /// The links of each edge from left to right; none, where it ends at the node where it began.
    pub(super) chains: Vec<Vec<usize>>,
    pub(super) way: Vec<Way>,
}

impl Grid {
    pub(super) fn new(graph: &Graph, columns: Columns) -> Self {
        let Columns { of_node, way } = columns;
        let count = of_node.iter().max().map_or(0, |last| last + 1);
        let mut grid = Self {
            items: Vec::new(),
            links: Vec::new(),
            cells: vec![vec![Vec::new(); graph.bands.len()]; count],
            chains: vec![Vec::new(); graph.edges.len()],
            way,
        };
        let mut load = vec![vec![0.0; graph.bands.len()]; count];
        for (column, band) in of_node.iter().zip(&graph.nodes) {
            grid.add(What::Node, *column, *band);
            load[*column][*band] += NODE_HEIGHT + NODES_APART;
        }
        let ends = |edge: usize| {
            let (from, to) = (graph.edges[edge].from, graph.edges[edge].to);
            if grid.way[edge] == Way::Left { (to, from) } else { (from, to) }
        };
        let mut edges: Vec<(usize, (usize, usize))> =
            (0..graph.edges.len()).map(|edge| (edge, ends(edge))).filter(|(_, (from, to))| from != to).collect();
        // The long ones last: they can choose where there is room.
        edges.sort_by_key(|(_, (from, to))| of_node[*to] - of_node[*from]);
        for (edge, (from, to)) in edges {
            if grid.way[edge] == Way::Beside {
                let link = grid.link(from, to);
                grid.items[from].beside.push(link);
                grid.items[to].beside.push(link);
                grid.chains[edge].push(link);
                continue;
            }
            let (first, last) = (of_node[from] + 1, of_node[to]);
            let change = change(&load, first, last, (graph.nodes[from], graph.nodes[to]));
            let mut left = from;
            for column in first..=last {
                let right = if column == last {
                    to
                } else {
                    let band = graph.nodes[if column < change { from } else { to }];
                    if let Some(load) = load.get_mut(column) {
                        load[band] += EDGES_APART;
                    }
                    grid.add(What::Passing, column, band)
                };
                let link = grid.link(left, right);
                grid.items[left].right.push(link);
                grid.items[right].left.push(link);
                grid.chains[edge].push(link);
                left = right;
            }
        }
        for item in grid.items.iter_mut().filter(|item| item.what == What::Node) {
            let ports = item.left.len().max(item.right.len() + item.beside.len()) as f64;
            item.height = item.height.max((ports + 1.0) * PORTS_APART);
        }
        grid
    }

    fn add(&mut self, what: What, column: usize, band: usize) -> usize {
        let number = self.items.len();
        let height = if what == What::Node { NODE_HEIGHT } else { 0.0 };
        let (left, right, beside) = (Vec::new(), Vec::new(), Vec::new());
        self.items.push(Item { what, column, band, height, left, right, beside });
        self.cells[column][band].push(number);
        number
    }

    fn link(&mut self, left: usize, right: usize) -> usize {
        self.links.push(Link { left, right });
        self.links.len() - 1
    }

    /// The item at the other end of a link.
    pub(super) fn other(&self, link: usize, item: usize) -> usize {
        let Link { left, right } = self.links[link];
        if left == item { right } else { left }
    }

    /// How far the middles of two items are apart at least, if one stands right below the other.
    pub(super) fn apart(&self, above: usize, below: usize) -> f64 {
        let (above, below) = (&self.items[above], &self.items[below]);
        let between = match (above.what, below.what) {
            (What::Node, What::Node) => NODES_APART,
            (What::Passing, What::Passing) => EDGES_APART,
            _ => EDGE_APART,
        };
        (above.height + below.height) / 2.0 + between
    }
}

/// The column from which on an edge from one band to another passes in the other: where it takes the least room from others.
fn change(load: &[Vec<f64>], first: usize, last: usize, (from, to): (usize, usize)) -> usize {
    let total = |change: usize| -> f64 {
        (first..last).map(|column| load[column][if column < change { from } else { to }]).sum()
    };
    (first..=last).min_by(|one, other| total(*one).total_cmp(&total(*other))).unwrap_or(first)
}
