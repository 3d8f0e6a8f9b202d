//! A request body, field by field: what is wrong is collected, so that a caller learns of all of it at once.

use http::StatusCode;
use lambda_problem::Problem;
use serde_json::{Map, Value};

/// The largest body that is read, in bytes.
pub const MAX_BODY_BYTES: usize = 16 * 1024;
const MAX_NAME_CHARS: usize = 100;

/// The fields of a JSON object, and the problem they make so far.
pub(super) struct Fields {
    values: Map<String, Value>,
    refusal: Problem,
}

impl Fields {
    /// Reads a body. 400 for one that is too large or no JSON object. `refusal` is what becomes of one with wrong fields; a field
    /// that is not among `known` is `stray`.
    pub(super) fn parse(body: &[u8], known: &[&str], stray: &str, refusal: Problem) -> Result<Self, Problem> {
        if body.len() > MAX_BODY_BYTES {
            let detail = format!("The body may have at most {MAX_BODY_BYTES} bytes.");
            return Err(Problem::new(StatusCode::BAD_REQUEST, "body_too_large", detail).with_field("", "is too large"));
        }
        let not_json = |detail: String| Problem::new(StatusCode::BAD_REQUEST, "invalid_json", detail);
        let value: Value = serde_json::from_slice(body).map_err(|error| {
            not_json(format!("The body is not JSON: line {}, column {}.", error.line(), error.column()))
        })?;
        let Value::Object(values) = value else { return Err(not_json("The body must be a JSON object.".into())) };
        let unknown = values.keys().filter(|name| !known.contains(&name.as_str()));
        let refusal = unknown.fold(refusal, |refusal, name| {
            let name = name.escape_default();
            refusal.with_field(format!("/{name}"), stray)
        });
        Ok(Self { values, refusal })
    }

    /// A field's text, as `read` understands it, or `None` where it is wrong.
    pub(super) fn take<T>(&mut self, name: &str, read: impl FnOnce(&str) -> Result<T, &'static str>) -> Option<T> {
        let text = match self.values.get(name) {
            None => Err("is required"),
            Some(Value::String(text)) => Ok(text),
            Some(_) => Err("must be a string"),
        };
        match text.and_then(|text| read(text)) {
            Ok(value) => Some(value),
            Err(detail) => {
                self.wrong(name, detail);
                None
            }
        }
    }

    /// Says what is wrong with a field.
    pub(super) fn wrong(&mut self, name: &str, detail: &str) {
        self.refusal = self.refusal.clone().with_field(format!("/{name}"), detail);
    }

    /// What was made of the fields, if none of them is wrong.
    pub(super) fn or_refuse<T>(self, made: Option<T>) -> Result<T, Problem> {
        made.filter(|_| self.refusal.errors().is_empty()).ok_or(self.refusal)
    }
}

/// A name of a person or a company: 1–100 characters, trimmed, none of them a control character.
pub(super) fn name(text: &str) -> Result<String, &'static str> {
    if text.chars().any(char::is_control) {
        return Err("must not contain control characters");
    }
    match text.trim().chars().count() {
        0 => Err("must not be empty"),
        1..=MAX_NAME_CHARS => Ok(text.trim().to_owned()),
        _ => Err("must have at most 100 characters"),
    }
}
