//! Where the nodes of the map stand: a band for each account, one below the other; in each band from left to right, as calls go.

use std::collections::{BTreeMap, HashMap, HashSet};

use control_plane_model::map::{MapNode, ServiceMap};

/// Measures, in the units of the drawing.
pub(super) const NODE: (f64, f64) = (188.0, 62.0);
const GAP: (f64, f64) = (68.0, 26.0);
const BAND_PADDING: f64 = 18.0;
/// Room beside the nodes for edges that pass a band.
pub(super) const LANE: f64 = 30.0;
const BAND_TITLE: f64 = 26.0;
pub(super) const BAND_GAP: f64 = 34.0;

/// A band of an account; of none, the world outside.
#[derive(Debug, PartialEq)]
pub(super) struct Band<'a> {
    pub(super) account: Option<&'a str>,
    pub(super) y: f64,
    pub(super) height: f64,
}

/// Top left corners of nodes, and the bands around them.
#[derive(Debug, PartialEq)]
pub(super) struct Layout<'a> {
    pub(super) bands: Vec<Band<'a>>,
    /// By node: top left corner, and the number of its band.
    pub(super) places: HashMap<u32, (f64, f64, usize)>,
    pub(super) width: f64,
    pub(super) height: f64,
}

/// The layout of a map.
pub(super) fn layout(map: &ServiceMap) -> Layout<'_> {
    let mut accounts: BTreeMap<Option<&str>, Vec<&MapNode>> = BTreeMap::new();
    for node in &map.nodes {
        accounts.entry(node.account.as_deref()).or_default().push(node);
    }
    let mut layout = Layout { bands: Vec::new(), places: HashMap::new(), width: 0.0, height: 0.0 };
    let mut y = 0.0;
    for (account, nodes) in accounts {
        let mut columns = columns(map, &nodes);
        if account.is_none() {
            // Side by side: all of them call down into the accounts, and none through another.
            columns = columns.into_iter().flatten().map(|id| vec![id]).collect();
        }
        let rows = columns.iter().map(Vec::len).max().unwrap_or_default() as f64;
        let height = BAND_TITLE + rows * NODE.1 + (rows - 1.0).max(0.0) * GAP.1 + 2.0 * BAND_PADDING;
        let band = layout.bands.len();
        for (column, ids) in columns.iter().enumerate() {
            let x = BAND_PADDING + LANE + column as f64 * (NODE.0 + GAP.0);
            layout.width = layout.width.max(x + NODE.0 + BAND_PADDING);
            for (row, id) in ids.iter().enumerate() {
                let top = y + BAND_TITLE + BAND_PADDING + row as f64 * (NODE.1 + GAP.1);
                layout.places.insert(*id, (x, top, band));
            }
        }
        layout.bands.push(Band { account, y, height });
        y += height + BAND_GAP;
    }
    layout.height = (y - BAND_GAP).max(0.0);
    layout
}

/// Nodes of a band by column: each as far right as the longest way to it within the band.
fn columns(map: &ServiceMap, nodes: &[&MapNode]) -> Vec<Vec<u32>> {
    let here: HashSet<u32> = nodes.iter().map(|node| node.id).collect();
    let calls = map.edges.iter().map(|edge| (edge.source, edge.target));
    let calls: Vec<_> = calls.filter(|(from, to)| here.contains(from) && here.contains(to)).collect();
    let mut column: HashMap<u32, usize> = HashMap::new();
    // Each round moves what stands too far left; in a circle of calls, that would never end.
    for _ in 0..nodes.len() {
        let mut moved = false;
        for (from, to) in &calls {
            let beyond = column.get(from).copied().unwrap_or_default() + 1;
            let at = column.entry(*to).or_default();
            if *at < beyond && beyond < nodes.len() {
                *at = beyond;
                moved = true;
            }
        }
        if !moved {
            break;
        }
    }
    let mut columns: BTreeMap<usize, Vec<&MapNode>> = BTreeMap::new();
    for node in nodes {
        columns.entry(column.get(&node.id).copied().unwrap_or_default()).or_default().push(node);
    }
    // Columns that a circle left empty are no columns. Within one, nodes stand where those stand that call them.
    let mut rows: HashMap<u32, usize> = HashMap::new();
    let mut ordered = Vec::new();
    for mut nodes in columns.into_values() {
        let height = |node: &&MapNode| {
            let callers = calls.iter().filter(|(_, to)| *to == node.id);
            let of_callers: Vec<usize> = callers.filter_map(|(from, _)| rows.get(from).copied()).collect();
            // In tenths of a row; whom nobody calls keeps its place by name.
            (of_callers.iter().sum::<usize>() * 10).checked_div(of_callers.len()).unwrap_or_default()
        };
        nodes.sort_by_key(|node| (height(node), node.kind != "API Gateway", node.name.clone()));
        let ids: Vec<u32> = nodes.iter().map(|node| node.id).collect();
        rows.extend(ids.iter().enumerate().map(|(row, id)| (*id, row)));
        ordered.push(ids);
    }
    ordered
}

#[cfg(test)]
mod tests {
    use super::*;
    use control_plane_model::map::{MapEdge, Stats};

    fn map(nodes: &[(u32, Option<&str>)], edges: &[(u32, u32)]) -> ServiceMap {
        let node = |(id, account): &(u32, Option<&str>)| MapNode {
            id: *id,
            kind: "service".into(),
            name: format!("n{id}"),
            account: account.map(Into::into),
            stats: Stats::default(),
        };
        let edge =
            |(source, target): &(u32, u32)| MapEdge { source: *source, target: *target, stats: Stats::default() };
        ServiceMap { from: 0, to: 60, nodes: nodes.iter().map(node).collect(), edges: edges.iter().map(edge).collect() }
    }

    #[test]
    fn accounts_are_bands_and_calls_go_right() {
        let map = map(&[(1, None), (2, Some("a")), (3, Some("a")), (4, Some("b"))], &[(1, 2), (2, 3), (3, 4)]);
        let layout = layout(&map);
        let accounts: Vec<_> = layout.bands.iter().map(|band| band.account).collect();
        assert_eq!(accounts, [None, Some("a"), Some("b")]);
        let place = |id| layout.places[&id];
        assert!(place(2).0 < place(3).0 && place(2).1 == place(3).1);
        assert_eq!((place(1).2, place(2).2, place(4).2), (0, 1, 2));
    }

    #[test]
    fn nobody_outside_stands_in_anothers_way_down() {
        let map = map(&[(1, None), (2, None), (3, Some("a"))], &[(1, 3), (2, 3)]);
        let layout = layout(&map);
        let place = |id| layout.places[&id];
        assert!(place(1).1 == place(2).1 && place(1).0 != place(2).0);
    }

    #[test]
    fn circles_end() {
        let map = map(&[(1, Some("a")), (2, Some("a")), (3, Some("a"))], &[(1, 2), (2, 3), (3, 1), (2, 2)]);
        let layout = layout(&map);
        assert_eq!(layout.places.len(), 3);
        assert!(layout.width < 1_000.0);
    }
}
