//! What all pages have in common.

use axum::response::{IntoResponse, Response};
use maud::{DOCTYPE, Markup, PreEscaped, html};

use crate::{
    api::{DEFAULT_WINDOW, WindowQuery, given},
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

/// A column of a table, by its head.
pub(super) enum Column {
    Text(&'static str),
    Number(&'static str),
}

/// A table that scrolls where the window is narrow.
pub(super) fn table(label: &str, columns: &[Column], rows: &Markup) -> Markup {
    html! {
        div.scroll tabindex="0" role="region" aria-label=(label) { table {
            thead { tr { @for column in columns { @match column {
                Column::Text(head) => th scope="col" { (head) },
                Column::Number(head) => th.number scope="col" { (head) },
            } } } }
            tbody { (rows) }
        } }
    }
}

/// A choice of a form.
pub(super) fn choice(name: &str, label: &str, options: &[String], chosen: &Option<String>) -> Markup {
    let chosen = given(chosen);
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
    let chosen = given(&query.window).unwrap_or_else(|| DEFAULT_WINDOW.to_owned());
    let known = ["5m", "15m", "1h", "6h", "24h", "7d"];
    html! {
        label { "Window"
            select name="window" {
                @for length in known { option value=(length) selected[length == chosen] { "last " (length) } }
                @if !known.contains(&chosen.as_str()) { option value=(chosen) selected { "last " (chosen) } }
            }
        }
        @for (name, value) in [("from", &query.from), ("to", &query.to)] {
            @if let Some(value) = given(value) { label { (name) input name=(name) value=(value) size="20"; } }
        }
    }
}

/// The part of a page that a `live` page asks for again every few seconds.
pub(super) fn live(path: &str, query: &[(&str, String)], on: bool, content: &Markup) -> Markup {
    html! {
        @if on {
            div #live hx-get=(link(path, query)) hx-trigger="every 5s" hx-select="#live" hx-target="#live" hx-swap="outerHTML" { (content) }
        } @else {
            div #live { (content) }
        }
    }
}
