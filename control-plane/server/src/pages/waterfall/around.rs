//! `GET /traces/{id}/metrics`: what the services of a trace measured of themselves around its moment.

use std::collections::{BTreeMap, BTreeSet};

use axum::response::Response;
use control_plane_model::{
    metrics::Summary,
    trace::{Trace, Tree},
};
use futures_util::future::try_join_all;
use jiff::Timestamp;
use maud::{Markup, html};

use super::Drawing;

use crate::{
    api::{Id, Steps, View, WindowQuery},
    layout::Tab,
    pages::{
        chart::{self, Axis, Chart, Limit, Line, Mark, Unit},
        frame::{answer, empty},
        service::{self, COLD_STARTS, Figures, MESSAGE_AGE, NANOSECONDS, OverTime, counts, numbers, points},
    },
    problem::Problem,
    window::Window,
};

const TITLE: &str = "Metrics around a trace";
const HEADING: &str = "Metrics of its services around this moment";
/// The id of the link in the place of the charts, and of their heading once they are loaded: htmx gives the focus to what has the id of that
/// which had it, so whoever came to the link by keyboard stays where it was.
const LOADED: &str = "measured-around";
/// How long before and after a trace, nanoseconds.
const AROUND_NS: i64 = 15 * 60 * 1_000_000_000;
/// Services that are shown, those with the most spans.
const SERVICES: usize = 8;

/// `GET /traces/{id}/metrics`
pub(in crate::pages) async fn page(view: View, id: Result<Id, Problem>) -> Response {
    answer(&view, TITLE, Tab::Traces, async { render(&view, &id?.0).await }).await
}

async fn render(view: &View, id: &str) -> Result<Markup, Problem> {
    let trace = view.held_trace(id.parse()?).await?;
    let (begun_ns, window) = (Tree::of(&trace).start_unix_ns, window_around(&trace));
    let services = services(&trace);
    let back = view.place.window().link(&format!("/traces/{}", trace.trace_id), &());
    drop(trace);
    let now = Timestamp::now().as_second();
    let steps = Steps::of(window);
    let steps = Steps { to: steps.to.min(now).max(steps.from + steps.step), ..steps };
    let asked =
        services.iter().map(|one| view.metrics(service::query_around(steps, &one.name, one.account.as_deref())));
    let lines = try_join_all(asked).await?;
    let measured: Vec<_> = services.iter().zip(&lines).map(|(one, lines)| (one, Figures { lines })).collect();
    Ok(html! {
        p { a href=(back) { "Back to the trace" } }
        section #around aria-label="Metrics" {
            h2 #(LOADED) tabindex="-1" { (HEADING) }
            @if measured.iter().all(|(_, figures)| figures.is_empty()) {
                (empty("No metric of its services has arrived from around this moment.", &service::turned_on()))
            } @else {
                p { "Each service counts and measures these itself, for all of its tenants together. The triangle is where this trace begins." }
                (charts(&measured, steps, begun_ns.div_euclid(1_000_000_000)))
                (pages_of(&measured, window))
            }
        }
        (chart::scripts())
    })
}

/// What the page of a trace has in the place of it: it is loaded once somebody comes near it.
pub(super) fn later(drawing: &Drawing<'_>) -> Markup {
    let path = drawing.window.link(&format!("{}/metrics", drawing.path()), &());
    html! {
        @if drawing.view.sees_all() {
            section #around aria-label="Metrics" hx-get=(path) hx-trigger="revealed" hx-select="#around" hx-swap="outerHTML" {
                h2 { (HEADING) }
                p { a #(LOADED) href=(path) { "Memory, cold starts, age of messages and throttled requests" } }
            }
        }
    }
}

/// The time around a trace.
fn window_around(trace: &Trace) -> Window {
    let from = trace.spans.iter().map(|span| span.start_unix_ns).min().unwrap_or_default();
    let to = trace.spans.iter().map(|span| span.end_unix_ns).max().unwrap_or_default();
    Window { from_ns: from.saturating_sub(AROUND_NS).max(0), to_ns: to.saturating_add(AROUND_NS) }
}

/// A service in an account.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Service {
    name: String,
    account: Option<String>,
}

/// The services with the most spans.
fn services(trace: &Trace) -> Vec<Service> {
    let mut spans: BTreeMap<(&str, Option<&str>), usize> = BTreeMap::new();
    for span in &trace.spans {
        *spans.entry((&span.service, span.account.as_deref())).or_default() += 1;
    }
    let mut most: Vec<_> = spans.into_iter().collect();
    most.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let owned =
        |(name, account): (&str, Option<&str>)| Service { name: name.to_owned(), account: account.map(str::to_owned) };
    let mut services: Vec<_> = most.into_iter().take(SERVICES).map(|(service, _)| owned(service)).collect();
    services.sort();
    services
}

/// A chart for each question, with a line for each service that has an answer.
fn charts(measured: &[(&Service, Figures<'_>)], steps: Steps, begun: i64) -> Markup {
    let axis = Axis { from: steps.from, to: steps.to, width: steps.step as f64 };
    let marks = [Mark { at: begun, name: "this trace".to_owned() }];
    let names: BTreeSet<&str> = measured.iter().map(|(one, _)| one.name.as_str()).collect();
    let name = |one: &Service| match &one.account {
        Some(account) if names.len() < measured.len() => format!("{} · {account}", one.name),
        _ => one.name.clone(),
    };
    let chart = |title, unit, limits: &[Limit<'_>], line: &dyn Fn(Figures<'_>) -> Vec<(i64, f64)>| {
        let lines = measured.iter().map(|(one, figures)| Line::of(name(one), line(*figures)));
        let lines: Vec<_> = lines.filter(|line| !line.points.is_empty()).collect();
        html! { @if !lines.is_empty() { (Chart { marks: &marks, limits, ..Chart::of(title, axis, unit, lines) }) } }
    };
    let counted =
        |figures: Figures<'_>, over_time: &OverTime| counts(over_time, steps, &figures.invocations_over_time());
    let limit = [Limit { name: "limit", value: 1.0 }];
    html! {
        div.charts {
            (chart("Memory used, of what a process may use", Unit::Share, &limit, &|figures| figures.memory_share()))
            (chart("Cold starts", Unit::Count, &[], &|figures| counted(figures, &figures.over_time(COLD_STARTS))))
            (chart("Age of messages when they are processed, p99", Unit::Duration, &[], &age))
            (chart("Requests that were throttled (429)", Unit::Count, &[], &|figures| counted(figures, &numbers(figures.throttled_over_time()))))
        }
    }
}

fn age(figures: Figures<'_>) -> Vec<(i64, f64)> {
    points(&figures.over_time(MESSAGE_AGE), NANOSECONDS, |summary: &Summary| summary.quantile(0.99))
}

/// All metrics of each service over the same time.
fn pages_of(measured: &[(&Service, Figures<'_>)], window: Window) -> Markup {
    let window: WindowQuery = window.query();
    html! {
        p { "All metrics of that time: "
            @for (number, (one, _)) in measured.iter().filter(|(_, figures)| !figures.is_empty()).enumerate() {
                @if number > 0 { ", " }
                a href=(service::link(&one.name, one.account.as_deref(), &window)) { (one.name) }
            }
            "."
        }
    }
}

#[cfg(test)]
mod tests {
    use control_plane_model::trace::{Span, TraceId};

    use super::*;

    fn span(service: &str, account: &str, start: i64, end: i64) -> Span {
        Span {
            span_id: String::new(),
            parent_span_id: None,
            name: String::new(),
            kind: "SERVER".into(),
            service: service.into(),
            account: Some(account.into()),
            tenant: None,
            tier: None,
            start_unix_ns: start,
            end_unix_ns: end,
            duration_ns: end - start,
            status: "UNSET".into(),
            error: None,
            attributes: BTreeMap::new(),
            resource: BTreeMap::new(),
            links: Vec::new(),
            events: Vec::new(),
        }
    }

    fn trace(spans: Vec<Span>) -> Trace {
        let trace_id = TraceId::from_bytes(&[1; 16]).unwrap();
        Trace { trace_id, xray_trace_id: trace_id.xray(), spans, others: false }
    }

    #[test]
    fn a_quarter_of_an_hour_before_and_after_a_trace_is_shown() {
        let minute = 60_000_000_000;
        let spans = vec![span("a", "1", 20 * minute, 21 * minute), span("b", "1", 21 * minute, 40 * minute)];
        assert_eq!(window_around(&trace(spans)), Window { from_ns: 5 * minute, to_ns: 55 * minute });
    }

    #[test]
    fn of_many_services_those_with_the_most_spans_are_shown() {
        let spans = (0..20).flat_map(|number| vec![span(&format!("service-{number:02}"), "1", 0, 1); number]).collect();
        let names: Vec<_> = services(&trace(spans)).into_iter().map(|service| service.name).collect();
        assert_eq!(names, (12..20).map(|number| format!("service-{number}")).collect::<Vec<_>>());
    }
}
