//! `GET /`: the service map.

use std::collections::HashMap;

use axum::{extract::State, response::Response};
use control_plane_model::{
    map::{MapEdge, MapNode, ServiceMap, Stats},
    search::quoted,
    store::Facets,
};
use maud::{Markup, html};
use serde::Deserialize;

use super::{
    frame::{
        self,
        Column::{Number, Text},
        Tab, answer, choice, live, window,
    },
    map_layout::{BAND_GAP, LANE, Layout, NODE, layout},
};

use crate::{
    api::{MapFilter, Parameters, Sources, given},
    problem::Problem,
    text::{duration, link, percent, rate},
};

const TITLE: &str = "Service map";

#[derive(Debug, Default, Deserialize)]
pub(super) struct MapPage {
    #[serde(flatten)]
    filter: MapFilter,
    live: Option<String>,
}

pub(super) async fn page(State(sources): State<Sources>, query: Result<Parameters<MapPage>, Problem>) -> Response {
    answer(TITLE, Tab::Map, async { render(&sources, &query?.0).await }).await
}

async fn render(sources: &Sources, query: &MapPage) -> Result<Markup, Problem> {
    let map = sources.map(&query.filter).await?;
    let facets = sources.facets().await?;
    let narrowed = narrowed(&query.filter);
    let on = query.live.is_some();
    let content = html! {
        @if map.edges.is_empty() {
            p { "Nothing was called in this window." }
        } @else {
            (summary(&map))
            div.drawing tabindex="0" role="region" aria-label="Service map, scrollable" { (drawing(&map, &narrowed)) }
            (legend())
            (tables(&map, &narrowed))
        }
    };
    let again: Vec<_> = narrowed.iter().cloned().chain([("live", "on".to_owned())]).collect();
    Ok(html! { (form(query, &facets)) (live("/", &again, on, &content)) })
}

/// What the page is narrowed to, for links that stay within it.
fn narrowed(filter: &MapFilter) -> Vec<(&'static str, String)> {
    let window = &filter.window;
    let fields = [
        ("tenant", &filter.tenant),
        ("tier", &filter.tier),
        ("account", &filter.account),
        ("window", &window.window),
        ("from", &window.from),
        ("to", &window.to),
    ];
    fields.into_iter().filter_map(|(name, value)| Some((name, given(value)?))).collect()
}

fn form(query: &MapPage, facets: &Facets) -> Markup {
    let filter = &query.filter;
    html! {
        form.filters method="get" action="/" aria-label="Narrow the map" {
            (choice("tenant", "Tenant", &facets.tenants, &filter.tenant))
            (choice("tier", "Tier", &facets.tiers, &filter.tier))
            (choice("account", "Account", &facets.accounts, &filter.account))
            (window(&filter.window))
            label.check { input type="checkbox" name="live" checked[query.live.is_some()]; "Live" }
            button { "Show" }
        }
    }
}

fn summary(map: &ServiceMap) -> Markup {
    let worst = map.edges.iter().max_by(|a, b| a.stats.fault_rate.total_cmp(&b.stats.fault_rate));
    let names: HashMap<u32, &str> = map.nodes.iter().map(|node| (node.id, node.name.as_str())).collect();
    let name = |id: &u32| names.get(id).copied().unwrap_or_default();
    html! {
        p {
            (map.nodes.len()) " nodes, " (map.edges.len()) " edges"
            @if let Some(edge) = worst.filter(|edge| edge.stats.faults > 0) {
                ". Most faults: " strong { (name(&edge.source)) " → " (name(&edge.target)) ", " (percent(edge.stats.fault_rate)) }
            }
            "."
        }
    }
}

/// The traces that a node had a part in.
fn traces_of(node: &MapNode, narrowed: &[(&'static str, String)]) -> String {
    let filter = match (node.kind.as_str(), &node.account) {
        ("client", _) => String::new(),
        (kind, Some(account)) => format!(
            "service(id(name: {}, type: {}, account.id: {}))",
            quoted(&node.name),
            quoted(kind),
            quoted(account)
        ),
        (kind, None) => format!("service(id(name: {}, type: {}))", quoted(&node.name), quoted(kind)),
    };
    traces(filter, narrowed)
}

fn traces(filter: String, narrowed: &[(&'static str, String)]) -> String {
    let kept = narrowed.iter().filter(|(name, _)| *name != "account").cloned();
    link("/traces", &kept.chain([("filter", filter)]).collect::<Vec<_>>())
}

/// The traces that used an edge.
fn traces_over(edge: &MapEdge, nodes: &HashMap<u32, &MapNode>, narrowed: &[(&'static str, String)]) -> String {
    let end = |id: &u32| {
        let node = nodes.get(id)?;
        Some(format!("id(name: {}, type: {})", quoted(&node.name), quoted(&node.kind)))
    };
    let filter = end(&edge.source).zip(end(&edge.target)).map(|(from, to)| format!("edge({from}, {to})"));
    traces(filter.unwrap_or_default(), narrowed)
}

fn figures(stats: &Stats) -> String {
    let about = if stats.estimated { "≈ " } else { "" };
    format!("{about}{} · p99 {}", rate(stats.rate), duration(stats.p99_ms * 1e6))
}

fn drawing(map: &ServiceMap, narrowed: &[(&'static str, String)]) -> Markup {
    let layout = layout(map);
    let nodes: HashMap<u32, &MapNode> = map.nodes.iter().map(|node| (node.id, node)).collect();
    html! {
        svg.map width=(layout.width) height=(layout.height) viewBox={ "0 0 " (layout.width) " " (layout.height) }
            role="group" aria-label="Services, and what they call" {
            defs {
                marker #arrow viewBox="0 0 8 8" refX="8" refY="4" markerWidth="7" markerHeight="7" orient="auto" { path d="M0 0 8 4 0 8z" {} }
            }
            @for band in &layout.bands {
                g.band {
                    rect x="0" y=(band.y) width=(layout.width) height=(band.height) rx="10" {}
                    text x="48" y=(band.y + 24.0) { @match band.account { Some(account) => { "Account " (account) } None => "Outside" } }
                }
            }
            @for edge in &map.edges { (edge_of(edge, &layout, &nodes, narrowed)) }
            @for node in &map.nodes { (node_of(node, &layout, narrowed)) }
        }
    }
}

fn edge_of(
    edge: &MapEdge,
    layout: &Layout<'_>,
    nodes: &HashMap<u32, &MapNode>,
    narrowed: &[(&'static str, String)],
) -> Markup {
    let places = layout.places.get(&edge.source).zip(layout.places.get(&edge.target));
    let Some((&(x1, y1, band1), &(x2, y2, band2))) = places else { return html! {} };
    let ((ax, ay), (bx, by), path, label) = if band1 == band2 && x1 < x2 {
        let (from, to) = ((x1 + NODE.0, y1 + NODE.1 / 2.0), (x2, y2 + NODE.1 / 2.0));
        let bend = (to.0 - from.0) / 2.0;
        (from, to, format!("C{} {} {} {}", from.0 + bend, from.1, to.0 - bend, to.1), middle(from, to))
    } else if band1.abs_diff(band2) > 1 {
        // Past a band: beside its nodes, not behind them.
        let to = (x2, y2 + NODE.1 / 2.0);
        let beside = x1.min(x2) - LANE * 1.3;
        let (from, out) = if x1 > x2 {
            // Nor behind its own neighbour.
            let (edge, away) = if y1 < y2 { (y1 + NODE.1, BAND_GAP) } else { (y1, -BAND_GAP) };
            ((x1 + NODE.0 / 4.0, edge), edge + away)
        } else {
            ((x1, y1 + NODE.1 / 2.0), y1 + NODE.1 / 2.0)
        };
        // Between the first two bands there is room to say how often.
        (from, to, format!("C{beside} {out} {beside} {}", to.1), (x1, y1.min(y2) + NODE.1 + BAND_GAP * 1.2))
    } else {
        // To another band, or back: out of the bottom, in at the top, or the other way round.
        let down = y1 <= y2;
        let from = (x1 + NODE.0 / 2.0, if down { y1 + NODE.1 } else { y1 });
        let to = (x2 + NODE.0 / 2.0, if down { y2 } else { y2 + NODE.1 });
        let bend = (to.1 - from.1) / 2.0;
        (from, to, format!("C{} {} {} {}", from.0, from.1 + bend, to.0, to.1 - bend), middle(from, to))
    };
    let name = |id: &u32| nodes.get(id).map(|node| node.name.as_str()).unwrap_or_default();
    let stats = &edge.stats;
    let title = format!(
        "{} to {}: {}, {} faults, {} errors",
        name(&edge.source),
        name(&edge.target),
        figures(stats),
        percent(stats.fault_rate),
        percent(stats.error_rate)
    );
    html! {
        a href=(traces_over(edge, nodes, narrowed)) aria-label=(title) {
            g class={ "edge " (stats.health.name()) } {
                title { (title) }
                path.reach d={ "M" (ax) " " (ay) (path) " " (bx) " " (by) } {}
                path d={ "M" (ax) " " (ay) (path) " " (bx) " " (by) } marker-end="url(#arrow)" {}
                text x=(label.0) y=(label.1 - 5.0) text-anchor="middle" { (rate(stats.rate)) }
                @if stats.fault_rate > 0.0 {
                    text x=(label.0) y=(label.1 + 13.0) text-anchor="middle" { (percent(stats.fault_rate)) }
                }
            }
        }
    }
}

fn middle(from: (f64, f64), to: (f64, f64)) -> (f64, f64) {
    ((from.0 + to.0) / 2.0, (from.1 + to.1) / 2.0)
}

fn node_of(node: &MapNode, layout: &Layout<'_>, narrowed: &[(&'static str, String)]) -> Markup {
    let Some(&(x, y, _)) = layout.places.get(&node.id) else { return html! {} };
    let stats = &node.stats;
    // Whom nobody calls has no figures of its own: what it calls has.
    let figures = if stats.count > 0 { figures(stats) } else { String::new() };
    let title = match figures.as_str() {
        "" => format!("{} {}", node.kind, node.name),
        figures => format!("{} {}: {figures}, {} faults", node.kind, node.name, percent(stats.fault_rate)),
    };
    html! {
        a href=(traces_of(node, narrowed)) aria-label=(title) {
            g class={ "node " (stats.health.name()) } {
                title { (title) }
                rect x=(x) y=(y) width=(NODE.0) height=(NODE.1) rx="8" {}
                rect.health x=(x) y=(y) width="5" height=(NODE.1) rx="2" {}
                text.name x=(x + 14.0) y=(y + 22.0) { (shortened(&node.name, 21)) }
                text x=(x + 14.0) y=(y + 38.0) { (shortened(&sort(node), 26)) }
                text x=(x + 14.0) y=(y + 54.0) { (figures) }
            }
        }
    }
}

/// What it is, where its name does not say so.
fn sort(node: &MapNode) -> String {
    if node.kind == node.name { "AWS".into() } else { node.kind.clone() }
}

fn shortened(text: &str, letters: usize) -> String {
    if text.chars().count() <= letters {
        return text.to_owned();
    }
    text.chars().take(letters - 1).chain(['…']).collect()
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

fn tables(map: &ServiceMap, narrowed: &[(&'static str, String)]) -> Markup {
    let nodes: HashMap<u32, &MapNode> = map.nodes.iter().map(|node| (node.id, node)).collect();
    let mut edges: Vec<&MapEdge> = map.edges.iter().collect();
    edges.sort_by_key(|edge| std::cmp::Reverse((edge.stats.health, edge.stats.count)));
    let name = |id: &u32| nodes.get(id).map(|node| node.name.as_str()).unwrap_or_default();
    let columns = ["Requests", "Rate", "Faults", "Errors", "p50", "p95", "p99"].map(Number);
    let columns: Vec<_> = [Text("From"), Text("To")].into_iter().chain(columns).collect();
    let rows = html! {
        @for edge in edges {
            @let stats = &edge.stats;
            tr class=(stats.health.name()) {
                td { (name(&edge.source)) }
                td { a href=(traces_over(edge, &nodes, narrowed)) { (name(&edge.target)) } }
                td.number { (stats.count) } td.number { (rate(stats.rate)) }
                td.number { (percent(stats.fault_rate)) } td.number { (percent(stats.error_rate)) }
                @for milliseconds in [stats.p50_ms, stats.p95_ms, stats.p99_ms] { td.number { (duration(milliseconds * 1e6)) } }
            }
        }
    };
    html! { details { summary { "The same as a table" } (frame::table("Edges", &columns, &rows)) } }
}
