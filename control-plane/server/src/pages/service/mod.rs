//! `GET /service`: what a service measures of itself.
//!
//! | file | idea |
//! |---|---|
//! | `figures` | what lines of metrics say of a service |
//! | `charts` | the same over time |

mod charts;
mod figures;

use std::collections::BTreeSet;

use axum::response::Response;
use control_plane_model::store::{Facets, Version};
use jiff::Timestamp;
use maud::{Markup, html};
use serde::{Deserialize, Serialize};

use super::{
    chart,
    frame::{answer, choice, choice_of_account, empty, longer, ways, window},
};
pub(super) use charts::{NANOSECONDS, numbers};
pub(super) use figures::{COLD_STARTS, Figures, MESSAGE_AGE, OverTime, counts, points, query, query_around};
use figures::{ERRORS, INIT_DURATION, INVOKE_DURATION, REDELIVERIES, TIMEOUTS, all};

use crate::{
    api::{Query, Steps, View, WindowQuery},
    layout::Tab,
    problem::Problem,
    text::{bytes, count, duration, percent},
};

const TITLE: &str = "Metrics of a service";

/// The query of the page: which service, and the window.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct ServicePageQuery {
    service: Option<String>,
    account: Option<String>,
    #[serde(flatten)]
    window: WindowQuery,
}

/// The page of a service.
pub(super) fn link(service: &str, account: Option<&str>, window: &WindowQuery) -> String {
    window.link("/service", &[("service", Some(service)), ("account", account)])
}

pub(super) async fn page(view: View, query: Result<Query<ServicePageQuery>, Problem>) -> Response {
    answer(&view, TITLE, Tab::Map, async { render(&view, &query?.0).await }).await
}

async fn render(view: &View, asked: &ServicePageQuery) -> Result<Markup, Problem> {
    let (facets, measured) = tokio::join!(view.facets(), view.measured_services());
    let mut facets = facets?;
    // Some send no spans.
    facets.services.extend(measured);
    facets.services.sort_unstable();
    facets.services.dedup();
    let form = form(view, asked, &facets);
    let Some(service) = &asked.service else {
        return Ok(html! { (form) p { "Choose a service." } });
    };
    let now = Timestamp::now();
    let steps = Steps::of(asked.window.resolve(now)?);
    let account = asked.account.as_deref();
    let (lines, versions) =
        tokio::try_join!(view.metrics(query(steps, service, account)), view.versions(&asked.window))?;
    let figures = Figures { lines: &lines };
    let is_of =
        |version: &Version| version.service == *service && account.is_none_or(|account| account == version.account);
    let versions: Vec<Version> = versions.into_iter().filter(is_of).collect();
    Ok(html! {
        (form)
        @if figures.is_empty() {
            (no_metrics(asked))
        } @else {
            (source_note(&figures.tenants()))
            (in_short(figures))
            (charts::charts(figures, steps, now.as_second(), &versions, &asked.window))
        }
        (further(asked, service))
        (chart::scripts())
    })
}

fn form(view: &View, asked: &ServicePageQuery, facets: &Facets) -> Markup {
    html! {
        form.filters method="get" action="/service" aria-label="Choose a service" {
            (choice("service", "Service", &facets.services, &asked.service))
            (choice_of_account(view, &facets.accounts, &asked.account))
            (window(&view.place, &asked.window))
            button { "Show" }
        }
    }
}

/// Where these figures come from, and where others do.
fn source_note(tenants: &BTreeSet<&str>) -> Markup {
    html! {
        p.source-note {
            "These figures are " strong { "metrics" } ": the service counts and measures each invocation itself, whether its trace is kept or not. "
            @if tenants.is_empty() { "They name no tenant. " } @else { "They name the busiest tenants, and take all others together. " }
            "The service map and the pages of tenants show figures that are computed from " strong { "traces" } "."
        }
    }
}

/// The window in a few figures.
pub(super) fn in_short(figures: Figures<'_>) -> Markup {
    let invocations = figures.invocations();
    let share = |of: f64| if invocations > 0.0 { format!(" ({})", percent(of / invocations)) } else { String::new() };
    let (errors, timeouts, cold) = (figures.count(ERRORS), figures.count(TIMEOUTS), figures.count(COLD_STARTS));
    let throttled = all(&figures.throttled_over_time()).count;
    let took =
        |metric: &str, share: f64| figures.all(metric).quantile(share).map(|seconds| duration(seconds * NANOSECONDS));
    let pair = |metric: &str| took(metric, 0.5).zip(took(metric, 0.99)).map(|(half, most)| format!("{half} / {most}"));
    let memory = figures.closest_to_limit();
    let redelivered = figures.count(REDELIVERIES);
    html! {
        dl.figures {
            div { dt { "Invocations" } dd { (count(invocations)) } }
            div .fault[errors > 0.0] { dt { "Errors" } dd { (count(errors)) (share(errors)) } }
            @if timeouts > 0.0 { div.fault { dt { "Timeouts" } dd { (count(timeouts)) (share(timeouts)) } } }
            div { dt { "Throttled (429)" } dd { (count(throttled)) } }
            div { dt { "Cold starts" } dd { (count(cold)) (share(cold)) } }
            @if let Some(took) = pair(INIT_DURATION) { div { dt { "Starting, p50 / p99" } dd { (took) } } }
            @if let Some(took) = pair(INVOKE_DURATION) { div { dt { "Invocation, p50 / p99" } dd { (took) } } }
            @match memory {
                Some((used, Some(limit))) => div { dt { "Memory, closest to its limit" } dd { (bytes(used)) " of " (bytes(limit as f64)) } },
                Some((used, None)) => div { dt { "Memory, the most" } dd { (bytes(used)) } },
                None => {},
            }
            @if let Some(age) = pair(MESSAGE_AGE) {
                div { dt { "Age of messages, p50 / p99" } dd { (age) } }
                div { dt { "Delivered again" } dd { (count(redelivered)) } }
            }
        }
    }
}

/// What it takes that there are some.
pub(super) fn turned_on() -> Markup {
    html! {
        "This server takes OTLP metrics at " code { "/v1/metrics" } ". A function of this project sends its own there with "
        code { "OTEL_METRICS_EXPORTER=otlp" } "; any other service with its SDK's exporter for metrics."
    }
}

fn no_metrics(asked: &ServicePageQuery) -> Markup {
    let page =
        |window: &WindowQuery| link(asked.service.as_deref().unwrap_or_default(), asked.account.as_deref(), window);
    let next = html! { (longer(&asked.window, page)) (turned_on()) };
    empty("No metric of this service has arrived in this window.", &next)
}

/// Links to the same service on other pages.
fn further(asked: &ServicePageQuery, service: &str) -> Markup {
    let named = control_plane_model::search::quoted(service);
    let traces = |filter: String| asked.window.link("/traces", &[("filter", filter)]);
    let csv = [("service", Some(service)), ("account", asked.account.as_deref()), ("format", Some("csv"))];
    let cold = [("by", "faas.coldstart"), ("service", service)];
    ways(
        "More about this service",
        &[
            (traces(format!("service({named})")), "Its traces"),
            (traces(format!("service({named}) {{ coldstart }}")), "Traces for which it started"),
            (asked.window.link("/groups", &cold), "Cold and warm requests side by side"),
            (asked.window.link("/api/metrics", &csv), "All of its metrics as CSV"),
        ],
    )
}
