//! What pages are made of.

use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use maud::{Markup, PreEscaped, Render, html};
use serde::Serialize;

use crate::{
    api::{View, WindowQuery},
    layout::{Tab, page, part, went_wrong},
    problem::Problem,
    text::{clock, link, readable},
    window::{DEFAULT_WINDOW, PRESETS, Place},
};

/// A head of more letters than this goes on in another line.
const LONG_HEAD: usize = 12;

/// A window that is long enough for whoever finds nothing in theirs.
const LONGER: &str = "7d";

/// What a request is called for which a function started: `span-row.js` writes the same.
pub(super) const COLD_START: &str = "cold start";

/// The page with what was asked for, or one that says what went wrong.
pub(super) async fn answer(
    view: &View,
    title: &str,
    tab: Tab,
    content: impl Future<Output = Result<Markup, Problem>>,
) -> Response {
    match content.await {
        Ok(content) => page(&view.visitor, &view.place, title, tab, &content).into_response(),
        Err(problem) => {
            let content = went_wrong(&problem);
            (problem.status, page(&view.visitor, &view.place, title, tab, &content)).into_response()
        }
    }
}

/// A part of a page, for one that is open.
pub(super) fn fragment(content: &Markup) -> Response {
    part(content).into_response()
}

/// What a button copies, where the script runs; `name` says what it is.
pub(super) fn copy(name: &str, content: Markup) -> Markup {
    html! {
        span.copied { (content) }
        button.copy type="button" hidden aria-label={ "Copy " (name) } title="Copy" {
            svg width="14" height="14" viewBox="0 0 14 14" aria-hidden="true" { path d="M5 1h7v8M2 4h7v9H2z" {} }
        }
    }
}

/// A column by which a table can be sorted, the greatest first.
pub(super) struct Sort {
    /// Its head.
    pub(super) head: &'static str,
    /// Path of the page sorted by this column.
    pub(super) path: String,
    /// Whether the table is sorted by it now.
    pub(super) is_on: bool,
}

/// A table that scrolls where the window is narrow, or is a list there, made column by column.
pub(super) struct Table<'a, Row> {
    label: &'a str,
    is_list: bool,
    /// Whether the list does without the columns that are being added.
    is_beside: bool,
    /// The columns by which the table can be sorted.
    sorts: Vec<Sort>,
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
        Self { label, is_list: false, is_beside: false, sorts: Vec::new(), heads: String::new(), rows }
    }

    /// The same, whose rows stand below each other where the window is narrow, each value with the head of its column. The first is what a row is about.
    pub(super) fn listed(self) -> Self {
        Self { is_list: true, ..self }
    }

    /// Columns that such a list does without where the page of what a row is about has them.
    pub(super) fn beside(self, is_beside: bool, columns: impl FnOnce(Self) -> Self) -> Self {
        Self { is_beside: false, ..columns(Self { is_beside, ..self }) }
    }

    /// Makes the heads of these columns links that sort the table.
    pub(super) fn sorted_by(self, sorts: Vec<Sort>) -> Self {
        Self { sorts, ..self }
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
        let attribute = |classes: &[&str]| {
            let classes: Vec<&str> = classes.iter().copied().filter(|class| !class.is_empty()).collect();
            Some(classes.join(" ")).filter(|classes| !classes.is_empty())
        };
        let less = if self.is_beside { "less" } else { "" };
        let named = self.is_list.then_some(head);
        let length = if head.chars().count() > LONG_HEAD { "long" } else { "" };
        let sort = self.sorts.iter().find(|sort| sort.head == head);
        let sorted = sort.is_some_and(|sort| sort.is_on).then_some("descending");
        self.heads += &html! {
            th class=[attribute(&[class, length])] scope="col" aria-sort=[sorted] {
                @match sort {
                    Some(sort) => a href=(sort.path) { (head) @if sort.is_on { " ↓" } },
                    None => (head),
                }
            }
        }
        .0;
        for (row, _, cells) in &mut self.rows {
            let class = attribute(&[class, color(row), less]);
            *cells += &html! { td class=[class] data-head=[named] { (cell(row)) } }.0;
        }
        self
    }
}

impl<Row> Render for Table<'_, Row> {
    fn render(&self) -> Markup {
        html! {
            div.scroll.listed[self.is_list] tabindex="0" role="region" aria-label=(self.label) { table {
                thead { tr { (PreEscaped(&self.heads)) } }
                tbody { @for (_, class, cells) in &self.rows { tr class=[class] { (PreEscaped(cells)) } } }
            } }
        }
    }
}

/// How something fares, as a mark and a word: `meaning` is `ok`, `error`, `throttle` or `fault`, or empty where it is none of them.
pub(super) fn pill(meaning: &str, word: &str) -> Markup {
    let mark = match meaning {
        "ok" => Some("M2.5 6.5 5 9l4.5-6"),
        "error" => Some("M6 1.5 11 10.5H1zM6 5v2.25M6 9v0"),
        "throttle" => Some("M3 1.5h6M3 10.5h6M3.5 1.5C3.5 4.5 8.5 7.5 8.5 10.5M8.5 1.5C8.5 4.5 3.5 7.5 3.5 10.5"),
        "fault" => Some("M3 3l6 6M9 3 3 9"),
        _ => None,
    };
    html! {
        span class={ "pill " (meaning) } {
            @if let Some(mark) = mark { svg viewBox="0 0 12 12" aria-hidden="true" { path d=(mark) {} } }
            (word)
        }
    }
}

/// What a page shows where there is nothing to show: why, and what to do next.
pub(super) fn empty(why: &str, next: &Markup) -> Markup {
    html! { div.empty-state { strong { (why) } p { (next) } } }
}

/// In the place of figures of a window that has none: the way to a longer one, and what it takes that there are some.
pub(super) fn nothing_found(why: &str, window: &WindowQuery, path: &str) -> Markup {
    empty(
        why,
        &html! {
            (longer(window, |longer| longer.link(path, &())))
            "Services appear as soon as they send spans here: point " code { "OTEL_EXPORTER_OTLP_ENDPOINT" } " at this server."
        },
    )
}

/// The way to the same page over a longer window, unless this one is as long.
pub(super) fn longer(window: &WindowQuery, page: impl Fn(&WindowQuery) -> String) -> Markup {
    let longer = WindowQuery { window: Some(LONGER.to_owned()), ..WindowQuery::default() };
    let length = |window: &WindowQuery| window.resolve(Timestamp::now()).map(|window| window.to_ns - window.from_ns);
    let is_longest = matches!((length(window), length(&longer)), (Ok(length), Ok(longer)) if length >= longer);
    html! { @if !is_longest { "Look at " a href=(page(&longer)) { "the last " (LONGER) } ". " } }
}

/// A choice of a form.
pub(super) fn choice(name: &str, label: &str, options: &[String], chosen: &Option<String>) -> Markup {
    named_choice(name, label, options, chosen, str::to_owned)
}

/// A choice of accounts, which are named where names are known.
pub(super) fn choice_of_account(view: &View, options: &[String], chosen: &Option<String>) -> Markup {
    named_choice("account", "Account", options, chosen, |id| view.account(id))
}

fn named_choice(
    name: &str,
    label: &str,
    options: &[String],
    chosen: &Option<String>,
    called: impl Fn(&str) -> String,
) -> Markup {
    html! {
        label { (label)
            select name=(name) {
                option value="" { "all" }
                @for option in options {
                    option value=(option) selected[chosen.as_ref() == Some(option)] { (called(option)) }
                }
                @if let Some(other) = chosen.as_ref().filter(|chosen| !options.contains(chosen)) {
                    option value=(other) selected { (called(other)) }
                }
            }
        }
    }
}

/// Accounts by their names, where there is little room; the id of one that has a name is its title.
pub(super) fn accounts<'a>(view: &View, ids: impl IntoIterator<Item = &'a String>) -> Markup {
    html! {
        @for (number, id) in ids.into_iter().enumerate() {
            @if number > 0 { ", " }
            @match view.account_name(id) { Some(name) => span.account title=(id) { (name) }, None => span.account { (id) } }
        }
    }
}

/// Ways on from a page, side by side.
pub(super) fn ways(label: &str, links: &[(String, &str)]) -> Markup {
    html! { nav.ways aria-label=(label) { @for (path, text) in links { a href=(path) { (text) } } } }
}

/// The window of time, in the form of a page that is about it: how far back, at a click, or from and to.
pub(super) fn window(place: &Place, query: &WindowQuery) -> Markup {
    let back = query.window.as_deref().unwrap_or(DEFAULT_WINDOW);
    let back = Some(back).filter(|_| !query.is_absolute());
    let preset = |length: &str| {
        let over = place.over(&WindowQuery { window: Some(length.to_owned()), ..WindowQuery::default() });
        html! {
            a href=(over) aria-current=[(back == Some(length)).then_some("true")] aria-label={ "The last " (length) } { (length) }
        }
    };
    let resolved = query.resolve(Timestamp::now());
    let said = resolved.as_ref().ok().filter(|_| query.is_absolute()).map(|window| window.query());
    let field = |label: &str, name: &str, value: Option<&String>| {
        // A field of this type has no zone: https://html.spec.whatwg.org/#local-dates-and-times
        let value = value.map(|text| text.trim_end_matches('Z'));
        html! { label { (label) input type="datetime-local" name=(name) step="1" value=[value]; } }
    };
    html! {
        fieldset.window {
            legend { "Window" }
            div.back {
                @for length in PRESETS { (preset(length)) }
                @if let Some(other) = back.filter(|back| !PRESETS.contains(back)) { (preset(other)) }
            }
            // The fields "from" and "to" take much room, so they are shown on request.
            details.range open[query.is_absolute()] {
                summary { "From … to" }
                div {
                    (field("From, UTC", "from", said.as_ref().and_then(|said| said.from.as_ref())))
                    (field("To, UTC", "to", said.as_ref().and_then(|said| said.to.as_ref())))
                }
            }
            @if let Ok(window) = resolved {
                div.back {
                    a href=(place.over(&window.moved(-0.5).query())) aria-label="Half a window earlier" { "←" }
                    a href=(place.over(&window.moved(0.5).query())) aria-label="Half a window later" { "→" }
                    a href=(place.over(&window.wider().query())) aria-label="A window twice as long" { "↔" }
                }
            }
        }
        @if let Some(back) = query.window.as_ref().filter(|_| !query.is_absolute()) { input type="hidden" name="window" value=(back); }
    }
}

/// The window, kept by a form of a page that is not about it.
pub(super) fn kept(query: &WindowQuery) -> Markup {
    html! { @for (name, value) in query.parameters() { input type="hidden" name=(name) value=(value); } }
}

/// A moment: UTC, or in the reader's zone where they chose that and the script runs.
pub(super) fn moment(unix_ns: i64) -> Markup {
    let exact = clock(unix_ns);
    html! { time datetime=(exact) title=(exact) { (readable(&exact)) } }
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
