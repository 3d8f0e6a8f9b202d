//! `GET /traces/{id}`: the spans of a trace on its time axis.

use std::{
    cell::Cell,
    collections::{BTreeMap, HashMap},
};

use axum::response::Response;
use control_plane_model::{
    otlp::up_to,
    trace::{Ending, Node, Span, Stretch, Trace, Tree, critical_path, ending},
};
use maud::{Markup, html};
use serde::Deserialize;
use serde_json::Value;

use super::frame::{answer, moment};

use crate::{
    api::{Id, Query, View, WindowQuery},
    layout::Tab,
    problem::Problem,
    text::{self, duration},
    visible,
};

const TITLE: &str = "Trace";
/// Spans on a page.
const SPANS_PER_PAGE: usize = 500;
/// Bytes of HTML that the details of all spans of a page may take together, and those of the chosen one.
const DETAILS_BYTES: usize = 500_000;
const CHOSEN_BYTES: usize = 250_000;
/// Bytes of what went wrong with a span that lead its line.
const ERROR_BYTES: usize = 1_000;
/// Up to so many spans the page holds what each carries; of larger traces, what the chosen one does.
const WITH_DETAILS: usize = 200;

#[derive(Debug, Default, Deserialize)]
pub(super) struct Shown {
    /// The chosen span.
    span: Option<String>,
    page: Option<usize>,
}

pub(super) async fn page(view: View, id: Result<Id, Problem>, shown: Result<Query<Shown>, Problem>) -> Response {
    answer(&view, TITLE, Tab::Traces, async { render(&view, &id?.0, &shown?.0).await }).await
}

/// What the rows of a trace share.
struct Drawing<'a> {
    trace: &'a Trace,
    tree: Tree<'a>,
    /// The critical path, by span.
    critical: HashMap<String, Vec<Stretch>>,
    shown: &'a Shown,
    window: &'a WindowQuery,
    /// Bytes left for details of spans that are not chosen.
    left: Cell<usize>,
}

impl Drawing<'_> {
    /// The page of a span within its trace.
    fn href(&self, trace_id: &str, span_id: &str) -> String {
        href(self.window, trace_id, span_id)
    }
}

fn href(window: &WindowQuery, trace_id: &str, span_id: &str) -> String {
    format!("{}#span-{span_id}", window.link(&format!("/traces/{trace_id}"), &[("span", span_id)]))
}

async fn render(view: &View, id: &str, shown: &Shown) -> Result<Markup, Problem> {
    let trace = view.trace(id).await?;
    let tree = Tree::of(&trace);
    let path = critical_path(&tree);
    let mut critical: HashMap<String, Vec<Stretch>> = HashMap::new();
    for stretch in path {
        critical.entry(stretch.span_id.clone()).or_default().push(stretch);
    }
    let drawing =
        Drawing { trace: &trace, tree, critical, shown, window: view.place.window(), left: Cell::new(DETAILS_BYTES) };
    let chosen = shown.span.as_ref().and_then(|id| drawing.tree.nodes.iter().position(|node| node.span.span_id == *id));
    let pages = drawing.tree.nodes.len().div_ceil(SPANS_PER_PAGE).max(1);
    let page = shown.page.unwrap_or_else(|| chosen.map_or(1, |index| index / SPANS_PER_PAGE + 1)).clamp(1, pages);
    let rows = drawing.tree.nodes.iter().skip((page - 1) * SPANS_PER_PAGE).take(SPANS_PER_PAGE);
    let logs = view.logs(trace.trace_id).await;
    Ok(html! {
        (head(&drawing))
        (axis(drawing.tree.duration_ns))
        ol.waterfall { @for node in rows { (row(node, &drawing)) } }
        @if pages > 1 {
            nav.pages aria-label="Pages of spans" {
                @for number in 1..=pages {
                    a href=(view.place.window().link(&format!("/traces/{}", trace.trace_id), &[("page", number)])) aria-current=[(number == page).then_some("page")] { (number) }
                }
            }
        }
        @if let Some(logs) = logs { (log_lines(&logs)) }
    })
}

fn head(drawing: &Drawing<'_>) -> Markup {
    let trace = drawing.trace;
    let distinct = |value: fn(&Span) -> Option<&String>| {
        let mut list: Vec<&str> = trace.spans.iter().filter_map(value).map(String::as_str).collect();
        list.sort_unstable();
        list.dedup();
        list.join(", ")
    };
    let failed = trace.spans.iter().filter(|span| span.error.is_some()).count();
    html! {
        (ending_of(&ending(&drawing.tree), drawing.window, &trace.trace_id.to_string()))
        dl.facts {
            div { dt { "Trace ID" } dd { code { (trace.trace_id) } } }
            div { dt { "X-Ray" } dd { code { (trace.xray_trace_id) } } }
            div { dt { "Began" } dd { (moment(drawing.tree.start_unix_ns)) } }
            div { dt { "Took" } dd { (duration(drawing.tree.duration_ns as f64)) } }
            div { dt { "Spans" } dd { (trace.spans.len()) @if failed > 0 { ", " (failed) " failed" } } }
            div { dt { "Accounts" } dd { (distinct(|span| span.account.as_ref())) } }
            div { dt { "Tenant" } dd { (distinct(|span| span.tenant.as_ref())) } }
            div { dt { "Tier" } dd { (distinct(|span| span.tier.as_ref())) } }
            div { dt { "Export" } dd {
                @let api = format!("/api/traces/{}", trace.trace_id);
                a href=(api) download={ (trace.trace_id) ".json" } { "JSON" } ", " a href={ (api) "?format=otlp" } { "OTLP" }
            } }
        }
        @if trace.others { p { "Others took part in this trace. Their spans are not shown." } }
        @if let Some((span, share)) = slowest(drawing) {
            p { "Most of the time was spent in " strong { (span.name) } " of " (span.service) ": "
                (format!("{:.0}", share * 100.0)) " % of the critical path "
                a href={ "#span-" (span.span_id) } { "(go there)" } }
        }
    }
}

/// Where a trace ended, and the way there.
pub(super) fn ending_of(ending: &Ending, window: &WindowQuery, trace_id: &str) -> Markup {
    html! {
        p.ending.fault[ending.stopped.is_some()] {
            (text::ending(ending))
            @if let Some(stop) = &ending.stopped { " " a href=(href(window, trace_id, &stop.at().span_id)) { "(go there)" } }
        }
    }
}

/// The span that most of the critical path lies in, and its share.
fn slowest<'a>(drawing: &Drawing<'a>) -> Option<(&'a Span, f64)> {
    let length =
        |stretches: &Vec<Stretch>| stretches.iter().map(|part| part.end_unix_ns - part.start_unix_ns).sum::<i64>();
    let total: i64 = drawing.critical.values().map(length).sum();
    let (id, longest) =
        drawing.critical.iter().map(|(id, stretches)| (id, length(stretches))).max_by_key(|(_, length)| *length)?;
    let span = drawing.trace.spans.iter().find(|span| span.span_id == *id)?;
    (total > 0).then(|| (span, longest as f64 / total as f64))
}

fn axis(duration_ns: i64) -> Markup {
    html! {
        div.axis aria-hidden="true" {
            span { "0" }
            @for quarter in 1..=4 { span { (duration(duration_ns as f64 * f64::from(quarter) / 4.0)) } }
        }
    }
}

fn row(node: &Node<'_>, drawing: &Drawing<'_>) -> Markup {
    let span = node.span;
    let chosen = drawing.shown.span.as_ref() == Some(&span.span_id);
    let has_details = chosen || drawing.trace.spans.len() <= WITH_DETAILS;
    // Deeper than this, depth says nothing and takes all the room.
    let depth = node.depth.min(12);
    let text = |value: &Option<String>| value.clone().unwrap_or_default();
    let is_critical = drawing.critical.contains_key(&span.span_id);
    let label = html! {
        span.label {
            @for _ in 0..depth { span.indent aria-hidden="true" {} }
            span.says {
                span.name { (span.name) }
                span.kind { (span.kind) }
                @if is_critical { span.critical title="on the critical path" { "critical" } }
            }
        }
        span.who {
            (span.service)
            @if let Some(account) = &span.account { " · " (account) }
            @if let Some(tenant) = &span.tenant { " · " strong { (tenant) } @if let Some(tier) = &span.tier { " (" (tier) ")" } }
        }
        span.when { (bar(span, drawing)) span.took { (duration(span.duration_ns as f64)) } }
        @if let Some(error) = &span.error { span.what { "✘ " (up_to(error, ERROR_BYTES)) } }
    };
    html! {
        @if node.parent_missing {
            li.gap {
                @for _ in 0..depth { span.indent aria-hidden="true" {} }
                "not received: parent span " code { (text(&span.parent_span_id)) } " (API Gateway's own, say, or a sender that is late)"
            }
        }
        li #{ "span-" (span.span_id) } .fault[span.error.is_some()] .below[node.parent_missing] {
            @if has_details {
                details open[chosen] { summary { (label) } (details(span, drawing)) }
            } @else {
                a.row href=(drawing.href(&drawing.trace.trace_id.to_string(), &span.span_id)) { (label) }
            }
        }
    }
}

/// Where the span lies on the time axis; the critical part of it stands out.
fn bar(span: &Span, drawing: &Drawing<'_>) -> Markup {
    let total = drawing.tree.duration_ns.max(1) as f64;
    let place = |time: i64| (time - drawing.tree.start_unix_ns) as f64 / total * 1_000.0;
    let stretches = drawing.critical.get(&span.span_id).into_iter().flatten();
    let shape = |class: &str, from: f64, to: f64, y: u32, height: u32| {
        html! {
            // A moment is seen, too.
            rect class=(class) x=(format!("{from:.2}")) y=(y) width=(format!("{:.2}", (to - from).max(1.5))) height=(height) {}
        }
    };
    html! {
        svg viewBox="0 0 1000 14" preserveAspectRatio="none" aria-hidden="true" {
            (shape("span", place(span.start_unix_ns), place(span.end_unix_ns), 2, 10))
            @for stretch in stretches { (shape("path", place(stretch.start_unix_ns), place(stretch.end_unix_ns), 5, 4)) }
        }
    }
}

fn details(span: &Span, drawing: &Drawing<'_>) -> Markup {
    let of_chosen = Cell::new(CHOSEN_BYTES);
    let left = if drawing.shown.span.as_ref() == Some(&span.span_id) { &of_chosen } else { &drawing.left };
    html! {
        div.details {
            dl.facts {
                div { dt { "Span ID" } dd { code { (span.span_id) } } }
                div { dt { "Starts after" } dd { (duration((span.start_unix_ns - drawing.tree.start_unix_ns) as f64)) } }
                div { dt { "Status" } dd { (span.status) @if let Some(error) = &span.error { ": " (up_to(error, ERROR_BYTES)) } } }
                div { dt { "This span" } dd { a href=(drawing.href(&drawing.trace.trace_id.to_string(), &span.span_id)) { "link" } } }
            }
            (attributes("Attributes", &span.attributes, left))
            @if !span.events.is_empty() {
                h3 { "Events" }
                @for event in span.events.iter().filter(|event| takes(left, &event.name)) {
                    p { (event.name) ", after " (duration((event.time_unix_ns - drawing.tree.start_unix_ns) as f64)) }
                    (attributes("", &event.attributes, left))
                }
            }
            @if !span.links.is_empty() {
                h3 { "Links" }
                ul { @for link in span.links.iter().filter(|link| takes(left, &link.trace_id)) { li {
                    "span " code { (link.span_id) } " of trace " a href=(drawing.href(&link.trace_id, &link.span_id)) { (link.trace_id) }
                } } }
            }
            (attributes("Sender", &span.resource, left))
        }
    }
}

/// Attributes, as many as there is room for.
fn attributes(title: &str, attributes: &BTreeMap<String, Value>, left: &Cell<usize>) -> Markup {
    let texts = attributes.iter().map(|(name, value)| {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        (name, text)
    });
    let shown: Vec<_> = texts.filter(|(name, text)| takes(left, name) && takes(left, text)).collect();
    html! {
        @if !attributes.is_empty() {
            @if !title.is_empty() { h3 { (title) } }
            table.attributes {
                tbody { @for (name, text) in &shown { tr { th scope="row" { (name) } td { (text) } } } }
            }
            @if shown.len() < attributes.len() { p { (attributes.len() - shown.len()) " more are too large for this page; the API has them." } }
        }
    }
}

/// Whether there is room for a text, which is then taken: as HTML writes it, and its tags.
fn takes(left: &Cell<usize>, text: &str) -> bool {
    let letter = |letter: char| match letter {
        '"' | '&' | '<' | '>' => 6,
        letter if visible::commands(letter) => 6,
        letter => letter.len_utf8(),
    };
    let bytes = text.chars().map(letter).sum::<usize>() + 64;
    let enough = bytes <= left.get();
    if enough {
        left.set(left.get() - bytes);
    }
    enough
}

fn log_lines(lines: &Result<Vec<Value>, String>) -> Markup {
    html! {
        section aria-label="Logs" {
            h2 { "Log lines of this trace" }
            @match lines {
                Err(reason) => p { (reason) },
                Ok(lines) if lines.is_empty() => p { "None." },
                Ok(lines) => ol.logs { @for line in lines { li { (log_line(line)) } } },
            }
        }
    }
}

fn log_line(line: &Value) -> Markup {
    let text = |key: &str| line[key].as_str().unwrap_or_default().to_owned();
    html! {
        details {
            summary { time datetime=(text("timestamp")) { (text("timestamp")) } " " span.level { (text("level")) } " " span.source { (text("function")) } " " (text("message")) }
            pre { (serde_json::to_string_pretty(line).unwrap_or_default()) }
        }
    }
}
