//! An expression against the outline of a trace.

use std::collections::HashSet;

use super::{
    Expression, Flag, NodeTest, NumberOf, TextOf, TextTest,
    outline::{Outline, Service},
};
use crate::{catalog::Catalog, otlp::Flags, topology::NodeId};

/// The columns of a trace's row.
#[derive(Debug, Clone, Copy)]
pub struct Row {
    pub duration_ns: i64,
    pub flags: Flags,
}

/// An expression with numbers for names, as a catalog has them.
pub struct Matcher<'a> {
    test: Test<'a>,
    /// Whether more than a trace's row is asked for.
    pub needs_outline: bool,
}

impl<'a> Matcher<'a> {
    pub fn new(expression: &'a Expression, catalog: &'a Catalog) -> Self {
        Self { test: test(expression, catalog), needs_outline: needs_outline(expression) }
    }

    pub fn matches(&self, row: Row, outline: &Outline) -> bool {
        (self.test)(&Seen {
            flags: row.flags,
            partial: outline.partial,
            duration_ns: row.duration_ns as f64,
            response_ns: outline.response_ns as f64,
            statuses: &outline.statuses,
            outline,
        })
    }
}

fn needs_outline(expression: &Expression) -> bool {
    match expression {
        Expression::And(parts) | Expression::Or(parts) => parts.iter().any(needs_outline),
        Expression::Not(inner) => needs_outline(inner),
        Expression::Is(flag) => *flag == Flag::Partial,
        Expression::Number(of, ..) => *of != NumberOf::Duration,
        _ => true,
    }
}

/// What is asked about: a trace, or one of its services or edges.
struct Seen<'o> {
    flags: Flags,
    partial: bool,
    duration_ns: f64,
    response_ns: f64,
    statuses: &'o [u16],
    /// The outline of the trace.
    outline: &'o Outline,
}

impl<'o> Seen<'o> {
    fn service(&self, service: &'o Service) -> Self {
        let longest_ns = service.longest_ns as f64;
        let seen = self.edge(service.flags);
        Self { duration_ns: longest_ns, response_ns: longest_ns, statuses: &service.statuses, ..seen }
    }

    fn edge(&self, flags: u8) -> Self {
        let flags = Flags::from_bits_retain(flags);
        Self { flags, partial: false, duration_ns: 0.0, response_ns: 0.0, statuses: &[], outline: self.outline }
    }
}

type Test<'a> = Box<dyn Fn(&Seen<'_>) -> bool + 'a>;

fn test<'a>(expression: &'a Expression, catalog: &'a Catalog) -> Test<'a> {
    let all = |parts: &'a [Expression]| parts.iter().map(|part| test(part, catalog)).collect::<Vec<_>>();
    let nodes = |test: &NodeTest| {
        let is = |wanted: &Option<String>, value: &str| wanted.as_deref().is_none_or(|wanted| wanted == value);
        let admitted = catalog.nodes().filter(|(_, node)| {
            is(&test.name, &node.name) && is(&test.kind, &node.kind) && is(&test.account, &node.account)
        });
        admitted.map(|(id, _)| id).collect::<HashSet<NodeId>>()
    };
    let within = |inner: &'a Option<Box<Expression>>| inner.as_deref().map(|inner| test(inner, catalog));
    match expression {
        Expression::And(parts) => {
            let parts = all(parts);
            Box::new(move |seen| parts.iter().all(|part| part(seen)))
        }
        Expression::Or(parts) => {
            let parts = all(parts);
            Box::new(move |seen| parts.iter().any(|part| part(seen)))
        }
        Expression::Not(inner) => {
            let inner = test(inner, catalog);
            Box::new(move |seen| !inner(seen))
        }
        Expression::Is(flag) => Box::new(|seen| match flag {
            Flag::Ok => !seen.flags.intersects(Flags::FAULT | Flags::ERROR),
            Flag::Error => seen.flags.contains(Flags::ERROR),
            Flag::Fault => seen.flags.contains(Flags::FAULT),
            Flag::Throttle => seen.flags.contains(Flags::THROTTLE),
            Flag::ColdStart => seen.flags.contains(Flags::COLD_START),
            Flag::Partial => seen.partial,
        }),
        Expression::Number(of, comparison, number) => Box::new(|seen| match of {
            NumberOf::Duration => comparison.holds(seen.duration_ns / 1e9, *number),
            NumberOf::ResponseTime => comparison.holds(seen.response_ns / 1e9, *number),
            NumberOf::HttpStatus => seen.statuses.iter().any(|held| comparison.holds(f64::from(*held), *number)),
        }),
        Expression::Text(TextOf::Name, test, text) => {
            Box::new(|seen| test.holds(catalog.name(seen.outline.root), text))
        }
        Expression::Text(TextOf::Account, test, text) => {
            let nodes = nodes(&NodeTest { account: Some(text.clone()), ..NodeTest::default() });
            let wanted = *test != TextTest::NotEqual;
            Box::new(move |seen| seen.outline.services.iter().any(|of| nodes.contains(&of.node) == wanted))
        }
        Expression::Text(TextOf::Url, test, text) => Box::new(|seen| any_matches(&seen.outline.urls, *test, text)),
        Expression::Text(TextOf::Method, test, text) => {
            Box::new(|seen| any_matches(&seen.outline.methods, *test, text))
        }
        Expression::Text(TextOf::User, test, text) => Box::new(|seen| any_matches(&seen.outline.users, *test, text)),
        Expression::Annotation(key, test) => {
            let keys = catalog.annotations(key);
            let holds = |value: &str| test.as_ref().is_none_or(|test| test.holds(value));
            Box::new(move |seen| seen.outline.annotations.iter().any(|(key, value)| keys.contains(key) && holds(value)))
        }
        // No outline has it: a formula asks spans.
        Expression::Attribute(_) => Box::new(|_| false),
        Expression::Service(node, inner) => {
            let (nodes, inner) = (nodes(node), within(inner));
            Box::new(move |seen| {
                let Outline { services, edges, .. } = seen.outline;
                let own = services.iter().filter(|of| nodes.contains(&of.node)).map(|of| seen.service(of));
                // What sends no spans of its own, a table or a queue, is known by who calls it.
                let called = edges.iter().filter(|(_, target, _)| nodes.contains(target));
                let called = called.map(|(_, _, flags)| seen.edge(*flags));
                own.chain(called).any(|part| inner.as_ref().is_none_or(|inner| inner(&part)))
            })
        }
        Expression::Edge(from, to, inner) => {
            let (from, to, inner) = (nodes(from), nodes(to), within(inner));
            Box::new(move |seen| {
                let mut edges = seen.outline.edges.iter();
                edges.any(|(source, target, flags)| {
                    let is_one = from.contains(source) && to.contains(target);
                    is_one && inner.as_ref().is_none_or(|inner| inner(&seen.edge(*flags)))
                })
            })
        }
    }
}

fn any_matches(list: &[String], test: TextTest, text: &str) -> bool {
    match test {
        // "Not equal" means that none of the values is the text, not that one of them differs.
        TextTest::NotEqual => !list.iter().any(|value| value == text),
        _ => list.iter().any(|value| test.holds(value, text)),
    }
}
