//! `GET /audit`: what operators did, and what was changed.

use axum::response::Response;
use control_plane_audit::{About, Listing, Outcome, RecordBody, Recorded};
use maud::{Markup, html};

use super::frame::{Table, answer, choice, empty, window};
use crate::{
    api::{AuditFilter, Query, View},
    layout::Tab,
    problem::{Problem, in_time},
    text::{count, link, readable},
};

const TITLE: &str = "Audit";
/// Records on a page.
const SHOWN: usize = 50;

pub(super) async fn page(view: View, query: Result<Query<AuditFilter>, Problem>) -> Response {
    let content = async {
        let Query(query) = query?;
        let query = AuditFilter { window: query.window.or("30d"), ..query };
        let filter = query.filter()?;
        let listing = in_time(view.audit()?.list(&filter, query.before()?, SHOWN)).await?;
        Ok(content(&view, &query, &listing))
    };
    answer(&view, TITLE, Tab::Audit, content).await
}

fn content(view: &View, query: &AuditFilter, listing: &Listing) -> Markup {
    let whats: Vec<String> = AuditFilter::whats().into_iter().map(str::to_owned).collect();
    let export = |format: &str| {
        link("/api/audit", &AuditFilter { format: Some(format.to_owned()), before: None, ..query.clone() })
    };
    html! {
        form.filters method="get" action="/audit" aria-label="Which records" {
            label { "Who, by name or subject" input name="who" value=[&query.who] size="24"; }
            (choice("what", "What", &whats, &query.what))
            label { "Tenant" input name="tenant" value=[&query.tenant] size="18"; }
            (window(&view.place, &query.window))
            button { "Show" }
            a href=(export("csv")) download="audit.csv" { "Download these records as CSV" }
            a href=(export("jsonl")) download="audit.jsonl" { "as JSON lines" }
        }
        p { "What operators did and what was changed, the newest first. " code { "control-plane audit verify" } " says whether a record was changed since." }
        @if listing.records.is_empty() {
            @let why = if listing.older.is_some() { "No record matches so far." } else { "No record matches." };
            (empty(why, &html! { @if listing.older.is_some() { "Go on with older ones, or c" } @else { "C" } "hoose a longer window, or fewer conditions." }))
        } @else { (table(view, &listing.records)) }
        @if let Some(older) = listing.older {
            p.pages { a href=(link("/audit", &AuditFilter { before: Some(older.to_string()), ..query.clone() })) { "Older" } }
        }
    }
}

fn table(view: &View, records: &[Recorded]) -> Markup {
    let class = |recorded: &Recorded| match &recorded.said {
        None => Some("fault"),
        Some(RecordBody { event, .. }) => {
            matches!(event.outcome, Outcome::Refused | Outcome::Failed).then_some("error")
        }
    };
    let said = |draw: fn(&RecordBody) -> Markup| {
        move |recorded: &Recorded| recorded.said.as_ref().map(draw).unwrap_or_default()
    };
    let table = Table::of("Records", records, class)
        .listed()
        .text(
            "Time",
            said(|said| html! { time datetime=(format!("{:.0}", said.at)) { (readable(&format!("{:.0}", said.at))) } }),
        )
        .number("Number", |recorded| count(recorded.record.number))
        .text(
            "Who",
            said(|RecordBody { event, .. }| {
                html! {
                    div { (event.who.name) " (" (event.who.role) ")" }
                    small { (event.who.identity()) }
                }
            }),
        )
        .text("From", said(|RecordBody { event, .. }| html! { (event.from.shown()) }))
        .text(
            "What",
            said(|RecordBody { event, .. }| {
                html! {
                    (event.what.name()) @if event.outcome != Outcome::Done { ", " (event.outcome.name()) }
                }
            }),
        )
        .text("About", |recorded| match recorded.said.as_ref().and_then(|said| said.event.about.as_ref()) {
            Some(About::Tenant(id)) => {
                html! { a href=(view.place.window().link("/tenant", &[("id", id)])) { (id) } }
            }
            Some(About::Investigation(id)) => {
                html! { a href=(view.place.window().link(&format!("/investigations/{id}"), &())) { (id) } }
            }
            other => html! { (other.map(About::name).unwrap_or_default()) },
        })
        .text("Why", said(|RecordBody { event, .. }| html! { (event.why.as_deref().unwrap_or_default()) }))
        .text("Before → after", |recorded| match &recorded.said {
            Some(said) => changed(said),
            None => html! { "It cannot be read: " code { (recorded.record.body) } },
        });
    html! { div.records { (table) } }
}

/// What changed; where that is much, when it is asked for.
fn changed(RecordBody { event, .. }: &RecordBody) -> Markup {
    let lines = event.changes();
    html! {
        @if lines.len() < 4 { @for line in &lines { div { (line) } } } @else {
            details { summary { (lines.len()) " values" } pre { (lines.join("\n")) } }
        }
    }
}
