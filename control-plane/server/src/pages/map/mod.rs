//! `GET /`: the service map.

mod drawing;
mod icon;
mod layout;
mod named;
mod panel;

use std::collections::HashMap;

use axum::response::Response;
use control_plane_model::{
    map::{Health, MapEdge, MapNode, ServiceMap, Stats, is_seen_by_browser_alone},
    part::Part,
    store::Facets,
};
use maud::{Markup, html};
use serde::{Deserialize, Serialize};

use super::{
    chart,
    frame::{Table, answer, choice, choice_of_account, empty, live, window},
};
use drawing::Drawing;

use crate::{
    api::{MapFilter, Query, View},
    assets,
    layout::Tab,
    problem::Problem,
    text::{count, duration, link, percent, rate},
};

const TITLE: &str = "Service map";

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct MapPage {
    #[serde(flatten)]
    filter: MapFilter,
    live: Option<String>,
    /// The node of which more is shown, as [`named`] writes it.
    node: Option<String>,
    /// Or the edge, by its two ends.
    caller: Option<String>,
    called: Option<String>,
}

impl MapPage {
    /// The query without a node or an edge, which shows the whole map.
    fn whole(&self) -> Self {
        Self { node: None, caller: None, called: None, ..self.clone() }
    }

    /// The node or edge of which more is asked for.
    fn part(&self) -> Result<Option<Part>, Problem> {
        let node = |name: &str, text: &str| {
            named::read(text)
                .ok_or_else(|| Problem::bad_request(format!("{name}: a kind, an account and a name, with / between")))
        };
        match (&self.node, &self.caller, &self.called) {
            (None, None, None) => Ok(None),
            (Some(text), None, None) => Ok(Some(Part::Node(node("node", text)?))),
            (None, Some(caller), Some(called)) => {
                Ok(Some(Part::Edge(node("caller", caller)?, node("called", called)?)))
            }
            _ => Err(Problem::bad_request("node, or caller and called: a node or an edge of the map")),
        }
    }
}

pub(super) async fn page(view: View, query: Result<Query<MapPage>, Problem>) -> Response {
    answer(&view, TITLE, Tab::Map, async { render(&view, &query?.0).await }).await
}

async fn render(view: &View, query: &MapPage) -> Result<Markup, Problem> {
    let part = query.part()?;
    let map = view.map(&query.filter).await?;
    let facets = view.facets().await?;
    let nodes = map.nodes.iter().map(|node| (node.id, node)).collect();
    let shown = Shown { map: &map, nodes, query, view };
    let drawing = Drawing::new(&shown).await?;
    let content = html! {
        @if map.edges.is_empty() {
            (empty_map(&facets))
        } @else {
            (summary(&shown))
            div.drawing tabindex="0" role="region" aria-label="Service map" data-help=(HELP) { (drawing) }
            (legend())
            (edges(&shown))
        }
    };
    let panel = match part {
        Some(part) => Some(panel::of(&shown, part).await?),
        None => None,
    };
    Ok(html! {
        (form(view, query, &facets))
        div.map-and-panel {
            (live("/", &query.whole(), query.live.is_some(), &content))
            aside #panel aria-label="Details" { @if let Some(panel) = panel { (panel) } }
        }
        (chart::scripts())
        (assets::script("map.js"))
    })
}

/// How the map is used by keys, which the script adds to its name.
const HELP: &str = "Arrow keys go from node to node, Enter shows more of one, plus and minus zoom, 0 shows all of it.";

/// What is shown where there is no map, and what to do about it.
fn empty_map(facets: &Facets) -> Markup {
    if facets.services.is_empty() {
        let next = html! {
            "Set " code { "OTEL_EXPORTER_OTLP_ENDPOINT" } " of a service to the address of this page: it takes OTLP over HTTP. Or try it with simulated tenants: "
            code { "local simulate --url" } " and this address."
        };
        empty("No span has arrived yet.", &next)
    } else {
        empty(
            "Nothing was called in this window.",
            &html! { "Choose a longer window, or another tenant, tier or account." },
        )
    }
}

/// A map, and what it is narrowed to.
struct Shown<'a> {
    map: &'a ServiceMap,
    nodes: HashMap<u32, &'a MapNode>,
    query: &'a MapPage,
    view: &'a View,
}

impl Shown<'_> {
    fn name(&self, id: u32) -> &str {
        self.nodes.get(&id).map(|node| node.name.as_str()).unwrap_or_default()
    }

    /// What an account is called, with its id; of none, what is outside.
    fn account(&self, id: Option<&str>) -> String {
        match id {
            None => "Outside".to_owned(),
            Some(id) if self.view.account_name(id).is_none() => format!("Account {id}"),
            Some(id) => self.view.account(id),
        }
    }

    /// This page with more of a node.
    fn panel_of(&self, node: &MapNode) -> String {
        link("/", &MapPage { node: Some(named::written(node)), ..self.query.whole() })
    }

    /// This page with more of an edge.
    fn panel_of_edge(&self, edge: &MapEdge) -> String {
        let end = |id: &u32| self.nodes.get(id).map(|node| named::written(node));
        link("/", &MapPage { caller: end(&edge.source), called: end(&edge.target), ..self.query.whole() })
    }
}

fn form(view: &View, query: &MapPage, facets: &Facets) -> Markup {
    let filter = &query.filter;
    html! {
        form.filters method="get" action="/" aria-label="Narrow the map" {
            (choice("tenant", "Tenant", &facets.tenants, &filter.tenant))
            (choice("tier", "Tier", &facets.tiers, &filter.tier))
            (choice_of_account(view, &facets.accounts, &filter.account))
            (window(&view.place, &filter.window))
            label.check { input type="checkbox" name="live" checked[query.live.is_some()]; "Live" }
            button { "Show" }
        }
    }
}

fn summary(shown: &Shown<'_>) -> Markup {
    let map = shown.map;
    let kind = |id: u32| shown.nodes.get(&id).map(|node| node.kind.as_str()).unwrap_or_default();
    let worst =
        most_hurt(map.edges.iter().filter(|edge| !is_seen_by_browser_alone(kind(edge.source), kind(edge.target))));
    html! {
        p {
            (count(map.nodes.len())) " services and resources, " (count(map.edges.len())) " connections. "
            @if let Some(edge) = worst {
                "Most failures: "
                a.part href=(shown.panel_of_edge(edge)) { strong { (shown.name(edge.source)) " to " (shown.name(edge.target)) } }
                ", " (hurt(&edge.stats)) "."
            }
        }
    }
}

/// The edge over which the most requests failed or were throttled; of several with as many, the one with the greatest share, which is the nearest
/// to the cause.
fn most_hurt<'a>(edges: impl Iterator<Item = &'a MapEdge>) -> Option<&'a MapEdge> {
    let hurt = |edge: &MapEdge| edge.stats.faults + edge.stats.throttles;
    let share = |edge: &MapEdge| hurt(edge) as f64 / edge.stats.count.max(1) as f64;
    let hurting = edges.filter(|edge| hurt(edge) > 0);
    hurting.max_by(|a, b| hurt(a).cmp(&hurt(b)).then(share(a).total_cmp(&share(b))))
}

/// How many requests failed or were throttled, of how many.
fn hurt(stats: &Stats) -> String {
    let (failed, throttled, all) = (count(stats.faults), count(stats.throttles), count(stats.count));
    match (stats.faults, stats.throttles) {
        (_, 0) => format!("{failed} of {all} failed"),
        (0, _) => format!("{throttled} of {all} were throttled"),
        _ => format!("{failed} of {all} failed and {throttled} were throttled"),
    }
}

fn figures(stats: &Stats) -> String {
    let about = if stats.estimated { "≈ " } else { "" };
    format!("{about}{} · p99 {}", rate(stats.rate), duration(stats.p99_ms * 1e6))
}

fn legend() -> Markup {
    html! {
        ul.legend aria-label="Colours" {
            li.ok { "Well" }
            li.fault { "1 % or more failed (5xx)" }
            li.throttle { "1 % or more were throttled (429)" }
            li.error { "5 % or more were the caller's errors (4xx)" }
            li { "Outside the system, not judged" }
        }
    }
}

/// The map as a table, with unhealthy edges first.
fn edges(shown: &Shown<'_>) -> Markup {
    let mut edges: Vec<&MapEdge> = shown.map.edges.iter().collect();
    edges.sort_by_key(|edge| std::cmp::Reverse((edge.stats.health, edge.stats.count)));
    let color = |edge: &MapEdge, of: Health| if edge.stats.health == of { of.name() } else { "" };
    let table = Table::of("Edges", edges, |_| None)
        .text("From", |edge| shown.name(edge.source))
        .text("To", |edge| html! { a.part href=(shown.panel_of_edge(edge)) { (shown.name(edge.target)) } })
        .number("Requests", |edge| count(edge.stats.count))
        .number("Rate", |edge| rate(edge.stats.rate))
        .colored_number("Faults", |edge| color(edge, Health::Fault), |edge| percent(edge.stats.fault_rate))
        .colored_number("Throttled", |edge| color(edge, Health::Throttle), |edge| count(edge.stats.throttles))
        .colored_number("Errors", |edge| color(edge, Health::Error), |edge| percent(edge.stats.error_rate))
        .number("p50", |edge| duration(edge.stats.p50_ms * 1e6))
        .number("p95", |edge| duration(edge.stats.p95_ms * 1e6))
        .number("p99", |edge| duration(edge.stats.p99_ms * 1e6));
    html! { details { summary { "As a table" } (table) } }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edge(target: u32, count: i64, faults: i64, throttles: i64) -> MapEdge {
        let stats = Stats {
            count,
            errors: throttles,
            faults,
            throttles,
            rate: 1.0,
            fault_rate: faults as f64 / count as f64,
            error_rate: 0.0,
            mean_ms: 1.0,
            p50_ms: 1.0,
            p95_ms: 1.0,
            p99_ms: 1.0,
            estimated: false,
            health: Health::Ok,
        };
        MapEdge { source: 0, target, stats }
    }

    #[test]
    fn the_edge_over_which_the_most_requests_are_hurt_is_named() {
        let named = |edges: &[MapEdge]| most_hurt(edges.iter()).map(|edge| (edge.target, hurt(&edge.stats)));
        let one_of_one = edge(1, 1, 1, 0);
        let many = edge(2, 10_000, 500, 0);
        assert_eq!(named(&[many.clone(), one_of_one.clone()]), Some((2, "500 of 10,000 failed".to_owned())));
        let throttled = edge(3, 10_000, 10, 600);
        let expected = Some((3, "10 of 10,000 failed and 600 were throttled".to_owned()));
        assert_eq!(named(&[throttled, many.clone(), one_of_one]), expected);
        let nearer = edge(4, 600, 500, 0);
        assert_eq!(named(&[nearer, many]).map(|(target, _)| target), Some(4));
        assert_eq!(named(&[edge(5, 100, 0, 0)]), None);
    }
}
