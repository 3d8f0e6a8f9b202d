//! Attributes in JSON: each of them, in their order, those that are there twice among them.

use std::fmt;

use opentelemetry_proto::tonic::common::v1::{AnyValue, ArrayValue, KeyValue, any_value::Value};
use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
use serde_json::Value as Json;

/// Reads the attributes of a JSON object. A text that is no object has none.
pub(crate) fn attributes(text: &str) -> Vec<KeyValue> {
    serde_json::from_str::<Pairs>(text).map(|pairs| pairs.0).unwrap_or_default()
}

struct Pairs(Vec<KeyValue>);

impl<'de> Deserialize<'de> for Pairs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;
        impl<'de> Visitor<'de> for Object {
            type Value = Pairs;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("attributes")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Pairs, A::Error> {
                let mut pairs = Vec::new();
                while let Some((key, value)) = map.next_entry()? {
                    flatten(key, value, &mut pairs);
                }
                Ok(Pairs(pairs))
            }
        }
        deserializer.deserialize_map(Object)
    }
}

/// ClickHouse's JSON takes the dots of a name for a path: `service.name` comes back as an object in an object.
fn flatten(key: String, value: Json, pairs: &mut Vec<KeyValue>) {
    if let Json::Object(fields) = value {
        return fields.into_iter().for_each(|(name, value)| flatten(format!("{key}.{name}"), value, pairs));
    }
    pairs.push(KeyValue { key, value: Some(any_value(value)), ..KeyValue::default() });
}

fn any_value(value: Json) -> AnyValue {
    let value = match value {
        Json::Bool(truth) => Some(Value::BoolValue(truth)),
        Json::Number(number) => Some(match number.as_i64() {
            Some(whole) => Value::IntValue(whole),
            None => Value::DoubleValue(number.as_f64().unwrap_or(f64::NAN)),
        }),
        // In a map of strings, the exporter writes a list as a JSON text.
        Json::String(text) => match serde_json::from_str(&text) {
            Ok(Json::Array(values)) => Some(list(values)),
            _ => Some(Value::StringValue(text)),
        },
        Json::Array(values) => Some(list(values)),
        Json::Object(_) => Some(Value::StringValue(value.to_string())),
        Json::Null => None,
    };
    AnyValue { value }
}

fn list(values: Vec<Json>) -> Value {
    Value::ArrayValue(ArrayValue { values: values.into_iter().map(any_value).collect() })
}
