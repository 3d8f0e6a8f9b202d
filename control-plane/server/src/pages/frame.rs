//! What all pages have in common.

use axum::response::{IntoResponse, Response};
use maud::{DOCTYPE, Markup, PreEscaped, Render, html};
use serde::Serialize;

use crate::{
    api::{DEFAULT_WINDOW, WindowQuery},
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
}

/// A page with this title.
pub(super) fn page(title: &str, tab: Tab, content: &Markup) -> Markup {
    // Names come from outside: what they hold is shown, not acted on.
    let content = PreEscaped(visible::lines(&content.0));
    let title = visible::line(title);
    let current = |this: Tab| (this == tab).then_some("page");
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
                    nav aria-label="Pages" {
                        a href="/" aria-current=[current(Tab::Map)] { "Service map" }
                        a href="/tenants" aria-current=[current(Tab::Tenants)] { "Tenants" }
                        a href="/traces" aria-current=[current(Tab::Traces)] { "Traces" }
                        a href="/cost" aria-current=[current(Tab::Cost)] { "Cost" }
                    }
                }
                main id="main" { h1 { (title) } (content) }
            }
        }
    }
}

/// The page with what was asked for, or one that says what went wrong.
pub(super) async fn answer(title: &str, tab: Tab, content: impl Future<Output = Result<Markup, Problem>>) -> Response {
    match content.await {
        Ok(content) => page(title, tab, &content).into_response(),
        Err(problem) => {
            let content = html! { p.problem role="alert" { (problem.detail()) } };
            (problem.status(), page(title, tab, &content)).into_response()
        }
    }
}

/// A column of a table: its head, whether it holds numbers, and what it shows of a row.
type Column<'a, Row> = (&'static str, bool, Box<dyn Fn(&'a Row) -> Markup + 'a>);

/// A table that scrolls where the window is narrow.
pub(super) struct Table<'a, Row> {
    label: &'a str,
    rows: Vec<&'a Row>,
    class: fn(&Row) -> Option<&'static str>,
    columns: Vec<Column<'a, Row>>,
}

impl<'a, Row> Table<'a, Row> {
    pub(super) fn of(label: &'a str, rows: impl IntoIterator<Item = &'a Row>) -> Self {
        Self { label, rows: rows.into_iter().collect(), class: |_| None, columns: Vec::new() }
    }

    /// The same, with rows in the colours of these classes.
    pub(super) fn class(self, class: fn(&Row) -> Option<&'static str>) -> Self {
        Self { class, ..self }
    }

    pub(super) fn text<C: Render>(self, head: &'static str, cell: impl Fn(&'a Row) -> C + 'a) -> Self {
        self.column(head, false, cell)
    }

    pub(super) fn number<C: Render>(self, head: &'static str, cell: impl Fn(&'a Row) -> C + 'a) -> Self {
        self.column(head, true, cell)
    }

    fn column<C: Render>(mut self, head: &'static str, number: bool, cell: impl Fn(&'a Row) -> C + 'a) -> Self {
        self.columns.push((head, number, Box::new(move |row| cell(row).render())));
        self
    }
}

impl<Row> Render for Table<'_, Row> {
    fn render(&self) -> Markup {
        html! {
            div.scroll tabindex="0" role="region" aria-label=(self.label) { table {
                thead { tr { @for (head, number, _) in &self.columns { th.number[*number] scope="col" { (head) } } } }
                tbody { @for row in &self.rows {
                    tr class=[(self.class)(row)] { @for (_, number, cell) in &self.columns { td.number[*number] { (cell(row)) } } }
                } }
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
