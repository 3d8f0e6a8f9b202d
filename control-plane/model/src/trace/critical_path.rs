//! The critical path: at every moment of a trace, the span that everything waited for.
//!
//! It is followed backwards, as in "The Mystery Machine" (Chow et al., OSDI 2014) for trees of spans: from the end of a span to
//! the child that ended last before it, from that child's start to the next one, and within each child again. A message that is
//! handled after its sender has ended prolongs its sender; the time in between, when no span was open, belongs to nobody.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::Tree;

/// A stretch of the critical path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stretch {
    /// The span that was waited for.
    pub span_id: String,
    /// Nanoseconds since 1970.
    pub start_unix_ns: i64,
    /// Nanoseconds since 1970.
    pub end_unix_ns: i64,
}

/// A span that is being followed.
struct Step {
    /// Its place among the nodes; of none, for the trace as a whole.
    index: Option<usize>,
    /// How many of its children have been looked at.
    looked_at: usize,
    /// What lies behind is done.
    cursor: i64,
}

/// The critical path of a trace, from its start to its end.
pub fn critical_path(tree: &Tree<'_>) -> Vec<Stretch> {
    let nodes = &tree.nodes;
    // With what it set off, a span may end later than itself.
    let mut ends: Vec<i64> = nodes.iter().map(|node| node.span.end_unix_ns).collect();
    let mut children: Vec<Vec<usize>> = vec![Vec::new(); nodes.len()];
    let mut roots = Vec::new();
    for (index, node) in nodes.iter().enumerate().rev() {
        match node.parent {
            Some(parent) => {
                ends[parent] = ends[parent].max(ends[index]);
                children[parent].push(index);
            }
            None => roots.push(index),
        }
    }
    for siblings in children.iter_mut().chain([&mut roots]) {
        siblings.sort_by_key(|index| std::cmp::Reverse(ends[*index]));
    }

    let mut path = Vec::new();
    let mut stack = vec![Step { index: None, looked_at: 0, cursor: i64::MAX }];
    while let Some(step) = stack.last_mut() {
        let below = step.index.map_or(&roots, |index| &children[index]);
        let span = step.index.map(|index| nodes[index].span);
        let Some(next) = below.get(step.looked_at).copied() else {
            if let Some(span) = span {
                stretch(&mut path, span, span.start_unix_ns, step.cursor);
            }
            stack.pop();
            continue;
        };
        step.looked_at += 1;
        let child = nodes[next].span;
        if child.start_unix_ns >= step.cursor || span.is_some_and(|span| ends[next] <= span.start_unix_ns) {
            continue;
        }
        let until = ends[next].min(step.cursor);
        if let Some(span) = span {
            stretch(&mut path, span, until, step.cursor);
        }
        step.cursor = child.start_unix_ns;
        stack.push(Step { index: Some(next), looked_at: 0, cursor: until });
    }
    path.reverse();
    path
}

/// How long a trace waited for each service along its critical path, nanoseconds: the longest first, and those that were waited for equally long by name.
/// For what is left of the trace's duration it waited for none of them: a message was under way, say.
pub fn waited_for<'a>(tree: &Tree<'a>, path: &[Stretch]) -> Vec<(&'a str, i64)> {
    let services: HashMap<&str, &'a str> =
        tree.nodes.iter().map(|node| (node.span.span_id.as_str(), node.span.service.as_str())).collect();
    let mut waited: HashMap<&'a str, i64> = HashMap::new();
    for stretch in path {
        if let Some(service) = services.get(stretch.span_id.as_str()) {
            *waited.entry(service).or_default() += stretch.end_unix_ns - stretch.start_unix_ns;
        }
    }
    let mut waited: Vec<_> = waited.into_iter().collect();
    waited.sort_unstable_by_key(|(service, length)| (std::cmp::Reverse(*length), *service));
    waited
}

/// The part of a stretch in which the span was open.
fn stretch(path: &mut Vec<Stretch>, span: &super::Span, from: i64, to: i64) {
    let (start_unix_ns, end_unix_ns) = (from.max(span.start_unix_ns), to.min(span.end_unix_ns));
    if start_unix_ns < end_unix_ns {
        path.push(Stretch { span_id: span.span_id.clone(), start_unix_ns, end_unix_ns });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::tree::tests::{span, trace};

    fn path(spans: Vec<crate::trace::Span>) -> Vec<(String, i64, i64)> {
        let trace = trace(spans);
        let path = critical_path(&Tree::of(&trace));
        path.into_iter().map(|stretch| (stretch.span_id, stretch.start_unix_ns, stretch.end_unix_ns)).collect()
    }

    fn expected(stretches: &[(&str, i64, i64)]) -> Vec<(String, i64, i64)> {
        stretches.iter().map(|(id, from, to)| ((*id).to_owned(), *from, *to)).collect()
    }

    #[test]
    fn the_child_that_ended_last_was_waited_for() {
        let spans = vec![
            span("root", None, 0, 100),
            span("short", Some("root"), 10, 30),
            span("long", Some("root"), 10, 80),
            span("leaf", Some("long"), 20, 70),
        ];
        let stretches = [("root", 0, 10), ("long", 10, 20), ("leaf", 20, 70), ("long", 70, 80), ("root", 80, 100)];
        assert_eq!(path(spans), expected(&stretches));
    }

    #[test]
    fn one_after_the_other() {
        let spans = vec![span("root", None, 0, 100), span("a", Some("root"), 10, 40), span("b", Some("root"), 50, 90)];
        let stretches = [("root", 0, 10), ("a", 10, 40), ("root", 40, 50), ("b", 50, 90), ("root", 90, 100)];
        assert_eq!(path(spans), expected(&stretches));
    }

    #[test]
    fn a_message_handled_later_is_part_of_it() {
        let spans =
            vec![span("api", None, 0, 30), span("sent", Some("api"), 10, 20), span("handled", Some("sent"), 60, 90)];
        assert_eq!(path(spans), expected(&[("api", 0, 10), ("sent", 10, 20), ("handled", 60, 90)]));
    }

    #[test]
    fn what_is_waited_for_adds_up_by_service_and_leaves_out_when_nobody_worked() {
        let handled = crate::trace::Span { service: "accrual".into(), ..span("handled", Some("sent"), 60, 150) };
        let trace = trace(vec![span("api", None, 0, 30), span("sent", Some("api"), 10, 20), handled]);
        let tree = Tree::of(&trace);
        assert_eq!(waited_for(&tree, &critical_path(&tree)), [("accrual", 90), ("booking-api", 20)]);
    }

    #[test]
    fn depth_and_cycles_are_no_danger() {
        let ids: Vec<String> = (0..50_000).map(|n| n.to_string()).collect();
        let chain = ids.iter().enumerate().map(|(n, id)| {
            let parent = n.checked_sub(1).map(|before| ids[before].as_str());
            span(id, parent, n as i64, 100_000 - n as i64)
        });
        assert_eq!(path(chain.collect()).len(), 99_999);
        assert!(!path(vec![span("a", Some("b"), 0, 10), span("b", Some("a"), 0, 10)]).is_empty());
        assert_eq!(path(vec![]), []);
    }
}
