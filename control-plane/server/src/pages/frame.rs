//! What pages are made of.

use axum::response::{IntoResponse, Response};
use maud::{Markup, PreEscaped, Render, html};
use serde::Serialize;

use crate::{
    api::{DEFAULT_WINDOW, View, WindowQuery},
    layout::{Tab, page},
    problem::Problem,
    text::link,
};

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
    /// One without columns; `class` says in which colours a row is that is at fault as a whole.
    pub(super) fn of(
        label: &'a str,
        rows: impl IntoIterator<Item = &'a Row>,
        class: impl Fn(&Row) -> Option<&'static str>,
    ) -> Self {
        let rows = rows.into_iter().map(|row| (row, class(row), String::new())).collect();
        Self { label, heads: String::new(), rows }
    }

    pub(super) fn text<C: Render>(self, head: &str, cell: impl Fn(&'a Row) -> C) -> Self {
        self.column(head, "", |_| "", cell)
    }

    pub(super) fn number<C: Render>(self, head: &str, cell: impl Fn(&'a Row) -> C) -> Self {
        self.column(head, "number", |_| "", cell)
    }

    /// Text; `color` is the class by which a cell is coloured, empty for one that is as others.
    pub(super) fn colored_text<C: Render>(
        self,
        head: &str,
        color: impl Fn(&'a Row) -> &'static str,
        cell: impl Fn(&'a Row) -> C,
    ) -> Self {
        self.column(head, "", color, cell)
    }

    /// A number, coloured likewise.
    pub(super) fn colored_number<C: Render>(
        self,
        head: &str,
        color: impl Fn(&'a Row) -> &'static str,
        cell: impl Fn(&'a Row) -> C,
    ) -> Self {
        self.column(head, "number", color, cell)
    }

    fn column<C: Render>(
        mut self,
        head: &str,
        class: &str,
        color: impl Fn(&'a Row) -> &'static str,
        cell: impl Fn(&'a Row) -> C,
    ) -> Self {
        let attribute = |classes: String| Some(classes.trim().to_owned()).filter(|classes| !classes.is_empty());
        self.heads += &html! { th class=[attribute(class.to_owned())] scope="col" { (head) } }.0;
        for (row, _, cells) in &mut self.rows {
            let class = attribute(format!("{class} {}", color(row)));
            *cells += &html! { td class=[class] { (cell(row)) } }.0;
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
