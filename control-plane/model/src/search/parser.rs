//! Tokens to an expression.

use super::{
    AnnotationTest, Comparison, Expression, ExpressionError, Flag, NodeTest, NumberOf, TextOf, TextTest,
    kinds::kind,
    lexer::{Placed, Token, tokens},
};

/// How deep an expression may nest.
const MAX_DEPTH: usize = 32;
/// Longest text read, in bytes.
const MAX_BYTES: usize = 4_096;

/// Parts of X-Ray's language that ask for what is not kept here, by what follows them.
const FLAGS_ELSEWHERE: [&str; 5] = ["inferred", "first", "last", "remote", "root"];
const NUMBERS_ELSEWHERE: [&str; 2] = ["index", "coverage"];
const TEXTS_ELSEWHERE: [&str; 8] = [
    "type",
    "http.useragent",
    "http.clientip",
    "message",
    "availabilityzone",
    "instance.id",
    "resource.arn",
    "group.name",
];

#[derive(Clone, Copy)]
enum Keyword {
    Flag(Flag),
    Number(NumberOf),
    Text(TextOf),
    Service,
    Edge,
}

const KEYWORDS: [(&str, Keyword); 15] = [
    ("ok", Keyword::Flag(Flag::Ok)),
    ("error", Keyword::Flag(Flag::Error)),
    ("fault", Keyword::Flag(Flag::Fault)),
    ("throttle", Keyword::Flag(Flag::Throttle)),
    ("partial", Keyword::Flag(Flag::Partial)),
    ("duration", Keyword::Number(NumberOf::Duration)),
    ("responsetime", Keyword::Number(NumberOf::ResponseTime)),
    ("http.status", Keyword::Number(NumberOf::HttpStatus)),
    ("http.url", Keyword::Text(TextOf::Url)),
    ("http.method", Keyword::Text(TextOf::Method)),
    ("user", Keyword::Text(TextOf::User)),
    ("account.id", Keyword::Text(TextOf::Account)),
    ("name", Keyword::Text(TextOf::Name)),
    ("service", Keyword::Service),
    ("edge", Keyword::Edge),
];

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
        return Err(ExpressionError::at(1, format!("an expression has at most {MAX_BYTES} bytes")));
    }
    let tokens = tokens(text)?;
    let mut parser = Parser { tokens: &tokens, at: 0, end: text.chars().count() + 1, depth: 0, elsewhere: None };
    let expression = parser.any_of()?;
    if parser.peek().is_some() {
        return Err(parser.error("expected AND, OR or the end"));
    }
    // Only what is an expression to its end is one that X-Ray would take.
    parser.elsewhere.map_or(Ok(expression), Err)
}

struct Parser<'a> {
    tokens: &'a [Placed],
    at: usize,
    /// The column behind the text.
    end: usize,
    depth: usize,
    /// The first thing that X-Ray answers and nothing here does.
    elsewhere: Option<ExpressionError>,
}

type Parsed<T> = Result<T, ExpressionError>;

impl<'a> Parser<'a> {
    fn peek(&self) -> Option<&'a Token> {
        self.tokens.get(self.at).map(|(token, _)| token)
    }

    fn next(&mut self) -> Option<&'a Token> {
        self.at += 1;
        self.tokens.get(self.at - 1).map(|(token, _)| token)
    }

    /// An error at the next token.
    fn error(&self, message: impl Into<String>) -> ExpressionError {
        let column = self.tokens.get(self.at).map_or(self.end, |(_, column)| *column);
        ExpressionError::at(column, message)
    }

    /// Remembers that the next token asks for what is not kept here.
    fn note_elsewhere(&mut self, message: impl Into<String>) {
        let error = ExpressionError { is_xrays: true, ..self.error(message) };
        self.elsewhere.get_or_insert(error);
    }

    fn takes(&mut self, sign: &str) -> bool {
        let found = matches!(self.peek(), Some(Token::Sign(found)) if *found == sign);
        self.at += usize::from(found);
        found
    }

    fn takes_word(&mut self, word: &str) -> bool {
        let found = matches!(self.peek(), Some(Token::Word(found)) if found.eq_ignore_ascii_case(word));
        self.at += usize::from(found);
        found
    }

    fn expect(&mut self, sign: &str) -> Parsed<()> {
        if self.takes(sign) { Ok(()) } else { Err(self.error(format!("expected {sign:?}"))) }
    }

    fn any_of(&mut self) -> Parsed<Expression> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(self.error("nested too deep"));
        }
        let mut parts = vec![self.all_of()?];
        while self.takes("||") || self.takes_word("OR") {
            parts.push(self.all_of()?);
        }
        self.depth -= 1;
        Ok(one_or(parts, Expression::Or))
    }

    fn all_of(&mut self) -> Parsed<Expression> {
        let mut parts = vec![self.not()?];
        // Conditions side by side all hold, as if there were an AND between them.
        while self.takes("&&") || self.takes_word("AND") || self.begins_condition() {
            parts.push(self.not()?);
        }
        Ok(one_or(parts, Expression::And))
    }

    fn begins_condition(&self) -> bool {
        match self.peek() {
            Some(Token::Word(word)) => !word.eq_ignore_ascii_case("OR"),
            Some(Token::Sign(sign)) => matches!(*sign, "!" | "("),
            _ => false,
        }
    }

    fn not(&mut self) -> Parsed<Expression> {
        let mut negated = false;
        while self.takes("!") || self.takes_word("NOT") {
            negated = !negated;
        }
        let term = if self.takes("(") {
            let inner = self.any_of()?;
            self.expect(")")?;
            inner
        } else {
            self.term()?
        };
        Ok(if negated { Expression::Not(Box::new(term)) } else { term })
    }

    fn term(&mut self) -> Parsed<Expression> {
        let Some(Token::Word(word)) = self.peek() else { return Err(self.error("expected a keyword")) };
        let lower = word.to_ascii_lowercase();
        if let Some(key) = lower.strip_prefix("annotation").filter(|key| key.is_empty() || key.starts_with('.')) {
            // The key keeps its case.
            let key = word.get(word.len() - key.len() + usize::from(!key.is_empty())..).unwrap_or_default().to_owned();
            return self.annotation(key);
        }
        if let Some(elsewhere) = self.elsewhere(word, &lower)? {
            return Ok(elsewhere);
        }
        let Some((_, keyword)) = KEYWORDS.into_iter().find(|(known, _)| *known == lower) else {
            return Err(self.error(format!("{word:?} is no keyword")));
        };
        self.next();
        match keyword {
            Keyword::Flag(flag) => self.flag(flag),
            Keyword::Number(of) => Ok(Expression::Number(of, self.comparison()?, self.number()?)),
            Keyword::Text(of) => Ok(Expression::Text(of, self.text_test()?, self.text()?)),
            Keyword::Service => {
                self.expect("(")?;
                let node = if self.takes(")") { NodeTest::default() } else { self.closed_node()? };
                Ok(Expression::Service(node, self.within()?))
            }
            Keyword::Edge => {
                self.expect("(")?;
                let from = self.node()?;
                self.expect(",")?;
                let to = self.closed_node()?;
                Ok(Expression::Edge(from, to, self.within()?))
            }
        }
    }

    /// What X-Ray answers and nothing here does: read, so that what is wrong with the rest is told, and refused by name in the end.
    fn elsewhere(&mut self, word: &str, lower: &str) -> Parsed<Option<Expression>> {
        let is = |list: &[&str]| list.contains(&lower);
        let is_cause = lower.contains("rootcause");
        if !is_cause && !is(&FLAGS_ELSEWHERE) && !is(&NUMBERS_ELSEWHERE) && !is(&TEXTS_ELSEWHERE) {
            return Ok(None);
        }
        self.note_elsewhere(format!("{word} is X-Ray's, but nothing here answers it"));
        self.next();
        if is(&FLAGS_ELSEWHERE) {
            return self.flag(Flag::Ok).map(Some);
        }
        if is(&NUMBERS_ELSEWHERE) || (is_cause && self.comparison_follows_with_number()) {
            self.comparison()?;
            self.number()?;
        } else if is(&TEXTS_ELSEWHERE) || matches!(self.peek(), Some(Token::Sign("=" | "!="))) {
            self.text_test()?;
            self.text()?;
        }
        Ok(Some(Expression::Is(Flag::Ok)))
    }

    fn comparison_follows_with_number(&self) -> bool {
        matches!(self.tokens.get(self.at + 1), Some((Token::Number(_), _)))
    }

    /// `fault`, `fault = true`, `fault != true`
    fn flag(&mut self, flag: Flag) -> Parsed<Expression> {
        let is = Expression::Is(flag);
        let not = self.takes("!=");
        if !not && !self.takes("=") {
            return Ok(is);
        }
        let value = self.takes_word("true");
        if !value && !self.takes_word("false") {
            return Err(self.error("expected true or false"));
        }
        Ok(if value == not { Expression::Not(Box::new(is)) } else { is })
    }

    /// `annotation.key …`, `annotation[key] …`
    fn annotation(&mut self, key: String) -> Parsed<Expression> {
        self.next();
        let key = if key.is_empty() {
            self.expect("[")?;
            let key = match self.peek() {
                Some(Token::Word(key) | Token::Text(key)) => key.clone(),
                _ => return Err(self.error("expected the annotation's name")),
            };
            self.next();
            self.expect("]")?;
            key
        } else {
            key
        };
        // `=` and `!=` compare both texts and numbers.
        let start = self.at;
        let tested = self.one_of(&TEXT_TESTS);
        let tested_until = std::mem::replace(&mut self.at, start);
        let compared = self.one_of(&COMPARISONS);
        self.at = self.at.max(tested_until);
        let value = self.peek();
        let test = match (compared, tested, value) {
            (None, None, _) => return Ok(Expression::Annotation(key, None)),
            (Some(comparison), _, Some(Token::Number(number))) => AnnotationTest::Number(comparison, *number),
            (_, Some(test), Some(Token::Text(text))) => AnnotationTest::Text(test, text.clone()),
            (_, Some(test), Some(Token::Word(word))) if matches!(word.as_str(), "true" | "false") => {
                AnnotationTest::Text(test, word.clone())
            }
            (_, Some(_), _) => return Err(self.error("expected a string in quotes")),
            (Some(_), None, _) => return Err(self.error("expected a number")),
        };
        self.next();
        Ok(Expression::Annotation(key, Some(test)))
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
            let end = std::mem::replace(&mut self.at, start);
            self.note_elsewhere("here only ok, error, fault, throttle, duration, responsetime and http.status fit");
            self.at = end;
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
        if !self.takes_word("id") {
            return Ok(NodeTest { name: Some(self.text()?), ..NodeTest::default() });
        }
        self.expect("(")?;
        let mut node = NodeTest::default();
        loop {
            if self.takes_word("name") {
                node.name = Some(self.field()?);
            } else if self.takes_word("type") {
                let column = self.at + 1;
                let given = self.field()?;
                if kind(&given).is_none() {
                    let end = std::mem::replace(&mut self.at, column);
                    self.note_elsewhere(format!("{given} is a type of X-Ray's, but nothing here is of it"));
                    self.at = end;
                }
                node.kind = kind(&given).map(str::to_owned);
            } else if self.takes_word("account.id") {
                node.account = Some(self.field()?);
            } else {
                return Err(self.error("expected name, type or account.id"));
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

    /// The one of these that is next, if one is.
    fn one_of<T: Copy>(&mut self, known: &[(&str, T)]) -> Option<T> {
        let found = known.iter().find(|(name, _)| self.takes(name) || self.takes_word(name));
        found.map(|(_, value)| *value)
    }

    fn comparison(&mut self) -> Parsed<Comparison> {
        self.one_of(&COMPARISONS).ok_or_else(|| self.error("expected =, !=, <, <=, > or >="))
    }

    fn text_test(&mut self) -> Parsed<TextTest> {
        self.one_of(&TEXT_TESTS).ok_or_else(|| self.error("expected =, !=, CONTAINS, BEGINSWITH or ENDSWITH"))
    }

    fn text(&mut self) -> Parsed<String> {
        let Some(Token::Text(text)) = self.peek() else { return Err(self.error("expected a string in quotes")) };
        self.next();
        Ok(text.clone())
    }

    fn number(&mut self) -> Parsed<f64> {
        let Some(Token::Number(number)) = self.peek() else { return Err(self.error("expected a number")) };
        self.next();
        Ok(*number)
    }
}

fn one_or(mut parts: Vec<Expression>, many: impl FnOnce(Vec<Expression>) -> Expression) -> Expression {
    match parts.pop() {
        Some(only) if parts.is_empty() => only,
        last => many(parts.into_iter().chain(last).collect()),
    }
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
