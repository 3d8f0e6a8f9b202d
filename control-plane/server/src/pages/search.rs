//! `GET /traces`: searching traces.

use axum::{
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
};
use control_plane_model::{
    listing::{LatencyBin, Order, SearchResult, StartBin, Starts, TraceSelection},
    store::Facets,
    trace::{Summary, TraceId},
};
use jiff::Timestamp;
use maud::{Markup, Render, html};
use slo::histogram::{BINS_PER_DOUBLING, lower_bound};

use super::{
    chart::{self, Axis, Chart, Line, PointLinks, Shape, Unit},
    frame::{
        COLD_START, Sort, Table, accounts, answer, choice, choice_of_account, empty, moment, nothing_found, pill,
        window,
    },
    investigations, why,
};

use crate::{
    api::{Conditions, Query, STATUSES, TraceFilter, View, WindowQuery},
    layout::{self, Tab},
    problem::Problem,
    text::{count, duration, link, lookup},
};

const TITLE: &str = "Traces";
/// The most traces that are exported: as many as the API lists at once.
const MOST_EXPORTED: usize = 500;
/// Nanoseconds.
const SECOND: i64 = 1_000_000_000;

pub(super) async fn page(view: View, filter: Result<Query<TraceFilter>, Problem>) -> Response {
    let (filter, facets) = match async { Ok((filter?.0, view.facets().await?)) }.await {
        Ok(asked) => asked,
        Err(problem) => return answer(&view, TITLE, Tab::Traces, async { Err(problem) }).await,
    };
    // A trace id, in either form, leads to its trace.
    if let Some(id) = filter.conditions.filter.as_ref().and_then(|text| text.parse::<TraceId>().ok()) {
        return Redirect::to(&filter.window.link(&format!("/traces/{id}"), &())).into_response();
    }
    let (status, below) = match view.traces(&filter).await {
        Ok(found) => (StatusCode::OK, html! { (results(&view, &filter, &found)) (investigations::save(&view)) }),
        Err(problem) => (problem.status, complaint(&filter, &problem)),
    };
    // The form is shown above an error, so that the user can correct the input.
    let content = html! { (form(&view, &filter, &facets)) (below) };
    (status, layout::page(&view.visitor, &view.place, TITLE, Tab::Traces, &content)).into_response()
}

fn form(view: &View, filter: &TraceFilter, facets: &Facets) -> Markup {
    let conditions = &filter.conditions;
    let statuses: Vec<String> = STATUSES.map(str::to_owned).into();
    html! {
        form.filters method="get" action="/traces" aria-label="Search traces" {
            label.wide { "Filter expression, or a trace ID"
                input name="filter" value=(conditions.filter.as_deref().unwrap_or_default()) spellcheck="false" autocomplete="off"
                    placeholder="service(\"booking-api\") { fault } AND duration > 0.5";
            }
            (choice("tenant", "Tenant", &facets.tenants, &conditions.tenant))
            (choice("tier", "Tier", &facets.tiers, &conditions.tier))
            (choice("service", "Service", &facets.services, &conditions.service))
            (choice_of_account(view, &facets.accounts, &conditions.account))
            (choice("status", "Status", &statuses, &conditions.status))
            label { "Slower than, ms"
                input name="slower_than_ms" inputmode="decimal" size="6" value=(conditions.slower_than_ms.as_deref().unwrap_or_default());
            }
            label { "Order"
                select name="order" {
                    @for order in Order::ALL {
                        option value=(order.name()) selected[filter.order.as_deref() == Some(order.name())] { (words(order)) }
                    }
                }
            }
            (window(&view.place, &filter.window))
            button { "Search" }
        }
    }
}

fn words(order: Order) -> &'static str {
    match order {
        Order::Newest => "newest first",
        Order::Slowest => "slowest first",
        Order::MostSpans => "most spans first",
    }
}

/// What is wrong with the expression, and where.
fn complaint(filter: &TraceFilter, problem: &Problem) -> Markup {
    html! {
        div.problem role="alert" {
            p { (problem.detail) }
            @if let (Some(text), Some(column)) = (&filter.conditions.filter, problem.column) {
                pre { (text) "\n" (" ".repeat(column.saturating_sub(1))) "^" }
            }
        }
    }
}

fn results(view: &View, filter: &TraceFilter, found: &SearchResult) -> Markup {
    let expression = filter.conditions.expression().ok().flatten();
    html! {
        p role="status" {
            strong { (count(found.matched)) } " of " (count(found.scanned)) @if found.truncated { " (the search ended there)" } " traces match"
            @if let Some(expression) = &expression { " " code { (expression) } }
            @if found.matched > found.traces.len() { "; the first " (count(found.traces.len())) " are listed" }
            "."
        }
        @if let Some(lookup) = lookup(found) { p { (lookup) } }
        @if found.scanned == 0 {
            (nothing_found("No trace began in this window.", &filter.window, "/traces"))
        } @else if found.matched == 0 {
            (empty("No trace matches.", &html! {
                "Choose a longer window or fewer conditions, or look at " a href=(filter.window.link("/traces", &())) { "all traces of this window" } "."
            }))
        } @else {
            (further(filter, found))
            (histograms(filter, found))
            (sorted(view, "Traces, scrollable", &found.traces, &filter.window, sorts(filter)))
        }
    }
}

/// What to ask of them next, and the way out: the list, and the traces whole.
fn further(filter: &TraceFilter, found: &SearchResult) -> Markup {
    let list = link("/api/traces", &TraceFilter { limit: Some(MOST_EXPORTED.to_string()), ..filter.clone() });
    html! {
        nav.ways aria-label="More about these traces" {
            a href=(why::of_search(&filter.conditions, &filter.window)) { (why::question(&filter.conditions)) }
            a href=(why::of_slow(&filter.conditions, &filter.window)) { "Why are the slow ones slow?" }
            span {
                "Export" @if found.matched > MOST_EXPORTED { " the first " (MOST_EXPORTED) }
                ": " a href=(list) download="traces.json" { "list as JSON" } ", " a href={ (list) "&format=otlp" } { "traces as OTLP" }
            }
        }
    }
}

/// Heads of columns lead to the search in their order.
fn sorts(filter: &TraceFilter) -> Vec<Sort> {
    let now = filter.order().unwrap_or_default();
    let by = |order: Order| Sort {
        head: match order {
            Order::Newest => "Started",
            Order::Slowest => "Duration",
            Order::MostSpans => "Spans",
        },
        path: link("/traces", &TraceFilter { order: Some(order.name().to_owned()), ..filter.clone() }),
        is_on: order == now,
    };
    Order::ALL.map(by).into()
}

pub(super) fn table(view: &View, label: &str, traces: &[Summary], within: &WindowQuery) -> Markup {
    sorted(view, label, traces, within, Vec::new())
}

fn sorted(view: &View, label: &str, traces: &[Summary], within: &WindowQuery, sorts: Vec<Sort>) -> Markup {
    let color = |trace: &Summary| match trace.status() {
        "throttled" => "throttle",
        status => status,
    };
    let name = |trace: &Summary| if trace.root.is_empty() { trace.trace_id.to_string() } else { trace.root.clone() };
    let page = |trace: &Summary| within.link(&format!("/traces/{}", trace.trace_id), &());
    Table::of(label, traces, |_| None)
        .sorted_by(sorts)
        .listed()
        .text("Trace", |trace| html! { a href=(page(trace)) { (name(trace)) } @if trace.cold_start { " " span.cold { (COLD_START) } } })
        .number("Duration", |trace| duration(trace.duration_ns as f64))
        .colored_text("Status", color, |trace| pill(color(trace), trace.status()))
        .text("Tenant", |trace| trace.tenants.join(", "))
        .beside(true, |table| {
            table
                .text("Services", |trace| html! { div.names { (trace.services.join(", ")) } })
                .text("Accounts", |trace| html! { div.names { (accounts(view, &trace.accounts)) } })
                .number("Spans", |trace| count(trace.spans))
        })
        .text("Started", |trace| moment(trace.start_unix_ns))
        .render()
}

/// When the matching traces began and how long they took; each column leads to its traces, and to what sets them apart.
fn histograms(filter: &TraceFilter, found: &SearchResult) -> Markup {
    html! {
        (chart::scripts())
        div.charts { (starts(filter, &found.starts)) (durations(filter, &found.latency)) }
    }
}

fn starts(filter: &TraceFilter, bins: &[StartBin]) -> Markup {
    let Ok(window) = filter.window.resolve(Timestamp::now()) else { return html! {} };
    let asked = TraceSelection { from_ns: window.from_ns, to_ns: window.to_ns, expression: None };
    let width_ns = Starts::of(&asked).width_ns;
    // Shorter ones would begin in the same second.
    if width_ns < SECOND {
        return html! {};
    }
    let start = |bin: &StartBin| bin.from_unix_ns.div_euclid(SECOND);
    let said = |ns: i64| Timestamp::from_nanosecond(i128::from(ns)).ok().map(|time| time.to_string());
    let ways = |second: i64| {
        // Just the stretch, which need not begin with a second.
        let bin = bins.iter().find(|bin| start(bin) == second);
        let from_ns = bin.map_or(window.from_ns, |bin| bin.from_unix_ns);
        let window = WindowQuery { window: None, from: said(from_ns), to: said(from_ns.saturating_add(width_ns)) };
        let why = why::of_search(&filter.conditions, &window);
        PointLinks { traces: link("/traces", &TraceFilter { window, ..filter.clone() }), why }
    };
    let line = |value: &dyn Fn(&StartBin) -> f64| bins.iter().map(|bin| (start(bin), value(bin))).collect();
    let failed = Line { color: Some("fault"), ..Line::of("failed", line(&|bin| bin.failed)) };
    let lines = vec![failed, Line::of("did not fail", line(&|bin| bin.count - bin.failed))];
    let (from, to) = window.seconds();
    let axis = Axis { from, to, width: width_ns as f64 / SECOND as f64 };
    Chart { shape: Shape::Columns, ways: Some(&ways), ..Chart::of("When they began", axis, Unit::Count, lines) }
        .render()
}

fn durations(filter: &TraceFilter, bins: &[LatencyBin]) -> Markup {
    let number = |milliseconds: f64| ((milliseconds * 1e6).log2() * f64::from(BINS_PER_DOUBLING)).round() as i64;
    let (Some(first), Some(last)) = (bins.first(), bins.last()) else { return html! {} };
    let ways = |bin: i64| {
        let conditions = took(&filter.conditions, bin);
        let why = why::of_search(&conditions, &filter.window);
        PointLinks { traces: link("/traces", &TraceFilter { conditions, ..filter.clone() }), why }
    };
    let points = bins.iter().map(|bin| (number(bin.from_ms), bin.count)).collect();
    let axis = Axis { from: number(first.from_ms), to: number(last.to_ms), width: 1.0 };
    let lines = vec![Line::of("traces", points)];
    let title = "How long they took";
    Chart { shape: Shape::Durations, ways: Some(&ways), ..Chart::of(title, axis, Unit::Count, lines) }.render()
}

/// The conditions, and that a trace took as long as those of a bin.
fn took(conditions: &Conditions, bin: i64) -> Conditions {
    let seconds = |bin: i64| lower_bound(u16::try_from(bin).unwrap_or(u16::MAX)) / 1e9;
    let took = format!("duration >= {} AND duration < {}", seconds(bin), seconds(bin + 1));
    let filter = match conditions.filter.as_deref().map(str::trim).filter(|filter| !filter.is_empty()) {
        Some(filter) => format!("({filter}) AND {took}"),
        None => took,
    };
    Conditions { filter: Some(filter), ..conditions.clone() }
}

#[cfg(test)]
mod tests {
    use control_plane_model::search::Expression;

    use super::*;

    #[test]
    fn a_bar_of_durations_leads_to_those_and_no_others() {
        let conditions = Conditions { filter: Some("fault OR error".to_owned()), ..Conditions::default() };
        let narrowed = took(&conditions, 160).filter.unwrap();
        assert_eq!(narrowed, "(fault OR error) AND duration >= 0.001048576 AND duration < 0.0011434802362872052");
        assert!(
            narrowed.parse::<Expression>().is_ok()
                && took(&Conditions::default(), 0).filter.unwrap().parse::<Expression>().is_ok()
        );
    }
}
