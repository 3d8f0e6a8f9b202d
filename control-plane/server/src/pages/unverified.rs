//! On the page of who was turned away: what was refused before anybody was known.

use maud::{Markup, Render, html};

use super::frame::{Table, empty, longer, moment};
use crate::{
    api::{Unverified, UnverifiedAnswer, UnverifiedFilter, View, WindowQuery},
    problem::Problem,
    text::{count, link},
};

const NANOSECONDS: i64 = 1_000_000_000;

/// The table of a window; nothing for a tenant, as nobody knows whose these requests were.
pub(super) async fn section(view: &View, window: &WindowQuery) -> Result<Markup, Problem> {
    if !view.sees_all() {
        return Ok(html! {});
    }
    let filter = UnverifiedFilter { window: window.clone(), ..UnverifiedFilter::default() };
    let found = view.unverified(&filter).await?;
    let csv = UnverifiedFilter { format: Some("csv".to_owned()), ..filter };
    Ok(html! {
        h2 #unverified { "Before anybody was known" }
        p {
            "Requests that were refused before anybody had been verified, from the access logs: by API, reason and network. A tenant that a token names is not read. "
            a href=(link("/api/turned-away/unverified", &csv)) download="turned-away-unverified.csv" { "Download as CSV" }
        }
        (results(view, window, &found))
    })
}

fn results(view: &View, window: &WindowQuery, found: &UnverifiedAnswer) -> Markup {
    if found.lines.is_empty() {
        let next = html! {
            (longer(window, |longer| longer.link("/turned-away", &())))
            "Refusals appear here once access logs are sent to " code { "/v1/access-logs" } "."
        };
        return empty("No such request in this window.", &next);
    }
    html! {
        p {
            strong { (count(found.requests)) } @if found.requests == 1 { " request was refused." } @else { " requests were refused." }
            " Times are those of stretches of " (found.step / 60) " min."
            @if found.more { " These are the lines with the most of them." }
        }
        (table(view, found))
        p { "To block a network for everybody, use " code { "operator firewall block" } "." }
    }
}

fn table(view: &View, found: &UnverifiedAnswer) -> Markup {
    let at = |seconds: i64| moment(seconds.saturating_mul(NANOSECONDS));
    Table::of("What was refused before anybody was known", &found.lines, |_| None)
        .listed()
        .text("Reason", |line: &Unverified| {
            let status = line.status.to_string();
            html! { (line.reason) @if line.reason != status { " (" (status) ")" } }
        })
        .text("API", |line| html! { (line.api) })
        .text("Account", |line| {
            line.account.as_ref().map_or_else(|| "not told".to_owned(), |account| view.account(account))
        })
        .text("Network", |line| html! { (line.network) })
        .number("Addresses", |line| if line.addresses == 0 { "–".to_owned() } else { count(line.addresses) })
        .number("Requests", |line| count(line.requests))
        .text("First", |line| at(line.first))
        .text("Last", |line| at(line.last))
        .render()
}
