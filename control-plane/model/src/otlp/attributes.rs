//! Attributes as text. One that is there twice is what it is first, in every sum, list and page.

use std::{borrow::Cow, sync::Arc};

use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value::Value};
use slo::row::tenant_id;

use super::allowance::Allowance;

/// The value of an attribute.
pub(super) fn any<'a>(attributes: &'a [KeyValue], key: &str) -> Option<&'a Value> {
    attributes.iter().find(|attribute| attribute.key == key)?.value.as_ref()?.value.as_ref()
}

/// An attribute that is there and not empty, as text: what senders write as a number is the same name.
pub(super) fn text<'a>(attributes: &'a [KeyValue], key: &str) -> Option<Cow<'a, str>> {
    scalar(any(attributes, key)?).filter(|text| !text.is_empty())
}

/// The tenant that attributes name: `tenant.id`.
pub fn tenant(attributes: &[KeyValue]) -> Option<Arc<str>> {
    tenant_id(&text(attributes, "tenant.id")?).map(Arc::from)
}

/// Any value as text: what is no scalar is its JSON.
pub fn attribute_text(value: Option<&AnyValue>) -> Cow<'_, str> {
    let Some(known) = value.and_then(|value| value.value.as_ref()) else { return "".into() };
    scalar(known).unwrap_or_else(|| Allowance::default().value(value.cloned()).to_string().into())
}

/// A scalar as text; lists, objects and bytes are none.
pub fn scalar(value: &Value) -> Option<Cow<'_, str>> {
    match value {
        Value::StringValue(text) => Some(text.as_str().into()),
        Value::IntValue(number) => Some(number.to_string().into()),
        Value::DoubleValue(number) => Some(double(*number).unwrap_or_else(|| number.to_string().into())),
        Value::BoolValue(truth) => Some(if *truth { "true" } else { "false" }.into()),
        _ => None,
    }
}

/// What is no number in JSON, as ProtoJSON writes it.
pub(super) fn double<T: From<&'static str>>(number: f64) -> Option<T> {
    match number {
        number if number.is_nan() => Some("NaN".into()),
        f64::INFINITY => Some("Infinity".into()),
        f64::NEG_INFINITY => Some("-Infinity".into()),
        _ => None,
    }
}

/// The beginning of a text, at most `bytes` long, without a divided character.
pub fn up_to(text: &str, bytes: usize) -> &str {
    &text[..text.floor_char_boundary(bytes)]
}

/// Lower-case hexadecimal digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
