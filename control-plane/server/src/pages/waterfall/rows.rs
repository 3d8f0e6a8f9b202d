//! A row for each span, and what stands around them: who took part, tools, the time axis, and the panel of the chosen span.

use std::collections::BTreeMap;

use control_plane_model::{log_records::Lines, otlp::up_to, trace::Wanted};
use maud::{Markup, html};

use super::{Drawing, Shown, panel};

use crate::{
    pages::frame::{COLD_START, kept},
    problem::Problem,
    text::{count, duration},
};

/// Spans on a page.
const SPANS_PER_PAGE: usize = 500;
/// Deeper than this, depth says nothing and takes all the room.
const DEEPEST: usize = 20;
/// Pixels that a row is further in for each step of depth.
const STEP: usize = 14;
/// Bytes of what went wrong with a span that stand in its row.
const ERROR_BYTES: usize = 200;
/// Events that are marked on a bar.
const EVENTS: usize = 20;
/// Stretches of the critical path that a page draws.
const STRETCHES: usize = 4_000;
/// Of the trace, so much lies between two stretches of a row at least: what is nearer is drawn as one.
const APART: f64 = 0.000_5;

/// The waterfall: `waterfall.js` finds by `data-…` what it draws from.
pub(super) fn waterfall(
    drawing: &Drawing<'_>,
    shown: &Shown,
    chosen: Option<usize>,
    wanted: Option<&Wanted>,
    logs: &Result<Lines, Problem>,
) -> Markup {
    let path = drawing.path();
    let all = 0..drawing.tree.nodes.len();
    let listed: Vec<usize> = all.filter(|row| wanted.is_none_or(|wanted| wanted.is_in(drawing.span(*row)))).collect();
    let pages = listed.len().div_ceil(SPANS_PER_PAGE).max(1);
    let of_chosen = chosen.and_then(|chosen| listed.binary_search(&chosen).ok()).map(|at| at / SPANS_PER_PAGE + 1);
    let page = shown.page.or(of_chosen).unwrap_or(1).clamp(1, pages);
    let rows: Vec<usize> = listed.iter().skip((page - 1) * SPANS_PER_PAGE).take(SPANS_PER_PAGE).copied().collect();
    let link =
        |name: &str, value: Option<String>| drawing.window.link(&path, &[("find", shown.find.clone()), (name, value)]);
    let row_of = |row: usize| {
        let id = &drawing.span(row).span_id;
        format!("{}#span-{id}", link("span", Some(id.clone())))
    };
    let apart = apart(drawing, &rows);
    html! {
        section #waterfall aria-label="Spans" data-rows={ "/api" (path) "/rows" } data-spans={ "/api" (path) "/spans" }
            data-page=(link("span", None)) data-panel=(drawing.window.link(&format!("{path}/spans/SPAN"), &())) {
            (legend(drawing))
            (tools(drawing, shown))
            @if let Some(find) = shown.find.as_deref() {
                p.found role="status" { (count(listed.len())) " of " (count(drawing.tree.nodes.len())) " spans have “" (find) "”. " a href=(drawing.window.link(&path, &())) { "All spans" } }
            }
            div.overview hidden { canvas aria-hidden="true" {} div.range {} }
            div.beside {
                div.tree {
                    div.heads { span { "Span" } span { "Service" } (axis(drawing.tree.duration_ns)) }
                    ol.waterfall { @for row in &rows { (listed_row(drawing, *row, row_of(*row), apart, chosen)) } }
                }
                aside.span-panel aria-label="Chosen span" tabindex="-1" hidden[chosen.is_none()] {
                    @if let Some(row) = chosen { (panel::panel(drawing, row, logs)) }
                }
            }
            @if pages > 1 {
                nav.pages aria-label="Pages of spans" {
                    @for number in 1..=pages {
                        a href=(link("page", Some(number.to_string()))) aria-current=[(number == page).then_some("page")] { (number) }
                    }
                }
            }
            template { div.row { (cells(&Cells::default())) } }
        }
    }
}

/// Who took part, by account, in their colours.
fn legend(drawing: &Drawing<'_>) -> Markup {
    let mut counts = vec![(0, 0); drawing.senders.len()];
    for (row, sender) in drawing.sent_by.iter().enumerate() {
        counts[*sender].0 += 1;
        counts[*sender].1 += usize::from(drawing.span(row).error.is_some());
    }
    let mut accounts: BTreeMap<Option<&str>, Vec<usize>> = BTreeMap::new();
    for (at, sender) in drawing.senders.iter().enumerate() {
        accounts.entry(sender.account.as_deref()).or_default().push(at);
    }
    html! {
        dl.senders aria-label="Services and their accounts" {
            @for (account, senders) in accounts {
                div {
                    dt { @match account {
                        Some(account) => { @if drawing.view.account_name(account).is_none() { "Account " } (drawing.account(account)) },
                        None => "No account",
                    } }
                    @for at in senders {
                        @let (sender, (spans, failed)) = (&drawing.senders[at], counts[at]);
                        dd { (swatch(sender.colour)) (sender.service) " " span.count { (count(spans)) @if spans == 1 { " span" } @else { " spans" } @if failed > 0 { ", " span.fault { (count(failed)) " failed" } } } }
                    }
                }
            }
        }
    }
}

fn swatch(colour: usize) -> Markup {
    html! { svg .swatch .{ "s" (colour) } width="10" height="10" aria-hidden="true" { rect width="10" height="10" rx="2" {} } }
}

/// What finds, folds and looks closer. Finding works without the script, which shows the rest.
fn tools(drawing: &Drawing<'_>, shown: &Shown) -> Markup {
    html! {
        div.tools {
            form.within role="search" aria-label="Within this trace" method="get" action=(drawing.path()) {
                input name="find" type="search" value=[shown.find.as_deref()] maxlength="256" aria-label="Find spans" placeholder="Name, attribute, key=value" autocomplete="off" spellcheck="false";
                (kept(drawing.window))
                button { "Find spans" }
                span.matches hidden {
                    button type="button" data-do="previous" aria-label="Previous span" { "↑" }
                    button type="button" data-do="next" aria-label="Next span" { "↓" }
                }
            }
            div.actions hidden {
                span role="group" aria-label="Fold" {
                    button type="button" data-do="fold" { "Fold all" }
                    button type="button" data-do="unfold" { "Unfold all" }
                    label { "To depth " select data-do="depth" aria-label="Unfold to depth" { option value="" { "–" } } }
                }
                span role="group" aria-label="Zoom" {
                    button type="button" data-do="in" aria-label="Zoom in" { "+" }
                    button type="button" data-do="out" aria-label="Zoom out" { "−" }
                    button type="button" data-do="earlier" aria-label="Earlier" { "←" }
                    button type="button" data-do="later" aria-label="Later" { "→" }
                    button type="button" data-do="all" { "Whole trace" }
                }
                details.keys {
                    summary { "Keys" }
                    p { "In the list: " kbd { "↑" } " " kbd { "↓" } " " kbd { "Home" } " " kbd { "End" } " move, " kbd { "→" } " " kbd { "←" } " unfold and fold, "
                        kbd { "Enter" } " opens a span and " kbd { "Esc" } " closes it, " kbd { "+" } " " kbd { "−" } " " kbd { "0" } " zoom, " kbd { "z" } " zooms to the span. "
                        "Drag across the overview or the time axis to look closer." }
                }
            }
            p.told role="status" {}
        }
    }
}

fn axis(duration_ns: i64) -> Markup {
    html! {
        div.axis aria-hidden="true" {
            span { "0" }
            @for quarter in 1..=4 { span { (duration(duration_ns as f64 * f64::from(quarter) / 4.0)) } }
        }
    }
}

fn listed_row(drawing: &Drawing<'_>, row: usize, href: String, apart: i64, chosen: Option<usize>) -> Markup {
    let node = &drawing.tree.nodes[row];
    let span = node.span;
    let sender = drawing.sender(row);
    let cells_of = Cells {
        depth: node.depth,
        href,
        name: &span.name,
        kind: &span.kind,
        error: span.error.as_deref(),
        without_parent: node.parent_missing,
        is_cold_start: span.is_cold_start(),
        colour: sender.colour,
        service: &sender.service,
        account: sender.account_name.as_deref().or(sender.account.as_deref()),
        tenant: span.tenant.as_deref().filter(|_| drawing.tenants_differ),
        bar: bar(drawing, row, apart),
        took: duration(span.duration_ns as f64),
    };
    html! {
        li.row #{ "span-" (span.span_id) } .fault[span.error.is_some()] .chosen[chosen == Some(row)] { (cells(&cells_of)) }
    }
}

/// What a row says; an empty one is what the script fills.
struct Cells<'a> {
    depth: usize,
    href: String,
    name: &'a str,
    kind: &'a str,
    error: Option<&'a str>,
    without_parent: bool,
    is_cold_start: bool,
    colour: usize,
    service: &'a str,
    account: Option<&'a str>,
    tenant: Option<&'a str>,
    bar: Markup,
    took: String,
}

impl Default for Cells<'_> {
    fn default() -> Self {
        Self {
            depth: 0,
            href: String::new(),
            name: "",
            kind: "",
            error: None,
            without_parent: false,
            is_cold_start: false,
            colour: 0,
            service: "",
            account: None,
            tenant: None,
            bar: html! {},
            took: String::new(),
        }
    }
}

fn cells(row: &Cells<'_>) -> Markup {
    html! {
        span.label {
            svg.indent width=(row.depth.min(DEEPEST) * STEP) height="1" aria-hidden="true" {}
            span.fold aria-hidden="true" {}
            a.name href=(row.href) { (row.name) }
            span.kind { (row.kind) }
            span.cold { @if row.is_cold_start { (COLD_START) } }
            span.orphan { @if row.without_parent { "parent not received" } }
            span.what { @if let Some(error) = row.error { "✘ " (up_to(error, ERROR_BYTES)) } }
        }
        span.who {
            (swatch(row.colour))
            span.sender { (row.service) @if let Some(account) = row.account { " · " (account) } @if let Some(tenant) = row.tenant { " · " (tenant) } }
        }
        span.when {
            svg .bar .{ "s" (row.colour) } width="100%" height="20" aria-hidden="true" { (row.bar) }
            span.took { (row.took) }
        }
    }
}

/// Where a span lies on the time axis, the stretches of the critical path in it, and its events.
fn bar(drawing: &Drawing<'_>, row: usize, apart: i64) -> Markup {
    let span = drawing.span(row);
    let total = drawing.tree.duration_ns.max(1) as f64;
    let share = |time: i64| ((time - drawing.tree.start_unix_ns) as f64 / total * 100.0).clamp(0.0, 100.0);
    let shape = |class: &str, from: i64, to: i64, y: u32, height: u32| {
        html! { rect class=(class) x={ (format!("{:.3}%", share(from))) } width={ (format!("{:.3}%", share(to) - share(from))) } y=(y) height=(height) rx="2" {} }
    };
    html! {
        (shape("span", span.start_unix_ns, span.end_unix_ns, 4, 12))
        @for (from, to) in stretches(drawing, row, apart) { (shape("path", from, to, 9, 2)) }
        @for event in span.events.iter().take(EVENTS) {
            circle .event .failed[event.name == "exception"] cx=(format!("{:.3}%", share(event.time_unix_ns))) cy="10" r="3" { title { (event.name) } }
        }
    }
}

/// The stretches of the critical path in a row; those that are less than `apart` from each other, nanoseconds, are one.
fn stretches(drawing: &Drawing<'_>, row: usize, apart: i64) -> Vec<(i64, i64)> {
    let mut merged: Vec<(i64, i64)> = Vec::new();
    for (from, to) in drawing.critical.get(drawing.span(row).span_id.as_str()).into_iter().flatten() {
        match merged.last_mut() {
            Some((_, end)) if from - *end < apart => *end = *to,
            _ => merged.push((*from, *to)),
        }
    }
    merged
}

/// How far apart two stretches of a row must be to be told apart, nanoseconds: so far that all rows of a page have few enough.
fn apart(drawing: &Drawing<'_>, rows: &[usize]) -> i64 {
    let whole = drawing.tree.duration_ns.max(1);
    let mut apart = ((whole as f64 * APART) as i64).max(1);
    let drawn = |apart| rows.iter().map(|row| stretches(drawing, *row, apart).len()).sum::<usize>();
    while apart < whole && drawn(apart) > STRETCHES {
        apart *= 2;
    }
    apart
}
