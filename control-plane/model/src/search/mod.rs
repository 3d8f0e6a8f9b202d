//! X-Ray filter expressions: text to a tree, and what a tree says of a trace.
//! <https://docs.aws.amazon.com/xray/latest/devguide/aws-xray-interface-console.html#console-filters-syntax>
//!
//! | file | idea |
//! |---|---|
//! | `lexer` | text to tokens |
//! | `parser` | tokens to an [`Expression`] |
//! | `kinds` | what X-Ray calls types of services, as kinds of nodes here |
//! | `outline` | what a search looks at |
//! | `formula` | an expression in two parts: what the index answers, and attributes that no index has |
//! | `attributes` | these in spans as they were stored |
//! | `matching` | an expression against the outline of a trace |

mod attributes;
mod formula;
mod kinds;
mod lexer;
mod matching;
mod outline;
mod parser;

pub use crate::catalog::normalized;
pub use attributes::AttributeMatcher;
pub use formula::{Bits, Formula, bit};
pub use matching::{Matcher, Row};
pub use outline::{MAX_ENTRIES, Outline, Service, remember};
pub use slo::quoted;

use std::collections::BTreeSet;

/// What every span of a tenant is indexed by.
const ALWAYS: [&str; 2] = ["tenant.id", "tenant.tier"];

/// The expression that is true of a trace in which a span has this value: `attribute[key] = "value"`. The key is in quotes where it is no plain word:
/// keys come from whoever sends spans.
pub fn attribute(key: &str, value: &str) -> String {
    let key = if lexer::is_key(key) { key.to_owned() } else { quoted(key) };
    format!("attribute[{key}] = {}", quoted(value))
}

/// Text that is no filter expression, and where it stops being one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("column {column}: {message}")]
pub struct ExpressionError {
    /// The column of the error, from 1, in characters.
    pub column: usize,
    /// What is wrong there.
    pub message: String,
    /// Whether X-Ray would take the expression: what it asks for is not kept here.
    pub is_xrays: bool,
}

impl ExpressionError {
    /// An error at a byte of a text.
    fn at(text: &str, byte: usize, message: impl Into<String>) -> Self {
        Self { column: text[..byte].chars().count() + 1, message: message.into(), is_xrays: false }
    }
}

/// A filter expression.
#[derive(Debug, Clone, PartialEq)]
pub enum Expression {
    /// All of the expressions hold.
    And(Vec<Expression>),
    /// At least one of the expressions holds.
    Or(Vec<Expression>),
    /// It does not hold.
    Not(Box<Expression>),
    /// `ok`, `fault`, …
    Is(Flag),
    /// `duration > 8`, …
    Number(NumberOf, ComparisonOperator, f64),
    /// `http.url CONTAINS "x"`, …
    Text(TextOf, TextTest, String),
    /// `annotation[key] = …`; with no test: the annotation is there.
    Annotation(String, Option<AnnotationTest>),
    /// `attribute[key] = …`: what no index has.
    Attribute(Attribute),
    /// `service(…) { … }`
    Service(NodeTest, Option<Box<Expression>>),
    /// `edge(…, …) { … }`
    Edge(NodeTest, NodeTest, Option<Box<Expression>>),
}

/// What is true of a trace, a service in it, or an edge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flag {
    /// Neither fault nor error.
    Ok,
    /// A 4xx.
    Error,
    /// A 5xx, or failed otherwise.
    Fault,
    /// A 429.
    Throttle,
    /// A function started for it.
    ColdStart,
    /// A span's parent has not come.
    Partial,
}

/// Numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NumberOf {
    /// The time from the first start to the last end, in seconds.
    Duration,
    /// How long the root span took, in seconds.
    ResponseTime,
    /// Any HTTP status of a request.
    HttpStatus,
}

/// Texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TextOf {
    /// URL or path of a request.
    Url,
    /// HTTP method of a request.
    Method,
    /// User served.
    User,
    /// Account of a service in it.
    Account,
    /// Name of the root span.
    Name,
}

/// How numbers are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ComparisonOperator {
    /// `=`
    Equal,
    /// `!=`
    NotEqual,
    /// `<`
    Less,
    /// `<=`
    AtMost,
    /// `>`
    More,
    /// `>=`
    AtLeast,
}

impl ComparisonOperator {
    fn holds(self, left: f64, right: f64) -> bool {
        match self {
            Self::Equal => left == right,
            Self::NotEqual => left != right,
            Self::Less => left < right,
            Self::AtMost => left <= right,
            Self::More => left > right,
            Self::AtLeast => left >= right,
        }
    }
}

/// How texts are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TextTest {
    /// `=`
    Equal,
    /// `!=`
    NotEqual,
    /// `CONTAINS`
    Contains,
    /// `BEGINSWITH`
    BeginsWith,
    /// `ENDSWITH`
    EndsWith,
}

impl TextTest {
    fn holds(self, left: &str, right: &str) -> bool {
        match self {
            Self::Equal => left == right,
            Self::NotEqual => left != right,
            Self::Contains => left.contains(right),
            Self::BeginsWith => left.starts_with(right),
            Self::EndsWith => left.ends_with(right),
        }
    }
}

/// An attribute of a span, of one of its events, or of its sender.
#[derive(Debug, Clone, PartialEq)]
pub struct Attribute {
    /// Its name.
    pub key: AttributeKey,
    /// What it says, or `None` where it only has to be there. Of a list, one element does.
    pub test: Option<AnnotationTest>,
}

/// The name of an attribute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AttributeKey {
    /// The attribute with exactly this name.
    Exact(String),
    /// The key as X-Ray writes it, [`normalized`].
    Normalized(String),
}

/// How an annotation is tested: as text, or as a number.
#[derive(Debug, Clone, PartialEq)]
pub enum AnnotationTest {
    /// The annotation's value, compared as text.
    Text(TextTest, String),
    /// The annotation's value, compared as a number.
    Number(ComparisonOperator, f64),
}

impl AnnotationTest {
    fn holds(&self, value: &str) -> bool {
        match self {
            Self::Text(test, text) => test.holds(value, text),
            Self::Number(comparison, number) => value.parse().is_ok_and(|value| comparison.holds(value, *number)),
        }
    }
}

/// Matches nodes of the map. A field that is `None` matches anything.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NodeTest {
    /// Its name.
    pub name: Option<String>,
    /// Its kind: `service`, `DynamoDB`, `SNS`, …
    pub kind: Option<String>,
    /// Its account.
    pub account: Option<String>,
}

impl std::str::FromStr for Expression {
    type Err = ExpressionError;
    fn from_str(text: &str) -> Result<Self, ExpressionError> {
        parser::parse(text)
    }
}

impl Expression {
    /// The tenant that every match has served, if the expression demands one.
    pub fn tenant(&self) -> Option<&str> {
        match self {
            Self::And(parts) => parts.iter().find_map(Self::tenant),
            Self::Annotation(key, Some(AnnotationTest::Text(TextTest::Equal, value)))
                if normalized(key) == normalized("tenant.id") =>
            {
                Some(value)
            }
            _ => None,
        }
    }

    /// Whether spans have to be read for it.
    pub fn asks_for_attributes(&self) -> bool {
        match self {
            Self::And(parts) | Self::Or(parts) => parts.iter().any(Self::asks_for_attributes),
            Self::Not(inner) => inner.asks_for_attributes(),
            Self::Attribute(_) => true,
            _ => false,
        }
    }

    /// The annotations that it asks for, as X-Ray writes them, each once. Tenant and tier are there always.
    pub fn annotations(&self) -> BTreeSet<String> {
        match self {
            Self::And(parts) | Self::Or(parts) => parts.iter().flat_map(Self::annotations).collect(),
            Self::Not(inner) => inner.annotations(),
            Self::Annotation(key, _) => {
                let key = normalized(key);
                let is_there = ALWAYS.iter().any(|always| normalized(always) == key);
                Some(key).filter(|_| !is_there).into_iter().collect()
            }
            _ => BTreeSet::new(),
        }
    }

    /// The same, but of some annotations, as X-Ray writes them, the attributes of these names are asked for.
    pub fn with_attributes_for(&self, annotations: &BTreeSet<String>) -> Self {
        let all = |parts: &[Self]| parts.iter().map(|part| part.with_attributes_for(annotations)).collect();
        let changed = match self {
            Self::And(parts) => Self::And(all(parts)),
            Self::Or(parts) => Self::Or(all(parts)),
            Self::Not(inner) => Self::Not(Box::new(inner.with_attributes_for(annotations))),
            Self::Annotation(key, test) if annotations.contains(&normalized(key)) => {
                Self::Attribute(Attribute { key: AttributeKey::Normalized(normalized(key)), test: test.clone() })
            }
            same => same.clone(),
        };
        // One that would ask for too many finds none of them.
        if Formula::of(&changed).is_some_and(|formula| formula.is_too_large()) { self.clone() } else { changed }
    }
}
