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
    let starting = Starting::of(&trace.spans);
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
            @if starting.took > 0 { div { dt { "Starting took" } dd { (duration(starting.took as f64)) ", " (starting.counted()) } } }
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

/// From the first start to the last end, nanoseconds, as lists have it: how long functions took to start is told apart.
fn took(drawing: &Drawing<'_>) -> i64 {
    served(&drawing.trace.spans).map_or(drawing.tree.duration_ns, |(begun, ended)| ended.saturating_sub(begun))
}

/// When a trace began and ended, nanoseconds since 1970, without functions that started for it.
fn served(spans: &[Span]) -> Option<(i64, i64)> {
    let spans = || spans.iter().filter(|span| !span.is_init());
    spans().map(|span| span.start_unix_ns).min().zip(spans().map(|span| span.end_unix_ns).max())
}

/// How long functions took to start for a trace, nanoseconds: starts side by side count once.
#[derive(Debug, PartialEq, Eq)]
struct Starting {
    took: i64,
    /// As far as it lies within the time that the trace took: a caller waited for it.
    within: i64,
}

impl Starting {
    fn of(spans: &[Span]) -> Self {
        let mut starts: Vec<_> =
            spans.iter().filter(|span| span.is_init()).map(|span| (span.start_unix_ns, span.end_unix_ns)).collect();
        starts.sort_unstable();
        let (begun, ended) = served(spans).unwrap_or_default();
        let (mut took, mut within, mut until) = (0_i64, 0_i64, i64::MIN);
        for (from, to) in starts {
            let from = from.max(until);
            if to > from {
                took = took.saturating_add(to.saturating_sub(from));
                within = within.saturating_add(to.min(ended).saturating_sub(from.max(begun)).max(0));
                until = to;
            }
        }
        Self { took, within }
    }

    /// Whether the time that the trace took has it.
    fn counted(&self) -> String {
        match self.within {
            0 => "not counted above".to_owned(),
            within if within == self.took => "counted above: a caller waited for it".to_owned(),
            within => format!("{} of it counted above: a caller waited for it", duration(within as f64)),
        }
    }
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
            @if nobody > 0 { " For " (duration(nobody as f64)) " it waited for none of them, for example while a message was on its way." }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn span(phase: Option<&str>, start: i64, end: i64) -> Span {
        let attributes = phase.map(|phase| ("lambda.phase".to_owned(), phase.into()));
        Span {
            span_id: String::new(),
            parent_span_id: None,
            name: String::new(),
            kind: "INTERNAL".into(),
            service: "api".into(),
            account: None,
            tenant: None,
            tier: None,
            start_unix_ns: start,
            end_unix_ns: end,
            duration_ns: end - start,
            status: "UNSET".into(),
            error: None,
            attributes: attributes.into_iter().collect(),
            resource: BTreeMap::new(),
            links: Vec::new(),
            events: Vec::new(),
        }
    }

    #[test]
    fn a_start_is_counted_where_a_caller_waited_for_it() {
        let starting = |spans: &[Span]| {
            let Starting { took, within } = Starting::of(spans);
            (took, within)
        };
        let (init, request) = (|start, end| span(Some("init"), start, end), |start, end| span(None, start, end));
        assert_eq!(starting(&[init(0, 80), request(90, 100)]), (80, 0));
        assert_eq!(starting(&[request(0, 200), init(10, 90), request(95, 150)]), (80, 80));
        assert_eq!(starting(&[init(0, 80), request(90, 300), init(100, 120)]), (100, 20));
        assert_eq!(starting(&[request(0, 200)]), (0, 0));
    }

    #[test]
    fn starts_side_by_side_count_once() {
        let spans =
            [span(None, 0, 300), span(Some("init"), 10, 90), span(Some("init"), 50, 110), span(Some("init"), 20, 40)];
        assert_eq!(Starting::of(&spans), Starting { took: 100, within: 100 });
    }

    #[test]
    fn what_is_counted_is_said() {
        let said = |took: i64, within: i64| Starting { took: took * 1_000_000, within: within * 1_000_000 }.counted();
        assert_eq!(said(100, 0), "not counted above");
        assert_eq!(said(100, 100), "counted above: a caller waited for it");
        assert_eq!(said(100, 20), "20.0 ms of it counted above: a caller waited for it");
    }
}
