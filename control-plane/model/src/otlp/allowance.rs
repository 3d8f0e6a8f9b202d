//! How much of a span or a log record an answer shows: no span makes an answer or a page larger than a megabyte.

use std::collections::BTreeMap;

use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value};
use serde_json::{Value, json};

use super::attributes::{double, hex, up_to};

/// Bytes of JSON that a span and its resource may take: what is written twice, in `name` or `tenant`, comes on top.
const MAX_BYTES: usize = 800_000;
/// What a value takes besides its text, in JSON.
const PER_VALUE: usize = 8;
/// Digits of the longest number.
const PER_NUMBER: usize = 24;

/// What is left of it.
#[derive(Debug)]
pub(super) struct Allowance(usize);

impl Default for Allowance {
    fn default() -> Self {
        Self(MAX_BYTES)
    }
}

impl Allowance {
    /// An allowance of this many bytes of JSON.
    pub(super) fn of(bytes: usize) -> Self {
        Self(bytes)
    }

    /// Bytes that are left.
    pub(super) fn left(&self) -> usize {
        self.0
    }

    /// Takes this many bytes. Returns whether there were as many left.
    pub(super) fn takes(&mut self, bytes: usize) -> bool {
        let enough = bytes <= self.0;
        self.0 = self.0.saturating_sub(bytes);
        enough
    }

    /// The text, or as much of it as there is room for.
    pub(super) fn text(&mut self, text: String) -> String {
        let room = self.0;
        if self.takes(in_json(&text)) {
            return text;
        }
        // Each byte takes six at most.
        format!("{}…", up_to(&text, room / 6))
    }

    /// Attributes as a JSON object.
    pub(super) fn object(&mut self, attributes: Vec<KeyValue>) -> BTreeMap<String, Value> {
        let mut object = BTreeMap::new();
        for attribute in attributes {
            if object.contains_key(&attribute.key) {
                continue;
            }
            if !self.takes(PER_VALUE) {
                break;
            }
            let key = self.text(attribute.key);
            let value = self.value(attribute.value);
            object.insert(key, value);
        }
        object
    }

    /// A value as JSON.
    pub(super) fn value(&mut self, any: Option<AnyValue>) -> Value {
        match any.and_then(|any| any.value) {
            None | Some(any_value::Value::StringValueStrindex(_)) => Value::Null,
            Some(any_value::Value::StringValue(text)) => self.text(text).into(),
            Some(any_value::Value::BoolValue(truth)) => truth.into(),
            Some(any_value::Value::IntValue(number)) => {
                self.takes(PER_NUMBER);
                number.into()
            }
            Some(any_value::Value::DoubleValue(number)) => {
                self.takes(PER_NUMBER);
                double(number).unwrap_or_else(|| json!(number))
            }
            Some(any_value::Value::ArrayValue(array)) => {
                let values = array.values.into_iter();
                values.map_while(|any| self.takes(PER_VALUE).then(|| self.value(Some(any)))).collect()
            }
            Some(any_value::Value::KvlistValue(list)) => json!(self.object(list.values)),
            Some(any_value::Value::BytesValue(bytes)) => self.text(hex(&bytes)).into(),
        }
    }
}

/// Bytes that a text takes in JSON.
fn in_json(text: &str) -> usize {
    text.bytes()
        .map(|byte| match byte {
            b'"' | b'\\' | b'\n' | b'\r' | b'\t' => 2,
            0..=0x1f => 6,
            _ => 1,
        })
        .sum()
}
