//! `GET /tenants`: who is hurting. Worst first.

use axum::{extract::State, response::Response};
use maud::{Markup, html};
use serde::Deserialize;

use super::frame::{
    self,
    Column::{Number, Text},
    Tab, answer, choice, live,
};
use crate::{
    api::{FareLine, Parameters, SloAnswer, Sources, given},
    evaluator::Whose,
    problem::Problem,
    text::{clock, duration, link, percent},
};

const TITLE: &str = "Tenants";
/// Tenants on the page; the others are found by name.
const SHOWN: usize = 100;

#[derive(Debug, Default, Deserialize)]
pub(super) struct Narrowed {
    name: Option<String>,
    tier: Option<String>,
    live: Option<String>,
}

pub(super) async fn page(State(sources): State<Sources>, query: Result<Parameters<Narrowed>, Problem>) -> Response {
    answer(TITLE, Tab::Tenants, async { Ok(content(&query?.0, &sources.slo())) }).await
}

fn content(query: &Narrowed, answer: &SloAnswer) -> Markup {
    let (name, tier) = (given(&query.name), given(&query.tier));
    let matching: Vec<&FareLine> = answer
        .tenants
        .iter()
        .filter(|line| tier.as_ref().is_none_or(|tier| line.fare.tier == *tier))
        .filter(|line| name.as_ref().is_none_or(|name| whose(line).contains(name.as_str())))
        .collect();
    let violated = matching.iter().filter(|line| line.violated).count();
    let content = html! {
        @if answer.at == 0 {
            p { "Objectives are being evaluated for the first time." }
        } @else {
            p { (matching.len()) " tenants, " strong { (violated) " beyond an objective" } ", at " time { (clock(answer.at * 1_000_000_000)) } "." }
            h2 { "By tier" }
            (table("Tiers, and everybody", &answer.groups.iter().collect::<Vec<_>>()))
            h2 { "By tenant, the worst first" }
            (table("Tenants", &matching.iter().take(SHOWN).copied().collect::<Vec<_>>()))
            @if matching.len() > SHOWN { p { "The first " (SHOWN) " of " (matching.len()) "; narrow them by name." } }
        }
    };
    let tiers: Vec<String> = slo::objective::TIERS.map(str::to_owned).into();
    let form = html! {
        form.filters method="get" action="/tenants" aria-label="Narrow the tenants" {
            label { "Name contains" input name="name" value=(name.clone().unwrap_or_default()); }
            (choice("tier", "Tier", &tiers, &query.tier))
            label.check { input type="checkbox" name="live" checked[query.live.is_some()]; "Live" }
            button { "Show" }
        }
    };
    let again = [("name", name.unwrap_or_default()), ("tier", tier.unwrap_or_default()), ("live", "on".to_owned())];
    let on = query.live.is_some();
    html! { (form) (live("/tenants", &again, on, &content)) }
}

/// Whose numbers they are, for a person.
fn whose(line: &FareLine) -> String {
    match &line.fare.whose {
        Whose::Tenant(tenant) => tenant.clone(),
        Whose::Tier(tier) if tier.is_empty() => "no tier".to_owned(),
        Whose::Tier(tier) => format!("all {tier}"),
        Whose::All => "everybody".to_owned(),
    }
}

fn table(label: &str, lines: &[&FareLine]) -> Markup {
    let columns = [
        Text("Whose"),
        Text("Tier"),
        Text("Alerts"),
        Number("Requests, 5 min"),
        Number("Failed, 5 min"),
        Number("p99, 5 min"),
        Number("Objective"),
        Number("Burn, 1 h"),
        Text("Budget left, 30 days"),
        Number("Quick enough, 30 days"),
    ];
    frame::table(label, &columns, &html! { @for line in lines { (row(line)) } })
}

fn row(line: &FareLine) -> Markup {
    let evaluation = &line.fare.evaluation;
    let (latest, latency) = (&evaluation.latest, &evaluation.objectives.latency);
    let dash = || "–".to_owned();
    let class = match () {
        () if line.violated || line.alerts > 0 => "fault",
        () if line.budget_left < 0.2 => "error",
        () => "ok",
    };
    html! {
        tr class=(class) {
            td { @match &line.fare.whose {
                Whose::Tenant(tenant) => a href=(link("/tenant", &[("id", tenant.clone())])) { (tenant) },
                _ => (whose(line)),
            } }
            td { (line.fare.tier) }
            td { @if line.alerts > 0 { (line.alerts) " open" } }
            td.number { (latest.requests) }
            td.number { (latest.error_rate.map_or_else(dash, percent)) }
            td.number { (latest.p99_ns.map_or_else(dash, duration)) }
            td.number { (duration(latency.within_ms * 1e6)) }
            td.number { (evaluation.burn[0].long.map_or_else(dash, |burn| format!("{burn:.1}"))) }
            td { (meter(line.budget_left)) }
            td.number { (evaluation.quick.map_or_else(dash, percent)) " of " (percent(latency.target)) }
        }
    }
}

/// What is left of a budget, as a bar and in words.
pub(super) fn meter(left: f64) -> Markup {
    let shown = left.clamp(0.0, 1.0) * 100.0;
    html! {
        span.meter {
            svg viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true" {
                rect.empty x="0" y="0" width="100" height="8" {}
                rect.left x="0" y="0" width=(format!("{shown:.1}")) height="8" {}
            }
            @if left < 0.0 { "overdrawn by " (percent(-left)) } @else { (percent(left)) }
        }
    }
}
