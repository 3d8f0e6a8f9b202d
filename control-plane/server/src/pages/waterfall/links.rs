//! Spans of other traces that refer to this one: a link, followed backwards. Those that this one refers to stand in the panels of its spans.

use control_plane_model::links::LinkedFrom;
use maud::{Markup, html};

use super::href;

use crate::{
    api::WindowQuery,
    pages::frame::{Table, moment},
};

pub(super) fn linked_from(linked: &LinkedFrom, window: &WindowQuery) -> Markup {
    if linked.spans.is_empty() {
        return html! {};
    }
    let page = |trace: String, span: &str| href(window, &trace, span);
    html! {
        section aria-label="Linked from" {
            h2 { "Spans of other traces that link to this one" }
            (Table::of("Spans that link to this trace", &linked.spans, |_| None)
                .text("Span", |span| html! { a href=(page(span.trace_id.to_string(), &span.span_id)) { (span.name) } })
                .text("Service", |span| span.service.clone())
                .text("Tenant", |span| span.tenant.clone().unwrap_or_default())
                .text("Trace", |span| html! { code { (span.trace_id) } })
                .text("Began", |span| moment(span.start_unix_ns)))
            @if linked.more { p { "There are more; these are the newest." } }
        }
    }
}
