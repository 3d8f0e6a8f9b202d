//! In which column each node stands: further right than those that call it, once circles of calls are opened and as far as a map may be wide.

use std::cmp::Ordering;

use super::{Edge, Graph};

/// As many columns as a map may have for each node of a square one; more only where whoever calls stands that far from outside.
const WIDE: f64 = 1.3;
/// The columns that a map may have, however few its nodes are.
const FEW: usize = 10;

/// Columns of nodes from 0, and how edges go between them.
#[derive(Debug)]
pub(super) struct Columns {
    pub(super) of_node: Vec<usize>,
    pub(super) way: Vec<Way>,
}

/// How an edge goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    Right,
    Left,
    /// Within a column.
    Beside,
}

/// The columns of a graph.
pub(super) fn columns(graph: &Graph) -> Columns {
    let calls = Calls::new(graph);
    let most = FEW.max((WIDE * (graph.nodes.len() as f64).sqrt()) as usize);
    let longest = calls.columns(graph.nodes.len());
    let mut column = longest;
    // A long way through many services would make a long thin map. Where it is too long, nodes stand no further right than so many columns beyond
    // the shortest way to them; what calls them from further right then leads back.
    let mut beyond = column.iter().max().map_or(0, |last| last + 1).saturating_sub(most).min(1) * most;
    while beyond > 0 && column.iter().any(|column| *column >= most) {
        beyond -= 1;
        column = calls.columns(beyond);
    }
    // Whoever calls more than is called by stands beside what it calls: fewer edges are long.
    for &node in calls.order.iter().rev() {
        let right = calls.out[node].iter().filter(|called| column[**called] > column[node]);
        let nearest = right.map(|called| column[*called] - 1).min();
        if let Some(nearest) = nearest.filter(|_| calls.out[node].len() > calls.into[node].len()) {
            column[node] = nearest;
        }
    }
    // A column that this left empty is none.
    let mut used: Vec<usize> = column.clone();
    used.sort_unstable();
    used.dedup();
    let of_node: Vec<usize> = column.iter().map(|column| used.partition_point(|used| used < column)).collect();
    let way = |edge: &Edge| match of_node[edge.from].cmp(&of_node[edge.to]) {
        Ordering::Less => Way::Right,
        Ordering::Equal => Way::Beside,
        Ordering::Greater => Way::Left,
    };
    let way = graph.edges.iter().map(way).collect();
    Columns { of_node, way }
}

/// Calls without circles: those that close one are turned round.
struct Calls {
    out: Vec<Vec<usize>>,
    into: Vec<Vec<usize>>,
    /// All nodes, each behind those that call it.
    order: Vec<usize>,
}

impl Calls {
    fn new(graph: &Graph) -> Self {
        let count = graph.nodes.len();
        let (mut out, mut into) = (vec![Vec::new(); count], vec![Vec::new(); count]);
        for (edge, is_turned) in graph.edges.iter().zip(turned(graph)).filter(|(edge, _)| edge.from != edge.to) {
            let (from, to) = if is_turned { (edge.to, edge.from) } else { (edge.from, edge.to) };
            out[from].push(to);
            into[to].push(from);
        }
        let mut waiting: Vec<usize> = into.iter().map(Vec::len).collect();
        let mut order: Vec<usize> = (0..count).filter(|node| waiting[*node] == 0).collect();
        let mut next = 0;
        while let Some(&node) = order.get(next) {
            next += 1;
            for &called in &out[node] {
                waiting[called] -= 1;
                if waiting[called] == 0 {
                    order.push(called);
                }
            }
        }
        Self { out, into, order }
    }

    /// Each node as far right as the longest way to it, but no further than so many columns beyond the shortest.
    fn columns(&self, beyond: usize) -> Vec<usize> {
        let mut column = vec![0; self.out.len()];
        let mut shortest = vec![0; self.out.len()];
        for &node in &self.order {
            let of_callers = |of: &[usize]| self.into[node].iter().map(|caller| of[*caller] + 1).collect::<Vec<_>>();
            shortest[node] = of_callers(&shortest).into_iter().min().unwrap_or_default();
            let longest = of_callers(&column).into_iter().max().unwrap_or_default();
            column[node] = longest.min(shortest[node].saturating_add(beyond));
        }
        column
    }
}

/// Whether each edge leads back to where a walk along the calls, from whom nobody calls, came from.
fn turned(graph: &Graph) -> Vec<bool> {
    #[derive(Clone, Copy, PartialEq)]
    enum Seen {
        Not,
        OnTheWay,
        Done,
    }
    let mut out = vec![Vec::new(); graph.nodes.len()];
    let mut is_called = vec![false; graph.nodes.len()];
    for (number, edge) in graph.edges.iter().enumerate().filter(|(_, edge)| edge.from != edge.to) {
        out[edge.from].push(number);
        is_called[edge.to] = true;
    }
    let mut turned = vec![false; graph.edges.len()];
    let mut seen = vec![Seen::Not; graph.nodes.len()];
    let (outer, inner): (Vec<usize>, Vec<usize>) = (0..graph.nodes.len()).partition(|node| !is_called[*node]);
    for root in outer.into_iter().chain(inner) {
        if seen[root] != Seen::Not {
            continue;
        }
        seen[root] = Seen::OnTheWay;
        // Each node on the way, and which of its edges comes next.
        let mut way = vec![(root, 0)];
        while let Some((node, next)) = way.last_mut() {
            let Some(&edge) = out[*node].get(*next) else {
                seen[*node] = Seen::Done;
                way.pop();
                continue;
            };
            *next += 1;
            let to = graph.edges[edge].to;
            match seen[to] {
                Seen::Not => {
                    seen[to] = Seen::OnTheWay;
                    way.push((to, 0));
                }
                Seen::OnTheWay => turned[edge] = true,
                Seen::Done => {}
            }
        }
    }
    turned
}
