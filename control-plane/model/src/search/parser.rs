//! Tokens to an expression.

use super::{
    ALWAYS, AnnotationTest, Attribute, AttributeKey, Comparison, Expression, ExpressionError, Flag, Formula, NodeTest,
    NumberOf, TextOf, TextTest,
    kinds::kind,
    lexer::{Token, tokens},
};

/// How deep an expression may nest.
const MAX_DEPTH: usize = 32;
/// Longest text read, in bytes.
const MAX_BYTES: usize = 4_096;

const COMPARISONS: [(&str, Comparison); 6] = [
    ("=", Comparison::Equal),
    ("!=", Comparison::NotEqual),
    ("<", Comparison::Less),
    ("<=", Comparison::AtMost),
    (">", Comparison::More),
    (">=", Comparison::AtLeast),
];

const TEXT_TESTS: [(&str, TextTest); 5] = [
    ("=", TextTest::Equal),
    ("!=", TextTest::NotEqual),
    ("CONTAINS", TextTest::Contains),
    ("BEGINSWITH", TextTest::BeginsWith),
    ("ENDSWITH", TextTest::EndsWith),
];

pub(super) fn parse(text: &str) -> Result<Expression, ExpressionError> {
    if text.len() > MAX_BYTES {
        return Err(ExpressionError::at(text, 0, format!("an expression has at most {MAX_BYTES} bytes")));
    }
    let mut parser = Parser { text, tokens: tokens(text)?, at: 0, depth: 0, elsewhere: None };
    let expression = parser.any_of()?;
    if parser.at < parser.tokens.len() {
        return parser.expected("AND, OR or the end");
    }
    if Formula::of(&expression).is_some_and(|formula| formula.is_too_large()) {
        return Err(ExpressionError::at(text, 0, "this asks for more attributes than are looked for at once"));
    }
    // Only what is an expression to its end is one that X-Ray would take.
    parser.elsewhere.map_or(Ok(expression), Err)
}

struct Parser<'a> {
    text: &'a str,
    tokens: Vec<(Token<'a>, usize)>,
    /// The next of them.
    at: usize,
    depth: usize,
    /// The first thing that X-Ray answers and nothing here does.
    elsewhere: Option<ExpressionError>,
}

type Parsed<T> = Result<T, ExpressionError>;

impl<'a> Parser<'a> {
    fn token(&self, at: usize) -> Option<&Token<'a>> {
        self.tokens.get(at).map(|(token, _)| token)
    }

    fn error(&self, at: usize, message: impl Into<String>) -> ExpressionError {
        let byte = self.tokens.get(at).map_or(self.text.len(), |(_, byte)| *byte);
        ExpressionError::at(self.text, byte, message)
    }

    fn expected<T>(&self, what: &str) -> Parsed<T> {
        Err(self.error(self.at, format!("expected {what}")))
    }

    /// Remembers that a token asks for what is not kept here.
    fn note_elsewhere(&mut self, at: usize, message: impl Into<String>) {
        let error = ExpressionError { is_xrays: true, ..self.error(at, message) };
        self.elsewhere.get_or_insert(error);
    }

    /// Reads this sign or word, if it is next.
    fn takes(&mut self, what: &str) -> bool {
        let found = match self.token(self.at) {
            Some(Token::Sign(sign)) => *sign == what,
            Some(Token::Word(word)) => word.eq_ignore_ascii_case(what),
            _ => false,
        };
        self.at += usize::from(found);
        found
    }

    /// Reads the one of these that is next, if one is.
    fn one_of<T: Copy>(&mut self, known: &[(&str, T)]) -> Option<T> {
        known.iter().find(|(name, _)| self.takes(name)).map(|(_, value)| *value)
    }

    fn expect(&mut self, sign: &str) -> Parsed<()> {
        if self.takes(sign) { Ok(()) } else { self.expected(&format!("{sign:?}")) }
    }

    fn any_of(&mut self) -> Parsed<Expression> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(self.error(self.at, "nested too deep"));
        }
        let mut parts = vec![self.all_of()?];
        while self.takes("||") || self.takes("OR") {
            parts.push(self.all_of()?);
        }
        self.depth -= 1;
        Ok(one_or(parts, Expression::Or))
    }

    fn all_of(&mut self) -> Parsed<Expression> {
        let mut parts = vec![self.not()?];
        // Conditions side by side all hold, as if there were an AND between them.
        while self.takes("&&") || self.takes("AND") || self.begins_condition() {
            parts.push(self.not()?);
        }
        Ok(one_or(parts, Expression::And))
    }

    fn begins_condition(&self) -> bool {
        match self.token(self.at) {
            Some(Token::Word(word)) => !word.eq_ignore_ascii_case("OR"),
            Some(Token::Sign(sign)) => matches!(*sign, "!" | "("),
            _ => false,
        }
    }

    fn not(&mut self) -> Parsed<Expression> {
        let mut negated = false;
        while self.takes("!") || self.takes("NOT") {
            negated = !negated;
        }
        let condition = if self.takes("(") {
            let inner = self.any_of()?;
            self.expect(")")?;
            inner
        } else {
            self.condition()?
        };
        Ok(if negated { Expression::Not(Box::new(condition)) } else { condition })
    }

    fn condition(&mut self) -> Parsed<Expression> {
        let Some(Token::Word(word)) = self.token(self.at) else { return self.expected("a keyword") };
        let (word, lower) = (*word, word.to_ascii_lowercase());
        if lower == "annotation" || lower.starts_with("annotation.") {
            let (key, test) = self.keyed(word)?;
            return Ok(Expression::Annotation(key, test));
        }
        if lower == "attribute" || lower.starts_with("attribute.") {
            let (key, test) = self.keyed(word)?;
            if ALWAYS.contains(&key.as_str()) {
                return Ok(Expression::Annotation(key, test));
            }
            return Ok(Expression::Attribute(Attribute { key: AttributeKey::Exact(key), test }));
        }
        let at = self.at;
        self.at += 1;
        match lower.as_str() {
            "ok" => self.flag(Flag::Ok),
            "error" => self.flag(Flag::Error),
            "fault" => self.flag(Flag::Fault),
            "throttle" => self.flag(Flag::Throttle),
            // Ours: X-Ray has no word for it.
            "coldstart" => self.flag(Flag::ColdStart),
            "partial" => self.flag(Flag::Partial),
            "duration" => self.compared(NumberOf::Duration),
            "responsetime" => self.compared(NumberOf::ResponseTime),
            "http.status" => self.compared(NumberOf::HttpStatus),
            "http.url" => self.tested(TextOf::Url),
            "http.method" => self.tested(TextOf::Method),
            "user" => self.tested(TextOf::User),
            "account.id" => self.tested(TextOf::Account),
            "name" => self.tested(TextOf::Name),
            "service" => {
                self.expect("(")?;
                let node = if self.takes(")") { NodeTest::default() } else { self.closed_node()? };
                Ok(Expression::Service(node, self.within()?))
            }
            "edge" => {
                self.expect("(")?;
                let from = self.node()?;
                self.expect(",")?;
                let to = self.closed_node()?;
                Ok(Expression::Edge(from, to, self.within()?))
            }
            _ => self.elsewhere(at, word, &lower),
        }
    }

    /// What X-Ray answers and nothing here does: read like something else, so that what is wrong with the rest is told, and refused by
    /// name in the end.
    fn elsewhere(&mut self, at: usize, word: &str, lower: &str) -> Parsed<Expression> {
        self.note_elsewhere(at, format!("{word} is X-Ray's, but nothing here answers it"));
        match lower {
            "inferred" | "first" | "last" | "remote" | "root" => self.flag(Flag::Ok),
            "index" | "coverage" => self.compared(NumberOf::Duration),
            "type" | "message" | "http.useragent" | "http.clientip" | "availabilityzone" | "instance.id"
            | "resource.arn" | "group.name" => self.tested(TextOf::Name),
            cause if cause.contains("rootcause") => match (self.token(at + 1), self.token(at + 2)) {
                (_, Some(Token::Number(_))) => self.compared(NumberOf::Duration),
                (Some(Token::Sign("=" | "!=")), _) => self.tested(TextOf::Name),
                _ => Ok(Expression::Is(Flag::Ok)),
            },
            _ => Err(self.error(at, format!("{word:?} is no keyword"))),
        }
    }

    /// `fault`, `fault = true`, `fault != true`
    fn flag(&mut self, flag: Flag) -> Parsed<Expression> {
        let is = Expression::Is(flag);
        let not = self.takes("!=");
        if !not && !self.takes("=") {
            return Ok(is);
        }
        let value = self.takes("true");
        if !value && !self.takes("false") {
            return self.expected("true or false");
        }
        Ok(if value == not { Expression::Not(Box::new(is)) } else { is })
    }

    /// `duration > 8`
    fn compared(&mut self, of: NumberOf) -> Parsed<Expression> {
        let Some(comparison) = self.one_of(&COMPARISONS) else { return self.expected("=, !=, <, <=, > or >=") };
        let Some(Token::Number(number)) = self.token(self.at) else { return self.expected("a number") };
        let compared = Expression::Number(of, comparison, *number);
        self.at += 1;
        Ok(compared)
    }

    /// `http.url CONTAINS "x"`
    fn tested(&mut self, of: TextOf) -> Parsed<Expression> {
        let Some(test) = self.one_of(&TEXT_TESTS) else {
            return self.expected("=, !=, CONTAINS, BEGINSWITH or ENDSWITH");
        };
        Ok(Expression::Text(of, test, self.text()?))
    }

    /// `annotation.key …`, `annotation[key] …`, and the same of an attribute.
    fn keyed(&mut self, word: &str) -> Parsed<(String, Option<AnnotationTest>)> {
        self.at += 1;
        let key = match word.split_once('.') {
            Some((_, key)) if !key.is_empty() => key.to_owned(),
            _ => {
                self.expect("[")?;
                let key = match self.token(self.at) {
                    Some(Token::Word(key)) => (*key).to_owned(),
                    Some(Token::Text(key)) => key.clone(),
                    _ => return self.expected("a name"),
                };
                self.at += 1;
                self.expect("]")?;
                key
            }
        };
        let compared = self.one_of(&COMPARISONS);
        let tested = match compared {
            None => self.one_of(&TEXT_TESTS),
            Some(Comparison::Equal) => Some(TextTest::Equal),
            Some(Comparison::NotEqual) => Some(TextTest::NotEqual),
            Some(_) => None,
        };
        let test = match (self.token(self.at), compared, tested) {
            (_, None, None) => return Ok((key, None)),
            (Some(Token::Number(number)), Some(comparison), _) => AnnotationTest::Number(comparison, *number),
            (Some(Token::Text(text)), _, Some(test)) => AnnotationTest::Text(test, text.clone()),
            (Some(Token::Word(truth @ ("true" | "false"))), _, Some(test)) => {
                AnnotationTest::Text(test, (*truth).to_owned())
            }
            (_, _, Some(_)) => return self.expected("a string in quotes"),
            (_, _, None) => return self.expected("a number"),
        };
        self.at += 1;
        Ok((key, Some(test)))
    }

    /// `{ … }`, if it is there.
    fn within(&mut self) -> Parsed<Option<Box<Expression>>> {
        if !self.takes("{") {
            return Ok(None);
        }
        let start = self.at;
        let inner = self.any_of()?;
        self.expect("}")?;
        if !fits_inside(&inner) {
            let fitting = "here only ok, error, fault, throttle, coldstart, duration, responsetime and http.status fit";
            self.note_elsewhere(start, fitting);
        }
        Ok(Some(Box::new(inner)))
    }

    fn closed_node(&mut self) -> Parsed<NodeTest> {
        let node = self.node()?;
        self.expect(")")?;
        Ok(node)
    }

    /// `"name"`, or `id(name: "…", type: "…", account.id: "…")`
    fn node(&mut self) -> Parsed<NodeTest> {
        let mut node = NodeTest::default();
        if !self.takes("id") {
            node.name = Some(self.text()?);
            return Ok(node);
        }
        self.expect("(")?;
        loop {
            if self.takes("name") {
                node.name = Some(self.field()?);
            } else if self.takes("type") {
                let given = self.field()?;
                node.kind = kind(&given).map(str::to_owned);
                if node.kind.is_none() {
                    let message = format!("{given} is a type of X-Ray's, but nothing here is of it");
                    self.note_elsewhere(self.at - 1, message);
                }
            } else if self.takes("account.id") {
                node.account = Some(self.field()?);
            } else {
                return self.expected("name, type or account.id");
            }
            if !self.takes(",") {
                self.expect(")")?;
                return Ok(node);
            }
        }
    }

    /// `: "…"`
    fn field(&mut self) -> Parsed<String> {
        self.expect(":")?;
        self.text()
    }

    fn text(&mut self) -> Parsed<String> {
        let Some(Token::Text(text)) = self.token(self.at) else { return self.expected("a string in quotes") };
        let text = text.clone();
        self.at += 1;
        Ok(text)
    }
}

fn one_or(mut parts: Vec<Expression>, many: impl FnOnce(Vec<Expression>) -> Expression) -> Expression {
    if parts.len() == 1 { parts.remove(0) } else { many(parts) }
}

/// Whether it can be asked of one service or edge.
fn fits_inside(expression: &Expression) -> bool {
    match expression {
        Expression::And(parts) | Expression::Or(parts) => parts.iter().all(fits_inside),
        Expression::Not(inner) => fits_inside(inner),
        Expression::Is(flag) => *flag != Flag::Partial,
        Expression::Number(..) => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Expression {
        parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    #[test]
    fn the_expressions_of_the_issue() {
        let tenant = |key: &str| {
            let test = AnnotationTest::Text(TextTest::Equal, "oceanic".into());
            Expression::Annotation(key.into(), Some(test))
        };
        assert_eq!(
            parsed("annotation[tenant.id] = \"oceanic\" AND duration > 8"),
            Expression::And(vec![tenant("tenant.id"), Expression::Number(NumberOf::Duration, Comparison::More, 8.0)])
        );
        assert_eq!(parsed("annotation.tenant_id = \"oceanic\""), tenant("tenant_id"));
        assert_eq!(parsed("Annotation.Tenant_id = \"oceanic\""), tenant("Tenant_id"));
        assert_eq!(parsed("fault"), Expression::Is(Flag::Fault));
        assert_eq!(parsed("http.status = 500"), Expression::Number(NumberOf::HttpStatus, Comparison::Equal, 500.0));
        let mileage = NodeTest { name: Some("mileage".into()), ..NodeTest::default() };
        assert_eq!(parsed("service(\"mileage\")"), Expression::Service(mileage.clone(), None));
        let booking = NodeTest { name: Some("booking".into()), ..NodeTest::default() };
        assert_eq!(
            parsed("edge(\"booking\", \"mileage\") { fault }"),
            Expression::Edge(booking, mileage, Some(Box::new(Expression::Is(Flag::Fault))))
        );
        assert_eq!(
            parsed("account.id = \"222222222222\""),
            Expression::Text(TextOf::Account, TextTest::Equal, "222222222222".into())
        );
    }

    #[test]
    fn and_binds_closer_than_or_and_brackets_closest() {
        let (ok, fault, error) = (Expression::Is(Flag::Ok), Expression::Is(Flag::Fault), Expression::Is(Flag::Error));
        assert_eq!(
            parsed("ok OR fault && error"),
            Expression::Or(vec![ok.clone(), Expression::And(vec![fault.clone(), error.clone()])])
        );
        assert_eq!(
            parsed("(ok || fault) AND !error"),
            Expression::And(vec![Expression::Or(vec![ok, fault.clone()]), Expression::Not(Box::new(error))])
        );
        assert_eq!(parsed("fault = false"), Expression::Not(Box::new(fault)));
    }

    #[test]
    fn errors_point_at_the_column() {
        for (text, column) in [
            ("", 1),
            ("duration >", 11),
            ("duration > \"8\"", 12),
            ("annotation[tenant.id = \"x\"", 22),
            ("fault AND", 10),
            ("fault 7", 7),
            ("duration IS > 2", 10),
            ("fault )", 7),
            ("service(id(name: \"a\", type: \"AWS::EC2::Instance\"))", 29),
            ("type = \"AWS::Lambda::Function\"", 1),
            ("http.useragent CONTAINS \"curl\" fault", 1),
            ("nonsense = 1", 1),
            ("http.url CONTAINS \"x", 19),
            ("fault AND ä ; ok", 13),
            ("service(\"a\") { user = \"b\" }", 16),
            ("edge(\"a\" \"b\")", 10),
            ("root", 1),
            ("service(id(nme: \"a\"))", 12),
        ] {
            let error = parse(text).expect_err(text);
            assert_eq!(error.column, column, "{text}: {error}");
        }
        assert!(parse(&"(".repeat(5_000)).is_err());
        assert!(parse(&format!("{}fault{}", "(".repeat(100), ")".repeat(100))).is_err());
        assert!(parse(&"!".repeat(4_000)).is_err());
    }

    #[test]
    fn conditions_side_by_side_all_hold() {
        let partial = Expression::Not(Box::new(Expression::Is(Flag::Partial)));
        let quick = Expression::Number(NumberOf::Duration, Comparison::Less, 3.0);
        assert_eq!(
            parsed("ok !partial duration <3"),
            Expression::And(vec![Expression::Is(Flag::Ok), partial.clone(), quick.clone()])
        );
        for (side_by_side, spelt) in [
            ("fault OR ok error", "fault OR (ok AND error)"),
            ("annotation[a] annotation.b = \"x\"(ok)", "annotation[a] AND annotation.b = \"x\" AND ok"),
            (
                "service(\"a\") { fault responsetime > 2 } http.method = \"POST\"",
                "service(\"a\") { fault AND responsetime > 2 } AND http.method = \"POST\"",
            ),
            ("annotation[k] NOT fault", "annotation[k] AND !fault"),
            ("annotation[aws:k/x] fault", "annotation[\"aws:k/x\"] AND fault"),
        ] {
            assert_eq!(parsed(side_by_side), parsed(spelt), "{side_by_side}");
        }
    }

    #[test]
    fn types_of_xray_are_kinds_here() {
        for (given, expected) in [
            ("AWS::Lambda::Function", "service"),
            ("AWS::Lambda", "service"),
            ("AWS::ApiGateway::Stage", "API Gateway"),
            ("AWS::DynamoDB::Table", "DynamoDB"),
            ("AWS::SNS", "SNS"),
            ("AWS::SNS::Topic", "SNS"),
            ("AWS::SQS::Queue", "SQS"),
            ("AWS::S3::Bucket", "S3"),
            ("AWS::SecretsManager", "Secrets Manager"),
            ("aws::lambda::function", "service"),
            ("client", "client"),
            ("remote", "HTTP"),
            ("DynamoDB", "DynamoDB"),
            ("postgresql", "postgresql"),
        ] {
            let node = NodeTest { kind: Some(expected.into()), ..NodeTest::default() };
            assert_eq!(parsed(&format!("service(id(type: {given:?}))")), Expression::Service(node, None), "{given}");
        }
    }

    #[test]
    fn what_is_xrays_is_told_from_what_is_nothing() {
        for (text, is_xrays) in [
            ("root", true),
            ("first = true AND fault", true),
            ("coverage > 0.5", true),
            ("http.clientip = \"10.0.0.1\"", true),
            ("rootcause.fault.service { entity }", false),
            ("responsetime.rootcause.service = \"a\"", true),
            ("service(id(type: \"AWS::EC2::Instance\")) { fault }", true),
            ("service(\"a\") { user = \"b\" }", true),
            ("root AND", false),
            ("index > \"x\"", false),
            ("nonsense", false),
        ] {
            assert_eq!(parse(text).expect_err(text).is_xrays, is_xrays, "{text}");
        }
    }
}
