//! What a reader relies on, of many graphs made at random.

use super::{labels::along, *};

/// A system such as those that are drawn: layers of services that mostly call the next, some far ahead, some back, some themselves.
fn graph(nodes: usize, edges: usize, bands: usize, seed: u64) -> Graph {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut graph = Graph {
        bands: vec![120.0; bands],
        nodes: (0..nodes).map(|_| random.usize(..bands)).collect(),
        edges: Vec::new(),
    };
    let reach = (nodes / 5).max(3);
    let mut seen = std::collections::HashSet::new();
    // Some are called by many, or call many.
    let hub = random.usize(..nodes);
    for _ in 0..edges {
        let from = if random.u8(..10) == 0 { hub } else { random.usize(..nodes) };
        let ahead = from + 1 + random.usize(..reach);
        let to = match random.u8(..20) {
            0 => random.usize(..nodes),
            1 | 2 => hub,
            3 => from,
            _ => ahead % nodes,
        };
        if seen.insert((from, to)) {
            let label = (20.0 + f64::from(random.u8(..50)), if random.bool() { 14.0 } else { 27.0 });
            graph.edges.push(Edge { from, to, label });
        }
    }
    graph
}

fn graphs() -> impl Iterator<Item = (String, Graph)> {
    let sizes = [(1, 2), (2, 4), (5, 8), (15, 22), (15, 60), (60, 110), (60, 240), (200, 320)];
    let cases = sizes.into_iter().flat_map(|size| [1, 2, 3, 6].into_iter().map(move |bands| (size, bands)));
    cases.flat_map(|((nodes, edges), bands)| {
        (0..if nodes > 60 { 1 } else { 3 })
            .map(move |seed| (format!("{nodes} nodes, {bands} bands, seed {seed}"), graph(nodes, edges, bands, seed)))
    })
}

#[test]
fn nodes_stand_apart_and_in_their_bands() {
    for (case, graph) in graphs() {
        let layout = layout(&graph);
        let drawing = Rect { x: 0.0, y: 0.0, width: layout.width, height: layout.height };
        assert_eq!((layout.nodes.len(), layout.bands.len()), (graph.nodes.len(), graph.bands.len()), "{case}");
        for (node, rect) in layout.nodes.iter().enumerate() {
            assert!(layout.bands[graph.nodes[node]].holds(rect) && drawing.holds(rect), "{case}: {node} at {rect:?}");
            let others = layout.nodes.iter().enumerate().filter(|(other, _)| *other != node);
            assert!(others.into_iter().all(|(_, other)| !other.grown(5.0).overlaps(rect)), "{case}: {node}");
        }
        for pair in layout.bands.windows(2) {
            assert!(pair[0].bottom() < pair[1].y, "{case}");
        }
    }
}

#[test]
fn no_edge_lies_behind_a_node_that_it_does_not_touch() {
    for (case, graph) in graphs() {
        let layout = layout(&graph);
        for (edge, route) in graph.edges.iter().zip(&layout.edges) {
            let (from, to) = (layout.nodes[edge.from], layout.nodes[edge.to]);
            let way = along(route, 3.0);
            let on_side = |rect: &Rect, point: &Point| {
                rect.grown(0.01).overlaps(&Rect { x: point.x, y: point.y, width: 0.0, height: 0.0 })
            };
            assert!(on_side(&from, &way[0]) && on_side(&to, &way[way.len() - 1]), "{case}: {edge:?} ends elsewhere");
            for point in way {
                assert!((0.0..=layout.width).contains(&point.x) && (0.0..=layout.height).contains(&point.y), "{case}");
                let behind = layout.nodes.iter().position(|node| node.has(point));
                assert_eq!(behind, None, "{case}: {edge:?}");
            }
        }
    }
}

#[test]
fn no_label_lies_on_another_or_on_a_node() {
    let (mut shown, mut all) = (0, 0);
    for (case, graph) in graphs() {
        let layout = layout(&graph);
        let labels: Vec<Rect> = layout.edges.iter().filter_map(|route| route.label).collect();
        (shown, all) = (shown + labels.len(), all + graph.edges.len());
        let drawing = Rect { x: 0.0, y: 0.0, width: layout.width, height: layout.height };
        for (number, label) in labels.iter().enumerate() {
            assert!(drawing.holds(label), "{case}: {label:?}");
            let names = layout.bands.iter().map(|band| Rect { width: 120.0, ..name_of(band) });
            assert!(!layout.nodes.iter().copied().chain(names).any(|taken| taken.overlaps(label)), "{case}: {label:?}");
            assert!(!labels[number + 1..].iter().any(|other| other.overlaps(label)), "{case}: {label:?}");
        }
    }
    assert!(shown * 2 > all, "{shown} of {all}");
}

#[test]
fn calls_go_to_the_right_unless_they_are_part_of_a_circle() {
    let edges = [(0, 1), (1, 2), (2, 3), (0, 3), (4, 2), (3, 1), (3, 3)];
    let edge = |(from, to)| Edge { from, to, label: (30.0, 14.0) };
    let graph =
        Graph { bands: vec![120.0; 2], nodes: vec![0, 0, 1, 1, 0], edges: edges.into_iter().map(edge).collect() };
    let layout = layout(&graph);
    let goes_right = |edge: &Edge| layout.nodes[edge.from].x < layout.nodes[edge.to].x;
    let right: Vec<bool> = graph.edges.iter().map(goes_right).collect();
    assert_eq!(right, [true, true, true, true, true, false, false]);
    // Whom nobody calls stands beside whom they call.
    assert_eq!(layout.nodes[4].x, layout.nodes[1].x);
}

#[test]
fn what_passes_straight_on_is_straight() {
    let edge = |(from, to)| Edge { from, to, label: (30.0, 14.0) };
    let graph = Graph {
        bands: vec![120.0],
        nodes: vec![0; 4],
        edges: [(0, 1), (1, 2), (2, 3)].into_iter().map(edge).collect(),
    };
    let layout = layout(&graph);
    let first = layout.nodes[0].y;
    assert!(layout.nodes.iter().all(|node| (node.y - first).abs() < 0.01));
    assert!(layout.edges.iter().all(|route| route.label.is_some()));
}

#[test]
fn the_same_graph_is_always_laid_out_alike_and_nothing_is_no_trouble() {
    let graph = graph(60, 110, 4, 7);
    assert_eq!(layout(&graph), layout(&graph));
    let nothing = layout(&Graph::default());
    assert_eq!((nothing.width, nothing.height), (0.0, 0.0));
}
