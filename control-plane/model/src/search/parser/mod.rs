//! Turns tokens into an expression. What binds looser stands first: `any_of` reads what OR joins, `all_of` what AND joins, `not` one condition.
//!
//! | file | what it reads |
//! |---|---|
//! | `cursor` | the next token, and where an error is |
//! | `condition` | one condition, such as `duration > 8` |
//! | `node` | a service, as `service(…)` and `edge(…)` name it |

mod condition;
mod cursor;
mod node;

use super::{
    Expression, ExpressionError, Formula,
    lexer::{Token, tokens},
};

/// How deep an expression may nest.
const MAX_DEPTH: usize = 32;
/// The longest text that is read, in bytes.
const MAX_BYTES: usize = 4_096;

pub(super) fn parse(text: &str) -> Result<Expression, ExpressionError> {
    if text.len() > MAX_BYTES {
        return Err(ExpressionError::at(text, 0, format!("an expression has at most {MAX_BYTES} bytes")));
    }
    let mut parser = Parser { text, tokens: tokens(text)?, at: 0, depth: 0, only_in_xray: None };
    let expression = parser.any_of()?;
    if parser.at < parser.tokens.len() {
        return parser.expected("AND, OR or the end");
    }
    if Formula::of(&expression).is_some_and(|formula| formula.is_too_large()) {
        return Err(ExpressionError::at(text, 0, "this asks for more attributes than are looked for at once"));
    }
    // This error comes last: X-Ray would only take what is an expression to its end.
    parser.only_in_xray.map_or(Ok(expression), Err)
}

struct Parser<'a> {
    text: &'a str,
    /// Each token with the byte of the text at which it begins.
    tokens: Vec<(Token<'a>, usize)>,
    /// The index of the next token.
    at: usize,
    depth: usize,
    /// The first thing that X-Ray answers and nothing here does.
    only_in_xray: Option<ExpressionError>,
}

type Parsed<T> = Result<T, ExpressionError>;

impl Parser<'_> {
    /// Reads conditions that OR joins.
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

    /// Reads conditions that AND joins, or that stand side by side.
    fn all_of(&mut self) -> Parsed<Expression> {
        let mut parts = vec![self.not()?];
        // Conditions side by side all hold, as if there were an AND between them.
        while self.takes("&&") || self.takes("AND") || self.begins_condition() {
            parts.push(self.not()?);
        }
        Ok(one_or(parts, Expression::And))
    }

    /// Whether another condition follows without an AND before it.
    fn begins_condition(&self) -> bool {
        match self.token(self.at) {
            Some(Token::Word(word)) => !word.eq_ignore_ascii_case("OR"),
            Some(Token::Sign(sign)) => matches!(*sign, "!" | "("),
            _ => false,
        }
    }

    /// Reads a condition or an expression in brackets, which may be negated.
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
}

fn one_or(mut parts: Vec<Expression>, many: impl FnOnce(Vec<Expression>) -> Expression) -> Expression {
    if parts.len() == 1 { parts.remove(0) } else { many(parts) }
}

#[cfg(test)]
mod tests {
    use super::{
        super::{AnnotationTest, ComparisonOperator, Flag, NodeTest, NumberOf, TextOf, TextTest},
        *,
    };

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
            Expression::And(vec![
                tenant("tenant.id"),
                Expression::Number(NumberOf::Duration, ComparisonOperator::More, 8.0)
            ])
        );
        assert_eq!(parsed("annotation.tenant_id = \"oceanic\""), tenant("tenant_id"));
        assert_eq!(parsed("Annotation.Tenant_id = \"oceanic\""), tenant("Tenant_id"));
        assert_eq!(parsed("fault"), Expression::Is(Flag::Fault));
        assert_eq!(
            parsed("http.status = 500"),
            Expression::Number(NumberOf::HttpStatus, ComparisonOperator::Equal, 500.0)
        );
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
        let quick = Expression::Number(NumberOf::Duration, ComparisonOperator::Less, 3.0);
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
