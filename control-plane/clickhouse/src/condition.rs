//! A filter expression as a condition on a row of `traces`: what the matcher says of the outline, SQL says of the columns it is kept in, of
//! what many traces have in common by their shape. Every value is a parameter.

use clickhouse::query::Query;
use control_plane_model::search::{
    AnnotationTest, ComparisonOperator, Expression, Flag, NodeTest, NumberOf, TextOf, TextTest, bit, normalized,
};

/// Lists that go together: in a condition on their elements, each goes by the name of its list.
const SERVICES: &[&str] =
    &["service_accounts", "service_names", "service_flags", "service_statuses", SERVICE.duration_ns];
const EDGES: &[&str] = &[
    "source_kinds",
    "source_accounts",
    "source_names",
    "target_kinds",
    "target_accounts",
    "target_names",
    "edge_flags",
];
const ANNOTATIONS: &[&str] = &["annotation_names", "annotation_values", "annotation_numbers"];

/// What a trace, one of its services or one of its edges is known by.
struct Of {
    flags: &'static str,
    partial: &'static str,
    duration_ns: &'static str,
    response_ns: &'static str,
    statuses: &'static str,
}

const TRACE: Of = Of {
    flags: "flags",
    partial: "partial = 1",
    duration_ns: "(end_ns - start_ns)",
    response_ns: "response_ns",
    statuses: "statuses",
};
const SERVICE: Of = Of {
    flags: "service_flags",
    partial: "false",
    duration_ns: "service_longest_ns",
    response_ns: "service_longest_ns",
    statuses: "service_statuses",
};
const EDGE: Of =
    Of { flags: "edge_flags", partial: "false", duration_ns: "0", response_ns: "0", statuses: "emptyArrayUInt16()" };

#[derive(Default)]
pub(crate) struct Condition {
    /// The SQL condition on a row of `traces`.
    pub(crate) sql: String,
    texts: Vec<String>,
    numbers: Vec<u64>,
}

impl Condition {
    pub(crate) fn new(expression: Option<&Expression>) -> Self {
        let mut condition = Self::default();
        condition.sql = expression.map_or_else(|| "true".to_owned(), |expression| condition.holds(expression, &TRACE));
        condition
    }

    /// The number whose bits say which of these hold.
    pub(crate) fn bits(expressions: &[Expression]) -> Self {
        let mut condition = Self::default();
        let bits: Vec<_> = expressions
            .iter()
            .enumerate()
            .map(|(place, expression)| format!("if({}, {}, 0)", condition.holds(expression, &TRACE), bit(place)))
            .collect();
        condition.sql = format!("toUInt32({})", if bits.is_empty() { "0".to_owned() } else { bits.join(" + ") });
        condition
    }

    /// Gives a query the values.
    pub(crate) fn bind(&self, mut query: Query) -> Query {
        for (at, text) in self.texts.iter().enumerate() {
            query = query.param(&format!("text{at}"), text);
        }
        for (at, number) in self.numbers.iter().enumerate() {
            query = query.param(&format!("number{at}"), number);
        }
        query
    }

    fn text(&mut self, text: &str) -> String {
        self.texts.push(text.to_owned());
        format!("{{text{}:String}}", self.texts.len() - 1)
    }

    /// By its bits, since text would be read with a rounding of its own.
    fn compared(&mut self, value: &str, comparison: ComparisonOperator, with: f64) -> String {
        self.numbers.push(with.to_bits());
        let sign = sign(comparison);
        format!("{value} {sign} reinterpretAsFloat64({{number{}:UInt64}})", self.numbers.len() - 1)
    }

    fn tested(&mut self, value: &str, test: TextTest, text: &str) -> String {
        let text = self.text(text);
        match test {
            TextTest::Equal => format!("{value} = {text}"),
            TextTest::NotEqual => format!("{value} != {text}"),
            TextTest::Contains => format!("position({value}, {text}) > 0"),
            TextTest::BeginsWith => format!("startsWith({value}, {text})"),
            TextTest::EndsWith => format!("endsWith({value}, {text})"),
        }
    }

    fn holds(&mut self, expression: &Expression, of: &Of) -> String {
        match expression {
            Expression::And(parts) => all(parts.iter().map(|part| self.holds(part, of))),
            Expression::Or(parts) => any(parts.iter().map(|part| self.holds(part, of))),
            Expression::Not(inner) => format!("NOT {}", self.holds(inner, of)),
            Expression::Is(Flag::Ok) => format!("bitAnd({}, 3) = 0", of.flags),
            Expression::Is(Flag::Fault) => format!("bitTest({}, 0)", of.flags),
            Expression::Is(Flag::Error) => format!("bitTest({}, 1)", of.flags),
            Expression::Is(Flag::Throttle) => format!("bitTest({}, 2)", of.flags),
            Expression::Is(Flag::ColdStart) => format!("bitTest({}, 3)", of.flags),
            Expression::Is(Flag::Partial) => of.partial.to_owned(),
            Expression::Number(NumberOf::HttpStatus, comparison, number) => {
                let compared = self.compared("status", *comparison, *number);
                let is_any = format!("arrayExists(status -> {compared}, {})", of.statuses);
                if of.statuses == TRACE.statuses { shaped(is_any) } else { is_any }
            }
            Expression::Number(which, comparison, number) => {
                let took = if *which == NumberOf::Duration { of.duration_ns } else { of.response_ns };
                self.compared(&format!("{took} / 1e9"), *comparison, *number)
            }
            Expression::Text(TextOf::Url, test, text) => self.any_of("url", *test, text),
            Expression::Text(TextOf::Method, test, text) => shaped(self.any_of("method", *test, text)),
            Expression::Text(TextOf::User, test, text) => self.any_of("user", *test, text),
            Expression::Text(TextOf::Name, test, text) => self.tested("root", *test, text),
            Expression::Text(TextOf::Account, TextTest::NotEqual, text) => {
                shaped(format!("arrayExists(account -> account != {}, service_accounts)", self.text(text)))
            }
            Expression::Text(TextOf::Account, _, text) => shaped(format!("has(service_accounts, {})", self.text(text))),
            Expression::Annotation(key, Some(AnnotationTest::Text(TextTest::Equal, text))) => {
                let (name, value) = (self.text(&normalized(key)), self.text(text));
                format!("has(words, sipHash64('annotation', {name}, {value}))")
            }
            Expression::Annotation(key, test) => {
                let mut conditions = vec![format!("annotation_names = {}", self.text(&normalized(key)))];
                match test {
                    None => {}
                    Some(AnnotationTest::Text(test, text)) => {
                        conditions.push(self.tested("annotation_values", *test, text))
                    }
                    Some(AnnotationTest::Number(comparison, number)) => {
                        conditions.push(format!(
                            "ifNull({}, false)",
                            self.compared("annotation_numbers", *comparison, *number)
                        ));
                    }
                }
                exists(ANNOTATIONS, conditions)
            }
            // No outline has it: a formula asks spans.
            Expression::Attribute(_) => "false".to_owned(),
            Expression::Service(node, inner) => {
                // What sends no spans of its own, a table or a queue, is known by who calls it.
                let mut called = self.node("target", node);
                called.extend(inner.as_deref().map(|inner| self.holds(inner, &EDGE)));
                let called = exists(EDGES, called);
                if node.kind.as_ref().is_some_and(|kind| kind != "service") {
                    return shaped(called);
                }
                let mut own = self.node("service", &NodeTest { kind: None, ..node.clone() });
                own.extend(inner.as_deref().map(|inner| self.holds(inner, &SERVICE)));
                let own = exists(SERVICES, own);
                // How long each took is a trace's own.
                if own.contains(SERVICE.duration_ns) {
                    return any([own, shaped(called)].into_iter());
                }
                shaped(any([own, called].into_iter()))
            }
            Expression::Edge(from, to, inner) => {
                let mut conditions = self.node("source", from);
                conditions.extend(self.node("target", to));
                conditions.extend(inner.as_deref().map(|inner| self.holds(inner, &EDGE)));
                shaped(exists(EDGES, conditions))
            }
        }
    }

    fn any_of(&mut self, what: &str, test: TextTest, text: &str) -> String {
        let is = |text: String| match what {
            "method" => format!("has(methods, {text})"),
            _ => format!("has(words, sipHash64('{what}', {text}))"),
        };
        match test {
            TextTest::Equal => is(self.text(text)),
            // "Not equal" means that none of the values is the text, not that one of them differs.
            TextTest::NotEqual => format!("NOT {}", is(self.text(text))),
            _ => format!("arrayExists(value -> {}, {what}s)", self.tested("value", test, text)),
        }
    }

    fn node(&mut self, whose: &str, test: &NodeTest) -> Vec<String> {
        let parts = [("kinds", &test.kind), ("accounts", &test.account), ("names", &test.name)];
        parts
            .into_iter()
            .filter_map(|(part, wanted)| Some(format!("{whose}_{part} = {}", self.text(wanted.as_deref()?))))
            .collect()
    }
}

pub(crate) fn sign(comparison: ComparisonOperator) -> &'static str {
    match comparison {
        ComparisonOperator::Equal => "=",
        ComparisonOperator::NotEqual => "!=",
        ComparisonOperator::Less => "<",
        ComparisonOperator::AtMost => "<=",
        ComparisonOperator::More => ">",
        ComparisonOperator::AtLeast => ">=",
    }
}

fn shaped(condition: String) -> String {
    format!("shape IN (SELECT shape FROM shapes WHERE {condition})")
}

fn all(conditions: impl Iterator<Item = String>) -> String {
    format!("({})", conditions.collect::<Vec<_>>().join(" AND "))
}

fn any(conditions: impl Iterator<Item = String>) -> String {
    format!("({})", conditions.collect::<Vec<_>>().join(" OR "))
}

/// The elements of these lists are so at some place; only the lists that are asked for are read.
fn exists(lists: &[&str], conditions: Vec<String>) -> String {
    let condition = all(conditions.into_iter());
    let asked: Vec<_> = lists.iter().copied().filter(|list| condition.contains(list)).collect();
    let asked = asked.join(", ");
    match lists.first() {
        Some(list) if asked.is_empty() && condition == "()" => format!("notEmpty({list})"),
        Some(list) if asked.is_empty() => format!("(notEmpty({list}) AND {condition})"),
        _ => format!("arrayExists(({asked}) -> {condition}, {asked})"),
    }
}
