//! `GET /tenant?id=`: a tenant over time, its services, its slowest traces, its alerts.

use axum::{http::StatusCode, response::Response};
use control_plane_model::search::quoted;
use maud::{Markup, Render, html};
use serde::Deserialize;

use super::{
    charts,
    frame::{Table, answer, moment, window},
    registry, search,
    tenants::{meter, objectives},
    why,
};

use crate::{
    alerting::Alarm,
    api::{Query, ServiceLine, TenantAnswer, View, WindowQuery},
    layout::Tab,
    problem::Problem,
    text::{duration, known, percent},
};

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
    html! {
        form.filters method="get" action="/tenant" aria-label="Window" {
            input type="hidden" name="id" value=(id);
            (window(&view.place, &query.window))
            button { "Show" }
            a href=(query.window.link("/", &[("tenant", id)])) { "Its service map" }
            a href=(query.window.link("/traces", &[("tenant", id)])) { "Its traces" }
            a href=(why::of_tenant(id, None, &query.window)) { "Why do its requests fail?" }
            a href=(why::of_tenant(id, Some("quick"), &query.window)) { "Why are they slow?" }
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
        (charts::of(view, id, answer))
        @if !answer.alerts.is_empty() { h2 { "Alerts" } (alerts(&answer.alerts)) }
        h2 { "Slowest traces" }
        @if answer.slowest.is_empty() { p { "None in this window." } } @else { (search::table("Slowest traces", &answer.slowest, &query.window)) }
        h2 { "Services" }
        (services(id, &query.window, &answer.services))
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
                    " " a href=(why::of_alarm(alarm)) { "Why?" }
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
