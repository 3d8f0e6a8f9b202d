//! Spans in OTLP's JSON, as they were received: what is exported, anybody's intake takes again.
//!
//! As <https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding> has it: ids are hexadecimal, whole numbers of 64 bits are texts, members of
//! enumerations are numbers, and what is empty is left out. The types' own `serde` support writes `NaN` and infinity as `null`.

use base64::{Engine, engine::general_purpose::STANDARD};
use opentelemetry_proto::tonic::{
    common::v1::{AnyValue, InstrumentationScope, KeyValue, any_value::Value as Any},
    resource::v1::Resource,
    trace::v1::{
        ResourceSpans, ScopeSpans, Span, Status,
        span::{Event, Link},
    },
};
use serde_json::{Map, Value, json};

use super::attributes::{double, hex};

/// Spans of one sender.
pub fn resource_spans(group: &ResourceSpans) -> Value {
    let mut object = Object::default();
    object.put("resource", group.resource.as_ref().map(resource));
    object.list("scopeSpans", &group.scope_spans, scope_spans);
    object.text("schemaUrl", &group.schema_url);
    object.done()
}

/// An object without what is empty.
#[derive(Default)]
struct Object(Map<String, Value>);

impl Object {
    fn put(&mut self, name: &str, value: Option<Value>) {
        if let Some(value) = value {
            self.0.insert(name.to_owned(), value);
        }
    }

    fn text(&mut self, name: &str, text: &str) {
        self.put(name, (!text.is_empty()).then(|| text.into()));
    }

    fn id(&mut self, name: &str, id: &[u8]) {
        self.text(name, &hex(id));
    }

    fn number(&mut self, name: &str, number: u32) {
        self.put(name, (number != 0).then(|| number.into()));
    }

    fn long(&mut self, name: &str, number: u64) {
        self.put(name, (number != 0).then(|| number.to_string().into()));
    }

    fn member(&mut self, name: &str, number: i32) {
        self.put(name, (number != 0).then(|| number.into()));
    }

    fn list<T>(&mut self, name: &str, list: &[T], one: impl Fn(&T) -> Value) {
        self.put(name, (!list.is_empty()).then(|| list.iter().map(one).collect()));
    }

    fn attributes(&mut self, attributes: &[KeyValue], dropped: u32) {
        self.list("attributes", attributes, attribute);
        self.number("droppedAttributesCount", dropped);
    }

    fn done(self) -> Value {
        Value::Object(self.0)
    }
}

fn resource(resource: &Resource) -> Value {
    let mut object = Object::default();
    object.attributes(&resource.attributes, resource.dropped_attributes_count);
    object.done()
}

fn scope_spans(group: &ScopeSpans) -> Value {
    let mut object = Object::default();
    object.put("scope", group.scope.as_ref().map(scope));
    object.list("spans", &group.spans, span);
    object.text("schemaUrl", &group.schema_url);
    object.done()
}

fn scope(scope: &InstrumentationScope) -> Value {
    let mut object = Object::default();
    object.text("name", &scope.name);
    object.text("version", &scope.version);
    object.attributes(&scope.attributes, scope.dropped_attributes_count);
    object.done()
}

fn span(span: &Span) -> Value {
    let mut object = Object::default();
    object.id("traceId", &span.trace_id);
    object.id("spanId", &span.span_id);
    object.id("parentSpanId", &span.parent_span_id);
    object.text("traceState", &span.trace_state);
    object.number("flags", span.flags);
    object.text("name", &span.name);
    object.member("kind", span.kind);
    object.long("startTimeUnixNano", span.start_time_unix_nano);
    object.long("endTimeUnixNano", span.end_time_unix_nano);
    object.attributes(&span.attributes, span.dropped_attributes_count);
    object.list("events", &span.events, event);
    object.number("droppedEventsCount", span.dropped_events_count);
    object.list("links", &span.links, link);
    object.number("droppedLinksCount", span.dropped_links_count);
    object.put("status", span.status.as_ref().map(status));
    object.done()
}

fn event(event: &Event) -> Value {
    let mut object = Object::default();
    object.long("timeUnixNano", event.time_unix_nano);
    object.text("name", &event.name);
    object.attributes(&event.attributes, event.dropped_attributes_count);
    object.done()
}

fn link(link: &Link) -> Value {
    let mut object = Object::default();
    object.id("traceId", &link.trace_id);
    object.id("spanId", &link.span_id);
    object.text("traceState", &link.trace_state);
    object.number("flags", link.flags);
    object.attributes(&link.attributes, link.dropped_attributes_count);
    object.done()
}

fn status(status: &Status) -> Value {
    let mut object = Object::default();
    object.text("message", &status.message);
    object.member("code", status.code);
    object.done()
}

fn attribute(attribute: &KeyValue) -> Value {
    let mut object = Object::default();
    object.text("key", &attribute.key);
    object.put("value", attribute.value.as_ref().map(value));
    object.done()
}

fn value(any: &AnyValue) -> Value {
    match &any.value {
        Some(Any::StringValue(text)) => json!({ "stringValue": text }),
        Some(Any::BoolValue(truth)) => json!({ "boolValue": truth }),
        Some(Any::IntValue(number)) => json!({ "intValue": number.to_string() }),
        Some(Any::DoubleValue(number)) => {
            json!({ "doubleValue": double::<Value>(*number).unwrap_or_else(|| json!(number)) })
        }
        Some(Any::BytesValue(bytes)) => json!({ "bytesValue": STANDARD.encode(bytes) }),
        Some(Any::ArrayValue(array)) => {
            json!({ "arrayValue": { "values": array.values.iter().map(value).collect::<Vec<_>>() } })
        }
        Some(Any::KvlistValue(list)) => {
            json!({ "kvlistValue": { "values": list.values.iter().map(attribute).collect::<Vec<_>>() } })
        }
        // A kind of value of a later version; the intake passes over these.
        Some(_) | None => json!({}),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(value: Any) -> Value {
        super::value(&AnyValue { value: Some(value) })
    }

    #[test]
    fn what_json_has_no_number_for_is_written_as_protojson_writes_it() {
        assert_eq!(of(Any::DoubleValue(f64::NAN)), json!({ "doubleValue": "NaN" }));
        assert_eq!(of(Any::DoubleValue(f64::NEG_INFINITY)), json!({ "doubleValue": "-Infinity" }));
        assert_eq!(of(Any::IntValue(i64::MIN)), json!({ "intValue": "-9223372036854775808" }));
        assert_eq!(of(Any::BytesValue(vec![251, 255])), json!({ "bytesValue": "+/8=" }));
        assert_eq!(value(&AnyValue::default()), json!({}));
    }

    #[test]
    fn what_is_empty_is_left_out() {
        assert_eq!(span(&Span::default()), json!({}));
        let root =
            Span { trace_id: vec![1; 16], span_id: vec![2; 8], kind: 2, end_time_unix_nano: 7, ..Span::default() };
        let expected = json!({
            "traceId": "01".repeat(16), "spanId": "02".repeat(8), "kind": 2, "endTimeUnixNano": "7",
        });
        assert_eq!(span(&root), expected);
    }
}
