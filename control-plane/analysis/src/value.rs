//! A value of an attribute: as a person says it, and as a search finds it.

use control_plane_model::search::{attribute, quoted};
use serde::{Deserialize, Serialize};

use crate::items::OPERATION;

/// A value of an attribute.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Value {
    /// The attribute, or [`OPERATION`].
    pub key: String,
    /// What it says, as text.
    pub value: String,
    /// The services that say so.
    pub services: Vec<String>,
}

impl Value {
    /// As a person says it: "table reservations", "version 2.4.1 of booking-api"; the attribute's own name where there is no other word for it.
    pub fn words(&self) -> String {
        let Self { key, value, services } = self;
        let noun = match key.as_str() {
            OPERATION => "operation",
            "service.name" => "service",
            "aws.dynamodb.table_names" => "table",
            "cloud.region" => "region",
            "cloud.account.id" => "account",
            "messaging.destination.name" => "queue or topic",
            "http.route" => "route",
            "server.address" => "host",
            "tenant.id" => "tenant",
            "tenant.tier" => "tier",
            "enduser.id" => "user",
            "faas.coldstart" if value == "true" => return "a cold start".to_owned(),
            "service.version" | "faas.version" => {
                let of = services.first().filter(|_| services.len() == 1).map(|service| format!(" of {service}"));
                return format!("version {value}{}", of.unwrap_or_default());
            }
            key => return format!("{key} = {value}"),
        };
        format!("{noun} {value}")
    }

    /// The filter expression that finds traces which have it, whichever service says so.
    pub fn expression(&self) -> String {
        match self.key.as_str() {
            "service.name" => format!("service({})", quoted(&self.value)),
            key @ ("tenant.id" | "tenant.tier") => format!("annotation[{key}] = {}", quoted(&self.value)),
            key => attribute(key, &self.value),
        }
    }
}

#[cfg(test)]
mod tests {
    use control_plane_model::search::{AttributeKey, Expression};

    use super::*;

    fn value(key: &str, value: &str) -> Value {
        Value { key: key.to_owned(), value: value.to_owned(), services: vec!["booking-api".to_owned()] }
    }

    #[test]
    fn a_value_has_words_and_an_expression() {
        for (key, text, words, expression) in [
            (
                "aws.dynamodb.table_names",
                "seats-2",
                "table seats-2",
                "attribute[aws.dynamodb.table_names] = \"seats-2\"",
            ),
            ("service.version", "2.4.1", "version 2.4.1 of booking-api", "attribute[service.version] = \"2.4.1\""),
            ("service.name", "a\"b", "service a\"b", "service(\"a\\\"b\")"),
            ("faas.coldstart", "true", "a cold start", "attribute[faas.coldstart] = \"true\""),
            ("tenant.id", "acme", "tenant acme", "annotation[tenant.id] = \"acme\""),
            ("plan", "gold", "plan = gold", "attribute[plan] = \"gold\""),
            (OPERATION, "GET /miles", "operation GET /miles", "attribute[span.name] = \"GET /miles\""),
        ] {
            let value = value(key, text);
            assert_eq!((value.words(), value.expression()), (words.to_owned(), expression.to_owned()));
        }
    }

    #[test]
    fn whatever_a_key_is_its_expression_asks_for_it() {
        for (key, expression) in [
            ("my key]", r#"attribute["my key]"] = "x""#),
            (r#"a"b\"#, r#"attribute["a\"b\\"] = "x""#),
            ("2nd", r#"attribute["2nd"] = "x""#),
            ("", r#"attribute[""] = "x""#),
            ("a:b/c", r#"attribute[a:b/c] = "x""#),
        ] {
            let said = value(key, "x").expression();
            assert_eq!(said, expression);
            let Ok(Expression::Attribute(parsed)) = said.parse() else { panic!("{said} is an expression") };
            assert_eq!(parsed.key, AttributeKey::Exact(key.to_owned()));
        }
    }
}
