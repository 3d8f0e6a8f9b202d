//! What a trace was: who was served by whom, how long it took, what it waited for, and where it ended.

use std::collections::BTreeSet;

use control_plane_model::trace::{Span, ending, waited_for};
use maud::{Markup, html};

use super::{Drawing, ending_of};

use crate::{
    api::TraceLink,
    pages::frame::{accounts as names_of, copy, moment},
    text::{count, duration, percent},
};

/// Services that are named among what was waited for.
const NAMED: usize = 6;
/// The share of the critical path from which on the span that most of it lies in is worth a sentence.
const WORTH_NAMING: f64 = 0.1;

pub(super) fn summary(drawing: &Drawing<'_>, elsewhere: &[TraceLink]) -> Markup {
    let trace = drawing.trace;
    let distinct = |value: fn(&Span) -> Option<&String>| {
        let all: BTreeSet<&str> = trace.spans.iter().filter_map(value).map(String::as_str).collect();
        all.into_iter().collect::<Vec<_>>().join(", ")
    };
    let (tenants, tiers) = (distinct(|span| span.tenant.as_ref()), distinct(|span| span.tier.as_ref()));
    let failed = trace.spans.iter().filter(|span| span.error.is_some()).count();
    let services: BTreeSet<&str> = drawing.senders.iter().map(|sender| sender.service.as_str()).collect();
    let cold = trace.spans.iter().filter(|span| span.is_cold_start());
    let cold: BTreeSet<&str> = cold.map(|span| span.service.as_str()).collect();
    let started: i64 = trace.spans.iter().filter(|span| span.is_init()).map(|span| span.duration_ns).sum();
    let accounts: BTreeSet<&String> = trace.spans.iter().filter_map(|span| span.account.as_ref()).collect();
    let began = drawing.tree.nodes.first().map(|node| node.span);
    let api = format!("/api/traces/{}", trace.trace_id);
    html! {
        @if let Some(root) = began {
            p.root { strong { (root.name) } " of " (root.service) }
        }
        (ending_of(&ending(&drawing.tree), drawing.window, &trace.trace_id.to_string()))
        dl.facts.summary {
            div { dt { "Took" } dd { (duration(took(drawing) as f64)) } }
            div { dt { "Spans" } dd { (count(trace.spans.len())) } }
            div { dt { "Failed" } dd.fault[failed > 0] { (count(failed)) } }
            div { dt { "Services" } dd { (services.len()) } }
            @if started > 0 { div { dt { "Starting took" } dd { (duration(started as f64)) ", not counted above" } } }
            @if !cold.is_empty() { div { dt { "Cold starts" } dd { (cold.iter().copied().collect::<Vec<_>>().join(", ")) } } }
            @if !accounts.is_empty() { div { dt { "Accounts" } dd { (names_of(drawing.view, accounts)) } } }
            @if !tenants.is_empty() { div { dt { "Tenant" } dd { strong { (tenants) } } } }
            @if !tiers.is_empty() { div { dt { "Tier" } dd { (tiers) } } }
            div { dt { "Began" } dd { (moment(drawing.tree.start_unix_ns)) } }
            div { dt { "Trace ID" } dd { (copy("trace ID", html! { code { (trace.trace_id) } })) } }
            div { dt { "X-Ray" } dd { (copy("X-Ray trace ID", html! { code { (trace.xray_trace_id) } })) } }
            @if !elsewhere.is_empty() {
                div { dt { "Open in" } dd { @for (at, link) in elsewhere.iter().enumerate() { @if at > 0 { ", " } a href=(link.url) rel="external noreferrer" { (link.name) } } } }
            }
            div { dt { "Download" } dd {
                a href=(api) download={ (trace.trace_id) ".json" } { "JSON" } ", " a href={ (api) "?format=otlp" } { "OTLP" }
            } }
        }
        @if trace.others { p { "Others took part in this trace. Their spans are not shown." } }
        (waits(drawing))
    }
}

/// From the first start to the last end, nanoseconds, as lists have it: how long functions took to start before is told apart.
fn took(drawing: &Drawing<'_>) -> i64 {
    let spans = || drawing.trace.spans.iter().filter(|span| !span.is_init());
    let begun = spans().map(|span| span.start_unix_ns).min();
    let ended = spans().map(|span| span.end_unix_ns).max();
    begun.zip(ended).map_or(drawing.tree.duration_ns, |(begun, ended)| ended.saturating_sub(begun))
}

/// The critical path in words: where most of the time was spent, and how long each service was waited for.
fn waits(drawing: &Drawing<'_>) -> Markup {
    let waited = waited_for(&drawing.tree, &drawing.path);
    let total: i64 = waited.iter().map(|(_, length)| length).sum();
    if total <= 0 {
        return html! {};
    }
    let share = |length: i64| percent(length as f64 / total as f64);
    let (named, others) = waited.split_at(waited.len().min(NAMED));
    let of_others: i64 = others.iter().map(|(_, length)| length).sum();
    let nobody = took(drawing).saturating_sub(total);
    let longest = drawing.critical.keys().map(|id| (drawing.waited_for(id), *id)).max();
    let slowest =
        longest.and_then(|(length, id)| Some((drawing.trace.spans.iter().find(|span| span.span_id == id)?, length)));
    html! {
        p.waits {
            @if let Some((span, length)) = slowest.filter(|(_, length)| *length as f64 >= WORTH_NAMING * total as f64) {
                "Most of the time was spent in " strong { (span.name) } " of " (span.service) ": " (share(length)) " of the critical path "
                a href=(drawing.href(&span.span_id)) { "Show this span" } ". "
            }
            "It waited " (duration(total as f64)) " for services: "
            @for (at, (service, length)) in named.iter().enumerate() {
                @if at > 0 { ", " }
                (service) " " (duration(*length as f64)) " (" (share(*length)) ")"
            }
            @if !others.is_empty() { ", " (others.len()) " others " (duration(of_others as f64)) " (" (share(of_others)) ")" }
            "."
            @if nobody > 0 { " For " (duration(nobody as f64)) " it waited for none of them: a message was under way, say." }
        }
    }
}
