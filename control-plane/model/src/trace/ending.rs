//! Where a trace stopped: the failure that nothing made good again, or the message that nobody took.
//!
//! It follows from the spans alone. A failed call whose caller went on is no end, nor is a message that failed and was taken later.

use std::collections::{HashMap, HashSet};

use serde::{Deserialize, Serialize};
use slo::row::cut;

use super::{Span, Tree};

/// A span by what it is, for a sentence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// 16 hex digits.
    pub span_id: String,
    /// Its name.
    pub name: String,
    /// `service.name`.
    pub service: String,
}

/// How a trace ended: where it stopped, if it did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ending {
    /// The last span before that which went well, or `None` where nothing did.
    pub reached: Option<Step>,
    /// The step at which the trace stopped, or `None` if it did not stop.
    pub stopped: Option<Stop>,
}

/// The step at which a trace stopped, and in which way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "why", rename_all = "snake_case")]
pub enum Stop {
    /// A request was refused or failed, or a message was not sent.
    Failed {
        /// The span that failed.
        at: Step,
        /// What went wrong, as the span tells it.
        error: String,
        /// The innermost span that failed, where that is another one.
        cause: Option<Step>,
    },
    /// A message was delivered this many times, and failed each time.
    Undone {
        /// The last of these deliveries.
        at: Step,
        /// The queue, topic or table that delivered it.
        from: Option<String>,
        /// How often the message was delivered.
        deliveries: usize,
        /// What went wrong last.
        error: String,
        /// The innermost span that failed, where that is another one.
        cause: Option<Step>,
    },
    /// A message was sent, and no span of whoever takes it has arrived.
    Untaken {
        /// The sending.
        at: Step,
        /// When it was sent, nanoseconds since 1970.
        sent_unix_ns: i64,
    },
}

impl Stop {
    /// The step at which the trace stopped.
    pub fn at(&self) -> &Step {
        match self {
            Self::Failed { at, .. } | Self::Undone { at, .. } | Self::Untaken { at, .. } => at,
        }
    }
}

impl Step {
    fn of(span: &Span) -> Self {
        Self { span_id: span.span_id.clone(), name: cut(&span.name).to_owned(), service: cut(&span.service).to_owned() }
    }
}

/// Where a trace ended. Of several failures, the one that was met last.
pub fn ending(tree: &Tree<'_>) -> Ending {
    let failed: Vec<bool> = tree.nodes.iter().map(|node| error_of(node.span).is_some()).collect();
    let done = done(tree, &failed);
    let last_failed = (0..tree.nodes.len())
        .filter(|index| failed[*index] && is_an_end(tree, &failed, &done, *index))
        .max_by_key(|index| tree.nodes[*index].span.start_unix_ns);
    let stopped = last_failed.map(|index| failure(tree, &failed, index)).or_else(|| untaken(tree));
    let reached = match &stopped {
        Some(Stop::Untaken { at, .. }) => Some(at.clone()),
        _ => {
            let until = last_failed.map_or(i64::MAX, |index| tree.nodes[index].span.start_unix_ns);
            let well = tree.nodes.iter().zip(&failed).filter(|(_, failed)| !**failed).map(|(node, _)| node.span);
            let before = well.filter(|span| span.start_unix_ns <= until);
            before.max_by_key(|span| (span.start_unix_ns, span.end_unix_ns)).map(Step::of)
        }
    };
    Ending { reached, stopped }
}

/// What went wrong with a span: it failed, or a request was answered with a 4xx or 5xx.
fn error_of(span: &Span) -> Option<String> {
    let refused = || {
        let status = span.attributes.get("http.response.status_code")?;
        // Some senders write numbers as text.
        let status = status.as_u64().or_else(|| status.as_str()?.parse().ok())?;
        (span.kind == "SERVER" && status >= 400).then(|| format!("answered with {status}"))
    };
    let text = span.error.clone().filter(|text| !text.is_empty());
    text.or_else(|| span.error.as_ref().map(|_| "failed".to_owned())).or_else(refused)
}

/// What tries of the same have in common: the operation of a service under a parent, and of messages which one.
type What<'a> = (Option<&'a str>, &'a str, &'a str, &'a str, Option<&'a str>);

fn what(span: &Span) -> What<'_> {
    let text = |name: &str| span.attributes.get(name).and_then(|value| value.as_str());
    let message = text("messaging.message.id").filter(|_| span.kind == "CONSUMER");
    (span.parent_span_id.as_deref(), &span.kind, &span.name, &span.service, message)
}

/// When the last try that went well began, nanoseconds since 1970.
fn done<'a>(tree: &Tree<'a>, failed: &[bool]) -> HashMap<What<'a>, i64> {
    let mut done = HashMap::new();
    for (node, _) in tree.nodes.iter().zip(failed).filter(|(_, failed)| !**failed) {
        let last = done.entry(what(node.span)).or_insert(node.span.start_unix_ns);
        *last = node.span.start_unix_ns.max(*last);
    }
    done
}

/// Whether a failed span is where something ended: a request, a message or the sending of one that nothing above it or after it made good.
fn is_an_end(tree: &Tree<'_>, failed: &[bool], done: &HashMap<What<'_>, i64>, index: usize) -> bool {
    let node = &tree.nodes[index];
    let (kind, start) = (node.span.kind.as_str(), node.span.start_unix_ns);
    let made_good_later = done.get(&what(node.span)).is_some_and(|last| *last >= start);
    let parent_failed = node.parent.map(|parent| failed[parent]);
    let is_end = match (kind, parent_failed) {
        // No caller waits for a message, so its failure is an origin.
        ("CONSUMER", _) | (_, None) => true,
        ("PRODUCER", Some(parent_failed)) => !parent_failed,
        // The caller has recorded the failure itself, or went on in spite of it.
        _ => false,
    };
    is_end && !made_good_later
}

fn failure(tree: &Tree<'_>, failed: &[bool], index: usize) -> Stop {
    let span = tree.nodes[index].span;
    let at = Step::of(span);
    let innermost = innermost(tree, failed, index);
    let cause = (innermost != index).then(|| Step::of(tree.nodes[innermost].span));
    // A sentence says it: all of it stands at the span.
    let error = cut(&error_of(span).unwrap_or_default()).to_owned();
    if span.kind != "CONSUMER" {
        return Stop::Failed { at, error, cause };
    }
    let deliveries = tree.nodes.iter().filter(|other| what(other.span) == what(span)).count();
    let from = span
        .attributes
        .get("messaging.destination.name")
        .and_then(|name| name.as_str())
        .map(|name| cut(name).to_owned());
    Stop::Undone { at, from, deliveries, error, cause }
}

/// From a failed span down, as long as one below failed too: the last of those.
fn innermost(tree: &Tree<'_>, failed: &[bool], from: usize) -> usize {
    let mut below = vec![None; tree.nodes.len()];
    for (index, node) in tree.nodes.iter().enumerate().filter(|(index, _)| failed[*index]) {
        if let Some(parent) = node.parent {
            below[parent] = Some(index);
        }
    }
    std::iter::successors(Some(from), |index| below[*index]).fold(from, |_, index| index)
}

/// The last sending that no consumer's span follows.
fn untaken(tree: &Tree<'_>) -> Option<Stop> {
    let taken: HashSet<usize> = tree
        .nodes
        .iter()
        .filter(|node| matches!(node.span.kind.as_str(), "CONSUMER" | "SERVER"))
        .filter_map(|node| node.parent)
        .collect();
    let sent =
        tree.nodes.iter().enumerate().filter(|(index, node)| node.span.kind == "PRODUCER" && !taken.contains(index));
    let (_, last) = sent.max_by_key(|(_, node)| node.span.end_unix_ns)?;
    Some(Stop::Untaken { at: Step::of(last.span), sent_unix_ns: last.span.end_unix_ns })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::tree::tests::{span, trace};

    /// A booking: the request and its write, the publisher's message and its sending, and as many deliveries as are asked for, of which those
    /// failed that say so.
    fn booking(deliveries: &[Option<&str>]) -> Vec<Span> {
        let step = |id: &str, parent: Option<&str>, kind: &str, name: &str, start: i64| Span {
            kind: kind.into(),
            name: name.into(),
            ..span(id, parent, start, start + 5)
        };
        let mut spans = vec![
            step("a", None, "SERVER", "POST /bookings", 0),
            step("b", Some("a"), "CLIENT", "DynamoDB.TransactWriteItems", 1),
            step("c", Some("a"), "CONSUMER", "process reservations", 10),
            step("d", Some("c"), "PRODUCER", "send booking-events", 11),
        ];
        for (n, error) in deliveries.iter().enumerate() {
            let id = format!("e{n}");
            let mut delivery = step(&id, Some("d"), "CONSUMER", "process mileage", 20 + 10 * n as i64);
            delivery.error = error.map(str::to_owned);
            delivery.attributes.insert("messaging.destination.name".into(), "mileage".into());
            delivery.attributes.insert("messaging.message.id".into(), "m-1".into());
            spans.push(delivery);
        }
        spans
    }

    fn ended(spans: Vec<Span>) -> Ending {
        ending(&Tree::of(&trace(spans)))
    }

    fn names(ending: &Ending) -> (Option<&str>, Option<&str>) {
        let stopped = ending.stopped.as_ref().map(|stop| stop.at().name.as_str());
        (ending.reached.as_ref().map(|step| step.name.as_str()), stopped)
    }

    #[test]
    fn what_went_well_ended_with_its_last_span() {
        let found = ended(booking(&[None]));
        assert_eq!(names(&found), (Some("process mileage"), None));
    }

    #[test]
    fn a_message_that_failed_each_time_is_where_it_stopped() {
        let mut spans = booking(&[Some("no airport"), Some("no airport")]);
        let mut cause = Span { name: "DynamoDB.GetItem".into(), ..span("f", Some("e1"), 31, 32) };
        cause.error = Some("throttled".into());
        spans.push(cause);
        let found = ended(spans);
        assert_eq!(names(&found), (Some("send booking-events"), Some("process mileage")));
        let Some(Stop::Undone { deliveries, from, error, cause, .. }) = found.stopped else { panic!("{found:?}") };
        assert_eq!((deliveries, from.as_deref(), error.as_str()), (2, Some("mileage"), "no airport"));
        assert_eq!(cause.unwrap().name, "DynamoDB.GetItem");
    }

    #[test]
    fn a_message_that_was_taken_in_the_end_did_not_stop() {
        assert_eq!(names(&ended(booking(&[Some("timeout"), None]))), (Some("process mileage"), None));
    }

    #[test]
    fn a_message_that_nobody_took_is_where_it_stopped() {
        let found = ended(booking(&[]));
        assert_eq!(names(&found), (Some("send booking-events"), Some("send booking-events")));
        assert!(matches!(found.stopped, Some(Stop::Untaken { sent_unix_ns: 16, .. })));
    }

    #[test]
    fn a_failure_that_its_caller_made_good_is_no_end() {
        let mut spans = booking(&[None]);
        spans[1].error = Some("conflict".into());
        assert_eq!(names(&ended(spans)), (Some("process mileage"), None));
    }

    #[test]
    fn a_request_that_was_refused_is_where_it_stopped() {
        let mut spans: Vec<Span> = booking(&[]).drain(..2).collect();
        spans[0].attributes.insert("http.response.status_code".into(), 422.into());
        let found = ended(spans.clone());
        assert!(
            matches!(&found.stopped, Some(Stop::Failed { error, cause: None, .. }) if error == "answered with 422")
        );
        spans[0].error = Some("500".into());
        spans[1].error = Some("timeout".into());
        let found = ended(spans);
        assert_eq!(names(&found), (None, Some("POST /bookings")));
        assert!(
            matches!(found.stopped, Some(Stop::Failed { cause: Some(cause), .. }) if cause.name == "DynamoDB.TransactWriteItems")
        );
    }

    #[test]
    fn of_two_failures_the_later_counts() {
        let mut spans = booking(&[Some("no airport")]);
        spans[2].error = Some("not published".into());
        assert_eq!(names(&ended(spans)).1, Some("process mileage"));
    }
}
