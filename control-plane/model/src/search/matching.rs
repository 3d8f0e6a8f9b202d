//! An expression against the outline of a trace.

use std::collections::HashSet;

use super::{
    AnnotationTest, Expression, Flag, NodeTest, NumberOf, TextOf, TextTest, normalized,
    outline::{Outline, Service},
};
use crate::{otlp::Flags, topology::NodeId};

/// What the numbers of an outline mean.
pub trait Names {
    /// The nodes that a test admits.
    fn nodes(&self, test: &NodeTest) -> HashSet<NodeId>;
    /// The numbers of annotations whose name, as X-Ray writes it, is this.
    fn annotations(&self, normalized: &str) -> Vec<u32>;
    /// A name.
    fn name(&self, id: u32) -> &str;
}

/// The columns of a trace's row.
#[derive(Debug, Clone, Copy)]
pub struct Row {
    pub duration_ns: i64,
    pub flags: Flags,
}

/// An expression with numbers for names.
pub struct Matcher<'a> {
    test: Test<'a>,
    names: &'a dyn Names,
    /// Whether more than a trace's row is asked for.
    pub needs_outline: bool,
}

enum Test<'a> {
    And(Vec<Test<'a>>),
    Or(Vec<Test<'a>>),
    Not(Box<Test<'a>>),
    Leaf(&'a Expression),
    Account(HashSet<NodeId>),
    Annotation(Vec<u32>, &'a Option<AnnotationTest>),
    Service(HashSet<NodeId>, Option<&'a Expression>),
    Edge(HashSet<NodeId>, HashSet<NodeId>, Option<&'a Expression>),
}

impl<'a> Matcher<'a> {
    pub fn new(expression: &'a Expression, names: &'a dyn Names) -> Self {
        let mut needs_outline = false;
        let test = resolve(expression, names, &mut needs_outline);
        Self { test, names, needs_outline }
    }

    pub fn matches(&self, row: Row, outline: &Outline) -> bool {
        holds(&self.test, row, outline, self.names)
    }
}

fn resolve<'a>(expression: &'a Expression, names: &dyn Names, outline: &mut bool) -> Test<'a> {
    match expression {
        Expression::And(parts) => Test::And(parts.iter().map(|part| resolve(part, names, outline)).collect()),
        Expression::Or(parts) => Test::Or(parts.iter().map(|part| resolve(part, names, outline)).collect()),
        Expression::Not(inner) => Test::Not(Box::new(resolve(inner, names, outline))),
        Expression::Is(Flag::Ok | Flag::Error | Flag::Fault | Flag::Throttle)
        | Expression::Number(NumberOf::Duration, ..) => Test::Leaf(expression),
        _ => {
            *outline = true;
            match expression {
                Expression::Annotation(key, test) => Test::Annotation(names.annotations(&normalized(key)), test),
                Expression::Service(node, inner) => Test::Service(names.nodes(node), inner.as_deref()),
                Expression::Edge(from, to, inner) => Test::Edge(names.nodes(from), names.nodes(to), inner.as_deref()),
                Expression::Text(TextOf::Account, TextTest::Equal, account) => {
                    let test = NodeTest { account: Some(account.clone()), ..NodeTest::default() };
                    Test::Account(names.nodes(&test))
                }
                _ => Test::Leaf(expression),
            }
        }
    }
}

fn holds(test: &Test<'_>, row: Row, outline: &Outline, names: &dyn Names) -> bool {
    match test {
        Test::And(parts) => parts.iter().all(|part| holds(part, row, outline, names)),
        Test::Or(parts) => parts.iter().any(|part| holds(part, row, outline, names)),
        Test::Not(inner) => !holds(inner, row, outline, names),
        Test::Leaf(expression) => leaf(expression, row, outline, names),
        Test::Account(nodes) => outline.services.iter().any(|service| nodes.contains(&service.node)),
        Test::Annotation(keys, test) => outline.annotations.iter().any(|(key, value)| {
            keys.contains(key)
                && match test {
                    None => true,
                    Some(AnnotationTest::Text(test, text)) => test.holds(value, text),
                    Some(AnnotationTest::Number(comparison, number)) => {
                        value.parse().is_ok_and(|value| comparison.holds(value, *number))
                    }
                }
        }),
        Test::Service(nodes, inner) => {
            let own = outline.services.iter().filter(|service| nodes.contains(&service.node)).map(Part::of);
            // What sends no spans of its own, a table or a queue, is known by who calls it.
            let called = outline.edges.iter().filter(|(_, target, _)| nodes.contains(target)).map(Part::called);
            own.chain(called).any(|part| inner.is_none_or(|inner| inside(inner, &part)))
        }
        Test::Edge(from, to, inner) => outline
            .edges
            .iter()
            .filter(|(source, target, _)| from.contains(source) && to.contains(target))
            .map(Part::called)
            .any(|part| inner.is_none_or(|inner| inside(inner, &part))),
    }
}

fn is(flag: Flag, flags: Flags, partial: bool) -> bool {
    match flag {
        Flag::Ok => !flags.fault() && !flags.error(),
        Flag::Error => flags.error(),
        Flag::Fault => flags.fault(),
        Flag::Throttle => flags.throttle(),
        Flag::Partial => partial,
    }
}

fn leaf(expression: &Expression, row: Row, outline: &Outline, names: &dyn Names) -> bool {
    let any = |list: &[String], test: &TextTest, text: &str| match test {
        // None of them is it, rather than one of them is not.
        TextTest::NotEqual => !list.iter().any(|value| value == text),
        _ => list.iter().any(|value| test.holds(value, text)),
    };
    match expression {
        Expression::Is(flag) => is(*flag, row.flags, outline.partial),
        Expression::Number(NumberOf::Duration, comparison, seconds) => {
            comparison.holds(row.duration_ns as f64 / 1e9, *seconds)
        }
        Expression::Number(NumberOf::ResponseTime, comparison, seconds) => {
            comparison.holds(outline.response_ns as f64 / 1e9, *seconds)
        }
        Expression::Number(NumberOf::HttpStatus, comparison, status) => {
            outline.statuses.iter().any(|held| comparison.holds(f64::from(*held), *status))
        }
        Expression::Text(TextOf::Url, test, text) => any(&outline.urls, test, text),
        Expression::Text(TextOf::Method, test, text) => any(&outline.methods, test, text),
        Expression::Text(TextOf::User, test, text) => any(&outline.users, test, text),
        Expression::Text(TextOf::Name, test, text) => test.holds(names.name(outline.root), text),
        Expression::Text(TextOf::Account, test, text) => outline.services.iter().any(|service| {
            let admitted = NodeTest { account: Some(text.clone()), ..NodeTest::default() };
            let is = names.nodes(&admitted).contains(&service.node);
            is == (*test != TextTest::NotEqual)
        }),
        _ => false,
    }
}

/// One service of a trace, or one edge.
struct Part<'a> {
    flags: Flags,
    longest_ns: u64,
    statuses: &'a [u16],
}

impl<'a> Part<'a> {
    fn of(service: &'a Service) -> Self {
        let flags = Flags::from_bits(service.flags);
        Self { flags, longest_ns: service.longest_ns, statuses: &service.statuses }
    }

    fn called((_, _, flags): &(NodeId, NodeId, u8)) -> Self {
        Self { flags: Flags::from_bits(*flags), longest_ns: 0, statuses: &[] }
    }
}

fn inside(expression: &Expression, part: &Part<'_>) -> bool {
    match expression {
        Expression::And(parts) => parts.iter().all(|inner| inside(inner, part)),
        Expression::Or(parts) => parts.iter().any(|inner| inside(inner, part)),
        Expression::Not(inner) => !inside(inner, part),
        Expression::Is(flag) => is(*flag, part.flags, false),
        Expression::Number(NumberOf::HttpStatus, comparison, status) => {
            part.statuses.iter().any(|held| comparison.holds(f64::from(*held), *status))
        }
        Expression::Number(_, comparison, seconds) => comparison.holds(part.longest_ns as f64 / 1e9, *seconds),
        _ => false,
    }
}
