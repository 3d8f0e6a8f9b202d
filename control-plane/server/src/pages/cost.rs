//! `GET /cost`: who costs what, and why.

use axum::response::Response;
use maud::{Markup, html};
use slo::{CostReport, Dear, Line};

use super::{
    chart::{self, CostOfDay, costs_by_day},
    frame::{Table, answer, nothing_found, window},
    tenants::named,
};
use crate::{
    api::{CostAnswer, CostFilter, DearTenant, Query, View, WindowQuery},
    layout::Tab,
    problem::Problem,
    text::{cents, changed, count, known, link, percent, spent, times},
};

const TITLE: &str = "Cost";
/// Lines of each list; the whole is in the CSV.
const SHOWN: usize = 50;
/// Tenants of which it is said in a sentence why they are dear.
const EXPLAINED: usize = 5;

pub(super) async fn page(view: View, query: Result<Query<CostFilter>, Problem>) -> Response {
    let content = async {
        let Query(query) = query?;
        let query = CostFilter { window: query.window.or("30d"), ..query };
        Ok(content(&view, &query, &view.cost(&query.window).await?))
    };
    answer(&view, TITLE, Tab::Cost, content).await
}

fn content(view: &View, query: &CostFilter, answer: &CostAnswer) -> Markup {
    let CostAnswer { report, dearest, .. } = answer;
    let csv = CostFilter { format: Some("csv".to_owned()), ..query.clone() };
    html! {
        form.filters method="get" action="/cost" aria-label="Window" {
            (window(&view.place, &query.window))
            button { "Show" }
            a href=(link("/api/cost", &csv)) { "All of it as CSV" }
        }
        p {
            "Requests served and time spent on whole days, UTC; a sampled trace counts for those that it stands for: "
            strong { (count(report.total.requests)) " requests, " (spent(report.total.seconds)) }
            @if let (Some(amount), Some(currency)) = (report.total.cents, &report.currency) { ", " strong { (cents(amount)) " " (currency) } }
            "." @if report.total.estimated { " ≈: the weight of some sampled traces is not known." }
            @if report.currency.is_none() { " Name prices in the configuration (" code { "[prices]" } ") to see money." }
        }
        @if report.tenants.is_empty() { (nothing_found("No tenant had a request in these days.", &query.window, "/cost")) }
        @if !dearest.is_empty() {
            h2 { "The dearest tenants, and why" }
            ol {
                @for DearTenant { dear, why } in dearest.iter().take(EXPLAINED) {
                    li { (named(view, &dear.tenant, &query.window)) ": " (why) " " a href=(by_operation(&dear.tenant, &query.window)) { "By operation" } }
                }
            }
        }
        @if !answer.daily.is_empty() {
            (chart::scripts())
            div.charts { (by_day(answer)) }
            p { a href=(link("/api/cost", &CostFilter { by: Some("day".to_owned()), ..csv })) { "These days as CSV" } }
        }
        @if !report.tenants.is_empty() {
            h2 { "By tenant" } (tenants(view, &query.window, report, dearest))
            h2 { "By tier" } (lines("Tiers", "Tier", &report.tiers, |line| text(line.tier.as_deref()), |table| table))
            h2 { "By service" } (lines("Services", "Service", &report.services, |line| text(line.service.as_deref()), |table| table))
        }
    }
}

/// What the dearest tenants cost day by day, and all others together.
fn by_day(CostAnswer { report, days, daily, .. }: &CostAnswer) -> Markup {
    let costs =
        daily.iter().map(|day| CostOfDay { start: day.start, part: day.tenant.as_deref(), cost: day.spent.cost() });
    costs_by_day("Cost by day, UTC", (days.from, days.to), report.currency.as_deref(), "all others", costs)
}

fn tenants(view: &View, window: &WindowQuery, report: &CostReport, dearest: &[DearTenant]) -> Markup {
    let dear = |line: &Line| {
        let found = dearest.iter().find(|dear| Some(&dear.dear.tenant) == line.tenant.as_ref());
        found.map(|dear| &dear.dear)
    };
    let name = |line: &Line| match line.tenant.as_deref().filter(|name| !name.is_empty()) {
        Some(name) => named(view, name, window),
        None => text(None),
    };
    let operation = |dear: &Dear| {
        let driver = &dear.driver;
        format!("{} of {}, {}", driver.operation, driver.service, percent(driver.share))
    };
    let slower = |line: &Line| if dear(line).is_some_and(|dear| dear.driver.is_slower) { "fault" } else { "" };
    lines("Tenants", "Tenant", &report.tenants, name, |table| {
        let table = table.text("Tier", |line| line.tier.as_deref().unwrap_or_default());
        if dearest.is_empty() {
            return table;
        }
        table
            .text("What it spends most on", |line| html! { div.names { (known(dear(line), operation)) } })
            .colored_number("Time a request, against others'", slower, |line| {
                known(dear(line).and_then(|dear| dear.driver.times_others), times)
            })
            .number("Change", |line| known(dear(line).and_then(|dear| dear.change), changed))
    })
}

/// A tenant's requests by operation.
fn by_operation(tenant: &str, window: &WindowQuery) -> String {
    window.link("/groups", &[("by", "span.name"), ("tenant", tenant)])
}

/// A name, or that there is none.
fn text(name: Option<&str>) -> Markup {
    html! { (name.filter(|name| !name.is_empty()).unwrap_or("nobody known")) }
}

/// A breakdown, the dearest first; `more` adds columns.
fn lines<'a>(
    label: &'a str,
    subject: &str,
    lines: &'a [Line],
    name: impl Fn(&'a Line) -> Markup,
    more: impl FnOnce(Table<'a, Line>) -> Table<'a, Line>,
) -> Markup {
    let mut lines: Vec<&Line> = lines.iter().collect();
    lines.sort_by(|a, b| a.share.dearer_first(&b.share));
    let table = Table::of(label, lines.iter().take(SHOWN).copied(), |_| None)
        .listed()
        .text(subject, name)
        .number("Requests", |line| html! { @if line.share.estimated { "≈ " } (count(line.share.requests)) })
        .number("Of all requests", |line| percent(line.share.requests_share))
        .number("Time spent", |line| spent(line.share.seconds))
        .number("Of all time", |line| percent(line.share.seconds_share));
    let priced = lines.iter().any(|line| line.share.cents.is_some());
    let table = if priced { table.number("Cost", |line| known(line.share.cents, cents)) } else { table };
    html! {
        (more(table))
        @if lines.len() > SHOWN { p { "The first " (SHOWN) " of " (count(lines.len())) "." } }
    }
}
