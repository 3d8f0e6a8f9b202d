//! `GET /tenant?id=`: a tenant over time, its services, its slowest traces, its alerts.

use axum::{http::StatusCode, response::Response};
use control_plane_model::search::quoted;
use maud::{Markup, Render, html};
use serde::Deserialize;

use super::{
    frame::{Table, answer, moment, window},
    registry, search,
    tenants::{meter, objectives},
    why,
};

use crate::{
    alerting::Alarm,
    api::{Point, Query, ServiceLine, TenantAnswer, View, WindowQuery},
    layout::Tab,
    problem::Problem,
    text::{clock, duration, known, percent},
};

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 110.0;

#[derive(Debug, Default, Deserialize)]
pub(super) struct Which {
    id: Option<String>,
    #[serde(flatten)]
    window: WindowQuery,
}

pub(super) async fn page(view: View, query: Result<Query<Which>, Problem>) -> Response {
    let id = query.as_ref().ok().and_then(|Query(query)| query.id.clone()).unwrap_or_default();
    let content = async {
        let Query(query) = query?;
        let (spans, registered) = tokio::join!(view.tenant(&id, &query.window), view.registered(&id));
        let registry = registered.as_ref().map(|registered| registry::section(&view, registered));
        match spans {
            // Whoever is registered has a page before their first request.
            Err(problem)
                if problem.status == StatusCode::NOT_FOUND
                    && registered.is_some_and(|registered| registered.is_ok()) =>
            {
                Ok(html! { (registry.unwrap_or_default()) p { (problem.detail) } })
            }
            spans => {
                Ok(html! { @if let Some(registry) = registry { (registry) } (content(&view, &id, &query, &spans?)) })
            }
        }
    };
    answer(&view, format!("Tenant {id}").trim_end(), Tab::Tenants, content).await
}

fn content(view: &View, id: &str, query: &Which, answer: &TenantAnswer) -> Markup {
    let within = answer.now.as_ref().map(|now| now.fare.evaluation.objectives.latency.within_ms * 1e6);
    html! {
        form.filters method="get" action="/tenant" aria-label="Window" {
            input type="hidden" name="id" value=(id);
            (window(&view.place, &query.window))
            button { "Show" }
            a href=(query.window.link("/", &[("tenant", id)])) { "Its service map" }
            a href=(query.window.link("/traces", &[("tenant", id)])) { "Its traces" }
            a href=(why::of_tenant(id, None, &query.window)) { "Why do its requests fail?" }
        }
        @if let Some(now) = &answer.now {
            @let evaluation = &now.fare.evaluation;
            dl.facts {
                div { dt { "Tier" } dd { (now.fare.tier) } }
                div { dt { "Budget left, 30 days" } dd { (meter(now.budget_left)) } }
                div { dt { "Failed, of allowed" } dd { (format!("{:.0}", evaluation.budget.consumed)) " of " (format!("{:.1}", evaluation.budget.allowed)) } }
                div { dt { "Failed, 5 min" } dd { (known(evaluation.latest.error_rate, percent)) } }
                div { dt { "p99, 5 min" } dd { (known(evaluation.latest.p99_ns, duration)) } }
                div { dt { "Its usual p99" } dd { (known(evaluation.baseline_p99_ns, duration)) } }
                div { dt { "Objectives" } dd { (objectives(&evaluation.objectives)) } }
            }
        }
        (chart("p99", &answer.points, within, |point| point.summary.p99_ns.unwrap_or_default(), duration))
        (chart("Failed", &answer.points, None, |point| point.summary.error_rate.unwrap_or_default(), percent))
        @if !answer.alerts.is_empty() { h2 { "Alerts" } (alerts(&answer.alerts)) }
        h2 { "Slowest traces" }
        @if answer.slowest.is_empty() { p { "None in this window." } } @else { (search::table("Slowest traces", &answer.slowest, &query.window)) }
        h2 { "Services" }
        (services(id, &query.window, &answer.services))
    }
}

/// A line over the window; each point leads to its traces. `limit` is drawn across.
fn chart(
    title: &str,
    points: &[Point],
    limit: Option<f64>,
    value: impl Fn(&Point) -> f64,
    text: impl Fn(f64) -> String,
) -> Markup {
    let (Some(first), Some(last)) = (points.first(), points.last()) else { return html! {} };
    let highest = points.iter().map(&value).chain(limit).fold(f64::MIN_POSITIVE, f64::max);
    let length = (last.start - first.start).max(1) as f64;
    let place = |point: &Point| {
        let x = (point.start - first.start) as f64 / length * (WIDTH - 8.0) + 4.0;
        (x, HEIGHT - 4.0 - value(point) / highest * (HEIGHT - 12.0))
    };
    let path: Vec<String> = points.iter().map(|point| format!("{:.1},{:.1}", place(point).0, place(point).1)).collect();
    html! {
        figure.histogram.chart {
            figcaption { (title) ", up to " (text(highest)) @if let Some(limit) = limit { "; objective " (text(limit)) } }
            svg viewBox={ "0 0 " (WIDTH) " " (HEIGHT) } role="img" aria-label={ (title) " over time, up to " (text(highest)) } {
                @if let Some(limit) = limit {
                    @let y = HEIGHT - 4.0 - limit / highest * (HEIGHT - 12.0);
                    line.limit x1="0" x2=(WIDTH) y1=(y) y2=(y) {}
                }
                polyline points=(path.join(" ")) {}
                @for point in points {
                    @let (x, y) = place(point);
                    circle cx=(format!("{x:.1}")) cy=(format!("{y:.1}")) r="3" { title { (clock(point.start * 1_000_000_000)) ": " (text(value(point))) } }
                }
            }
        }
    }
}

pub(super) fn alerts(alerts: &[Alarm]) -> Markup {
    html! {
        ul.alerts {
            @for alarm in alerts {
                li.open[alarm.alert.closed.is_none()] {
                    (moment(alarm.alert.opened * 1_000_000_000)) " "
                    @match alarm.alert.closed {
                        None => strong { "open" },
                        Some(closed) => { "closed " (moment(closed * 1_000_000_000)) }
                    }
                    ": " (alarm.summary) " "
                    a href=(alarm.traces) {
                        @if alarm.traces_title.is_empty() { "its traces" } @else { (alarm.traces_title) }
                    }
                }
            }
        }
    }
}

fn services(id: &str, window: &WindowQuery, services: &[ServiceLine]) -> Markup {
    let traces = |line: &ServiceLine| {
        let filter = format!("annotation[tenant.id] = {} AND service({})", quoted(id), quoted(&line.service));
        window.link("/traces", &[("filter", filter.as_str()), ("order", "slowest")])
    };
    Table::of("Services", services, |_| None)
        .text("Service", |line| html! { a href=(traces(line)) { (line.service) } })
        .text("Account", |line| &line.account)
        .text("Operation", |line| &line.operation)
        .number("Requests", |line| line.summary.requests)
        .number("Failed", |line| known(line.summary.error_rate, percent))
        .number("p50", |line| known(line.summary.p50_ns, duration))
        .number("p99", |line| known(line.summary.p99_ns, duration))
        .render()
}
