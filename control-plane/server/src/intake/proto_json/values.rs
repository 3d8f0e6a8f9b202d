//! Attributes and what they say.

use base64::{
    Engine, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use opentelemetry_proto::tonic::common::v1::{AnyValue, ArrayValue, KeyValue, KeyValueList, any_value::Value};

use super::{Broken, Cursor, Field, Message, Token, elements, list, message, object, scalar, text, unknown, whole};

/// How deep lists and objects within an attribute may nest; protobuf's readers give up at a hundred messages, three for each.
const MAX_NESTING: usize = 16;
/// Base 64, with or without padding.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

message!(KeyValue, "attributes", { "key" => key = text, "value" => value = object });
message!(KeyValueList, "value", { "values" => values = list });
message!(ArrayValue, "value", { "values" => values = values });

const VALUES: [&str; 7] =
    ["stringValue", "boolValue", "intValue", "doubleValue", "arrayValue", "kvlistValue", "bytesValue"];

impl Message for AnyValue {
    const NAME: &'static str = "value";

    fn member(&mut self, cursor: &mut Cursor<'_>, field: &str) -> Result<(), Broken> {
        if !VALUES.contains(&field) {
            return unknown(cursor, field, &VALUES);
        }
        let read = match (field, cursor.value()?) {
            (_, Token::Null) => return Ok(()),
            ("arrayValue" | "kvlistValue", Token::Object) if cursor.depth >= MAX_NESTING => {
                cursor.remark(format!("attributes nest at most {MAX_NESTING} deep"));
                return cursor.skip(&Token::Object);
            }
            ("arrayValue", Token::Object) => Some(Value::ArrayValue(nested(cursor)?)),
            ("kvlistValue", Token::Object) => Some(Value::KvlistValue(nested(cursor)?)),
            (_, token @ (Token::Object | Token::Array)) => {
                cursor.skip(&token)?;
                None
            }
            ("stringValue", token) => Some(Value::StringValue(scalar(token))),
            ("boolValue", token) => scalar(token).parse().ok().map(Value::BoolValue),
            ("intValue", token) => whole(&scalar(token)).and_then(|number| number.try_into().ok()).map(Value::IntValue),
            // Rust reads `NaN`, `Infinity` and `-Infinity` too.
            ("doubleValue", token) => scalar(token).trim().parse().ok().map(Value::DoubleValue),
            ("bytesValue", token) => {
                let text = scalar(token).replace('-', "+").replace('_', "/");
                BASE64.decode(text.trim()).ok().map(Value::BytesValue)
            }
            _ => None,
        };
        if read.is_none() {
            cursor.remark(format!("a {field} is none, and passed over"));
        }
        self.value = read.or(self.value.take());
        Ok(())
    }
}

/// A message within a value, whose bracket was read.
fn nested<M: Message>(cursor: &mut Cursor<'_>) -> Field<M> {
    let mut message = M::default();
    cursor.depth += 1;
    cursor.members(|cursor, field| message.member(cursor, field))?;
    cursor.depth -= 1;
    Ok(message)
}

/// A list in which a place counts: what is absent stands there as nothing.
fn values(cursor: &mut Cursor<'_>, what: &str) -> Field<Vec<AnyValue>> {
    elements(cursor, what, |cursor| Ok(Some(object(cursor, what)?.unwrap_or_default())))
}
