//! `GET /tenant?id=`: the cockpit of a tenant.
//!
//! | file | idea |
//! |---|---|
//! | `charts` | how it fared over time, beside its tier and everybody |
//! | `alerts` | its alerts, and why those are not open that are not |
//! | `spending` | what it costs by operation, and how that changes |
//! | `budget` | how its budget burnt over 30 days |

mod alerts;
mod budget;
mod charts;
mod spending;

use axum::{http::StatusCode, response::Response};
use control_plane_model::search::quoted;
use maud::{Markup, Render, html};
use serde::Deserialize;

use super::{
    chart,
    frame::{Table, accounts, answer, window},
    investigations, registry, search,
    tenants::{budget_color, meter},
    why,
};

use crate::{
    api::{Query, ServiceLine, SloStatusLine, TenantAnswer, UsersSeen, View, WindowQuery},
    layout::Tab,
    problem::Problem,
    text::{count, duration, known, objectives, percent, time_of_day, used_of_allowed, within_target},
};

#[derive(Debug, Default, Deserialize)]
pub(super) struct TenantPageQuery {
    id: Option<String>,
    #[serde(flatten)]
    window: WindowQuery,
}

pub(super) async fn page(view: View, query: Result<Query<TenantPageQuery>, Problem>) -> Response {
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

fn content(view: &View, id: &str, query: &TenantPageQuery, answer: &TenantAnswer) -> Markup {
    // A tenant's own users see nothing about other tenants.
    let is_staff = view.visitor.scope().tenant().is_none();
    let tier = answer.now.as_ref().map(|now| now.status.tier.as_str()).filter(|tier| is_staff && !tier.is_empty());
    html! {
        form.filters method="get" action="/tenant" aria-label="Window" {
            input type="hidden" name="id" value=(id);
            (window(&view.place, &query.window))
            button { "Show" }
        }
        @if let Some(now) = &answer.now {
            p.callout .{ (meaning(now)) } { (state(now)) }
        }
        nav.ways aria-label="More about this tenant" {
            a href=(why::of_tenant(id, None, &query.window)) { "Why do its requests fail?" }
            a href=(why::of_tenant(id, Some("quick"), &query.window)) { "Why are they slow?" }
            @if let Some(tier) = tier { a href=(why::of_tenant(id, Some("tier"), &query.window)) { "What sets it apart from other " (tier) " tenants?" } }
            a href=(query.window.link("/", &[("tenant", id)])) { "Its service map" }
            a href=(query.window.link("/traces", &[("tenant", id)])) { "Its traces" }
            a href=(query.window.link("/traces", &[("tenant", id), ("status", "throttle")])) { "Its throttled requests" }
            a href=(query.window.link("/turned-away", &[("tenant", id)])) { "Who was turned away" }
            a href=(query.window.link("/groups", &[("by", "span.name"), ("tenant", id), ("order", "slowest")])) { "Its operations, now and before" }
        }
        (facts(answer))
        (alerts::section(answer))
        (chart::scripts())
        (charts::section(view, id, answer))
        (traces(view, id, query, answer))
        (budget::section(answer))
        (spending::section(answer))
        h2 { "Services" }
        (services(view, id, &query.window, &answer.services))
        (investigations::save(view))
    }
}

/// How it is now, in a colour that the sentence does without.
fn meaning(now: &SloStatusLine) -> &'static str {
    match (now.hurt.failed, now.hurt.slow) {
        _ if now.status.evaluation.latest.requests == 0 => "",
        (0, 0) if now.violated => "error",
        (0, 0) => "ok",
        _ => "fault",
    }
}

/// How it is now, in a sentence.
fn state(now: &SloStatusLine) -> Markup {
    let latest = &now.status.evaluation.latest;
    let since = now.hurt_since.map(|since| format!(", since {}", time_of_day(since))).unwrap_or_default();
    let slow = || format!("{} of {} are slow", count(now.hurt.slow), count(latest.requests));
    html! {
        @match (now.hurt.failed, now.hurt.slow) {
            _ if latest.requests == 0 => { "It had no requests in the last five minutes." },
            (0, 0) => { strong { "It is well" } ": its requests of the last five minutes are within its objectives." },
            (0, _) => { strong.fault { "It is hurting" } (since) ": " (slow()) "." },
            (failed, hurt_slow) => {
                strong.fault { "It is hurting" } (since) ": " (count(failed)) " of " (count(latest.requests)) " requests of the last five minutes failed"
                @if hurt_slow > 0 { ", and " (slow()) } "."
            }
        }
        @if now.violated { " It misses an objective of 30 days." }
    }
}

fn facts(answer: &TenantAnswer) -> Markup {
    html! {
        dl.facts {
            @if let Some(now) = &answer.now { (of_now(now)) }
            @if let Some(users) = &answer.users { div { dt { "Users in the window" } dd { (seen(users)) } } }
            div { dt { "Throttled in the window (429)" } dd { (count(answer.throttled.requests)) } }
        }
    }
}

/// What it was promised, and how it fares.
fn of_now(now: &SloStatusLine) -> Markup {
    let evaluation = &now.status.evaluation;
    let fault = |is_at_fault: bool| is_at_fault.then_some("fault");
    html! {
        div { dt { "Tier" } dd { (now.status.tier) } }
        div { dt { "Promised" } dd { (objectives(&evaluation.objectives)) } }
        div { dt { "Failure budget left, 30 days" } dd class=[Some(budget_color(now.budget_left)).filter(|class| !class.is_empty())] { (meter(now.budget_left)) } }
        div { dt { "Failures used / allowed, 30 days" } dd { (used_of_allowed(&evaluation.budget)) } }
        div { dt { "Within latency target, 30 days" } dd class=[fault(!evaluation.quick_enough())] { (within_target(evaluation)) } }
        div { dt { "Failed, 5 min" } dd class=[fault(now.hurt.failed > 0)] { (known(evaluation.latest.error_rate, percent)) } }
        div { dt { "p99, 5 min" } dd class=[fault(now.hurt.slow > 0)] { (known(evaluation.latest.p99_ns, duration)) } }
        div { dt { "Its usual p99" } dd { (known(evaluation.baseline_p99_ns, duration)) } }
    }
}

/// How many users there are, as far as that is known.
fn seen(users: &UsersSeen) -> Markup {
    html! {
        @if users.traces < users.of {
            "at least " (count(users.at_least)) " (in " (count(users.traces)) " of " (count(users.of)) " traces)"
        } @else {
            (count(users.at_least))
        }
    }
}

/// The traces that failed, then the slowest.
fn traces(view: &View, id: &str, query: &TenantPageQuery, answer: &TenantAnswer) -> Markup {
    let failed = &answer.failed;
    let more = query.window.link("/traces", &[("tenant", id), ("status", "fault")]);
    html! {
        h2 { "Failed traces" }
        @if failed.newest.is_empty() {
            p { "None in this window." }
        } @else {
            (search::table(view, "Failed traces", &failed.newest, &query.window))
            @if failed.matched > failed.newest.len() {
                p { "The latest " (failed.newest.len()) " of " a href=(more) { (count(failed.matched)) " failed traces" } "." }
            }
        }
        h2 { "Slowest traces" }
        @if answer.slowest.is_empty() { p { "None in this window." } } @else { (search::table(view, "Slowest traces", &answer.slowest, &query.window)) }
    }
}

fn services(view: &View, id: &str, window: &WindowQuery, services: &[ServiceLine]) -> Markup {
    let traces = |line: &ServiceLine| {
        let filter = format!("annotation[tenant.id] = {} AND service({})", quoted(id), quoted(&line.service));
        window.link("/traces", &[("filter", filter.as_str()), ("order", "slowest")])
    };
    Table::of("Services", services, |_| None)
        .listed()
        .text("Service", |line| html! { a href=(traces(line)) { (line.service) } })
        .text("Account", |line| accounts(view, [&line.account]))
        .text("Operation", |line| html! { div.phrase { (line.operation) } })
        .number("Requests", |line| count(line.summary.requests))
        .number("Failed", |line| known(line.summary.error_rate, percent))
        .number("p50", |line| known(line.summary.p50_ns, duration))
        .number("p99", |line| known(line.summary.p99_ns, duration))
        .render()
}
