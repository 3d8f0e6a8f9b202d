//! A trace as comparing needs it: its spans, which of them failed, and which failed first.

use std::collections::{HashMap, HashSet};

use control_plane_model::{otlp::StoredSpan, sample::StoredTrace};
use prost::Message;

use crate::items::{Items, Sender};

/// Spans of a trace that are looked at.
const MAX_SPANS: usize = 2_000;

/// A span, and who sent it.
pub(crate) struct SentSpan {
    pub(crate) sender: Sender,
    pub(crate) span: StoredSpan,
    pub(crate) failed: bool,
}

/// A trace's spans, and whether there were more than are looked at.
pub(crate) fn spans(items: &mut Items, trace: &StoredTrace) -> (Vec<SentSpan>, bool) {
    let (mut spans, mut more) = (Vec::new(), false);
    for part in &trace.parts {
        let sender = items.sender(&part.resource);
        for body in &part.spans {
            if spans.len() >= MAX_SPANS {
                more = true;
                break;
            }
            // What was stored can be read.
            if let Ok(span) = StoredSpan::decode(body.clone()) {
                spans.push(SentSpan { sender: sender.clone(), failed: failed(&span), span });
            }
        }
    }
    (spans, more)
}

/// Whether a span is a fault, as [`Flags`](control_plane_model::otlp::Flags) have it: a 5xx, or a failed status that is no 4xx.
fn failed(span: &StoredSpan) -> bool {
    let status = status(span).unwrap_or_default();
    let by_caller = (400..500).contains(&status);
    (500..=u16::MAX).contains(&status) || (span.status.as_ref().is_some_and(|status| status.code == 2) && !by_caller)
}

/// The HTTP status of a span.
pub(crate) fn status(span: &StoredSpan) -> Option<u16> {
    let text = |key: &str| span.attribute(key).and_then(|value| value.scalar()?.parse().ok());
    text("http.response.status_code").or_else(|| text("http.status_code"))
}

/// How a trace failed.
pub(crate) struct Failure<'a> {
    /// Of the spans that failed with no other that did within them, the one that ended first.
    pub(crate) first: &'a SentSpan,
    /// When the last of these ended, nanoseconds since 1970.
    pub(crate) until: u64,
}

/// How a trace failed, or `None` if it did not.
pub(crate) fn failure(spans: &[SentSpan]) -> Option<Failure<'_>> {
    let parents: HashMap<&[u8], &[u8]> =
        spans.iter().map(|read| (&*read.span.span_id, &*read.span.parent_span_id)).collect();
    let failed = || spans.iter().filter(|read| read.failed);
    // All that a failed span is within.
    let mut waited = HashSet::new();
    for read in failed() {
        let mut parent = &*read.span.parent_span_id;
        while let Some(next) = parents.get(parent).filter(|_| waited.insert(parent)) {
            parent = next;
        }
    }
    let mut origins: Vec<&SentSpan> = failed().filter(|read| !waited.contains(&*read.span.span_id)).collect();
    if origins.is_empty() {
        // The spans name each other as parents, so none of them is the origin.
        origins = failed().collect();
    }
    let ended = |read: &&SentSpan| read.span.end_time_unix_nano;
    let until = origins.iter().map(ended).max()?;
    Some(Failure { first: origins.into_iter().min_by_key(ended)?, until })
}

/// What each span took without those that it waited for, nanoseconds: its duration less the time in which one of its children ran, or a
/// function that it called started.
pub(crate) fn own_times(spans: &[SentSpan]) -> Vec<u64> {
    let parents: HashMap<&[u8], &[u8]> =
        spans.iter().map(|SentSpan { span, .. }| (&*span.span_id, &*span.parent_span_id)).collect();
    let mut children: HashMap<&[u8], Vec<(u64, u64)>> = HashMap::new();
    for SentSpan { span, .. } in spans {
        let caller = parents.get(&*span.parent_span_id).copied().filter(|_| span.is_init());
        for parent in [Some(&*span.parent_span_id), caller].into_iter().flatten() {
            if !parent.is_empty() && *parent != *span.span_id {
                let times = (span.start_time_unix_nano, span.end_time_unix_nano);
                children.entry(parent).or_default().push(times);
            }
        }
    }
    let own_time = |SentSpan { span, .. }: &SentSpan| {
        let (start, end) = (span.start_time_unix_nano, span.end_time_unix_nano);
        let (mut left, mut until) = (span.duration_ns(), start);
        if let Some(children) = children.get_mut(&*span.span_id) {
            children.sort_unstable();
            for (from, to) in children {
                let to = (*to).min(end);
                left -= to.saturating_sub((*from).max(until)).min(left);
                until = until.max(to);
            }
        }
        left
    };
    spans.iter().map(own_time).collect()
}
