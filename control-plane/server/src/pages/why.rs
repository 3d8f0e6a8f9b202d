//! `GET /why`: what sets bad traces apart from good ones.

use axum::{
    http::StatusCode,
    response::{IntoResponse, Response},
};
use control_plane_analysis::{FailureGroup, Row, Step, Value};
use control_plane_model::{search::Expression, store::Facets};
use maud::{Markup, Render, html};

use super::{
    frame::{Table, answer, choice, empty, moment, ways, window},
    investigations,
};

use crate::{
    api::{AGAINST, Conditions, Query, SideAnswer, View, WhyAnswer, WhyFilter, WindowQuery, is_of_outcomes, verdict},
    layout::{self, Tab},
    problem::Problem,
    text::{self, clock, count, duration, link, readable},
};

const TITLE: &str = "Why?";

/// Path of the page that says why the traces of a search are bad: those that failed, where the search does not say which are meant; slow ones, where it says
/// from when on; else those that match, set against the others, of the same tenant where they are one's.
pub(super) fn of_search(conditions: &Conditions, window: &WindowQuery) -> String {
    let filter = conditions.filter.as_ref().and_then(|text| text.parse::<Expression>().ok());
    let is_of_matching = is_of_matching(conditions);
    let against = is_of_matching.then(|| "rest".to_owned());
    let asked = filter.as_ref().and_then(Expression::tenant).map(str::to_owned);
    let tenant = conditions.tenant.clone().or_else(|| asked.filter(|_| is_of_matching));
    let conditions = Conditions { tenant, ..conditions.clone() };
    link("/why", &WhyFilter { conditions, against, moment: None, window: window.clone() })
}

/// Whether that page sets those that match against the others.
fn is_of_matching(conditions: &Conditions) -> bool {
    let filter = conditions.filter.as_ref().and_then(|text| text.parse::<Expression>().ok());
    filter.as_ref().is_some_and(is_of_outcomes) || conditions.status.as_deref() == Some("ok")
}

/// What that page answers.
pub(super) fn question(conditions: &Conditions) -> &'static str {
    match conditions {
        conditions if is_of_slow(conditions) => "Why are these slow?",
        conditions if is_of_matching(conditions) => "What sets these apart?",
        _ => "Why do they fail?",
    }
}

/// Whether that page says why the traces are slow: a search for slow ones, and for nothing else of how requests went.
fn is_of_slow(conditions: &Conditions) -> bool {
    let filter = conditions.filter.as_ref().and_then(|text| text.parse::<Expression>().ok());
    let is_of_outcomes = filter.as_ref().is_some_and(is_of_outcomes) || conditions.status.is_some();
    conditions.slower_than_ms.is_some() && !is_of_outcomes
}

/// Path of the page that says why the slow ones of a search are slow.
pub(super) fn of_slow(conditions: &Conditions, window: &WindowQuery) -> String {
    let against = Some("quick".to_owned());
    link("/why", &WhyFilter { conditions: conditions.clone(), against, moment: None, window: window.clone() })
}

/// Path of the page that says why a tenant's requests fail; against another side than those that went well, if one is named.
pub(super) fn of_tenant(tenant: &str, against: Option<&str>, window: &WindowQuery) -> String {
    let conditions = Conditions { tenant: Some(tenant.to_owned()), ..Conditions::default() };
    let against = against.map(str::to_owned);
    link("/why", &WhyFilter { conditions, against, moment: None, window: window.clone() })
}

pub(super) async fn page(view: View, filter: Result<Query<WhyFilter>, Problem>) -> Response {
    let (filter, facets) = match async { Ok((filter?.0, view.facets().await?)) }.await {
        Ok(asked) => asked,
        Err(problem) => return answer(&view, TITLE, Tab::Traces, async { Err(problem) }).await,
    };
    let (status, below) = match view.why(&filter).await {
        Ok(found) => (StatusCode::OK, html! { (content(&filter.window, &found)) (investigations::save(&view)) }),
        Err(problem) => (problem.status, layout::went_wrong(&problem)),
    };
    // With the form, so that what was wrong can be mended.
    let content = html! { (form(&view, &filter, &facets)) (below) };
    (status, layout::page(&view.visitor, &view.place, TITLE, Tab::Traces, &content)).into_response()
}

fn form(view: &View, filter: &WhyFilter, facets: &Facets) -> Markup {
    let conditions = &filter.conditions;
    let against = filter.against().unwrap_or_default();
    let said = |against: &str| match against {
        "quick" => "slow ones, against quick ones",
        "tier" => "a tenant's, against others of its tier",
        "before" => "this window, against before",
        "rest" => "those that match, against the others",
        _ => "failed ones, against those that went well",
    };
    let statuses = ["fault", "error", "throttle"].map(str::to_owned);
    let is_staff = view.visitor.scope().tenant().is_none();
    html! {
        form.filters method="get" action="/why" aria-label="Compare traces" {
            label { "Compare"
                select name="against" {
                    @for choice in AGAINST.into_iter().filter(|choice| is_staff || *choice != "tier") {
                        option value=(choice) selected[choice == against] { (said(choice)) }
                    }
                }
            }
            (choice("tenant", "Tenant", &facets.tenants, &conditions.tenant))
            (choice("tier", "Tier", &facets.tiers, &conditions.tier))
            (choice("service", "Service", &facets.services, &conditions.service))
            @if let Some(account) = &conditions.account { input type="hidden" name="account" value=(account); }
            (choice("status", "Status", &statuses, &conditions.status))
            label { "Slower than, ms"
                input name="slower_than_ms" inputmode="decimal" size="6" value=(conditions.slower_than_ms.as_deref().unwrap_or_default());
            }
            label { "Before and after, UTC"
                input name="moment" size="20" placeholder="the window's start" value=(filter.moment.as_deref().map(at).unwrap_or_default());
            }
            label.wide { "Filter expression"
                input name="filter" value=(conditions.filter.as_deref().unwrap_or_default()) spellcheck="false" autocomplete="off";
            }
            (window(&view.place, &filter.window))
            button { "Compare" }
        }
    }
}

/// A moment as a person reads and writes it; what is none, as it was written.
fn at(moment: &str) -> String {
    crate::window::moment("moment", moment).map_or_else(|_| moment.to_owned(), |ns| readable(&clock(ns)))
}

fn content(within: &WindowQuery, found: &WhyAnswer) -> Markup {
    let ranked = &found.findings.ranked;
    html! {
        p.finding role="status" { (found.summary) }
        ul.sides { @for side in [&found.bad, &found.good] { li { (sampled(side)) } } }
        @if let Some(both) = &ranked.together {
            (ways("Traces with both", &[(found.bad.traces(&expressions(&both.values)), &format!("Show the {} with both", count(both.bad)))]))
        }
        @if found.bad.compared > 0 && found.good.compared > 0 {
            h2 { "What they have in common" }
            @if ranked.causes.is_empty() { (empty("Nothing that the others have less often.", &html! { "Compare with another side, or in a longer window." })) } @else { (causes("What they have in common", found, &ranked.causes)) }
            p { (count(ranked.tested)) " groups of traces were compared, over every attribute of every span. “Not by chance” means that, if both sides were alike,
                only 1 comparison in 100 would show any such row." @if found.findings.left_out { " There was more in these traces than is looked at." } }
        }
        @if !found.findings.failures.groups.is_empty() {
            h2 { "How they failed" }
            (failures(within, found))
            @if found.findings.failures.others > 0 { p { (count(found.findings.failures.others)) " more failed in other ways." } }
        }
        @if !ranked.outcomes.is_empty() { h2 { "Signs of the failure itself" } (causes("Signs of the failure itself", found, &ranked.outcomes)) }
        @if !ranked.missing.is_empty() { h2 { "Steps they never reached" } (causes("Steps they never reached", found, &ranked.missing)) }
        @if !found.findings.slower.is_empty() { h2 { "Where they spent more time" } (slower(found)) }
    }
}

/// How many traces of a side there are, and how many were compared.
fn sampled(side: &SideAnswer) -> Markup {
    html! {
        a href=(side.traces(&[])) { (side.counted()) }
        ", " (moment(side.from * 1_000_000_000)) " to " (moment(side.to * 1_000_000_000)) ": "
        @if side.matched == 0 { "none" } @else { (side.sampling()) " compared" }
        @if side.truncated { " (the search ended there)" }
    }
}

fn causes(label: &str, found: &WhyAnswer, rows: &[Row]) -> Markup {
    let (bad, good) = (&found.bad, &found.good);
    let table = Table::of(label, rows, |_| None)
        .listed()
        .text("Value", |row| value(found, row))
        .text("Services", |row| html! { div.names { (row.value.services.join(", ")) } })
        .text("Share of each", |row| pair([("bad", bad, row.bad), ("good", good, row.good)]))
        .number(&bad.name, |row| counted(bad, row, row.bad))
        .number("The others", |row| counted(good, row, row.good))
        .text(
            "By chance?",
            |row| html! { span title={ "by itself, a chance of " (format!("{:.1e}", row.chance)) } { (verdict(row)) } },
        );
    html! { div.why { (table) } }
}

/// A value, and below it what the same traces have and what follows from it.
fn value(found: &WhyAnswer, row: &Row) -> Markup {
    let traces = |value: &Value, bad: usize| {
        let side = if bad > 0 { &found.bad } else { &found.good };
        html! { a href=(side.traces(&expressions([value]))) { (value.words()) } }
    };
    html! {
        span title={ (row.value.key) " = " (row.value.value) } { (row.value.words()) }
        @if !row.also.is_empty() {
            details { summary { "the same traces: " (row.also.len()) " more" } ul { @for value in &row.also { li { (traces(value, row.bad)) } } } }
        }
        @if !row.follows.is_empty() {
            details {
                summary { "follows from it: " (row.follows.len()) }
                ul { @for row in &row.follows { li { (traces(&row.value, row.bad)) " (" (row.bad) " and " (row.good) ")" } } }
            }
        }
    }
}

/// So many of a side's traces, which the number leads to.
fn counted(side: &SideAnswer, row: &Row, count: usize) -> Markup {
    let said = side.share(count);
    html! {
        @if count == 0 { (said) } @else { a href=(side.traces(&expressions([&row.value]))) aria-label={ (said) ", " (count) " traces" } { (said) } }
        " (" (text::count(count)) ")"
    }
}

fn expressions<'a>(values: impl IntoIterator<Item = &'a Value>) -> Vec<String> {
    values.into_iter().map(Value::expression).collect()
}

/// Two bars: the share of the bad above that of the good.
fn pair(sides: [(&str, &SideAnswer, usize); 2]) -> Markup {
    const WIDTH: f64 = 144.0;
    let [of_bad, of_good] = sides.map(|(_, side, count)| side.share(count));
    html! {
        svg.pair viewBox={ "0 0 " (WIDTH) " 18" } preserveAspectRatio="none" role="img" aria-label={ (of_bad) " against " (of_good) } {
            @for ((class, side, count), y) in sides.into_iter().zip([1, 10]) {
                @let length = count as f64 / side.compared.max(1) as f64 * WIDTH;
                rect.empty x="0" y=(y) width=(WIDTH) height="7" {}
                rect class=(class) x="0" y=(y) width=(format!("{length:.1}")) height="7" {}
            }
        }
    }
}

fn failures(within: &WindowQuery, found: &WhyAnswer) -> Markup {
    let named = |text: &str| if text.is_empty() { "–".to_owned() } else { text.to_owned() };
    let example = |group: &FailureGroup| within.link(&format!("/traces/{}", group.example), &());
    let table = Table::of("How they failed", &found.findings.failures.groups, |_| None)
        .listed()
        .text("Message", |group| named(&group.message))
        .text("Type", |group| named(&group.error_type))
        .number("Traces", |group| count(group.traces))
        .text("In", |group| join(&group.services))
        .text("Operation", |group| join(&group.operations))
        .text(
            "Example",
            |group| html! { a href=(example(group)) aria-label={ "One of them: " (group.example) } { "one of them" } },
        );
    html! { div.why { (table) } }
}

fn join(names: &std::collections::BTreeSet<String>) -> String {
    names.iter().map(String::as_str).collect::<Vec<_>>().join(", ")
}

fn slower(found: &WhyAnswer) -> Markup {
    Table::of("Where they spent more time", &found.findings.slower, |_| None)
        .listed()
        .text("Operation", |step: &Step| step.operation.as_str())
        .text("Service", |step| step.service.as_str())
        .number(&found.bad.name, |step| duration(step.bad_ms * 1e6))
        .number("The others", |step| duration(step.good_ms * 1e6))
        .render()
}
