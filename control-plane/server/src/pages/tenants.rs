//! `GET /tenants`: who is hurting. Worst first.

use axum::response::Response;
use maud::{Markup, Render, html};
use serde::{Deserialize, Serialize};

use super::frame::{Table, answer, choice, empty, kept, live, moment, pill};
use crate::{
    api::{Query, SloAnswer, SloStatusLine, View, WindowQuery},
    evaluator::{Hurting, HurtingTenant, Subject},
    layout::Tab,
    problem::Problem,
    text::{
        count, duration, known, left, moment as moment_of, objectives, percent, times, used_of_allowed, within_target,
    },
};

const TITLE: &str = "Tenants";
/// Tenants on the page; the others are found by name.
const SHOWN: usize = 100;

#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Narrowed {
    name: Option<String>,
    tier: Option<String>,
    live: Option<String>,
    #[serde(flatten)]
    window: WindowQuery,
}

pub(super) async fn page(view: View, query: Result<Query<Narrowed>, Problem>) -> Response {
    answer(&view, TITLE, Tab::Tenants, async { Ok(content(&view, &query?.0, &view.slo())) }).await
}

fn content(view: &View, query: &Narrowed, answer: &SloAnswer) -> Markup {
    let called = |line: &SloStatusLine, part: &str| {
        let company = line.status.subject.tenant().and_then(|tenant| view.name_of(tenant));
        subject(line).contains(part) || company.is_some_and(|name| name.to_lowercase().contains(&part.to_lowercase()))
    };
    let matching: Vec<&SloStatusLine> = answer
        .tenants
        .iter()
        .filter(|line| query.tier.as_ref().is_none_or(|tier| line.status.tier == *tier))
        .filter(|line| query.name.as_ref().is_none_or(|name| called(line, name)))
        .collect();
    let violated = matching.iter().filter(|line| line.violated).count();
    let content = html! {
        @if answer.at == 0 {
            (empty("Objectives are being evaluated for the first time.", &html! { "That takes a few seconds. " a href=(query.window.link("/tenants", &())) { "Look again" } }))
        } @else if answer.tenants.is_empty() {
            (empty("No tenant has had a request yet.", &html! {
                "Send spans that name their tenant in " code { "tenant.id" } ": point " code { "OTEL_EXPORTER_OTLP_ENDPOINT" } " at this server."
            }))
        } @else {
            @if let Some(hurting) = &answer.hurting { (who_hurts(view, hurting, &query.window, answer.at)) }
            h2 { "By tenant, the worst first" }
            @if matching.is_empty() {
                (empty("No tenant matches.", &html! { a href=(query.window.link("/tenants", &())) { "Show all " (count(answer.tenants.len())) } }))
            } @else {
                p { (count(matching.len())) " tenants, " strong { (count(violated)) " of them miss an objective" } ", as of " (moment(answer.at * 1_000_000_000)) "." }
                (table(view, true, &query.window, matching.iter().take(SHOWN).copied()))
                @if matching.len() > SHOWN { p { "The first " (SHOWN) " of " (count(matching.len())) "; narrow them by name." } }
            }
            h2 { "By tier" }
            (table(view, false, &query.window, &answer.groups))
        }
    };
    let tiers: Vec<String> = slo::objective::TIERS.map(str::to_owned).into();
    let form = html! {
        form.filters method="get" action="/tenants" aria-label="Narrow the tenants" {
            label { "Name contains" input name="name" value=(query.name.as_deref().unwrap_or_default()); }
            (choice("tier", "Tier", &tiers, &query.tier))
            (kept(&query.window))
            label.check { input type="checkbox" name="live" checked[query.live.is_some()]; "Live" }
            button { "Show" }
        }
    };
    html! { (form) (live("/tenants", query, query.live.is_some(), &content)) }
}

/// Whether one tenant is hurting or everybody, since when, and what was deployed before.
fn who_hurts(view: &View, hurting: &Hurting, window: &WindowQuery, at: i64) -> Markup {
    html! {
        section #hurting aria-label="Who is hurting" {
            p { strong { (hurting.headline()) } @if hurting.worst.is_empty() { "." } @else { ":" } }
            @if !hurting.worst.is_empty() {
                ul { @for tenant in &hurting.worst { li { (hurts(view, tenant, window, at)) } } }
                p { (hurting.others()) }
            }
        }
    }
}

fn hurts(view: &View, tenant: &HurtingTenant, window: &WindowQuery, at: i64) -> Markup {
    // From half an hour before it began, so that the change is to be seen.
    let around = WindowQuery { from: Some(moment_of(tenant.since - 1_800)), to: Some(moment_of(at)), window: None };
    let moment = moment_of(tenant.since);
    let since = around.link("/why", &[("tenant", tenant.tenant.as_str()), ("against", "before"), ("moment", &moment)]);
    html! {
        p {
            (named(view, &tenant.tenant, window)) " "
            a href=(around.link("/tenant", &[("id", &tenant.tenant)])) { (tenant.how(at)) }
            @if !tenant.versions.is_empty() { "; " strong { (tenant.deployed()) } }
            ". "
        }
        a.way href=(since) { "What has changed since?" }
    }
}

/// The subject of a line, in words.
fn subject(line: &SloStatusLine) -> String {
    match &line.status.subject {
        Subject::Tenant(tenant) => tenant.clone(),
        Subject::Tier(tier) if tier.is_empty() => "no tier".to_owned(),
        Subject::Tier(tier) => format!("all {tier}"),
        Subject::All => "everybody".to_owned(),
    }
}

/// A tenant with the name of its company, where that is known, and the way to its page.
pub(super) fn named(view: &View, tenant: &str, window: &WindowQuery) -> Markup {
    html! {
        span.tenant {
            a href=(window.link("/tenant", &[("id", tenant)])) { (tenant) }
            @if let Some(company) = view.name_of(tenant) { " (" (company) ")" }
        }
    }
}

/// Tenants, or several of them together, a line each.
fn table<'a>(
    view: &View,
    is_of_tenants: bool,
    window: &WindowQuery,
    lines: impl IntoIterator<Item = &'a SloStatusLine>,
) -> Markup {
    let (label, who) = if is_of_tenants { ("Tenants", "Tenant") } else { ("Tiers, and everybody", "Tenants together") };
    let fault = |is_at_fault: bool| if is_at_fault { "fault" } else { "" };
    let table = Table::of(label, lines, |_| None).listed().text(who, |line| match &line.status.subject {
        Subject::Tenant(tenant) => named(view, tenant, window),
        _ => html! { (subject(line)) },
    });
    let table = if is_of_tenants { table.text("Tier", |line| &line.status.tier) } else { table };
    table
        .text("State", state)
        .number("Requests, 5 min", |line| count(line.status.evaluation.latest.requests))
        .colored_number(
            "Failed, 5 min",
            |line| fault(line.hurt.failed > 0),
            |line| known(line.status.evaluation.latest.error_rate, percent),
        )
        .colored_number(
            "p99, 5 min",
            |line| fault(line.hurt.slow > 0),
            |line| known(line.status.evaluation.latest.p99_ns, duration),
        )
        .beside(is_of_tenants, |table| {
            table
                .number("Burn rate, 1 h", |line| known(line.status.evaluation.burn[0].long, times))
                .number("Failures used / allowed, 30 days", |line| used_of_allowed(&line.status.evaluation.budget))
        })
        .colored_text("Failure budget left", |line| budget_color(line.budget_left), |line| meter(line.budget_left))
        .beside(is_of_tenants, |table| {
            table
                .colored_number(
                    "Within latency target, 30 days",
                    |line| fault(!line.status.evaluation.quick_enough()),
                    |line| within_target(&line.status.evaluation),
                )
                .text("Promised", |line| html! { div.phrase { (objectives(&line.status.evaluation.objectives)) } })
        })
        .render()
}

/// The state of a tenant in a word. An alert comes first.
fn state(line: &SloStatusLine) -> Markup {
    match (line.alerts, line.hurt.failed, line.hurt.slow) {
        (1, ..) => pill("fault", "1 alert"),
        (2.., ..) => pill("fault", &format!("{} alerts", line.alerts)),
        (_, 1.., _) => pill("fault", "failing"),
        (_, _, 1..) => pill("fault", "slow"),
        _ if line.violated => pill("error", "misses an objective"),
        _ if line.status.evaluation.latest.requests == 0 => pill("", "no requests"),
        _ => pill("ok", "well"),
    }
}

/// Less than a fifth left is worth a look; nothing left is a broken promise.
pub(super) fn budget_color(left: f64) -> &'static str {
    match left {
        left if left < 0.0 => "fault",
        left if left < 0.2 => "error",
        _ => "",
    }
}

/// What is left of a budget, as a bar and in words.
pub(super) fn meter(share: f64) -> Markup {
    let shown = share.clamp(0.0, 1.0) * 100.0;
    html! {
        span.meter {
            svg viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true" {
                rect.empty x="0" y="0" width="100" height="8" {}
                rect.left x="0" y="0" width=(format!("{shown:.1}")) height="8" {}
            }
            (left(share))
        }
    }
}
