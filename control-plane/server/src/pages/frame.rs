//! What all pages have in common.

use axum::{
    http::StatusCode,
    response::{IntoResponse, Response},
};
use control_plane_access::Visitor;
use maud::{DOCTYPE, Markup, PreEscaped, Render, html};
use serde::Serialize;

use crate::{
    api::{DEFAULT_WINDOW, View, WindowQuery},
    problem::Problem,
    text::link,
    visible,
};

/// Which page is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tab {
    Map,
    Traces,
    Tenants,
    Cost,
    Audit,
}

/// A page with this title.
pub(super) fn page(visitor: &Visitor, title: &str, tab: Tab, content: &Markup) -> Markup {
    whole(Some((visitor, tab)), title, content)
}

/// A page for whoever is not signed in.
pub(super) fn outside(status: StatusCode, title: &str, content: &Markup) -> Response {
    (status, whole(None, title, content)).into_response()
}

/// A page for whoever gets nothing else, and where they may go from it.
pub(crate) fn failed(problem: &Problem, path: &str, link: &str) -> Response {
    let content = html! {
        p.problem role="alert" { (problem.detail) }
        p { a href=(path) { (link) } }
    };
    outside(problem.status, problem.status.canonical_reason().unwrap_or("Refused"), &content)
}

fn whole(inside: Option<(&Visitor, Tab)>, title: &str, content: &Markup) -> Markup {
    // Names come from outside: what they hold is shown, not acted on.
    let content = PreEscaped(visible::lines(&content.0));
    let title = visible::line(title);
    let current = |this: Tab| inside.is_some_and(|(_, tab)| this == tab).then_some("page");
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                // The script's own styles and eval are against the policy.
                meta name="htmx-config" content=r#"{"includeIndicatorStyles":false,"allowEval":false}"#;
                title { (title) " · control plane" }
                link rel="icon" href="/static/icon.svg" type="image/svg+xml";
                link rel="stylesheet" href="/static/style.css";
                script src="/static/htmx.min.js" defer {}
            }
            body {
                header {
                    a.skip href="#main" { "To the content" }
                    @if let Some((visitor, _)) = inside {
                        nav aria-label="Pages" {
                            a href="/" aria-current=[current(Tab::Map)] { "Service map" }
                            a href="/tenants" aria-current=[current(Tab::Tenants)] { "Tenants" }
                            a href="/traces" aria-current=[current(Tab::Traces)] { "Traces" }
                            a href="/cost" aria-current=[current(Tab::Cost)] { "Cost" }
                            @if visitor.scope().tenant().is_none() { a href="/audit" aria-current=[current(Tab::Audit)] { "Audit" } }
                        }
                        @if let Some(csrf) = visitor.csrf() {
                            form.visitor method="post" action="/sign-out" {
                                span { (visible::line(&visitor.principal().name)) " (" (visitor.principal().role.name()) ")" }
                                input type="hidden" name="csrf" value=(csrf);
                                button { "Sign out" }
                            }
                        }
                    }
                }
                main id="main" { h1 { (title) } (content) }
            }
        }
    }
}

/// The page with what was asked for, or one that says what went wrong.
pub(super) async fn answer(
    view: &View,
    title: &str,
    tab: Tab,
    content: impl Future<Output = Result<Markup, Problem>>,
) -> Response {
    match content.await {
        Ok(content) => page(&view.visitor, title, tab, &content).into_response(),
        Err(problem) => {
            let content = html! { p.problem role="alert" { (problem.detail) } };
            (problem.status, page(&view.visitor, title, tab, &content)).into_response()
        }
    }
}

/// A table that scrolls where the window is narrow, made column by column.
pub(super) struct Table<'a, Row> {
    label: &'a str,
    heads: String,
    /// Each with its class, and its cells.
    rows: Vec<(&'a Row, Option<&'static str>, String)>,
}

impl<'a, Row> Table<'a, Row> {
    /// One without columns; `class` says in which colours a row is.
    pub(super) fn of(
        label: &'a str,
        rows: impl IntoIterator<Item = &'a Row>,
        class: impl Fn(&Row) -> Option<&'static str>,
    ) -> Self {
        let rows = rows.into_iter().map(|row| (row, class(row), String::new())).collect();
        Self { label, heads: String::new(), rows }
    }

    pub(super) fn text<C: Render>(self, head: &str, cell: impl Fn(&'a Row) -> C) -> Self {
        self.column(head, false, cell)
    }

    pub(super) fn number<C: Render>(self, head: &str, cell: impl Fn(&'a Row) -> C) -> Self {
        self.column(head, true, cell)
    }

    fn column<C: Render>(mut self, head: &str, number: bool, cell: impl Fn(&'a Row) -> C) -> Self {
        self.heads += &html! { th.number[number] scope="col" { (head) } }.0;
        for (row, _, cells) in &mut self.rows {
            *cells += &html! { td.number[number] { (cell(row)) } }.0;
        }
        self
    }
}

impl<Row> Render for Table<'_, Row> {
    fn render(&self) -> Markup {
        html! {
            div.scroll tabindex="0" role="region" aria-label=(self.label) { table {
                thead { tr { (PreEscaped(&self.heads)) } }
                tbody { @for (_, class, cells) in &self.rows { tr class=[class] { (PreEscaped(cells)) } } }
            } }
        }
    }
}

/// A choice of a form.
pub(super) fn choice(name: &str, label: &str, options: &[String], chosen: &Option<String>) -> Markup {
    html! {
        label { (label)
            select name=(name) {
                option value="" { "all" }
                @for option in options {
                    option value=(option) selected[chosen.as_ref() == Some(option)] { (option) }
                }
                @if let Some(other) = chosen.as_ref().filter(|chosen| !options.contains(chosen)) {
                    option value=(other) selected { (other) }
                }
            }
        }
    }
}

/// The window of time, in a form.
pub(super) fn window(query: &WindowQuery) -> Markup {
    let chosen = query.window.as_deref().unwrap_or(DEFAULT_WINDOW);
    let known = ["5m", "15m", "1h", "6h", "24h", "7d"];
    html! {
        label { "Window"
            select name="window" {
                @for length in known { option value=(length) selected[length == chosen] { "last " (length) } }
                @if !known.contains(&chosen) { option value=(chosen) selected { "last " (chosen) } }
            }
        }
        @for (name, value) in [("from", &query.from), ("to", &query.to)] {
            @if let Some(value) = value { label { (name) input name=(name) value=(value) size="20"; } }
        }
    }
}

/// The part of a page that a `live` page asks for again every few seconds.
pub(super) fn live(path: &str, query: &impl Serialize, on: bool, content: &Markup) -> Markup {
    html! {
        @if on {
            div #live hx-get=(link(path, query)) hx-trigger="every 5s" hx-select="#live" hx-target="#live" hx-swap="outerHTML" { (content) }
        } @else {
            div #live { (content) }
        }
    }
}
