//! What operators investigate: the list, one of them, and the forms that open one, add to it, close it and erase it.

use axum::{
    Form, Json,
    extract::rejection::FormRejection,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Redirect, Response},
};
use jiff::Timestamp;
use maud::{Markup, Render, html};
use serde::Deserialize;

use super::frame::{Table, answer, empty, kept, pill, ways};
use crate::{
    access::is_page,
    api::{Id, Investigation, InvestigationsQuery, Note, Query, View, listed},
    audit::By,
    investigations::{Draft, Investigations, MAX_NOTE, MAX_TITLE},
    layout::{Tab, failed},
    problem::Problem,
    text::{count, readable, window},
};

const TITLE: &str = "Investigations";

/// What a form brings along.
#[derive(Debug, Deserialize)]
pub(super) struct Filled {
    csrf: Option<String>,
    #[serde(default)]
    title: String,
    /// Path of the page that is saved.
    #[serde(default)]
    page: String,
    #[serde(default)]
    text: String,
}

type Filling = Result<Form<Filled>, FormRejection>;

/// `GET /investigations`
pub(super) async fn page(view: View, query: Result<Query<InvestigationsQuery>, Problem>) -> Response {
    let content = async {
        let Query(which) = query?;
        let found = listed(&view, &which).await?;
        Ok(html! {
            form.filters method="get" action="/investigations" aria-label="Which investigations" {
                (kept(view.place.window()))
                label { "That name this tenant" input name="tenant" value=[&which.tenant] size="24" spellcheck="false" autocomplete="off"; }
                button { "Show" }
            }
            @if found.is_empty() {
                (empty("There is no investigation.", &html! { "Save one from " a href="/turned-away" { "Turned away" } ", Traces, Why?, Group by or the page of a tenant." }))
            } @else { (table(&view, &found)) }
        })
    };
    answer(&view, TITLE, Tab::Investigations, content).await
}

fn table(view: &View, found: &[Investigation]) -> Markup {
    Table::of("Investigations", found, |_| None)
        .listed()
        .text("Title", |one| html! { a href=(view.place.window().link(&format!("/investigations/{}", one.id), &())) { div.phrase { (one.title) } } })
        .text("State", state)
        .text("Window", |one| window(one.from, one.to))
        .text("Opened", |one| time(&one.opened_at))
        .text("By", |one| html! { (one.opened_by) })
        .number("Notes", |one| count(one.notes.len()))
        .render()
}

fn state(one: &Investigation) -> Markup {
    if one.closed.is_some() { pill("", "closed") } else { pill("ok", "open") }
}

fn time(at: &Timestamp) -> Markup {
    let exact = format!("{at:.0}");
    html! { time datetime=(exact) title=(exact) { (readable(&exact)) } }
}

/// `GET /investigations/{id}`
pub(super) async fn one(view: View, Id(id): Id) -> Response {
    let found = async { view.investigations()?.get(&id).await }.await;
    let title = found.as_ref().map_or(TITLE, |one| &one.title).to_owned();
    answer(&view, &title, Tab::Investigations, async { found.map(|one| content(&view, &one)) }).await
}

fn content(view: &View, one: &Investigation) -> Markup {
    let export = |format: &str| format!("/api/investigations/{}?format={format}", one.id);
    let form = |action: &str, button: &str, does: &str, fields: Markup| {
        opened_form(view, &format!("/investigations/{}/{action}", one.id), button, does, &fields)
    };
    html! {
        dl.facts {
            div { dt { "State" } dd { (state(one)) } }
            div { dt { "Window" } dd { (window(one.from, one.to)) } }
            div { dt { "Opened" } dd { (time(&one.opened_at)) " by " (one.opened_by) } }
            @if let Some(closed) = &one.closed { div { dt { "Closed" } dd { (time(&closed.at)) " by " (closed.by) } } }
        }
        p.callout { "Saved page: " a href=(one.page) { (one.page) } }
        (ways("Take it along", &[(export("markdown"), "Export as Markdown"), (export("json"), "Export as JSON")]))
        p { "An export has the notes, and of the traces and refusals that match now their number and the first hundred. Spans are not part of it, and go when their time is over." }
        h2 { "Notes" }
        @if one.notes.is_empty() { p { "Nobody has written one." } }
        ol.notes { @for Note { at, by, text } in &one.notes {
            li { p.since { (time(at)) " " (by) } pre { (text) } }
        } }
        @if view.visitor.principal().may_change() {
            section.actions aria-label="Go on" {
                @if one.closed.is_none() {
                    (form("notes", "Add a note", "A note is kept with your name and the time, and cannot be changed.", html! {
                        label.wide { "Note" textarea name="text" required rows="5" maxlength=(MAX_NOTE) {} }
                    }))
                    (form("close", "Close", "Nothing can be added to it any more.", html! {}))
                }
                (form("erase", "Erase", "It is gone for good, with its notes.", html! {
                    label.check { input type="checkbox" required; "Erase this investigation" }
                }))
            }
        }
    }
}

/// The form that saves what a page shows, for those who may.
pub(super) fn save(view: &View) -> Markup {
    let page = view.place.fixed(Timestamp::now()).ok().filter(|_| view.visitor.principal().may_change());
    html! {
        @if let Some((page, _)) = page {
            section.actions aria-label="Investigate" {
                (opened_form(view, "/investigations", "Save as an investigation", "This page, with its filter over this window, and notes to come.", &html! {
                    input type="hidden" name="page" value=(page);
                    label.wide { "Title" input name="title" required maxlength=(MAX_TITLE) autocomplete="off"; }
                }))
            }
        }
    }
}

/// A form that one opens before one sends it.
fn opened_form(view: &View, action: &str, button: &str, does: &str, fields: &Markup) -> Markup {
    html! {
        details {
            summary { (button) "…" }
            form.filters method="post" action=(action) {
                p.wide { (does) }
                @if let Some(csrf) = view.visitor.csrf() { input type="hidden" name="csrf" value=(csrf); }
                (fields)
                button { (button) }
            }
        }
    }
}

/// `POST /investigations`
pub(super) async fn open(view: View, by: By, headers: HeaderMap, form: Filling) -> Response {
    let opened = changed(&view, form, |investigations, form| async move {
        let draft = Draft::new(&form.title, &form.page, Timestamp::now())?;
        investigations.open(draft, by).await
    });
    match opened.await {
        Ok(one) if !is_page(&headers) => {
            let at = format!("/api/investigations/{}", one.id);
            (StatusCode::CREATED, [(header::LOCATION, at)], Json(one)).into_response()
        }
        opened => change_response(opened, &headers),
    }
}

/// `POST /investigations/{id}/notes`
pub(super) async fn add_note(view: View, by: By, Id(id): Id, headers: HeaderMap, form: Filling) -> Response {
    let added =
        changed(&view, form, |investigations, form| async move { investigations.add_note(&id, &form.text, by).await });
    change_response(added.await, &headers)
}

/// `POST /investigations/{id}/close`
pub(super) async fn close(view: View, by: By, Id(id): Id, headers: HeaderMap, form: Filling) -> Response {
    let closed = changed(&view, form, |investigations, _| async move { investigations.close(&id, by).await });
    change_response(closed.await, &headers)
}

/// `POST /investigations/{id}/erase`
pub(super) async fn erase(view: View, by: By, Id(id): Id, headers: HeaderMap, form: Filling) -> Response {
    let erased = changed(&view, form, |investigations, _| async move { investigations.erase(&id, by).await });
    match erased.await {
        Ok(_) if is_page(&headers) => Redirect::to("/investigations").into_response(),
        erased => change_response(erased, &headers),
    }
}

async fn changed<F>(
    view: &View,
    form: Filling,
    change: impl FnOnce(Investigations, Filled) -> F,
) -> Result<Investigation, Problem>
where
    F: Future<Output = Result<Investigation, Problem>> + Send + 'static,
{
    let Form(form) = form.map_err(|refused| Problem::new(refused.status(), refused.body_text()))?;
    view.visitor.check_form(form.csrf.as_deref())?;
    let change = change(view.investigations()?.clone(), form);
    // Whoever asks may go before it is done: what has begun is ended, and recorded.
    let changing = tokio::spawn(change);
    changing.await.map_err(|error| Problem::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()))?
}

/// The answer for a person, who sees the investigation as it is now, or for a program.
fn change_response(changed: Result<Investigation, Problem>, headers: &HeaderMap) -> Response {
    match changed {
        Ok(one) if is_page(headers) => Redirect::to(&format!("/investigations/{}", one.id)).into_response(),
        Ok(one) => Json(one).into_response(),
        Err(problem) if is_page(headers) => failed(&problem, "/investigations", "Go to the investigations"),
        Err(problem) => problem.into_response(),
    }
}
