//! Log lines of a trace, and of one of its spans.

use std::cell::Cell;

use control_plane_model::{
    log_records::{Lines, LogLine},
    otlp::up_to,
};
use maud::{Markup, html};

use super::{
    Drawing,
    panel::{takes, written},
};

use crate::{
    pages::frame::{empty, moment},
    problem::Problem,
};

/// Bytes of HTML that what lines carry may take on a page.
const LINES_BYTES: usize = 500_000;
/// Bytes of what a line says that stand in its head.
const MESSAGE_BYTES: usize = 300;
/// The most bytes that are shown of a logger's name.
const SCOPE_BYTES: usize = 80;

/// All of a trace. A tenant, whose lines are those that name it and those of its spans that name nobody, is not told of others that there might
/// be.
pub(super) fn of_trace(lines: &Result<Lines, Problem>, drawing: &Drawing<'_>) -> Markup {
    if matches!(lines, Ok(found) if found.lines.is_empty()) && !drawing.view.sees_all() {
        return html! {};
    }
    html! {
        section aria-label="Logs" {
            h2 { "Log lines of this trace" }
            @match lines {
                Err(problem) => p { (problem.detail) },
                Ok(found) if found.lines.is_empty() => (empty("No log line of this trace has arrived.", &turned_on())),
                Ok(found) => (list(found, Some(drawing))),
            }
        }
    }
}

/// Those of a span.
pub(super) fn of_span(lines: &Result<Lines, Problem>) -> Markup {
    html! {
        section aria-label="Log lines of this span" {
            h3 { "Log lines" }
            @match lines {
                Err(problem) => p { (problem.detail) },
                Ok(found) if found.lines.is_empty() => p { "None." },
                Ok(found) => (list(found, None)),
            }
        }
    }
}

/// What it takes that there are some.
fn turned_on() -> Markup {
    html! {
        "This server takes OTLP logs at " code { "/v1/logs" } ". A function of this project sends its lines there with "
        code { "OTEL_LOGS_EXPORTER=console,otlp" } "; any other service with its SDK's exporter for logs. A line belongs to a trace by its trace ID."
    }
}

/// Lines; `within` is the trace in which their spans are looked for.
fn list(found: &Lines, within: Option<&Drawing<'_>>) -> Markup {
    let left = Cell::new(LINES_BYTES);
    html! {
        ol.logs { @for line in &found.lines { li { (log_line(line, within, &left)) } } }
        @if found.truncated { p { "There are more; these are the first " (found.lines.len()) "." } }
    }
}

fn log_line(line: &LogLine, within: Option<&Drawing<'_>>, left: &Cell<usize>) -> Markup {
    let whole = serde_json::to_string_pretty(line).unwrap_or_default();
    let id = line.span_id.as_deref().unwrap_or_default();
    let span = within.filter(|drawing| drawing.trace.spans.iter().any(|span| span.span_id == id));
    html! {
        details {
            summary {
                (moment(line.time_unix_ns)) " " span.level.fault[is_failure(&line.severity)] { (line.severity) } " "
                span.source { (line.service) @if let Some(scope) = &line.scope { " · " (up_to(scope, SCOPE_BYTES)) } } " " (up_to(&line.message, MESSAGE_BYTES))
            }
            @if let Some(drawing) = span { p { a href=(drawing.href(id)) data-span=(id) { "Its span" } } }
            @if takes(left, written(&whole)) { pre { (whole) } } @else { p { "It is too long for this page; the API has all of it." } }
        }
    }
}

fn is_failure(severity: &str) -> bool {
    matches!(severity, "ERROR" | "FATAL")
}
