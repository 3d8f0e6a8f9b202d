//! On the page of who was turned away: what was refused before anybody was known.

use maud::{Markup, Render, html};
use serde::{Deserialize, Serialize};

use super::frame::{Table, empty, kept, longer, moment};
use crate::{
    api::{RefusalFilter, Unverified, UnverifiedAnswer, UnverifiedFilter, View, WindowQuery},
    problem::Problem,
    text::{count, link},
};

const NANOSECONDS: i64 = 1_000_000_000;

/// What the page is asked for: which requests of verified senders, and which of the others.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Asked {
    #[serde(flatten)]
    pub(super) verified: RefusalFilter,
    api: Option<String>,
    network: Option<String>,
    /// The reason why, by another name than that of the verified senders' requests.
    refused_as: Option<String>,
}

impl Asked {
    fn filter(&self) -> UnverifiedFilter {
        let Self { verified, api, network, refused_as } = self.clone();
        UnverifiedFilter { api, network, reason: refused_as, window: verified.window, ..UnverifiedFilter::default() }
    }

    /// Path of the page with this, at the part about those whom nobody knew.
    fn link(&self) -> String {
        link("/turned-away", self) + "#unverified"
    }

    /// Fields that keep what the page is asked for of verified senders, in a form that is not about them.
    fn kept(&self) -> Markup {
        let RefusalFilter { tenant, user, reason, service, window, .. } = &self.verified;
        let fields = [("tenant", tenant), ("user", user), ("reason", reason), ("service", service)];
        html! {
            @for (name, value) in fields { @if let Some(value) = value { input type="hidden" name=(name) value=(value); } }
            (kept(window))
        }
    }
}

/// The table of a window; nothing for a tenant, as nobody knows whose these requests were.
pub(super) async fn section(view: &View, asked: &Asked) -> Result<Markup, Problem> {
    if !view.sees_all() {
        return Ok(html! {});
    }
    let found = view.unverified(&asked.filter()).await?;
    Ok(html! {
        h2 #unverified { "Before anybody was known" }
        p {
            "These requests were refused before their sender was verified. They come from the access logs and name no tenant: nobody has checked their tokens."
        }
        (form(asked))
        (results(view, asked, &found))
    })
}

fn form(asked: &Asked) -> Markup {
    let csv = UnverifiedFilter { format: Some("csv".to_owned()), ..asked.filter() };
    html! {
        form.filters method="get" action="/turned-away#unverified" aria-label="Which of these requests" {
            (asked.kept())
            (field("API", "api", &asked.api, "booking-prod"))
            (field("Reason", "refused_as", &asked.refused_as, "unauthorized"))
            (field("Network", "network", &asked.network, "192.0.2.0/24"))
            button { "Show" }
            a href=(link("/api/turned-away/unverified", &csv)) download="turned-away-unverified.csv" { "Download as CSV" }
        }
    }
}

fn field(label: &str, name: &str, value: &Option<String>, such_as: &str) -> Markup {
    html! {
        label { (label) input name=(name) value=[value] size="24" spellcheck="false" autocomplete="off" placeholder=(such_as); }
    }
}

fn results(view: &View, asked: &Asked, found: &UnverifiedAnswer) -> Markup {
    if found.lines.is_empty() {
        let over = |window: &WindowQuery| {
            let verified = RefusalFilter { window: window.clone(), ..asked.verified.clone() };
            Asked { verified, ..asked.clone() }.link()
        };
        let next = html! {
            (longer(&asked.verified.window, over))
            "Refusals appear here once access logs are sent to " code { "/v1/access-logs" } "."
        };
        return empty("No such request in this window.", &next);
    }
    html! {
        p {
            strong { (count(found.requests)) } @if found.requests == 1 { " request was refused." } @else { " requests were refused." }
            " Times are exact to " (found.step / 60) " min."
            @if found.more { " These are the lines with the most of them." }
        }
        (table(view, asked, found))
        p { "To block a network for everybody, use " code { "operator firewall block" } "." }
    }
}

fn table(view: &View, asked: &Asked, found: &UnverifiedAnswer) -> Markup {
    let of_reason = |line: &Unverified| Asked { refused_as: Some(line.reason.clone()), ..asked.clone() }.link();
    let of_api = |line: &Unverified| Asked { api: Some(line.api.clone()), ..asked.clone() }.link();
    let of_network = |line: &Unverified| Asked { network: Some(line.network.clone()), ..asked.clone() }.link();
    let at = |seconds: i64| moment(seconds.saturating_mul(NANOSECONDS));
    Table::of("What was refused before anybody was known", &found.lines, |_| None)
        .listed()
        .text("Reason", |line: &Unverified| {
            let status = line.status.to_string();
            html! { a href=(of_reason(line)) { (line.reason) } @if line.reason != status { " (" (status) ")" } }
        })
        .text("API", |line| html! { a href=(of_api(line)) { (line.api) } })
        .text("Account", |line| {
            line.account.as_ref().map_or_else(|| "not told".to_owned(), |account| view.account(account))
        })
        .text("Network", |line| html! { div.phrase { a href=(of_network(line)) { (line.network) } } })
        .number("Addresses", |line| if line.addresses == 0 { "–".to_owned() } else { count(line.addresses) })
        .number("Requests", |line| count(line.requests))
        .text("First", |line| at(line.first))
        .text("Last", |line| at(line.last))
        .render()
}
