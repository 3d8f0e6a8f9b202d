//! A filter expression as a condition on a row of `traces`: what the matcher says of the outline, SQL says of the columns it is kept in.
//! Every value is a parameter.

use clickhouse::query::Query;
use control_plane_model::search::{
    AnnotationTest, Comparison, Expression, Flag, NodeTest, NumberOf, TextOf, TextTest, normalized,
};

/// Columns that go together, and what an element of each is called in a condition on it.
type Columns = [(&'static str, &'static str)];

const SERVICES: [(&str, &str); 5] = [
    ("of_account", "service_accounts"),
    ("of_name", "service_names"),
    ("of_flags", "service_flags"),
    ("of_longest_ns", "service_longest_ns"),
    ("of_statuses", "service_statuses"),
];
const EDGES: [(&str, &str); 7] = [
    ("from_kind", "source_kinds"),
    ("from_account", "source_accounts"),
    ("from_name", "source_names"),
    ("to_kind", "target_kinds"),
    ("to_account", "target_accounts"),
    ("to_name", "target_names"),
    ("of_flags", "edge_flags"),
];
const ANNOTATIONS: [(&str, &str); 3] =
    [("of_name", "annotation_names"), ("of_text", "annotation_values"), ("of_number", "annotation_numbers")];

/// Services, or edges: what is known of how long they took, and of their statuses.
struct Parts {
    longest_ns: &'static str,
    statuses: &'static str,
}

const OF_SERVICE: Parts = Parts { longest_ns: "of_longest_ns", statuses: "of_statuses" };
const OF_EDGE: Parts = Parts { longest_ns: "0", statuses: "emptyArrayUInt16()" };

#[derive(Default)]
pub(crate) struct Condition {
    /// Of a row of `traces`.
    pub(crate) sql: String,
    texts: Vec<String>,
    numbers: Vec<u64>,
}

impl Condition {
    pub(crate) fn new(expression: Option<&Expression>) -> Self {
        let mut condition = Self::default();
        condition.sql = expression.map_or_else(|| "true".to_owned(), |expression| condition.of(expression));
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
    fn compared(&mut self, value: &str, comparison: Comparison, with: f64) -> String {
        let sign = match comparison {
            Comparison::Equal => "=",
            Comparison::NotEqual => "!=",
            Comparison::Less => "<",
            Comparison::AtMost => "<=",
            Comparison::More => ">",
            Comparison::AtLeast => ">=",
        };
        self.numbers.push(with.to_bits());
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

    fn of(&mut self, expression: &Expression) -> String {
        let seconds = "1e9";
        match expression {
            Expression::And(parts) => all(parts.iter().map(|part| self.of(part))),
            Expression::Or(parts) => any(parts.iter().map(|part| self.of(part))),
            Expression::Not(inner) => format!("NOT {}", self.of(inner)),
            Expression::Is(Flag::Partial) => "partial = 1".to_owned(),
            Expression::Is(flag) => is(*flag, "flags"),
            Expression::Number(NumberOf::Duration, comparison, number) => {
                self.compared(&format!("(end_ns - start_ns) / {seconds}"), *comparison, *number)
            }
            Expression::Number(NumberOf::ResponseTime, comparison, number) => {
                self.compared(&format!("response_ns / {seconds}"), *comparison, *number)
            }
            Expression::Number(NumberOf::HttpStatus, comparison, number) => {
                format!("arrayExists(status -> {}, statuses)", self.compared("status", *comparison, *number))
            }
            Expression::Text(TextOf::Url, test, text) => self.any_of("urls", *test, text),
            Expression::Text(TextOf::Method, test, text) => self.any_of("methods", *test, text),
            Expression::Text(TextOf::User, test, text) => self.any_of("users", *test, text),
            Expression::Text(TextOf::Name, test, text) => self.tested("root", *test, text),
            Expression::Text(TextOf::Account, TextTest::NotEqual, text) => {
                format!("arrayExists(of_account -> of_account != {}, service_accounts)", self.text(text))
            }
            Expression::Text(TextOf::Account, _, text) => format!("has(service_accounts, {})", self.text(text)),
            Expression::Annotation(key, test) => {
                let mut conditions = vec![format!("of_name = {}", self.text(&normalized(key)))];
                match test {
                    None => {}
                    Some(AnnotationTest::Text(test, text)) => conditions.push(self.tested("of_text", *test, text)),
                    Some(AnnotationTest::Number(comparison, number)) => {
                        conditions.push(format!("ifNull({}, false)", self.compared("of_number", *comparison, *number)));
                    }
                }
                exists(&ANNOTATIONS, conditions)
            }
            Expression::Service(node, inner) => {
                // What sends no spans of its own, a table or a queue, is known by who calls it.
                let mut called = self.node("to", node);
                called.extend(inner.as_deref().map(|inner| self.inside(inner, &OF_EDGE)));
                let called = exists(&EDGES, called);
                if node.kind.as_ref().is_some_and(|kind| kind != "service") {
                    return called;
                }
                let mut own = self.node("of", &NodeTest { kind: None, ..node.clone() });
                own.extend(inner.as_deref().map(|inner| self.inside(inner, &OF_SERVICE)));
                any([exists(&SERVICES, own), called].into_iter())
            }
            Expression::Edge(from, to, inner) => {
                let mut conditions = self.node("from", from);
                conditions.extend(self.node("to", to));
                conditions.extend(inner.as_deref().map(|inner| self.inside(inner, &OF_EDGE)));
                exists(&EDGES, conditions)
            }
        }
    }

    fn any_of(&mut self, list: &str, test: TextTest, text: &str) -> String {
        match test {
            TextTest::Equal => format!("has({list}, {})", self.text(text)),
            // None of them is it, rather than one of them is not.
            TextTest::NotEqual => format!("NOT has({list}, {})", self.text(text)),
            _ => format!("arrayExists(value -> {}, {list})", self.tested("value", test, text)),
        }
    }

    fn node(&mut self, whose: &str, test: &NodeTest) -> Vec<String> {
        let parts = [("kind", &test.kind), ("account", &test.account), ("name", &test.name)];
        parts
            .into_iter()
            .filter_map(|(part, wanted)| Some(format!("{whose}_{part} = {}", self.text(wanted.as_deref()?))))
            .collect()
    }

    fn inside(&mut self, expression: &Expression, parts: &Parts) -> String {
        match expression {
            Expression::And(inner) => all(inner.iter().map(|inner| self.inside(inner, parts))),
            Expression::Or(inner) => any(inner.iter().map(|inner| self.inside(inner, parts))),
            Expression::Not(inner) => format!("NOT {}", self.inside(inner, parts)),
            Expression::Is(flag) => is(*flag, "of_flags"),
            Expression::Number(NumberOf::HttpStatus, comparison, number) => {
                format!("arrayExists(status -> {}, {})", self.compared("status", *comparison, *number), parts.statuses)
            }
            Expression::Number(_, comparison, number) => {
                self.compared(&format!("{} / 1e9", parts.longest_ns), *comparison, *number)
            }
            _ => "false".to_owned(),
        }
    }
}

fn is(flag: Flag, flags: &str) -> String {
    match flag {
        Flag::Ok => format!("bitAnd({flags}, 3) = 0"),
        Flag::Fault => format!("bitTest({flags}, 0)"),
        Flag::Error => format!("bitTest({flags}, 1)"),
        Flag::Throttle => format!("bitTest({flags}, 2)"),
        Flag::Partial => "false".to_owned(),
    }
}

fn all(conditions: impl Iterator<Item = String>) -> String {
    format!("({})", conditions.collect::<Vec<_>>().join(" AND "))
}

fn any(conditions: impl Iterator<Item = String>) -> String {
    format!("({})", conditions.collect::<Vec<_>>().join(" OR "))
}

/// Some element of these columns is so; only of those that are asked for.
fn exists(columns: &Columns, conditions: Vec<String>) -> String {
    let condition = all(conditions.into_iter());
    let asked: Vec<_> = columns.iter().filter(|(element, _)| condition.contains(element)).collect();
    let list = |which: fn(&(&'static str, &'static str)) -> &'static str| {
        asked.iter().map(|both| which(both)).collect::<Vec<_>>().join(", ")
    };
    match (asked.is_empty(), columns.first()) {
        (true, Some((_, column))) => format!("notEmpty({column})"),
        _ => format!("arrayExists(({}) -> {condition}, {})", list(|both| both.0), list(|both| both.1)),
    }
}
