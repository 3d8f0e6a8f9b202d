//! `GET /traces`: searching traces.

use axum::{
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
};
use control_plane_model::{
    listing::{Found, LatencyBin, Order},
    store::Facets,
    trace::{Summary, TraceId},
};
use maud::{Markup, Render, html};

use super::{
    frame::{Sort, Table, answer, choice, empty, moment, nothing, pill, window},
    why,
};

use crate::{
    api::{Conditions, Query, STATUSES, TraceFilter, View, WindowQuery},
    layout::{self, Tab},
    problem::Problem,
    text::{count, duration, link, lookup},
};

const TITLE: &str = "Traces";
/// As many as the API lists at once.
const MOST_EXPORTED: usize = 500;

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
        Ok(found) => (StatusCode::OK, results(&filter, &found)),
        Err(problem) => (problem.status, complaint(&filter, &problem)),
    };
    // With the form, so that what was wrong can be mended.
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
            (choice("account", "Account", &facets.accounts, &conditions.account))
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

fn results(filter: &TraceFilter, found: &Found) -> Markup {
    let is_of_slow = why::is_of_slow(&filter.conditions);
    let expression = filter.conditions.expression().ok().flatten();
    html! {
        p role="status" {
            strong { (count(found.matched)) } " of " (count(found.scanned)) @if found.truncated { " (the search ended there)" } " traces match"
            @if let Some(expression) = &expression { " " code { (expression) } }
            @if found.matched > found.traces.len() { "; the first " (count(found.traces.len())) " are listed" }
            ". "
            @if found.matched > 0 { a href=(why::of_search(&filter.conditions, &filter.window)) { (if is_of_slow { "Why are these slow?" } else { "Why?" }) } }
        }
        @if let Some(lookup) = lookup(found) { p { (lookup) } }
        @if found.scanned == 0 {
            (nothing("No trace began in this window.", &filter.window, "/traces"))
        } @else if found.matched == 0 {
            (empty("No trace matches.", &html! {
                "Choose a longer window or fewer conditions, or look at " a href=(filter.window.link("/traces", &())) { "all traces of this window" } "."
            }))
        } @else {
            (exports(filter, found))
            (histogram(filter, &found.latency))
            (sorted("Traces, scrollable", &found.traces, &filter.window, sorts(filter)))
        }
    }
}

/// The way out: the list, and the traces whole.
fn exports(filter: &TraceFilter, found: &Found) -> Markup {
    let list = link("/api/traces", &TraceFilter { limit: Some(MOST_EXPORTED.to_string()), ..filter.clone() });
    html! {
        p.exports {
            "Export: " a href=(list) download="traces.json" { "list as JSON" } ", "
            a href={ (list) "&format=otlp" } { "traces as OTLP" }
            @if found.matched > MOST_EXPORTED { " (" (MOST_EXPORTED) " of them)" }
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

pub(super) fn table(label: &str, traces: &[Summary], within: &WindowQuery) -> Markup {
    sorted(label, traces, within, Vec::new())
}

fn sorted(label: &str, traces: &[Summary], within: &WindowQuery, sorts: Vec<Sort>) -> Markup {
    let color = |trace: &Summary| match trace.status() {
        "throttled" => "throttle",
        status => status,
    };
    let name = |trace: &Summary| if trace.root.is_empty() { trace.trace_id.to_string() } else { trace.root.clone() };
    let page = |trace: &Summary| within.link(&format!("/traces/{}", trace.trace_id), &());
    Table::of(label, traces, |_| None)
        .sorted_by(sorts)
        .text("Trace", |trace| html! { a href=(page(trace)) { (name(trace)) } })
        .number("Duration", |trace| duration(trace.duration_ns as f64))
        .colored_text("Status", color, |trace| pill(color(trace), trace.status()))
        .text("Tenant", |trace| trace.tenants.join(", "))
        .text("Services", |trace| trace.services.join(", "))
        .text("Accounts", |trace| trace.accounts.join(", "))
        .number("Spans", |trace| count(trace.spans))
        .text("Started", |trace| moment(trace.start_unix_ns))
        .render()
}

/// How long the matching traces took; each bar leads to those that took so long or longer.
fn histogram(filter: &TraceFilter, bins: &[LatencyBin]) -> Markup {
    const WIDTH: f64 = 720.0;
    const HEIGHT: f64 = 96.0;
    let tallest = bins.iter().map(|bin| bin.count).fold(1.0, f64::max);
    let (Some(first), Some(last)) = (bins.first(), bins.last()) else { return html! {} };
    // Bins grow by a constant factor: on a logarithmic axis they are equally wide.
    let place = |ms: f64| (ms / first.from_ms).ln() / (last.to_ms / first.from_ms).ln() * WIDTH;
    html! {
        figure.histogram {
            figcaption { "How long they took, from " (duration(first.from_ms * 1e6)) " to " (duration(last.to_ms * 1e6)) ". "
                a href=(why::of_slow(&filter.conditions, &filter.window)) { "Why are the slow ones slow?" }
            }
            svg viewBox={ "0 0 " (WIDTH) " " (HEIGHT) } preserveAspectRatio="none" role="group" aria-label="Latency histogram" {
                @for bin in bins {
                    @let (x, height) = (place(bin.from_ms), (bin.count / tallest * HEIGHT).max(1.0));
                    @let text = format!("{} took {} or longer", bin.count, duration(bin.from_ms * 1e6));
                    a href=(slower_than(filter, bin.from_ms)) aria-label=(text) {
                        title { (text) }
                        rect x=(x) y=(HEIGHT - height) width=((place(bin.to_ms) - x).max(1.0)) height=(height) {}
                    }
                }
            }
        }
    }
}

fn slower_than(filter: &TraceFilter, milliseconds: f64) -> String {
    let conditions = Conditions { slower_than_ms: Some(format!("{milliseconds:.3}")), ..filter.conditions.clone() };
    link("/traces", &TraceFilter { conditions, order: Some("slowest".to_owned()), ..filter.clone() })
}
