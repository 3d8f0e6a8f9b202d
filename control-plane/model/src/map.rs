//! The service map: edges of a window, summed.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{catalog::Catalog, rollup::Cell, topology::NodeId};

/// The kind of a node that is a browser: outside of the system, and of its health.
pub const BROWSER: &str = "browser";

/// Whether an edge between nodes of these kinds shows no more than what a browser saw: nobody who sends spans answered. Such a call may have failed
/// because the browser was offline, or its page was left.
pub fn is_seen_by_browser_alone(source: &str, target: &str) -> bool {
    source == BROWSER && !matches!(target, "service" | "API Gateway")
}

/// The part of the map that is asked for.
#[derive(Debug, Clone, Default)]
pub struct MapQuery {
    /// From, Unix seconds.
    pub from: i64,
    /// Until, Unix seconds; sums are by the minute, so both are rounded down to one.
    pub to: i64,
    /// Only what was done for this tenant.
    pub tenant: Option<String>,
    /// Only what was done for tenants of this tier.
    pub tier: Option<String>,
    /// Only edges that begin or end in this account.
    pub account: Option<String>,
}

/// The service map of a window.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ServiceMap {
    /// The beginning of the window, in Unix seconds.
    pub from: i64,
    /// The end of the window, in Unix seconds.
    pub to: i64,
    /// Its nodes.
    pub nodes: Vec<MapNode>,
    /// Its edges.
    pub edges: Vec<MapEdge>,
}

impl ServiceMap {
    /// Nothing yet, of the whole minutes of a window: the one under way is part of it.
    pub fn of(query: &MapQuery) -> Self {
        let minute = |time: i64| time.div_euclid(60) * 60;
        Self { from: minute(query.from), to: minute(query.to) + 60, nodes: Vec::new(), edges: Vec::new() }
    }

    /// Draws edges, and the nodes at their ends. Nodes are numbered in the order of their names: an answer tells nothing of how an engine
    /// numbers them, nor of what else there is.
    pub fn draw(&mut self, edges: &BTreeMap<(NodeId, NodeId), Cell>, catalog: &Catalog, account: Option<&str>) {
        let seconds = self.to - self.from;
        let within = |id: NodeId| account.is_none_or(|account| catalog.node(id).account == account);
        let seen = || edges.iter().filter(|((source, target), _)| within(*source) || within(*target));
        let by_browser_alone = |(source, target): &(NodeId, NodeId)| {
            is_seen_by_browser_alone(&catalog.node(*source).kind, &catalog.node(*target).kind)
        };
        // Of each node all that it counts, and of that what its health is judged by.
        let mut nodes: BTreeMap<NodeId, (Cell, Cell)> = BTreeMap::new();
        for (ends @ (source, target), cell) in seen() {
            let kind = catalog.node(*source).kind;
            let sent = nodes.entry(*source).or_default();
            if counts_what_it_sends(&kind) {
                sent.0.merge(cell);
            }
            if kind == "client" {
                sent.1.merge(cell);
            }
            let received = nodes.entry(*target).or_default();
            received.0.merge(cell);
            if !by_browser_alone(ends) {
                received.1.merge(cell);
            }
        }
        let judged = |all: &Cell, by: &Cell| Stats { health: Stats::of(by, seconds).health, ..Stats::of(all, seconds) };
        let mut nodes: Vec<_> = nodes.into_iter().map(|(id, cells)| (catalog.node(id), id, cells)).collect();
        nodes.sort_by(|(one, ..), (other, ..)| one.cmp(other));
        let numbers: BTreeMap<NodeId, u32> = (0..).zip(&nodes).map(|(number, (_, id, _))| (*id, number)).collect();
        let number = |id: &NodeId| numbers.get(id).copied().unwrap_or_default();
        self.nodes = (0..)
            .zip(nodes)
            .map(|(id, (node, _, (all, by)))| MapNode {
                id,
                kind: node.kind,
                name: node.name,
                account: Some(node.account).filter(|account| !account.is_empty()),
                stats: judged(&all, &by),
            })
            .collect();
        self.edges = seen()
            .map(|(ends @ (source, target), cell)| MapEdge {
                source: number(source),
                target: number(target),
                stats: if by_browser_alone(ends) { judged(cell, &Cell::default()) } else { Stats::of(cell, seconds) },
            })
            .collect();
        self.edges.sort_by_key(|edge| (edge.source, edge.target));
    }
}

/// Whether nodes of this kind are judged by what they ask of others: nothing asks anything of those outside.
pub fn counts_what_it_sends(kind: &str) -> bool {
    kind == "client" || kind == BROWSER
}

/// A service, or what one calls.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MapNode {
    /// What the edges call it.
    pub id: u32,
    /// `service`, `client`, `browser`, `API Gateway`, `DynamoDB`, `SNS`, `SQS`, `HTTP`, …
    pub kind: String,
    /// Service, table, topic, queue, host.
    pub name: String,
    /// Its account, where that is known.
    pub account: Option<String>,
    /// The figures of its incoming requests. For clients and browsers, those of their outgoing requests.
    pub stats: Stats,
}

/// A connection between two nodes of the map.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MapEdge {
    /// Node it begins at.
    pub source: u32,
    /// Node it ends at.
    pub target: u32,
    /// The figures of the calls along this edge.
    pub stats: Stats,
}

/// How well a node or an edge is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Health {
    /// No error, fault or throttle.
    #[default]
    Ok,
    /// 5 % or more are errors.
    Error,
    /// 1 % or more are throttled.
    Throttle,
    /// 1 % or more are faults.
    Fault,
}

impl Health {
    /// `ok`, `error`, `throttle` or `fault`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Error => "error",
            Self::Throttle => "throttle",
            Self::Fault => "fault",
        }
    }
}

/// Rates and latencies. Counts are of spans received; rates and percentiles are scaled by adjusted counts.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Stats {
    /// Spans.
    pub count: i64,
    /// How many were answered with a 4xx.
    pub errors: i64,
    /// How many were answered with a 5xx, or failed otherwise.
    pub faults: i64,
    /// How many were answered with a 429.
    pub throttles: i64,
    /// A second, sampled traces scaled up.
    pub rate: f64,
    /// Share of faults, 0 to 1, sampled traces scaled up.
    pub fault_rate: f64,
    /// Share of errors, 0 to 1, likewise.
    pub error_rate: f64,
    /// The mean latency, in milliseconds.
    pub mean_ms: f64,
    /// The median latency, in milliseconds.
    pub p50_ms: f64,
    /// The 95th percentile of latency, in milliseconds.
    pub p95_ms: f64,
    /// The 99th percentile of latency, in milliseconds.
    pub p99_ms: f64,
    /// Whether the weight of some sampled trace was not known.
    pub estimated: bool,
    /// How well that is.
    pub health: Health,
}

impl Stats {
    /// The figures of a cell that covers `seconds`.
    pub fn of(cell: &Cell, seconds: i64) -> Self {
        let quantile = |q| cell.histogram.quantile(q).unwrap_or_default() / 1e6;
        let weight = if cell.weight > 0.0 { cell.weight } else { 1.0 };
        let (fault_rate, error_rate) = (cell.weighted_faults / weight, cell.weighted_errors / weight);
        let throttle_rate = cell.throttles as f64 / cell.count.max(1) as f64;
        let health = match () {
            () if fault_rate >= 0.01 => Health::Fault,
            () if throttle_rate >= 0.01 => Health::Throttle,
            () if error_rate >= 0.05 => Health::Error,
            () => Health::Ok,
        };
        Self {
            count: cell.count,
            errors: cell.errors,
            faults: cell.faults,
            throttles: cell.throttles,
            rate: cell.weight / seconds.max(1) as f64,
            fault_rate,
            error_rate,
            mean_ms: cell.weighted_duration_ns / weight / 1e6,
            p50_ms: quantile(0.5),
            p95_ms: quantile(0.95),
            p99_ms: quantile(0.99),
            estimated: cell.estimated > 0,
            health,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        catalog::Node,
        otlp::{Flags, Sample},
    };

    #[test]
    fn what_fails_in_a_browser_alone_is_outside_of_the_health_of_the_system() {
        let mut catalog = Catalog::default();
        for (id, (kind, name)) in
            [(BROWSER, "portal"), ("API Gateway", "API Gateway"), ("HTTP", "api.example"), ("service", "api")]
                .iter()
                .enumerate()
        {
            let node = Node { kind: (*kind).into(), account: String::new(), name: (*name).into() };
            catalog.place_node(u32::try_from(id).unwrap(), node);
        }
        let mut failed = Cell::default();
        failed.add(&Sample { duration_ns: 1, flags: Flags::FAULT, weight: 1.0, estimated: false }, 1);
        let health = |edges: &[(NodeId, NodeId)]| {
            let mut map = ServiceMap::of(&MapQuery { to: 60, ..MapQuery::default() });
            map.draw(&edges.iter().map(|ends| (*ends, failed.clone())).collect(), &catalog, None);
            let nodes = map.nodes.iter().map(|node| (node.name.clone(), node.stats.health));
            (nodes.collect::<BTreeMap<_, _>>(), map.edges[0].stats.clone())
        };
        let (nodes, edge) = health(&[(0, 2)]);
        assert!(nodes.values().all(|health| *health == Health::Ok));
        assert_eq!((edge.faults, edge.health), (1, Health::Ok));
        let (nodes, edge) = health(&[(0, 1)]);
        assert_eq!((nodes["portal"], nodes["API Gateway"], edge.health), (Health::Ok, Health::Fault, Health::Fault));
        // Somebody else sees it too.
        let (nodes, _) = health(&[(0, 2), (3, 2)]);
        assert_eq!(nodes["api.example"], Health::Fault);
    }
}
