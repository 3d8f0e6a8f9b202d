//! `GET /traces/{id}`: the spans of a trace on its time axis, and what the chosen one carries.
//!
//! | file | idea |
//! |---|---|
//! | `summary` | what the trace was, what it waited for, and who took part |
//! | `rows` | a row for each span, and what stands around them |
//! | `panel` | what a span carries |
//! | `links` | the spans of other traces that refer to this one |
//! | `logs` | log lines |
//! | `around` | what its services measured of themselves around its moment |
//!
//! The server writes rows by the page; with `waterfall.js` and those before it all of them scroll, fold and can be looked at closely, drawn from
//! `/api/traces/{id}/rows` into copies of a row that the server wrote.

mod around;
mod links;
mod logs;
mod panel;
mod rows;
mod summary;

use std::{collections::HashMap, time::Duration};

use axum::{
    extract::{Path, rejection::PathRejection},
    http::StatusCode,
    response::Response,
};
use control_plane_model::{
    log_records::Lines,
    otlp::{SpanId, span_id},
    trace::{Ending, Span, Stretch, Trace, TraceId, Tree, critical_path},
};
use maud::{Markup, html};
use serde::Deserialize;
use tokio::time::timeout;

use super::{
    chart,
    frame::{answer, fragment},
};
pub(super) use around::page as metrics;

use crate::{
    api::{Id, MAX_LINES, Query, Sender, View, WindowQuery, senders, wanted},
    assets,
    layout::Tab,
    problem::{Problem, off_thread},
    text,
};

const TITLE: &str = "Trace";
/// The scripts of the page besides those of [charts](chart::scripts): first what the others use.
const SCRIPTS: [&str; 10] = [
    "copy.js",
    "svg.js",
    "ask.js",
    "zoom.js",
    "span-tree.js",
    "span-row.js",
    "critical-path.js",
    "span-panel.js",
    "find-spans.js",
    "waterfall.js",
];
/// Spans of other traces that are listed as referring to this one.
const LINKED: usize = 100;
/// How long the page of a trace and the panel of a span wait for log lines: all else of them is there sooner.
const LOGS_WITHIN: Duration = Duration::from_secs(2);

/// What is to be seen of a trace.
#[derive(Debug, Default, Clone, Deserialize)]
pub(super) struct Shown {
    /// The chosen span.
    span: Option<String>,
    page: Option<usize>,
    /// A text: only spans are listed that have it.
    find: Option<String>,
}

/// The ids of a path: a trace's and a span's.
#[derive(Debug, Deserialize)]
pub(super) struct SpanPath {
    id: String,
    span: String,
}

/// `GET /traces/{id}`
pub(super) async fn page(view: View, id: Result<Id, Problem>, shown: Result<Query<Shown>, Problem>) -> Response {
    answer(&view, TITLE, Tab::Traces, async { render(&view, &id?.0, shown?.0).await }).await
}

/// `GET /traces/{id}/spans/{span}`: the panel of a span, for a page that is open.
pub(super) async fn span(view: View, path: Result<Path<SpanPath>, PathRejection>) -> Result<Response, Problem> {
    let Path(SpanPath { id, span }) = path?;
    let id: TraceId = id.parse()?;
    let (trace, logs) = tokio::join!(view.opened_trace(id, &span), logs_of(&view, id, Some(&span)));
    let trace = trace?;
    let panel = off_thread(move || {
        let drawing = Drawing::of(&trace, &view);
        let row = drawing.tree.nodes.iter().position(|node| node.span.span_id == span);
        row.map(|row| panel::panel(&drawing, row, &logs))
    });
    let panel = panel.await?.ok_or_else(|| Problem::not_found("No such span of this trace has arrived."))?;
    Ok(fragment(&panel))
}

/// The log lines of a trace or of one of its spans, where they come soon.
async fn logs_within(view: &View, id: TraceId, span: Option<SpanId>) -> Result<Lines, Problem> {
    let late = |_| {
        let detail = "The log lines take longer to load. Open this page again to see them; the API waits for them.";
        Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, detail))
    };
    timeout(LOGS_WITHIN, view.logs(id, span, MAX_LINES)).await.unwrap_or_else(late)
}

/// Those of the chosen span, or `None` where none is chosen.
async fn logs_of(view: &View, id: TraceId, span: Option<&str>) -> Result<Lines, Problem> {
    match span.and_then(span_id) {
        Some(span) => logs_within(view, id, Some(span)).await,
        None => Ok(Lines::default()),
    }
}

/// A trace as it is drawn.
struct Drawing<'a> {
    trace: &'a Trace,
    tree: Tree<'a>,
    path: Vec<Stretch>,
    /// The critical path, by span.
    critical: HashMap<&'a str, Vec<(i64, i64)>>,
    senders: Vec<Sender>,
    /// By row, who sent it.
    sent_by: Vec<usize>,
    /// Whether its spans are not all of one tenant, which is then said of each.
    tenants_differ: bool,
    window: &'a WindowQuery,
    view: &'a View,
}

impl<'a> Drawing<'a> {
    fn of(trace: &'a Trace, view: &'a View) -> Self {
        let tree = Tree::of(trace);
        let path = critical_path(&tree);
        let ids: HashMap<&str, &'a str> =
            trace.spans.iter().map(|span| (span.span_id.as_str(), span.span_id.as_str())).collect();
        let mut critical: HashMap<&'a str, Vec<(i64, i64)>> = HashMap::new();
        for stretch in &path {
            if let Some(id) = ids.get(stretch.span_id.as_str()) {
                critical.entry(id).or_default().push((stretch.start_unix_ns, stretch.end_unix_ns));
            }
        }
        let (senders, sent_by) = senders(&tree, |id| view.account_name(id).map(str::to_owned));
        let tenants_differ = trace.spans.windows(2).any(|pair| pair[0].tenant != pair[1].tenant);
        Self { trace, tree, path, critical, senders, sent_by, tenants_differ, window: view.place.window(), view }
    }

    fn span(&self, row: usize) -> &'a Span {
        self.tree.nodes[row].span
    }

    /// Who sent a row's span.
    fn sender(&self, row: usize) -> &Sender {
        &self.senders[self.sent_by[row]]
    }

    /// How much of the critical path lies in a span, nanoseconds.
    fn waited_for(&self, span_id: &str) -> i64 {
        self.critical.get(span_id).into_iter().flatten().map(|(from, to)| to - from).sum()
    }

    /// What an account is called, with its id.
    fn account(&self, id: &str) -> String {
        self.view.account(id)
    }

    /// Path of this page.
    fn path(&self) -> String {
        format!("/traces/{}", self.trace.trace_id)
    }

    /// The page of a span of this trace.
    fn href(&self, span_id: &str) -> String {
        href(self.window, &self.trace.trace_id.to_string(), span_id)
    }
}

/// The page of a span within its trace.
fn href(window: &WindowQuery, trace_id: &str, span_id: &str) -> String {
    format!("{}#span-{span_id}", window.link(&format!("/traces/{trace_id}"), &[("span", span_id)]))
}

async fn render(view: &View, id: &str, shown: Shown) -> Result<Markup, Problem> {
    let wanted = wanted(shown.find.as_deref())?;
    let id: TraceId = id.parse()?;
    let (trace, logs, of_span, linked) = tokio::join!(
        view.open_trace(id),
        logs_within(view, id, None),
        logs_of(view, id, shown.span.as_deref()),
        view.linked_from(id, LINKED)
    );
    let (trace, linked, view) = (trace?, linked?, view.clone());
    // Of 50,000 spans this takes a while.
    off_thread(move || {
        let drawing = Drawing::of(&trace, &view);
        let elsewhere = view.trace_links(&trace);
        let id = shown.span.as_deref();
        let chosen = id.and_then(|id| drawing.tree.nodes.iter().position(|node| node.span.span_id == id));
        html! {
            (summary::summary(&drawing, &elsewhere))
            (rows::waterfall(&drawing, &shown, chosen, wanted.as_ref(), &of_span))
            (links::linked_from(&linked, drawing.window))
            (logs::of_trace(&logs, &drawing))
            (around::later(&drawing))
            (chart::scripts())
            @for name in SCRIPTS { (assets::script(name)) }
        }
    })
    .await
}

/// How a trace ended, and the spans that lead there.
pub(super) fn ending_of(ending: &Ending, window: &WindowQuery, trace_id: &str) -> Markup {
    html! {
        p.ending.fault[ending.stopped.is_some()] {
            (text::ending(ending))
            @if let Some(stop) = &ending.stopped { " " a href=(href(window, trace_id, &stop.at().span_id)) { "Show this span" } }
        }
    }
}
