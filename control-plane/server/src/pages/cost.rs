//! `GET /cost`: who costs what.

use axum::response::Response;
use maud::{Markup, html};
use slo::{CostReport, Line, Share};

use super::frame::{Table, answer, window};
use crate::{
    api::{CostFilter, Query, View},
    layout::Tab,
    problem::Problem,
    text::{known, link, percent},
};

const TITLE: &str = "Cost";
/// Lines of each list; the whole is in the CSV.
const SHOWN: usize = 50;

pub(super) async fn page(view: View, query: Result<Query<CostFilter>, Problem>) -> Response {
    let content = async {
        let Query(query) = query?;
        let query = CostFilter { window: query.window.or("30d"), ..query };
        Ok(content(&view, &query, &view.cost(&query.window).await?))
    };
    answer(&view, TITLE, Tab::Cost, content).await
}

fn content(view: &View, query: &CostFilter, report: &CostReport) -> Markup {
    let csv = CostFilter { format: Some("csv".to_owned()), ..query.clone() };
    html! {
        form.filters method="get" action="/cost" aria-label="Window" {
            (window(&view.place, &query.window))
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
    let name = |line: &Line| names(line).0.filter(|name| !name.is_empty()).unwrap_or_else(|| "nobody known".to_owned());
    let table = Table::of(label, lines.iter().take(SHOWN).copied(), |_| None)
        .text("Whose", name)
        .text("", |line| names(line).1.unwrap_or_default())
        .number("Requests", |line| html! { @if line.share.estimated { "≈ " } (format!("{:.0}", line.share.requests)) })
        .number("Share", |line| percent(line.share.requests_share))
        .number("Time, s", |line| format!("{:.1}", line.share.seconds))
        .number("Share", |line| percent(line.share.seconds_share))
        .number("Money", |line| known(line.share.cents, money));
    html! {
        (table)
        @if lines.len() > SHOWN { p { "The first " (SHOWN) " of " (lines.len()) "." } }
    }
}

fn money(cents: u64) -> String {
    format!("{}.{:02}", cents / 100, cents % 100)
}
