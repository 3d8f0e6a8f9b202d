//! What a span carries: its facts, attributes, events, links both ways and log lines.

use std::{cell::Cell, collections::BTreeMap};

use control_plane_model::{
    log_records::Lines,
    otlp::up_to,
    search::{Expression, quoted},
    trace::Span,
};
use maud::{Markup, html};
use serde_json::Value;

use super::{Drawing, href, logs};

use crate::{
    pages::frame::copy,
    problem::Problem,
    text::{duration, percent},
    visible,
};

/// Bytes of HTML that what a span carries may take.
const PANEL_BYTES: usize = 250_000;
/// Bytes of what went wrong with a span.
const ERROR_BYTES: usize = 1_000;
/// Bytes of a value that can be searched for.
const SEARCHED_BYTES: usize = 200;
/// Of a row of a table besides its texts.
const ROW_BYTES: usize = 160;

/// The panel of the span in a row; without the element that holds it, which the page has.
pub(super) fn panel(drawing: &Drawing<'_>, row: usize, lines: &Result<Lines, Problem>) -> Markup {
    let span = drawing.span(row);
    let left = Cell::new(PANEL_BYTES);
    html! {
        div.of-span data-shows=(span.span_id) {
            div.title {
                h2 { (span.name) }
                a.close href=(drawing.window.link(&drawing.path(), &())) aria-label="Close" { "✕" }
            }
            @if let Some(error) = &span.error { p.fault { "✘ " (up_to(error, ERROR_BYTES)) } }
            (facts(drawing, row))
            input.narrow type="search" hidden aria-label="Filter attributes" placeholder="Filter attributes" autocomplete="off" spellcheck="false";
            (attributes(drawing, "Attributes", &span.attributes, Some(&annotations(span)), &left))
            @if !span.events.is_empty() {
                section aria-label="Events" {
                    h3 { "Events (" (span.events.len()) ")" }
                    @for event in span.events.iter().filter(|event| takes(&left, event.name.len())) {
                        p.event .fault[event.name == "exception"] { strong { (event.name) } " " (when(event.time_unix_ns.saturating_sub(span.start_unix_ns))) }
                        (attributes(drawing, "", &event.attributes, None, &left))
                    }
                }
            }
            (links(drawing, span, &left))
            (attributes(drawing, "Sender", &span.resource, Some(&[]), &left))
            (logs::of_span(lines))
        }
    }
}

/// When an event happened, by nanoseconds since its span's start; another clock may have it before.
fn when(after_ns: i64) -> String {
    let distance = duration(after_ns.unsigned_abs() as f64);
    if after_ns < 0 { format!("{distance} before the start") } else { format!("after {distance}") }
}

fn facts(drawing: &Drawing<'_>, row: usize) -> Markup {
    let span = drawing.span(row);
    let node = &drawing.tree.nodes[row];
    let waited = drawing.waited_for(&span.span_id);
    html! {
        dl.facts {
            div { dt { "Service" } dd { (span.service) } }
            @if let Some(account) = &span.account { div { dt { "Account" } dd { (drawing.account(account)) } } }
            @if let Some(tenant) = &span.tenant { div { dt { "Tenant" } dd { (tenant) @if let Some(tier) = &span.tier { " (" (tier) ")" } } } }
            div { dt { "Kind" } dd { (span.kind) } }
            div { dt { "Took" } dd { (duration(span.duration_ns as f64)) } }
            div { dt { "Starts after" } dd { (duration((span.start_unix_ns - drawing.tree.start_unix_ns) as f64)) } }
            div { dt { "Waited for" } dd {
                @if waited > 0 { (duration(waited as f64)) ", " (percent(waited as f64 / drawing.tree.duration_ns.max(1) as f64)) " of the trace" }
                @else { "never: it is not on the critical path" }
            } }
            div { dt { "Status" } dd { (span.status) } }
            div { dt { "Span ID" } dd { (copy("span ID", html! { code { (span.span_id) } })) } }
            @if let Some(parent) = &span.parent_span_id {
                div { dt { "Parent" } dd {
                    @match node.parent {
                        Some(parent) => { @let parent = drawing.span(parent); a href=(drawing.href(&parent.span_id)) data-span=(parent.span_id) { (parent.name) } },
                        None => { "span " code { (parent) } ", not received (API Gateway's own, say, or a sender that is late)" },
                    }
                } }
            }
            div { dt { "This span" } dd { a href=(drawing.href(&span.span_id)) { "link" } } }
        }
    }
}

/// Spans of other traces that this one refers to.
fn links(drawing: &Drawing<'_>, span: &Span, left: &Cell<usize>) -> Markup {
    let own = drawing.trace.trace_id.to_string();
    html! {
        @if !span.links.is_empty() {
            section aria-label="Links" {
                h3 { "Links to" }
                ul { @for link in span.links.iter().filter(|link| takes(left, link.trace_id.len() * 3)) { li {
                    @let inside = (link.trace_id == own).then_some(&link.span_id);
                    a href=(href(drawing.window, &link.trace_id, &link.span_id)) data-span=[inside] {
                        "span " code { (link.span_id) } @if inside.is_none() { " of trace " code { (link.trace_id) } } @else { " of this trace" }
                    }
                    (attributes(drawing, "", &link.attributes, None, left))
                } } }
            }
        }
    }
}

/// Which attributes of a span are indexed.
fn annotations(span: &Span) -> Vec<&str> {
    let named = span.attributes.get("aws.xray.annotations").and_then(Value::as_array);
    named.into_iter().flatten().filter_map(Value::as_str).collect()
}

/// A table of attributes, as many as there is room for; with `indexed`, each value leads to the traces that have it.
fn attributes(
    drawing: &Drawing<'_>,
    title: &str,
    attributes: &BTreeMap<String, Value>,
    indexed: Option<&[&str]>,
    left: &Cell<usize>,
) -> Markup {
    let texts = attributes.iter().map(|(name, value)| {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let search = indexed.and_then(|indexed| expression(name, value, indexed));
        (name, text, search.map(|expression| drawing.window.link("/traces", &[("filter", expression)])))
    });
    let shown: Vec<_> = texts
        .filter(|(name, text, search)| {
            takes(left, written(name) + written(text) + search.as_ref().map_or(0, String::len))
        })
        .collect();
    let table = html! {
        table.attributes { tbody { @for (name, text, search) in &shown { tr {
            th scope="row" { (name) }
            td {
                (copy(name, html! { (text) }))
                @if let Some(search) = search { " " a.same href=(search) aria-label={ "Search for this value of " (name) } title="Search for this value" {
                    svg width="14" height="14" viewBox="0 0 14 14" aria-hidden="true" { path d="M9 6a3.5 3.5 0 1 1-7 0a3.5 3.5 0 1 1 7 0zM8.5 8.5 12.5 12.5" {} }
                } }
            }
        } } } }
        @if shown.len() < attributes.len() { p { (attributes.len() - shown.len()) " more are too large for this page; the API has them." } }
    };
    html! {
        @if !attributes.is_empty() {
            @if title.is_empty() { (table) } @else {
                section aria-label=(title) { h3 { (title) " (" (attributes.len()) ")" } (table) }
            }
        }
    }
}

/// The filter expression that finds traces with the same value, or `None` where there is no such expression.
fn expression(name: &str, value: &Value, indexed: &[&str]) -> Option<String> {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Number(_) | Value::Bool(_) => value.to_string(),
        _ => return None,
    };
    let kind = if indexed.contains(&name) { "annotation" } else { "attribute" };
    let expression = format!("{kind}[{name}] = {}", quoted(&text));
    (text.len() <= SEARCHED_BYTES && expression.parse::<Expression>().is_ok()).then_some(expression)
}

/// Bytes of a text as HTML writes it.
pub(super) fn written(text: &str) -> usize {
    let letter = |letter: char| match letter {
        '"' | '&' | '<' | '>' => 6,
        letter if visible::commands(letter) => 6,
        letter => letter.len_utf8(),
    };
    text.chars().map(letter).sum()
}

/// Takes room for this many bytes and the tags around them. Returns whether there was enough.
pub(super) fn takes(left: &Cell<usize>, bytes: usize) -> bool {
    let bytes = bytes + ROW_BYTES;
    let enough = bytes <= left.get();
    if enough {
        left.set(left.get() - bytes);
    }
    enough
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_told_before_or_after_the_start() {
        assert_eq!((when(5_000_000), when(-5_000_000)), ("after 5.00 ms".into(), "5.00 ms before the start".into()));
    }

    #[test]
    fn a_value_is_searched_for_by_an_expression_that_is_one() {
        let of = |name: &str, value: Value| expression(name, &value, &["tenant.id"]);
        assert_eq!(of("tenant.id", "acme".into()).as_deref(), Some("annotation[tenant.id] = \"acme\""));
        assert_eq!(
            of("db.collection.name", "a\"b".into()).as_deref(),
            Some("attribute[db.collection.name] = \"a\\\"b\"")
        );
        assert_eq!(
            of("http.response.status_code", 201.into()).as_deref(),
            Some("attribute[http.response.status_code] = \"201\"")
        );
        assert_eq!(of("odd] key", "x".into()), None);
        assert_eq!(of("long", "x".repeat(SEARCHED_BYTES + 1).into()), None);
        assert_eq!(of("list", serde_json::json!(["x"])), None);
    }
}
