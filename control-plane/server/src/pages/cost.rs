//! `GET /cost`: who costs what.

use axum::{extract::State, response::Response};
use maud::{Markup, html};
use slo::{CostReport, Line, Share};

use super::frame::{
    self,
    Column::{Number, Text},
    Tab, answer, window,
};
use crate::{
    api::{CostFilter, Parameters, Sources, given},
    problem::Problem,
    text::{link, percent},
};

const TITLE: &str = "Cost";
/// Lines of each list; the whole is in the CSV.
const SHOWN: usize = 50;

pub(super) async fn page(State(sources): State<Sources>, query: Result<Parameters<CostFilter>, Problem>) -> Response {
    let content = async {
        let Parameters(mut query) = query?;
        query.window.window = given(&query.window.window).or_else(|| Some("30d".to_owned()));
        Ok(content(&query, &sources.cost(&query.window).await?))
    };
    answer(TITLE, Tab::Cost, content).await
}

fn content(query: &CostFilter, report: &CostReport) -> Markup {
    let field = |value: &Option<String>| given(value).unwrap_or_default();
    let window_of = &query.window;
    let csv = [
        ("format", "csv".to_owned()),
        ("window", field(&window_of.window)),
        ("from", field(&window_of.from)),
        ("to", field(&window_of.to)),
    ];
    html! {
        form.filters method="get" action="/cost" aria-label="Window" {
            (window(window_of))
            button { "Show" }
            a href=(link("/api/cost", &csv)) { "All of it as CSV" }
        }
        p {
            "Whole days, UTC, by requests served and time spent, scaled by adjusted counts: "
            strong { (format!("{:.0}", report.total.requests)) " requests, " (format!("{:.0}", report.total.seconds)) " s" }
            @if let (Some(cents), Some(currency)) = (report.total.cents, &report.currency) { ", " strong { (money(cents)) " " (currency) } }
            "." @if report.total.estimated { " ≈: the weight of some sampled traces is not known." }
            @if report.currency.is_none() { " Without a price file there is no money." }
        }
        h2 { "By tenant" } (table("Tenants", &report.tenants, |line| (line.tenant.clone(), line.tier.clone())))
        h2 { "By tier" } (table("Tiers", &report.tiers, |line| (line.tier.clone(), None)))
        h2 { "By service" } (table("Services", &report.services, |line| (line.service.clone(), None)))
    }
}

fn table(label: &str, lines: &[Line], names: impl Fn(&Line) -> (Option<String>, Option<String>)) -> Markup {
    let mut lines: Vec<&Line> = lines.iter().collect();
    let weight = |share: &Share| (share.micros, share.seconds);
    lines.sort_by(|a, b| weight(&b.share).partial_cmp(&weight(&a.share)).unwrap_or(std::cmp::Ordering::Equal));
    let columns = ["Requests", "Share", "Time, s", "Share", "Money"].map(Number);
    let columns: Vec<_> = [Text("Whose"), Text("")].into_iter().chain(columns).collect();
    let rows = html! {
        @for line in lines.iter().take(SHOWN) {
            @let (name, more) = names(line);
            @let share = &line.share;
            tr {
                td { @match name.filter(|name| !name.is_empty()) { Some(name) => (name), None => "nobody known" } }
                td { (more.unwrap_or_default()) }
                td.number { @if share.estimated { "≈ " } (format!("{:.0}", share.requests)) }
                td.number { (percent(share.requests_share)) }
                td.number { (format!("{:.1}", share.seconds)) }
                td.number { (percent(share.seconds_share)) }
                td.number { (share.cents.map_or_else(|| "–".to_owned(), money)) }
            }
        }
    };
    html! {
        (frame::table(label, &columns, &rows))
        @if lines.len() > SHOWN { p { "The first " (SHOWN) " of " (lines.len()) "." } }
    }
}

fn money(cents: u64) -> String {
    format!("{}.{:02}", cents / 100, cents % 100)
}
