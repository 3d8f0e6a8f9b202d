//! A span as it was stored, read no further than is asked: texts stay where they are in the bytes that came from the store.
//!
//! Decoding all of a span makes thirty strings; what looks at every attribute of a hundred thousand spans cannot wait for that. Fields and
//! their numbers: <https://github.com/open-telemetry/opentelemetry-proto/blob/main/opentelemetry/proto/trace/v1/trace.proto>.

use std::{borrow::Cow, sync::Arc};

use opentelemetry_proto::tonic::trace::v1::{span::SpanKind as Kind, status::StatusCode};
use prost::{Message, bytes::Bytes};
use slo::row::tenant_id;

use super::{
    Flags, Resource,
    attributes::double,
    facts::{self, HTTP_STATUS, SpanId},
    weight::{ADJUSTED_COUNT, ESTIMATED, adjusted},
};
use crate::trace::{COLD_START, INIT, PHASE};

/// A `Span`, as far as it is looked at.
#[derive(Clone, PartialEq, Message)]
pub struct StoredSpan {
    /// Its id, eight bytes.
    #[prost(bytes = "bytes", tag = "2")]
    pub span_id: Bytes,
    /// The W3C trace state.
    #[prost(bytes = "bytes", tag = "3")]
    pub trace_state: Bytes,
    /// Its parent's id; empty for a root.
    #[prost(bytes = "bytes", tag = "4")]
    pub parent_span_id: Bytes,
    /// Its name, UTF-8.
    #[prost(bytes = "bytes", tag = "5")]
    pub name: Bytes,
    /// A [`Kind`].
    #[prost(enumeration = "Kind", tag = "6")]
    pub kind: i32,
    /// Nanoseconds since 1970.
    #[prost(fixed64, tag = "7")]
    pub start_time_unix_nano: u64,
    /// Nanoseconds since 1970; may be before the start.
    #[prost(fixed64, tag = "8")]
    pub end_time_unix_nano: u64,
    /// Its attributes. Of one that is there twice the first counts.
    #[prost(message, repeated, tag = "9")]
    pub attributes: Vec<StoredAttribute>,
    /// Its events, as exceptions are.
    #[prost(message, repeated, tag = "11")]
    pub events: Vec<StoredEvent>,
    /// The span's status.
    #[prost(message, optional, tag = "15")]
    pub status: Option<StoredStatus>,
}

/// An attribute: its name, and what it says.
#[derive(Clone, PartialEq, Message)]
pub struct StoredAttribute {
    /// UTF-8.
    #[prost(bytes = "bytes", tag = "1")]
    pub key: Bytes,
    /// The attribute's value.
    #[prost(message, optional, tag = "2")]
    pub value: Option<StoredValue>,
}

/// What an attribute says.
#[derive(Clone, PartialEq, Message)]
pub struct StoredValue {
    /// One of these.
    #[prost(oneof = "Value", tags = "1, 2, 3, 4, 5")]
    pub value: Option<Value>,
}

/// A scalar, or a list.
#[derive(Clone, PartialEq, prost::Oneof)]
pub enum Value {
    /// Text, UTF-8.
    #[prost(bytes = "bytes", tag = "1")]
    Text(Bytes),
    /// Whether something is so.
    #[prost(bool, tag = "2")]
    Truth(bool),
    /// A whole number.
    #[prost(int64, tag = "3")]
    Integer(i64),
    /// Any other number.
    #[prost(double, tag = "4")]
    Double(f64),
    /// Several values.
    #[prost(message, tag = "5")]
    List(StoredList),
}

/// A list of values.
#[derive(Clone, PartialEq, Message)]
pub struct StoredList {
    /// The values.
    #[prost(message, repeated, tag = "1")]
    pub values: Vec<StoredValue>,
}

/// An event of a span.
#[derive(Clone, PartialEq, Message)]
pub struct StoredEvent {
    /// Its name, UTF-8: `exception`, say.
    #[prost(bytes = "bytes", tag = "2")]
    pub name: Bytes,
    /// Its attributes.
    #[prost(message, repeated, tag = "3")]
    pub attributes: Vec<StoredAttribute>,
}

/// How a span went.
#[derive(Clone, PartialEq, Message)]
pub struct StoredStatus {
    /// Why, UTF-8.
    #[prost(bytes = "bytes", tag = "2")]
    pub message: Bytes,
    /// 2 is an error.
    #[prost(int32, tag = "3")]
    pub code: i32,
}

/// Text of a field; what is no UTF-8 was refused at the door.
pub fn text(field: &Bytes) -> &str {
    std::str::from_utf8(field).unwrap_or_default()
}

impl StoredValue {
    /// A scalar as text, as every sum, list and page has it; of lists, objects and bytes none.
    pub fn scalar(&self) -> Option<Cow<'_, str>> {
        Some(match self.value.as_ref()? {
            Value::Text(bytes) => text(bytes).into(),
            Value::Truth(truth) => if *truth { "true" } else { "false" }.into(),
            Value::Integer(number) => number.to_string().into(),
            Value::Double(number) => double(*number).unwrap_or_else(|| number.to_string().into()),
            Value::List(_) => return None,
        })
    }
}

impl StoredSpan {
    /// The id of the span.
    pub fn id(&self) -> SpanId {
        facts::id(&self.span_id)
    }

    /// The value of an attribute.
    pub fn attribute(&self, key: &str) -> Option<&StoredValue> {
        self.attributes.iter().find(|attribute| *attribute.key == *key.as_bytes())?.value.as_ref()
    }

    /// An attribute that is there and not empty, as text.
    pub fn text(&self, key: &str) -> Option<Cow<'_, str>> {
        self.attribute(key)?.scalar().filter(|text| !text.is_empty())
    }

    /// Whom it counts for, as [`Facts`](super::Facts) say: the tenant that it names, else its sender's.
    pub fn tenant(&self, sender: &Resource) -> Option<Arc<str>> {
        let own = self.text("tenant.id").and_then(|text| tenant_id(&text).map(Arc::from));
        own.or_else(|| sender.tenant.clone())
    }

    /// How it went, as [`Facts`](super::Facts) say.
    pub fn flags(&self) -> Flags {
        let number = |key: &&str| match self.attribute(key)?.value.as_ref()? {
            Value::Integer(number) => Some(*number),
            Value::Text(digits) => text(digits).parse().ok(),
            Value::Double(number) if number.fract() == 0.0 => Some(*number as i64),
            _ => None,
        };
        let http_status = HTTP_STATUS.iter().find_map(number).and_then(|status| u16::try_from(status).ok());
        let code = self.status.as_ref().map_or(0, |status| status.code);
        let is_cold_start = self.text(COLD_START).as_deref() == Some("true");
        Flags::of(http_status.unwrap_or_default(), StatusCode::try_from(code).unwrap_or_default(), is_cold_start)
    }

    /// Whether it is a function's start, as [`Facts`](super::Facts) say.
    pub fn is_init(&self) -> bool {
        matches!(self.kind(), Kind::Internal | Kind::Unspecified) && self.text(PHASE).as_deref() == Some(INIT)
    }

    /// Whether it is a request or a message that was handled, as [`Facts`](super::Facts) say: the invocation of a function by a batch is none.
    pub fn is_request(&self) -> bool {
        let batch = || self.text("faas.trigger").is_some_and(|trigger| trigger != "http");
        self.kind() == Kind::Consumer || (self.kind() == Kind::Server && !batch())
    }

    /// How many spans it stands for, and whether that is a guess, as [`Facts`](super::Facts) say.
    pub fn adjusted_count(&self) -> (f64, bool) {
        let of = |key: &str| self.attribute(key).and_then(|value| value.value.as_ref());
        let said = match of(ADJUSTED_COUNT) {
            Some(Value::Double(count)) => Some(*count),
            Some(Value::Integer(count)) => Some(*count as f64),
            Some(Value::Text(digits)) => text(digits).parse().ok(),
            _ => None,
        };
        let estimated = match of(ESTIMATED) {
            Some(Value::Truth(truth)) => *truth,
            Some(Value::Text(word)) => text(word) == "true",
            _ => false,
        };
        adjusted(said, estimated, text(&self.trace_state))
    }

    /// Nanoseconds; never less than none.
    pub fn duration_ns(&self) -> u64 {
        self.end_time_unix_nano.saturating_sub(self.start_time_unix_nano)
    }
}

#[cfg(test)]
mod tests {
    use opentelemetry_proto::tonic::{
        common::v1::{AnyValue, KeyValue, any_value::Value as Sent},
        trace::v1::{Span, Status},
    };

    use super::*;
    use crate::otlp::{Facts, SentResource};

    fn pair(key: &str, value: Sent) -> KeyValue {
        KeyValue { key: key.to_owned(), value: Some(AnyValue { value: Some(value) }), ..KeyValue::default() }
    }

    #[test]
    fn a_stored_span_is_judged_as_the_one_that_was_received() {
        let text = |text: &str| Sent::StringValue(text.to_owned());
        let attributes = [
            vec![],
            vec![pair("http.response.status_code", Sent::IntValue(503))],
            vec![pair("http.status_code", text("429"))],
            vec![pair("http.response.status_code", Sent::DoubleValue(404.0)), pair("faas.trigger", text("http"))],
            vec![pair("http.response.status_code", text("none")), pair("http.status_code", Sent::IntValue(500))],
            vec![pair("faas.trigger", text("pubsub")), pair("tenant.id", Sent::IntValue(7))],
            vec![pair("sampling.adjusted_count", Sent::DoubleValue(2.5)), pair("faas.trigger", text(""))],
            vec![pair("sampling.adjusted_count", text("20000")), pair("tenant.id", text(""))],
            vec![pair("sampling.estimated", Sent::BoolValue(true))],
            vec![pair("faas.coldstart", Sent::BoolValue(true)), pair("faas.trigger", text("http"))],
            vec![pair("faas.coldstart", Sent::BoolValue(false)), pair("http.status_code", text("429"))],
            vec![pair("lambda.phase", text("init"))],
            vec![pair("lambda.phase", text("shutdown"))],
            vec![pair("sampling.estimated", text("true")), pair("sampling.adjusted_count", Sent::IntValue(4))],
        ];
        let sender = Resource::of(&SentResource {
            attributes: vec![pair("tenant.id", text("acme"))],
            ..SentResource::default()
        });
        for (number, attributes) in attributes.into_iter().enumerate() {
            for kind in 0..=5 {
                for code in 0..=2 {
                    let span = Span {
                        kind,
                        attributes: attributes.clone(),
                        trace_state: if number % 2 == 0 { "ot=th:8".to_owned() } else { String::new() },
                        status: Some(Status { code, ..Status::default() }),
                        span_id: vec![1; 8],
                        ..Span::default()
                    };
                    let facts = Facts::of(&sender, &span);
                    let stored = StoredSpan::decode(span.encode_to_vec().as_slice()).unwrap();
                    assert_eq!(stored.flags(), facts.flags, "{span:?}");
                    assert_eq!(stored.is_request(), facts.is_request(), "{span:?}");
                    assert_eq!(stored.is_init(), facts.is_init, "{span:?}");
                    assert_eq!(stored.adjusted_count(), (facts.weight, facts.estimated), "{span:?}");
                    assert_eq!(stored.tenant(&sender), facts.tenant, "{span:?}");
                }
            }
        }
    }
}
