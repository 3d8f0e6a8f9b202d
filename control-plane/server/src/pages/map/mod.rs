//! `GET /`: the service map.

mod drawing;
mod icon;
mod layout;

use std::collections::HashMap;

use axum::response::Response;
use control_plane_model::{
    map::{Health, MapEdge, MapNode, ServiceMap, Stats},
    search::quoted,
    store::Facets,
};
use maud::{Markup, html};
use serde::{Deserialize, Serialize};

use super::frame::{Table, answer, choice, live, nothing, window};
use drawing::Drawing;

use crate::{
    api::{Conditions, MapFilter, Query, TraceFilter, View},
    layout::Tab,
    problem::Problem,
    text::{duration, link, percent, rate},
};

const TITLE: &str = "Service map";

#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct MapPage {
    #[serde(flatten)]
    filter: MapFilter,
    live: Option<String>,
}

pub(super) async fn page(view: View, query: Result<Query<MapPage>, Problem>) -> Response {
    answer(&view, TITLE, Tab::Map, async { render(&view, &query?.0).await }).await
}

async fn render(view: &View, query: &MapPage) -> Result<Markup, Problem> {
    let map = view.map(&query.filter).await?;
    let facets = view.facets().await?;
    let nodes = map.nodes.iter().map(|node| (node.id, node)).collect();
    let shown = Shown { map: &map, nodes, filter: &query.filter };
    let content = html! {
        @if map.edges.is_empty() {
            (nothing("Nothing was called in this window.", &query.filter.window, "/"))
        } @else {
            (summary(&shown))
            div.drawing tabindex="0" role="region" aria-label="Service map, scrollable" { (Drawing::new(&shown)) }
            (legend())
            (edges(&shown))
        }
    };
    Ok(html! { (form(view, query, &facets)) (live("/", query, query.live.is_some(), &content)) })
}

/// A map, and what it is narrowed to.
struct Shown<'a> {
    map: &'a ServiceMap,
    nodes: HashMap<u32, &'a MapNode>,
    filter: &'a MapFilter,
}

impl Shown<'_> {
    fn name(&self, id: u32) -> &str {
        self.nodes.get(&id).map(|node| node.name.as_str()).unwrap_or_default()
    }

    /// The traces that a node had a part in.
    fn traces_of(&self, node: &MapNode) -> String {
        self.traces((node.kind != "client").then(|| format!("service({})", id(node, &node.account))))
    }

    /// The traces that used an edge.
    fn traces_over(&self, edge: &MapEdge) -> String {
        let end = |end: &u32| Some(id(self.nodes.get(end)?, &None));
        self.traces(end(&edge.source).zip(end(&edge.target)).map(|(from, to)| format!("edge({from}, {to})")))
    }

    /// Those that a filter expression finds within what the map is narrowed to.
    fn traces(&self, filter: Option<String>) -> String {
        let MapFilter { tenant, tier, window, .. } = self.filter.clone();
        let conditions = Conditions { filter, tenant, tier, ..Conditions::default() };
        link("/traces", &TraceFilter { conditions, window, ..TraceFilter::default() })
    }
}

fn form(view: &View, query: &MapPage, facets: &Facets) -> Markup {
    let filter = &query.filter;
    html! {
        form.filters method="get" action="/" aria-label="Narrow the map" {
            (choice("tenant", "Tenant", &facets.tenants, &filter.tenant))
            (choice("tier", "Tier", &facets.tiers, &filter.tier))
            (choice("account", "Account", &facets.accounts, &filter.account))
            (window(&view.place, &filter.window))
            label.check { input type="checkbox" name="live" checked[query.live.is_some()]; "Live" }
            button { "Show" }
        }
    }
}

/// A node in a filter expression; of one account, if it is said.
fn id(node: &MapNode, account: &Option<String>) -> String {
    let account = account.as_ref().map(|account| format!(", account.id: {}", quoted(account))).unwrap_or_default();
    format!("id(name: {}, type: {}{account})", quoted(&node.name), quoted(&node.kind))
}

fn summary(shown: &Shown<'_>) -> Markup {
    let map = shown.map;
    let worst = most_hurt(&map.edges);
    html! {
        p {
            (map.nodes.len()) " nodes, " (map.edges.len()) " edges"
            @if let Some(edge) = worst {
                ". Most requests are hurt from "
                a href=(shown.traces_over(edge)) { strong { (shown.name(edge.source)) " to " (shown.name(edge.target)) } }
                ": " (hurt(&edge.stats))
            }
            "."
        }
    }
}

/// The edge over which the most requests failed or were throttled; of several with as many, the one with the greatest share, which is the nearest
/// to the cause.
fn most_hurt(edges: &[MapEdge]) -> Option<&MapEdge> {
    let hurt = |edge: &MapEdge| edge.stats.faults + edge.stats.throttles;
    let share = |edge: &MapEdge| hurt(edge) as f64 / edge.stats.count.max(1) as f64;
    let hurting = edges.iter().filter(|edge| hurt(edge) > 0);
    hurting.max_by(|a, b| hurt(a).cmp(&hurt(b)).then(share(a).total_cmp(&share(b))))
}

/// How many requests failed or were throttled, of how many.
fn hurt(stats: &Stats) -> String {
    let part = |count: i64, what: &str| (count > 0).then(|| format!("{count} {what}"));
    let parts = [part(stats.faults, "failed"), part(stats.throttles, "were throttled")];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    format!("{} of {}", parts.join(" and "), stats.count)
}

fn figures(stats: &Stats) -> String {
    let about = if stats.estimated { "≈ " } else { "" };
    format!("{about}{} · p99 {}", rate(stats.rate), duration(stats.p99_ms * 1e6))
}

fn legend() -> Markup {
    html! {
        ul.legend aria-label="Colours" {
            li.ok { "well" }
            li.error { "5 % or more are the callers' errors (4xx)" }
            li.throttle { "1 % or more throttled (429)" }
            li.fault { "1 % or more are faults (5xx, or failed)" }
        }
    }
}

/// The same as a table, the unwell edges first.
fn edges(shown: &Shown<'_>) -> Markup {
    let mut edges: Vec<&MapEdge> = shown.map.edges.iter().collect();
    edges.sort_by_key(|edge| std::cmp::Reverse((edge.stats.health, edge.stats.count)));
    let color = |edge: &MapEdge, of: Health| if edge.stats.health == of { of.name() } else { "" };
    let table = Table::of("Edges", edges, |_| None)
        .text("From", |edge| shown.name(edge.source))
        .text("To", |edge| html! { a href=(shown.traces_over(edge)) { (shown.name(edge.target)) } })
        .number("Requests", |edge| edge.stats.count)
        .number("Rate", |edge| rate(edge.stats.rate))
        .colored_number("Faults", |edge| color(edge, Health::Fault), |edge| percent(edge.stats.fault_rate))
        .colored_number("Throttled", |edge| color(edge, Health::Throttle), |edge| edge.stats.throttles)
        .colored_number("Errors", |edge| color(edge, Health::Error), |edge| percent(edge.stats.error_rate))
        .number("p50", |edge| duration(edge.stats.p50_ms * 1e6))
        .number("p95", |edge| duration(edge.stats.p95_ms * 1e6))
        .number("p99", |edge| duration(edge.stats.p99_ms * 1e6));
    html! { details { summary { "The same as a table" } (table) } }
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
        let named = |edges: &[MapEdge]| most_hurt(edges).map(|edge| (edge.target, hurt(&edge.stats)));
        let one_of_one = edge(1, 1, 1, 0);
        let many = edge(2, 10_000, 500, 0);
        assert_eq!(named(&[many.clone(), one_of_one.clone()]), Some((2, "500 failed of 10000".to_owned())));
        let throttled = edge(3, 10_000, 10, 600);
        let expected = Some((3, "10 failed and 600 were throttled of 10000".to_owned()));
        assert_eq!(named(&[throttled, many.clone(), one_of_one]), expected);
        let nearer = edge(4, 600, 500, 0);
        assert_eq!(named(&[nearer, many]).map(|(target, _)| target), Some(4));
        assert_eq!(named(&[edge(5, 100, 0, 0)]), None);
    }
}
