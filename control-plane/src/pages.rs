//! The pages: recent traces, and one trace.

use std::sync::Arc;

use axum::{
    extract::{Path, Query, State},
    http::header,
    response::IntoResponse,
};
use jiff::Timestamp;
use maud::{DOCTYPE, Markup, html};

use crate::{
    api::{self, Filter},
    problem::Problem,
    server::App,
    trace::{Node, Summary, Trace, Tree},
};

/// `GET /`: recent traces, of one tenant if chosen.
pub(crate) async fn traces(State(app): State<Arc<App>>, Query(filter): Query<Filter>) -> Result<Markup, Problem> {
    let chosen = filter.tenant();
    let traces = api::recent(&app, filter).await?;
    let reader = app.reader.clone();
    let tenants = api::read(move || reader.tenants()).await?;
    Ok(page(
        "Traces",
        &html! {
            form method="get" action="/" {
                label for="tenant" { "Tenant" }
                select id="tenant" name="tenant" {
                    option value="" { "all" }
                    @for tenant in &tenants {
                        option value=(tenant) selected[chosen.as_ref() == Some(tenant)] { (tenant) }
                    }
                }
                button { "Show" }
            }
            @if traces.is_empty() {
                p { "No traces yet." }
            } @else {
                div.scroll {
                    table {
                        thead { tr { th { "Started" } th { "Trace" } th { "Tenant" } th { "Services" } th { "Accounts" } th.number { "Spans" } th.number { "Duration" } } }
                        tbody { @for trace in &traces { (line(trace)) } }
                    }
                }
            }
        },
    ))
}

fn line(trace: &Summary) -> Markup {
    html! {
        tr.error[trace.errors > 0] {
            td { time { (clock(trace.start_unix_ns)) } }
            td { a href={ "/traces/" (trace.trace_id) } { (trace.root) } }
            td { (trace.tenants.join(", ")) }
            td { (trace.services.join(", ")) }
            td { (trace.accounts.join(", ")) }
            td.number { (trace.spans) @if trace.errors > 0 { " (" (trace.errors) " failed)" } }
            td.number { (milliseconds(trace.duration_ns)) }
        }
    }
}

/// `GET /traces/{id}`: one trace.
pub(crate) async fn trace(State(app): State<Arc<App>>, Path(id): Path<String>) -> Result<Markup, Problem> {
    let trace = api::find(&app, &id).await?;
    let tree = Tree::of(&trace);
    Ok(page(
        "Trace",
        &html! {
            p { a href="/" { "All traces" } }
            (ids(&trace))
            div.scroll {
                table {
                    thead { tr { th { "Span" } th { "Kind" } th { "Service" } th { "Account" } th { "Tenant" } th { "Tier" } th.number { "Duration" } th { "When" } } }
                    tbody { @for node in &tree.nodes { (span(node, &tree)) } }
                }
            }
        },
    ))
}

fn ids(trace: &Trace) -> Markup {
    html! {
        dl {
            dt { "Trace ID" } dd { code { (trace.trace_id) } }
            dt { "X-Ray" } dd { code { (trace.xray_trace_id) } }
            dt { "Spans" } dd { (trace.spans.len()) }
        }
    }
}

fn span(node: &Node<'_>, tree: &Tree<'_>) -> Markup {
    let span = node.span;
    let text = |value: &Option<String>| value.clone().unwrap_or_default();
    let total = tree.duration_ns.max(1);
    // Inline styles are against the policy; SVG attributes are not styles.
    let left = 100 * span.start_unix_ns.saturating_sub(tree.start_unix_ns) / total;
    let width = (100 * span.duration_ns / total).max(1);
    html! {
        tr.error[span.error.is_some()] {
            td {
                @for _ in 0..node.depth { span.indent aria-hidden="true" {} }
                (span.name)
                @if node.parent_missing { " " small { "(parent not received)" } }
                @if let Some(error) = &span.error { " " small { (error) } }
            }
            td { (span.kind) }
            td { (span.service) }
            td { (text(&span.account)) }
            td { (text(&span.tenant)) }
            td { (text(&span.tier)) }
            td.number { (milliseconds(span.duration_ns)) }
            td { svg viewBox="0 0 100 8" preserveAspectRatio="none" role="presentation" { rect x=(left) width=(width) height="8" {} } }
        }
    }
}

fn page(title: &str, content: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (title) " · control plane" }
                link rel="stylesheet" href="/static/style.css";
            }
            body {
                header { h1 { (title) } }
                main { (content) }
            }
        }
    }
}

pub(crate) async fn style() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/css; charset=utf-8")], include_str!("assets/style.css"))
}

fn milliseconds(nanoseconds: i64) -> String {
    format!("{:.1} ms", nanoseconds as f64 / 1e6)
}

fn clock(nanoseconds: i64) -> String {
    Timestamp::from_nanosecond(i128::from(nanoseconds)).map_or_else(|_| "–".into(), |time| format!("{time:.3}"))
}
