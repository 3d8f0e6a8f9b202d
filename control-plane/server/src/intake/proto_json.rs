//! OTLP's requests as ProtoJSON writes them: <https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding> and
//! <https://protobuf.dev/programming-guides/json/>.
//!
//! `null` is absent, numbers may be strings and the other way round, unknown fields and kinds of values are passed over. What is odd
//! is passed over too, and remarked on: its sender learns of it, and loses nothing else.

use base64::{
    Engine, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest,
    common::v1::{AnyValue, ArrayValue, InstrumentationScope, KeyValue, KeyValueList, any_value::Value},
    resource::v1::Resource,
    trace::v1::{
        ResourceSpans, ScopeSpans, Span, Status,
        span::{Event, Link, SpanKind},
        status::StatusCode,
    },
};

use super::json::{Broken, Cursor, Token};

/// How deep lists and objects within an attribute may nest; protobuf's readers give up at a hundred messages, three for each.
const MAX_NESTING: usize = 16;
/// Letters of a sender's that a remark repeats.
const MAX_QUOTED: usize = 40;
/// Stands for an id that is none: of no length that an id has.
const NO_ID: [u8; 1] = [0];

/// With or without padding.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// A request, and what was odd in it.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Read {
    pub(super) request: ExportTraceServiceRequest,
    pub(super) remarks: Vec<String>,
}

/// Reads a request. The error says why nothing of it is one.
pub(super) fn read(body: &[u8]) -> Result<Read, String> {
    let mut cursor = Cursor::new(body);
    let text = |broken: Broken| broken.to_string();
    let mut request = ExportTraceServiceRequest::default();
    let (mut members, mut is_traces) = (0, false);
    if cursor.value().map_err(text)? != Token::Object {
        return Err("a request is an object with resourceSpans".into());
    }
    let read = cursor.members(|cursor, field| {
        members += 1;
        is_traces |= field == "resourceSpans";
        request.member(cursor, field)
    });
    read.map_err(text)?;
    cursor.end().map_err(text)?;
    if members > 0 && !is_traces {
        cursor.remark("there are no resourceSpans in it");
    }
    let remarks: Vec<String> = cursor.remarks.into_iter().collect();
    let has_spans =
        request.resource_spans.iter().flat_map(|group| &group.scope_spans).any(|scope| !scope.spans.is_empty());
    if has_spans || remarks.is_empty() { Ok(Read { request, remarks }) } else { Err(remarks.join("; ")) }
}

type Field<T> = Result<T, Broken>;

/// A message, as its fields are read one by one.
trait Message: Default {
    /// What remarks call it.
    const NAME: &'static str;

    /// Reads a field that was named, whatever it is.
    fn member(&mut self, cursor: &mut Cursor<'_>, field: &str) -> Result<(), Broken>;
}

/// A message by its fields in JSON: where each goes, and what reads it.
macro_rules! message {
    ($type:ty, $name:literal, { $($field:literal => $member:ident = $read:path),+ $(,)? }) => {
        impl Message for $type {
            const NAME: &'static str = $name;

            fn member(&mut self, cursor: &mut Cursor<'_>, field: &str) -> Result<(), Broken> {
                match field {
                    $($field => self.$member = $read(cursor, field)?,)+
                    _ => unknown(cursor, field, &[$($field),+])?,
                }
                Ok(())
            }
        }
    };
}

message!(ExportTraceServiceRequest, "request", { "resourceSpans" => resource_spans = list });
message!(ResourceSpans, "resourceSpans", {
    "resource" => resource = object, "scopeSpans" => scope_spans = list, "schemaUrl" => schema_url = text,
});
message!(Resource, "resource", {
    "attributes" => attributes = list, "droppedAttributesCount" => dropped_attributes_count = integer,
});
message!(ScopeSpans, "scopeSpans", {
    "scope" => scope = object, "spans" => spans = list, "schemaUrl" => schema_url = text,
});
message!(InstrumentationScope, "scope", {
    "name" => name = text, "version" => version = text, "attributes" => attributes = list,
    "droppedAttributesCount" => dropped_attributes_count = integer,
});
message!(Span, "spans", {
    "traceId" => trace_id = id, "spanId" => span_id = id, "parentSpanId" => parent_span_id = id,
    "traceState" => trace_state = text, "flags" => flags = integer, "name" => name = text, "kind" => kind = kind,
    "startTimeUnixNano" => start_time_unix_nano = integer, "endTimeUnixNano" => end_time_unix_nano = integer,
    "attributes" => attributes = list, "droppedAttributesCount" => dropped_attributes_count = integer,
    "events" => events = list, "droppedEventsCount" => dropped_events_count = integer,
    "links" => links = list, "droppedLinksCount" => dropped_links_count = integer, "status" => status = object,
});
message!(Event, "events", {
    "timeUnixNano" => time_unix_nano = integer, "name" => name = text, "attributes" => attributes = list,
    "droppedAttributesCount" => dropped_attributes_count = integer,
});
message!(Link, "links", {
    "traceId" => trace_id = id, "spanId" => span_id = id, "traceState" => trace_state = text, "flags" => flags = integer,
    "attributes" => attributes = list, "droppedAttributesCount" => dropped_attributes_count = integer,
});
message!(Status, "status", { "message" => message = text, "code" => code = code });
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

/// A message; `null` is none, and so is what is odd.
fn object<M: Message>(cursor: &mut Cursor<'_>, _: &str) -> Field<Option<M>> {
    let token = cursor.value()?;
    if token == Token::Object {
        let mut message = M::default();
        return cursor.members(|cursor, field| message.member(cursor, field)).map(|()| Some(message));
    }
    if token != Token::Null {
        cursor.remark(format!("{}: an object is expected", M::NAME));
    }
    cursor.skip(&token).map(|()| None)
}

/// A list of messages; what in it is `null`, or odd, is left out.
fn list<M: Message>(cursor: &mut Cursor<'_>, what: &str) -> Field<Vec<M>> {
    elements(cursor, what, |cursor| object(cursor, what))
}

/// A list in which a place counts: what is absent stands there as nothing.
fn values(cursor: &mut Cursor<'_>, what: &str) -> Field<Vec<AnyValue>> {
    elements(cursor, what, |cursor| Ok(Some(object(cursor, what)?.unwrap_or_default())))
}

fn elements<T>(
    cursor: &mut Cursor<'_>,
    what: &str,
    mut element: impl FnMut(&mut Cursor<'_>) -> Field<Option<T>>,
) -> Field<Vec<T>> {
    let mut found = Vec::new();
    let token = cursor.value()?;
    if token == Token::Array {
        cursor.elements(|cursor| {
            found.extend(element(cursor)?);
            Ok(())
        })?;
        return Ok(found);
    }
    if token != Token::Null {
        cursor.remark(format!("{what}: a list is expected"));
    }
    cursor.skip(&token).map(|()| found)
}

/// Text; a number or a truth value is its text.
fn text(cursor: &mut Cursor<'_>, what: &str) -> Field<String> {
    match cursor.value()? {
        token @ (Token::Object | Token::Array) => {
            cursor.remark(format!("{what}: a string is expected"));
            cursor.skip(&token)?;
            Ok(String::new())
        }
        token => Ok(scalar(token)),
    }
}

/// A scalar as text; `null` is empty.
fn scalar(token: Token<'_>) -> String {
    match token {
        Token::Text(text) => text.into_owned(),
        Token::Bare(text) => text.to_owned(),
        Token::Null | Token::Object | Token::Array => String::new(),
    }
}

/// A whole number: `7`, `7.0` and `0.7e1` are one.
fn whole(text: &str) -> Option<i128> {
    let text = text.trim();
    let fraction = || text.parse::<f64>().ok().filter(|number| number.fract() == 0.0 && number.abs() < 2_f64.powi(64));
    text.parse().ok().or_else(|| fraction().map(|number| number as i128))
}

fn integer<T: TryFrom<i128> + Default>(cursor: &mut Cursor<'_>, what: &str) -> Field<T> {
    let token = cursor.value()?;
    if token == Token::Null {
        return Ok(T::default());
    }
    cursor.skip(&token)?;
    let number = whole(&scalar(token)).and_then(|number| T::try_from(number).ok());
    if number.is_none() {
        cursor.remark(format!("{what}: a whole number of its range is expected"));
    }
    Ok(number.unwrap_or_default())
}

fn kind(cursor: &mut Cursor<'_>, _: &str) -> Field<i32> {
    named(cursor, |name| Some(SpanKind::from_str_name(name)? as i32))
}

fn code(cursor: &mut Cursor<'_>, _: &str) -> Field<i32> {
    named(cursor, |name| Some(StatusCode::from_str_name(name)? as i32))
}

/// A member of an enumeration, by number or by name; 0 stands for what is not known.
fn named(cursor: &mut Cursor<'_>, known: impl FnOnce(&str) -> Option<i32>) -> Field<i32> {
    let token = cursor.value()?;
    cursor.skip(&token)?;
    let text = scalar(token);
    Ok(known(&text).or_else(|| whole(&text)?.try_into().ok()).unwrap_or_default())
}

/// An id: hexadecimal digits in either case, where other bytes of ProtoJSON are base64.
fn id(cursor: &mut Cursor<'_>, _: &str) -> Field<Vec<u8>> {
    let token = cursor.value()?;
    cursor.skip(&token)?;
    let bytes = match token {
        Token::Null => return Ok(Vec::new()),
        Token::Text(digits) => hex::decode(digits.as_bytes()).ok(),
        _ => None,
    };
    if bytes.is_none() {
        cursor.remark("ids are hexadecimal digits in JSON, not base64");
    }
    Ok(bytes.unwrap_or_else(|| NO_ID.to_vec()))
}

/// Passes over a field that is not known, and says so if it is of another signal, or one of ours that is spelt as protobuf spells it.
fn unknown(cursor: &mut Cursor<'_>, field: &str, known: &[&str]) -> Result<(), Broken> {
    let (joined, short) = (field.replace('_', ""), field.chars().take(MAX_QUOTED).collect::<String>());
    let instead = match joined.to_ascii_lowercase().as_str() {
        "resourcelogs" | "resourcemetrics" | "resourceprofiles" => "resourceSpans",
        "logrecords" | "metrics" => "spans",
        _ => "",
    };
    if known.contains(&instead) {
        cursor.remark(format!("{short} are of another signal: traces are {instead}"));
    }
    if let Some(meant) = known.iter().find(|known| field.contains('_') && known.eq_ignore_ascii_case(&joined)) {
        cursor.remark(format!("fields are in lowerCamelCase: {meant}, not {short}"));
    }
    let token = cursor.value()?;
    cursor.skip(&token)
}
