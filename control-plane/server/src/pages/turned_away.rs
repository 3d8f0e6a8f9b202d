//! `GET /turned-away`: whose requests were refused, where and why.

use axum::response::Response;
use maud::{Markup, Render, html};

use super::{
    frame::{Table, answer, choice, empty, longer, moment, window},
    investigations,
    tenants::named,
    unverified,
};
use crate::{
    api::{Query, RefusalFilter, TurnedAway, TurnedAwayAnswer, View},
    layout::Tab,
    problem::Problem,
    text::{count, known, link, percent},
};

const TITLE: &str = "Turned away";

pub(super) async fn page(view: View, query: Result<Query<unverified::Asked>, Problem>) -> Response {
    let content = async {
        let Query(asked) = query?;
        let filter = &asked.verified;
        let (facets, found) = tokio::try_join!(view.facets(), view.turned_away(filter))?;
        Ok(html! {
            (form(&view, filter, &facets.tenants, &facets.services))
            p {
                "These requests were refused, with a status of 4xx, after the service had verified who sent them. A request that was refused earlier counts for "
                "no tenant, whatever its token says."
            }
            (results(&view, filter, &found))
            (investigations::save(&view))
            (unverified::section(&view, &asked).await?)
        })
    };
    answer(&view, TITLE, Tab::TurnedAway, content).await
}

fn form(view: &View, filter: &RefusalFilter, tenants: &[String], services: &[String]) -> Markup {
    let csv = RefusalFilter { format: Some("csv".to_owned()), ..filter.clone() };
    html! {
        form.filters method="get" action="/turned-away" aria-label="Which requests" {
            (choice("tenant", "Tenant", tenants, &filter.tenant))
            label { "User" input name="user" value=[&filter.user] size="24" spellcheck="false" autocomplete="off"; }
            label { "Reason" input name="reason" value=[&filter.reason] size="24" spellcheck="false" autocomplete="off" placeholder="no_such_booking"; }
            (choice("service", "Service", services, &filter.service))
            (window(&view.place, &filter.window))
            button { "Show" }
            a href=(link("/api/turned-away", &csv)) download="turned-away.csv" { "Download as CSV" }
        }
    }
}

fn results(view: &View, filter: &RefusalFilter, found: &TurnedAwayAnswer) -> Markup {
    if found.lines.is_empty() {
        let page = |longer: &_| link("/turned-away", &RefusalFilter { window: Clone::clone(longer), ..filter.clone() });
        let next = html! { (longer(&filter.window, page)) "Or ask for any tenant, user, reason or service." };
        return empty("Nobody was turned away in this window.", &next);
    }
    let is_staff = view.visitor.scope().tenant().is_none();
    html! {
        p role="status" {
            strong { (count(found.requests)) } @if found.requests == 1 { " request was refused." } @else { " requests were refused." }
            @if found.more { " These are the lines with the most of them; narrow it down, or ask for a shorter window, to see others." }
        }
        (table(view, filter, found))
        @if is_staff {
            p { "To block a user or a network, use the page of the tenant or " code { "operator tenant block" } "." }
        }
    }
}

fn table(view: &View, filter: &RefusalFilter, found: &TurnedAwayAnswer) -> Markup {
    let of_user = |user: &String| link("/turned-away", &RefusalFilter { user: Some(user.clone()), ..filter.clone() });
    let of_reason = |line: &TurnedAway| {
        link("/turned-away", &RefusalFilter { reason: Some(line.refused.reason.clone()), ..filter.clone() })
    };
    let traces = |line: &TurnedAway| link("/traces", &filter.traces(&line.refused));
    Table::of("Who was turned away", &found.lines, |_| None)
        .listed()
        .text("Reason", |line| {
            let TurnedAway { refused, .. } = line;
            html! { a href=(of_reason(line)) { (refused.reason) } @if refused.reason != refused.status.to_string() { " (" (refused.status) ")" } }
        })
        .text("Tenant", |line| named(view, &line.refused.tenant, &filter.window))
        .text("User", |line| match &line.refused.user {
            Some(user) => html! { div.phrase { a href=(of_user(user)) { (user) } } },
            None => html! { "not told" },
        })
        .number("Requests", |line| count(line.refused.requests))
        .text("Traces", |line| html! { a href=(traces(line)) { "Its traces" } })
        .number("Of the tenant's requests", |line| known(line.share(), percent))
        .text("Operation", |line| html! { div.phrase { (line.refused.operation) } })
        .text("Service", |line| html! { (line.refused.service) })
        .text("First", |line| moment(line.refused.first_unix_ns))
        .text("Last", |line| moment(line.refused.last_unix_ns))
        .render()
}
