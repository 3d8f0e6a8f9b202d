//! One condition, such as `duration > 8`.

use super::{
    super::{
        ALWAYS, AnnotationTest, Attribute, AttributeKey, ComparisonOperator, Expression, Flag, NodeTest, NumberOf,
        TextOf, TextTest,
    },
    Parsed, Parser, Token,
};

const COMPARISONS: [(&str, ComparisonOperator); 6] = [
    ("=", ComparisonOperator::Equal),
    ("!=", ComparisonOperator::NotEqual),
    ("<", ComparisonOperator::Less),
    ("<=", ComparisonOperator::AtMost),
    (">", ComparisonOperator::More),
    (">=", ComparisonOperator::AtLeast),
];

const TEXT_TESTS: [(&str, TextTest); 5] = [
    ("=", TextTest::Equal),
    ("!=", TextTest::NotEqual),
    ("CONTAINS", TextTest::Contains),
    ("BEGINSWITH", TextTest::BeginsWith),
    ("ENDSWITH", TextTest::EndsWith),
];

impl Parser<'_> {
    pub(super) fn condition(&mut self) -> Parsed<Expression> {
        let Some(Token::Word(word)) = self.token(self.at) else { return self.expected("a keyword") };
        let (word, lower) = (*word, word.to_ascii_lowercase());
        if lower == "annotation" || lower.starts_with("annotation.") {
            let (key, test) = self.key_and_test(word)?;
            return Ok(Expression::Annotation(key, test));
        }
        if lower == "attribute" || lower.starts_with("attribute.") {
            let (key, test) = self.key_and_test(word)?;
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
            // X-Ray has no keyword for cold starts.
            "coldstart" => self.flag(Flag::ColdStart),
            "partial" => self.flag(Flag::Partial),
            "duration" => self.number_condition(NumberOf::Duration),
            "responsetime" => self.number_condition(NumberOf::ResponseTime),
            "http.status" => self.number_condition(NumberOf::HttpStatus),
            "http.url" => self.text_condition(TextOf::Url),
            "http.method" => self.text_condition(TextOf::Method),
            "user" => self.text_condition(TextOf::User),
            "account.id" => self.text_condition(TextOf::Account),
            "name" => self.text_condition(TextOf::Name),
            "service" => {
                self.expect("(")?;
                let node = if self.takes(")") { NodeTest::default() } else { self.closed_node()? };
                Ok(Expression::Service(node, self.in_braces()?))
            }
            "edge" => {
                self.expect("(")?;
                let from = self.node()?;
                self.expect(",")?;
                let to = self.closed_node()?;
                Ok(Expression::Edge(from, to, self.in_braces()?))
            }
            _ => self.only_in_xray(at, word, &lower),
        }
    }

    /// Reads a condition that X-Ray answers and the control plane does not. It is read as if it were another condition, so that an error in the
    /// rest of the text is reported first; without one, the condition is refused by its name.
    fn only_in_xray(&mut self, at: usize, word: &str, lower: &str) -> Parsed<Expression> {
        self.refuse_by_name(at, format!("{word} is X-Ray's, but nothing here answers it"));
        match lower {
            "inferred" | "first" | "last" | "remote" | "root" => self.flag(Flag::Ok),
            "index" | "coverage" => self.number_condition(NumberOf::Duration),
            "type" | "message" | "http.useragent" | "http.clientip" | "availabilityzone" | "instance.id"
            | "resource.arn" | "group.name" => self.text_condition(TextOf::Name),
            cause if cause.contains("rootcause") => match (self.token(at + 1), self.token(at + 2)) {
                (_, Some(Token::Number(_))) => self.number_condition(NumberOf::Duration),
                (Some(Token::Sign("=" | "!=")), _) => self.text_condition(TextOf::Name),
                _ => Ok(Expression::Is(Flag::Ok)),
            },
            _ => Err(self.error(at, format!("{word:?} is no keyword"))),
        }
    }

    /// Reads `fault`, `fault = true`, `fault != true`.
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

    /// Reads `duration > 8`.
    fn number_condition(&mut self, of: NumberOf) -> Parsed<Expression> {
        let Some(comparison) = self.one_of(&COMPARISONS) else { return self.expected("=, !=, <, <=, > or >=") };
        let Some(Token::Number(number)) = self.token(self.at) else { return self.expected("a number") };
        let compared = Expression::Number(of, comparison, *number);
        self.at += 1;
        Ok(compared)
    }

    /// Reads `http.url CONTAINS "x"`.
    fn text_condition(&mut self, of: TextOf) -> Parsed<Expression> {
        let Some(test) = self.one_of(&TEXT_TESTS) else {
            return self.expected("=, !=, CONTAINS, BEGINSWITH or ENDSWITH");
        };
        Ok(Expression::Text(of, test, self.text()?))
    }

    /// Reads `annotation.key …` or `annotation[key] …`, and the same of an attribute.
    fn key_and_test(&mut self, word: &str) -> Parsed<(String, Option<AnnotationTest>)> {
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
            Some(ComparisonOperator::Equal) => Some(TextTest::Equal),
            Some(ComparisonOperator::NotEqual) => Some(TextTest::NotEqual),
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

    /// Reads `{ … }`, if it follows: a condition on this service or edge.
    fn in_braces(&mut self) -> Parsed<Option<Box<Expression>>> {
        if !self.takes("{") {
            return Ok(None);
        }
        let start = self.at;
        let inner = self.any_of()?;
        self.expect("}")?;
        if !fits_inside(&inner) {
            let fitting = "here only ok, error, fault, throttle, coldstart, duration, responsetime and http.status fit";
            self.refuse_by_name(start, fitting);
        }
        Ok(Some(Box::new(inner)))
    }
}

/// Whether an expression can be tested on one service or edge alone.
fn fits_inside(expression: &Expression) -> bool {
    match expression {
        Expression::And(parts) | Expression::Or(parts) => parts.iter().all(fits_inside),
        Expression::Not(inner) => fits_inside(inner),
        Expression::Is(flag) => *flag != Flag::Partial,
        Expression::Number(..) => true,
        _ => false,
    }
}
