//! More of a node or an edge: how it was over time, whose requests it served, its traces, and what to look at next.

use std::collections::BTreeMap;

use control_plane_model::{
    catalog::Node,
    map::{BROWSER, MapEdge, Stats},
    part::Part,
    rollup::MINUTE,
    search::quoted,
    store::Version,
    trace::Summary,
};
use jiff::Timestamp;
use maud::{Markup, Render, html};

use super::{
    super::{
        chart::{Axis, Chart, Line, Mark, Unit},
        frame::{Table, moment},
        service::{self, Figures},
        why,
    },
    Shown, hurt,
};
use crate::{
    api::{Conditions, MapFilter, PartAnswer, Steps, TraceFilter},
    problem::Problem,
    text::{count, duration, link, percent, rate},
};

/// Traces and tenants in a list.
const LISTED: usize = 5;
const NANOSECONDS: i64 = 1_000_000_000;

/// The panel of a part of the map.
pub(super) async fn of(shown: &Shown<'_>, part: Part) -> Result<Markup, Problem> {
    let search = Searches { shown, part: &part };
    let (of_slowest, of_failing) = (search.of(false, Some("slowest")), search.of(true, None));
    let (answer, slowest, failing, metrics, versions) = tokio::try_join!(
        shown.view.part(part.clone(), &shown.query.filter),
        shown.view.traces(&of_slowest),
        shown.view.traces(&of_failing),
        metrics(shown, &part),
        shown.view.versions(&shown.query.filter.window),
    )?;
    let close = link("/", &shown.query.whole());
    let versions: Vec<Version> = versions.into_iter().filter(|version| is_of(version, &part)).collect();
    Ok(html! {
        div.head {
            h2 tabindex="-1" { (title(&part)) }
            a.close href=(close) aria-label="Close the details" { "✕" }
        }
        p { (about(shown, &part)) }
        @if answer.stats.count == 0 {
            p { "Nothing is known of it in this window." }
            (metrics)
        } @else {
            (figures(&answer.stats))
            p.links {
                a href=(link("/traces", &search.of(false, None))) { "All of its traces" }
                @if answer.stats.faults > 0 { " · " a href=(search.why()) { "Why are these failing?" } }
            }
            (metrics)
            (traces("Failing", shown, &failing.traces))
            (traces("Slowest", shown, &slowest.traces))
            (tenants(shown, &answer))
            (over_time(&answer, &versions))
            (edges(shown, &part))
            (seen_first(&versions))
        }
    })
}

/// What a service measures of itself, for those who may know of all tenants.
async fn metrics(shown: &Shown<'_>, part: &Part) -> Result<Markup, Problem> {
    let Part::Node(node) = part else { return Ok(html! {}) };
    if node.kind != "service" || !shown.view.sees_all() {
        return Ok(html! {});
    }
    let window = &shown.query.filter.window;
    let account = Some(node.account.as_str()).filter(|account| !account.is_empty());
    let steps = Steps::of(window.resolve(Timestamp::now())?);
    let lines = shown.view.metrics(service::query(steps, &node.name, account)).await?;
    let figures = Figures { lines: &lines };
    let page = service::link(&node.name, account, window);
    Ok(html! {
        h3 { "Its metrics" }
        @if figures.is_empty() {
            p { "None has arrived in this window. " a href=(page) { "How to turn them on" } }
        } @else {
            p { "Measured by the service itself, of all tenants together. What stands above and below is computed from traces." }
            (service::in_short(figures))
            p { a href=(page) { "Its metrics over time" } }
        }
    })
}

fn title(part: &Part) -> String {
    match part {
        Part::Node(node) => node.name.clone(),
        Part::Edge(source, target) => format!("{} → {}", source.name, target.name),
    }
}

/// What it is, and where.
fn about(shown: &Shown<'_>, part: &Part) -> String {
    let account = |node: &Node| shown.account(Some(node.account.as_str()).filter(|account| !account.is_empty()));
    let one = |node: &Node| format!("{}, {}", node.kind, account(node));
    match part {
        Part::Node(node) if node.kind == BROWSER => {
            format!(
                "{}. What fails in it alone, as it may be offline or its page was left, is not counted against the system.",
                one(node)
            )
        }
        Part::Node(node) => one(node),
        Part::Edge(source, target) => format!("{} → {}", one(source), one(target)),
    }
}

/// Searches for the traces of a part of the map.
struct Searches<'a> {
    shown: &'a Shown<'a>,
    part: &'a Part,
}

impl Searches<'_> {
    fn conditions(&self, failing: bool) -> Conditions {
        let id = |node: &Node| {
            let account = Some(&node.account).filter(|account| !account.is_empty());
            let account = account.map(|account| format!(", account.id: {}", quoted(account))).unwrap_or_default();
            format!("id(name: {}, type: {}{account})", quoted(&node.name), quoted(&node.kind))
        };
        let fault = if failing { " { fault }" } else { "" };
        let filter = match self.part {
            // The clients are in all traces that came from outside, and no service of their own.
            Part::Node(node) if node.kind == "client" => failing.then(|| "fault".to_owned()),
            Part::Node(node) => Some(format!("service({}){fault}", id(node))),
            Part::Edge(source, target) => Some(format!("edge({}, {}){fault}", id(source), id(target))),
        };
        let MapFilter { tenant, tier, .. } = self.shown.query.filter.clone();
        Conditions { filter, tenant, tier, ..Conditions::default() }
    }

    fn of(&self, failing: bool, order: Option<&str>) -> TraceFilter {
        TraceFilter {
            conditions: self.conditions(failing),
            order: order.map(str::to_owned),
            limit: order.is_some().then(|| LISTED.to_string()).or(failing.then(|| LISTED.to_string())),
            window: self.shown.query.filter.window.clone(),
        }
    }

    fn why(&self) -> String {
        why::of_search(&self.conditions(false), &self.shown.query.filter.window)
    }
}

fn figures(stats: &Stats) -> Markup {
    let about = if stats.estimated { "≈ " } else { "" };
    html! {
        dl.figures {
            div { dt { "Requests" } dd { (about) (rate(stats.rate)) } }
            div class=(stats.health.name()) { dt { "Failed" } dd { (percent(stats.fault_rate)) } }
            @if stats.throttles > 0 { div { dt { "Throttled" } dd { (count(stats.throttles)) } } }
            div { dt { "p50" } dd { (duration(stats.p50_ms * 1e6)) } }
            div { dt { "p99" } dd { (duration(stats.p99_ms * 1e6)) } }
        }
    }
}

fn over_time(answer: &PartAnswer, versions: &[Version]) -> Markup {
    let axis = Axis { from: answer.from, to: answer.to, width: answer.width as f64 };
    let named = |version: &Version| format!("{} {} first seen", version.service, version.version);
    let marks: Vec<Mark> =
        versions.iter().map(|version| Mark { at: version.first_seen, name: named(version) }).collect();
    let line = |name: &str, value: &dyn Fn(&Stats) -> f64| {
        Line::of(name, answer.points.iter().map(|(start, stats)| (*start, value(stats))).collect())
    };
    let chart = |title, lines, unit| Chart { marks: &marks, ..Chart::of(title, axis, unit, lines) };
    // Nobody asking is a rate of nothing; of whom nobody asks, neither failures nor latencies are known.
    let width = answer.width.max(1);
    let starts = (answer.from.div_euclid(width) * width..answer.to).step_by(usize::try_from(width).unwrap_or(1));
    let rates: BTreeMap<i64, f64> = answer.points.iter().map(|(start, stats)| (*start, stats.rate)).collect();
    let rates = starts.map(|start| (start, rates.get(&start).copied().unwrap_or_default())).collect();
    let latencies = vec![line("p50", &|stats| stats.p50_ms * 1e6), line("p99", &|stats| stats.p99_ms * 1e6)];
    html! {
        h3 { "Over time" }
        (chart("Requests", vec![Line::of("requests", rates)], Unit::Rate))
        (chart("Failed", vec![line("failed", &|stats| stats.fault_rate)], Unit::Share))
        (chart("p50 and p99", latencies, Unit::Duration))
    }
}

fn traces(label: &str, shown: &Shown<'_>, traces: &[Summary]) -> Markup {
    let page = |trace: &Summary| shown.query.filter.window.link(&format!("/traces/{}", trace.trace_id), &());
    let name = |trace: &Summary| if trace.root.is_empty() { trace.trace_id.to_string() } else { trace.root.clone() };
    let table = Table::of(label, traces, |_| None)
        .text(label, |trace| html! { a href=(page(trace)) { (name(trace)) } })
        .number("Took", |trace| duration(trace.duration_ns as f64))
        .text("Tenant", |trace| trace.tenants.join(", "));
    html! { @if !traces.is_empty() { (table) } }
}

/// The tenants with the most requests, and those with the most failures.
fn tenants(shown: &Shown<'_>, answer: &PartAnswer) -> Markup {
    let failing = |stats: &Stats| stats.faults + stats.throttles;
    let mut most: Vec<_> = answer.tenants.iter().filter(|(_, stats)| stats.count > 0).collect();
    most.sort_by_key(|(_, stats)| std::cmp::Reverse(stats.count));
    let mut hurting: Vec<_> = answer.tenants.iter().filter(|(_, stats)| failing(stats) > 0).collect();
    hurting.sort_by_key(|(_, stats)| std::cmp::Reverse(failing(stats)));
    let list = |label: &'static str, tenants: Vec<&(String, Stats)>| {
        let page = |id: &str| shown.query.filter.window.link("/tenant", &[("id", id)]);
        let name = |id: &str| shown.view.name_of(id).unwrap_or_else(|| id.to_owned());
        Table::of(label, tenants.into_iter().take(LISTED), |_| None)
            .text(label, |(id, _)| html! { a href=(page(id)) { (name(id)) } })
            .number("Rate", |(_, stats)| rate(stats.rate))
            .colored_number(
                "Failed",
                |(_, stats)| if failing(stats) > 0 { "fault" } else { "" },
                |(_, stats)| {
                    if failing(stats) > 0 { hurt(stats) } else { "0".to_owned() }
                },
            )
            .number("p99", |(_, stats)| duration(stats.p99_ms * 1e6))
            .render()
    };
    html! {
        @if !answer.tenants.is_empty() {
            h3 { "Tenants" }
            @if answer.tenants_from > answer.from + MINUTE { p { "Since " (moment(answer.tenants_from * NANOSECONDS)) "." } }
            (list("Most requests", most))
            @if !hurting.is_empty() { (list("Most failures", hurting)) }
        }
    }
}

/// The edges of a node, or the ends of an edge.
fn edges(shown: &Shown<'_>, part: &Part) -> Markup {
    let is = |id: u32, node: &Node| {
        shown.nodes.get(&id).is_some_and(|drawn| {
            drawn.kind == node.kind
                && drawn.name == node.name
                && drawn.account.as_deref().unwrap_or_default() == node.account
        })
    };
    let list = |label: &str, edges: &[&MapEdge], end: &dyn Fn(&MapEdge) -> u32| {
        html! {
            @if !edges.is_empty() {
                h3 { (label) }
                ul.edges {
                    @for edge in edges {
                        li class=(edge.stats.health.name()) { a href=(shown.panel_of_edge(edge)) { (shown.name(end(edge))) } " " (rate(edge.stats.rate)) }
                    }
                }
            }
        }
    };
    match part {
        Part::Node(node) => {
            let into: Vec<&MapEdge> = shown.map.edges.iter().filter(|edge| is(edge.target, node)).collect();
            let out: Vec<&MapEdge> = shown.map.edges.iter().filter(|edge| is(edge.source, node)).collect();
            html! { (list("Called by", &into, &|edge| edge.source)) (list("Calls", &out, &|edge| edge.target)) }
        }
        Part::Edge(source, target) => html! {
            h3 { "Its ends" }
            ul.edges {
                @for node in shown.map.nodes.iter().filter(|node| is(node.id, source) || is(node.id, target)) {
                    li class=(node.stats.health.name()) { a href=(shown.panel_of(node)) { (node.name) } " " (node.kind) }
                }
            }
        },
    }
}

fn is_of(version: &Version, part: &Part) -> bool {
    let of = |node: &Node| node.kind == "service" && node.name == version.service && node.account == version.account;
    match part {
        Part::Node(node) => of(node),
        Part::Edge(_, target) => of(target),
    }
}

fn seen_first(versions: &[Version]) -> Markup {
    html! {
        @if !versions.is_empty() {
            h3 { "Versions first seen in this window" }
            ul { @for version in versions { li { (version.version) ", " (moment(version.first_seen * NANOSECONDS)) } } }
        }
    }
}
