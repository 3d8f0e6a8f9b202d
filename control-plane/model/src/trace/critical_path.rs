//! The critical path: at every moment of a trace, the span that everything waited for.
//!
//! It is followed backwards, as in "The Mystery Machine" (Chow et al., OSDI 2014) for trees of spans: from the end of a span to
//! the child that ended last before it, from that child's start to the next one, and within each child again. A message that is
//! handled after its sender has ended prolongs its sender; the time in between, when no span was open, belongs to nobody. A function that
//! started for a call was waited for from the beginning of its start, though the span of that ended before the function's own began.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::{Node, Tree};

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
    // A span counts as ending with the last span that it caused, which may be later than its own end.
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
    let (starts, callers) = with_functions_starts(nodes);
    for siblings in children.iter_mut().chain([&mut roots]) {
        siblings.sort_by_key(|index| std::cmp::Reverse(ends[*index]));
    }

    let mut path = Vec::new();
    let mut stack = vec![Step { index: None, looked_at: 0, cursor: i64::MAX }];
    while let Some(step) = stack.last_mut() {
        let below = step.index.map_or(&roots, |index| &children[index]);
        let span = step.index.map(|index| nodes[index].span);
        let Some(next) = below.get(step.looked_at).copied() else {
            if let (Some(index), Some(span)) = (step.index, span) {
                stretch(&mut path, span, starts[index], step.cursor);
            }
            stack.pop();
            continue;
        };
        step.looked_at += 1;
        if starts[next] >= step.cursor || step.index.is_some_and(|index| ends[next] <= starts[index]) {
            continue;
        }
        let until = ends[next].min(step.cursor);
        if let Some(span) = span {
            stretch(&mut path, span, until, step.cursor);
            // Between a function's start and its span, its caller waited for it to be asked.
            if let Some(caller) = callers[next] {
                stretch(&mut path, nodes[caller].span, until, step.cursor.min(span.start_unix_ns));
            }
        }
        step.cursor = starts[next];
        stack.push(Step { index: Some(next), looked_at: 0, cursor: until });
    }
    path.reverse();
    path
}

/// From when on each span was waited for, nanoseconds since 1970; and, of each span of a function's start that was waited for, who called the
/// function.
fn with_functions_starts(nodes: &[Node<'_>]) -> (Vec<i64>, Vec<Option<usize>>) {
    let mut starts: Vec<i64> = nodes.iter().map(|node| node.span.start_unix_ns).collect();
    let mut callers = vec![None; nodes.len()];
    for (index, node) in nodes.iter().enumerate().filter(|(_, node)| node.span.is_init()) {
        let caller = node.parent.and_then(|function| Some((function, nodes[function].parent?)));
        // Where nobody called it within the trace, it started before the trace began.
        let Some((function, caller)) = caller else { continue };
        let from = node.span.start_unix_ns.max(nodes[caller].span.start_unix_ns);
        if from < node.span.end_unix_ns {
            starts[index] = from;
            starts[function] = starts[function].min(from);
            callers[index] = Some(caller);
        }
    }
    (starts, callers)
}

/// How long a trace waited for each service along its critical path, nanoseconds: the longest first, and those that were waited for equally long by name.
/// For what is left of the trace's duration it waited for none of them, for example while a message was on its way.
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

    fn init(id: &str, parent: &str, start: i64, end: i64) -> crate::trace::Span {
        let phase = ("lambda.phase".to_owned(), "init".into());
        crate::trace::Span { attributes: [phase].into(), ..span(id, Some(parent), start, end) }
    }

    #[test]
    fn a_function_that_started_for_a_caller_was_waited_for_from_its_start() {
        let call = || vec![span("client", None, 0, 200), span("function", Some("client"), 100, 190)];
        let of_start = |from, to| [call(), vec![init("start", "function", from, to)]].concat();
        let rest = [("function", 100, 190), ("client", 190, 200)];
        let expected = |before: &[(&str, i64, i64)]| expected(&[before, &rest].concat());
        let waited = expected(&[("client", 0, 15), ("start", 15, 95), ("client", 95, 100)]);
        assert_eq!(path(of_start(15, 95)), waited);
        let early = [("start", 0, 95), ("client", 95, 100)];
        assert_eq!(path(of_start(-50, 95)), expected(&early), "nobody waited before the call");
        assert_eq!(path(of_start(-90, -10)), expected(&[("client", 0, 100)]), "it was ready before");
        let late = [("client", 0, 15), ("start", 15, 105), ("function", 105, 190), ("client", 190, 200)];
        assert_eq!(path(of_start(15, 105)), self::expected(&late), "clocks differ");
        let below = [of_start(15, 95), vec![span("db", Some("function"), 120, 150)]].concat();
        let rest = [("function", 100, 120), ("db", 120, 150), ("function", 150, 190), ("client", 190, 200)];
        let before = [("client", 0, 15), ("start", 15, 95), ("client", 95, 100)];
        assert_eq!(path(below), self::expected(&[&before[..], &rest].concat()));
    }

    #[test]
    fn a_function_that_started_for_a_message_was_waited_for_too_and_what_lies_between_is_nobodys() {
        let spans = vec![
            span("sent", None, 0, 10),
            span("handled", Some("sent"), 1_000, 1_100),
            init("start", "handled", 200, 950),
        ];
        assert_eq!(path(spans), expected(&[("sent", 0, 10), ("start", 200, 950), ("handled", 1_000, 1_100)]));
    }

    #[test]
    fn a_start_that_nobody_within_the_trace_waited_for_is_not_on_its_path() {
        let spans = vec![init("start", "function", 0, 80), span("function", None, 90, 100)];
        assert_eq!(path(spans), expected(&[("function", 90, 100)]));
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
