//! The tree that parents make of a trace's spans.

use std::collections::{HashMap, HashSet};

use super::{Span, Trace};

/// A span in its place.
#[derive(Debug, PartialEq)]
pub struct Node<'a> {
    /// The span.
    pub span: &'a Span,
    /// How far below its root.
    pub depth: usize,
    /// Where its parent stands among the nodes: before it.
    pub parent: Option<usize>,
    /// Its parent is named but was never received: API Gateway's own segment, say, or a sender that is late.
    pub parent_missing: bool,
}

/// A trace in the order in which it reads: each span after its parent, siblings by start time.
#[derive(Debug, PartialEq)]
pub struct Tree<'a> {
    /// The spans.
    pub nodes: Vec<Node<'a>>,
    /// Start of the first span, nanoseconds since 1970.
    pub start_unix_ns: i64,
    /// The time from there to the end of the last span, in nanoseconds.
    pub duration_ns: i64,
}

impl<'a> Tree<'a> {
    /// The tree of a trace. Spans in a cycle of parents stand at the end, as roots: nothing is left out.
    pub fn of(trace: &'a Trace) -> Self {
        let mut spans: Vec<&Span> = trace.spans.iter().collect();
        spans.sort_by_key(|span| (span.start_unix_ns, span.end_unix_ns));
        let known: HashSet<&str> = spans.iter().map(|span| span.span_id.as_str()).collect();
        let mut children: HashMap<&str, Vec<&Span>> = HashMap::new();
        let mut roots = Vec::new();
        for span in &spans {
            match span.parent_span_id.as_deref() {
                Some(parent) if known.contains(parent) => children.entry(parent).or_default().push(span),
                _ => roots.push(*span),
            }
        }
        let mut placed: HashSet<&str> = HashSet::new();
        let mut nodes = Vec::with_capacity(spans.len());
        // Roots first; then whatever no root leads to.
        for root in roots.into_iter().chain(spans.iter().copied()) {
            let mut stack = vec![(root, 0, None)];
            while let Some((span, depth, parent)) = stack.pop() {
                if !placed.insert(&span.span_id) {
                    continue;
                }
                let parent_missing = span.parent_span_id.as_deref().is_some_and(|parent| !known.contains(parent));
                let index = nodes.len();
                nodes.push(Node { span, depth, parent, parent_missing });
                let below = children.get(span.span_id.as_str()).into_iter().flatten();
                stack.extend(below.rev().map(|child| (*child, depth + 1, Some(index))));
            }
        }
        let start = spans.first().map_or(0, |span| span.start_unix_ns);
        let end = spans.iter().map(|span| span.end_unix_ns).max().unwrap_or(start);
        Self { nodes, start_unix_ns: start, duration_ns: end.saturating_sub(start) }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn span(id: &str, parent: Option<&str>, start: i64, end: i64) -> Span {
        Span {
            span_id: id.into(),
            parent_span_id: parent.map(Into::into),
            name: format!("span {id}"),
            kind: "INTERNAL".into(),
            service: "booking-api".into(),
            account: Some("111111111111".into()),
            tenant: Some("acme".into()),
            tier: Some("basic".into()),
            start_unix_ns: start,
            end_unix_ns: end,
            duration_ns: end - start,
            status: "UNSET".into(),
            error: None,
            attributes: Default::default(),
            resource: Default::default(),
            links: vec![],
            events: vec![],
        }
    }

    pub(crate) fn trace(spans: Vec<Span>) -> Trace {
        let trace_id: crate::trace::TraceId = "5759e988bd862e3fe1be46a994272793".parse().unwrap();
        Trace { trace_id, xray_trace_id: trace_id.xray(), spans, others: false }
    }

    fn order(trace: &Trace) -> Vec<(&str, usize)> {
        Tree::of(trace).nodes.iter().map(|node| (node.span.span_id.as_str(), node.depth)).collect()
    }

    #[test]
    fn children_follow_their_parent_by_start_time() {
        let trace = trace(vec![
            span("c", Some("a"), 30, 40),
            span("a", None, 0, 100),
            span("d", Some("b"), 15, 18),
            span("b", Some("a"), 10, 20),
        ]);
        assert_eq!(order(&trace), [("a", 0), ("b", 1), ("d", 2), ("c", 1)]);
        assert_eq!(Tree::of(&trace).duration_ns, 100);
    }

    #[test]
    fn a_span_without_its_parent_is_shown_and_marked() {
        let trace = trace(vec![span("a", Some("gone"), 0, 1)]);
        assert!(Tree::of(&trace).nodes[0].parent_missing);
    }

    #[test]
    fn a_cycle_of_parents_loses_nothing() {
        let trace = trace(vec![span("a", Some("b"), 0, 1), span("b", Some("a"), 0, 1), span("c", Some("c"), 0, 1)]);
        assert_eq!(Tree::of(&trace).nodes.len(), 3);
    }
}
