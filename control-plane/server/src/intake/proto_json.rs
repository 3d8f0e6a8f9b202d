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
    match cursor.value().map_err(text)? {
        Token::Object => cursor
            .members(|cursor, field| {
                members += 1;
                match field {
                    "resourceSpans" => {
                        is_traces = true;
                        request.resource_spans = list(cursor, field, resource_spans)?;
                        Ok(())
                    }
                    "resourceLogs" | "resourceMetrics" | "resourceProfiles" | "resource_logs" | "resource_metrics"
                    | "resource_profiles" => {
                        cursor.remark(format!("{field} are of another signal: traces are resourceSpans"));
                        unknown(cursor, field, &[])
                    }
                    _ => unknown(cursor, field, &["resourceSpans"]),
                }
            })
            .map_err(text)?,
        _ => return Err("a request is an object with resourceSpans".into()),
    }
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

fn resource_spans(cursor: &mut Cursor<'_>) -> Field<Option<ResourceSpans>> {
    let mut group = ResourceSpans::default();
    let is = message(cursor, "resourceSpans", |cursor, field| {
        match field {
            "resource" => group.resource = resource(cursor)?,
            "scopeSpans" => group.scope_spans = list(cursor, field, scope_spans)?,
            "schemaUrl" => group.schema_url = text(cursor, field)?,
            _ => unknown(cursor, field, &["resource", "scopeSpans", "schemaUrl"])?,
        }
        Ok(())
    })?;
    Ok(is.then_some(group))
}

fn resource(cursor: &mut Cursor<'_>) -> Field<Option<Resource>> {
    let mut resource = Resource::default();
    let is = message(cursor, "resource", |cursor, field| {
        match field {
            "attributes" => resource.attributes = attributes(cursor)?,
            "droppedAttributesCount" => resource.dropped_attributes_count = integer(cursor, field)?,
            _ => unknown(cursor, field, &["attributes", "droppedAttributesCount"])?,
        }
        Ok(())
    })?;
    Ok(is.then_some(resource))
}

fn scope_spans(cursor: &mut Cursor<'_>) -> Field<Option<ScopeSpans>> {
    let mut group = ScopeSpans::default();
    let is = message(cursor, "scopeSpans", |cursor, field| {
        match field {
            "scope" => group.scope = scope(cursor)?,
            "spans" => group.spans = list(cursor, field, span)?,
            "schemaUrl" => group.schema_url = text(cursor, field)?,
            "logRecords" | "metrics" => {
                cursor.remark(format!("{field} are of another signal: traces are spans"));
                unknown(cursor, field, &[])?;
            }
            _ => unknown(cursor, field, &["scope", "spans", "schemaUrl"])?,
        }
        Ok(())
    })?;
    Ok(is.then_some(group))
}

fn scope(cursor: &mut Cursor<'_>) -> Field<Option<InstrumentationScope>> {
    let mut scope = InstrumentationScope::default();
    let is = message(cursor, "scope", |cursor, field| {
        match field {
            "name" => scope.name = text(cursor, field)?,
            "version" => scope.version = text(cursor, field)?,
            "attributes" => scope.attributes = attributes(cursor)?,
            "droppedAttributesCount" => scope.dropped_attributes_count = integer(cursor, field)?,
            _ => unknown(cursor, field, &["name", "version", "attributes", "droppedAttributesCount"])?,
        }
        Ok(())
    })?;
    Ok(is.then_some(scope))
}

const SPAN: [&str; 16] = [
    "traceId",
    "spanId",
    "parentSpanId",
    "traceState",
    "flags",
    "name",
    "kind",
    "startTimeUnixNano",
    "endTimeUnixNano",
    "attributes",
    "droppedAttributesCount",
    "events",
    "droppedEventsCount",
    "links",
    "droppedLinksCount",
    "status",
];

fn span(cursor: &mut Cursor<'_>) -> Field<Option<Span>> {
    let mut span = Span::default();
    let is = message(cursor, "spans", |cursor, field| {
        match field {
            "traceId" => span.trace_id = id(cursor)?,
            "spanId" => span.span_id = id(cursor)?,
            "parentSpanId" => span.parent_span_id = id(cursor)?,
            "traceState" => span.trace_state = text(cursor, field)?,
            "flags" => span.flags = integer(cursor, field)?,
            "name" => span.name = text(cursor, field)?,
            "kind" => span.kind = named(cursor, |name| Some(SpanKind::from_str_name(name)? as i32))?,
            "startTimeUnixNano" => span.start_time_unix_nano = integer(cursor, field)?,
            "endTimeUnixNano" => span.end_time_unix_nano = integer(cursor, field)?,
            "attributes" => span.attributes = attributes(cursor)?,
            "droppedAttributesCount" => span.dropped_attributes_count = integer(cursor, field)?,
            "events" => span.events = list(cursor, field, event)?,
            "droppedEventsCount" => span.dropped_events_count = integer(cursor, field)?,
            "links" => span.links = list(cursor, field, link)?,
            "droppedLinksCount" => span.dropped_links_count = integer(cursor, field)?,
            "status" => span.status = status(cursor)?,
            _ => unknown(cursor, field, &SPAN)?,
        }
        Ok(())
    })?;
    Ok(is.then_some(span))
}

fn event(cursor: &mut Cursor<'_>) -> Field<Option<Event>> {
    let mut event = Event::default();
    let is = message(cursor, "events", |cursor, field| {
        match field {
            "timeUnixNano" => event.time_unix_nano = integer(cursor, field)?,
            "name" => event.name = text(cursor, field)?,
            "attributes" => event.attributes = attributes(cursor)?,
            "droppedAttributesCount" => event.dropped_attributes_count = integer(cursor, field)?,
            _ => unknown(cursor, field, &["timeUnixNano", "name", "attributes", "droppedAttributesCount"])?,
        }
        Ok(())
    })?;
    Ok(is.then_some(event))
}

fn link(cursor: &mut Cursor<'_>) -> Field<Option<Link>> {
    let mut link = Link::default();
    let is = message(cursor, "links", |cursor, field| {
        match field {
            "traceId" => link.trace_id = id(cursor)?,
            "spanId" => link.span_id = id(cursor)?,
            "traceState" => link.trace_state = text(cursor, field)?,
            "attributes" => link.attributes = attributes(cursor)?,
            "droppedAttributesCount" => link.dropped_attributes_count = integer(cursor, field)?,
            "flags" => link.flags = integer(cursor, field)?,
            _ => unknown(cursor, field, &["traceId", "spanId", "traceState", "attributes", "droppedAttributesCount"])?,
        }
        Ok(())
    })?;
    Ok(is.then_some(link))
}

fn status(cursor: &mut Cursor<'_>) -> Field<Option<Status>> {
    let mut status = Status::default();
    let is = message(cursor, "status", |cursor, field| {
        match field {
            "message" => status.message = text(cursor, field)?,
            "code" => status.code = named(cursor, |name| Some(StatusCode::from_str_name(name)? as i32))?,
            _ => unknown(cursor, field, &["message", "code"])?,
        }
        Ok(())
    })?;
    Ok(is.then_some(status))
}

fn attributes(cursor: &mut Cursor<'_>) -> Field<Vec<KeyValue>> {
    list(cursor, "attributes", |cursor| key_value(cursor, 0))
}

fn key_value(cursor: &mut Cursor<'_>, depth: usize) -> Field<Option<KeyValue>> {
    let mut pair = KeyValue::default();
    let is = message(cursor, "attributes", |cursor, field| {
        match field {
            "key" => pair.key = text(cursor, field)?,
            "value" => pair.value = any(cursor, depth)?,
            _ => unknown(cursor, field, &["key", "value"])?,
        }
        Ok(())
    })?;
    Ok(is.then_some(pair))
}

const VALUES: [&str; 7] =
    ["stringValue", "boolValue", "intValue", "doubleValue", "arrayValue", "kvlistValue", "bytesValue"];

fn any(cursor: &mut Cursor<'_>, depth: usize) -> Field<Option<AnyValue>> {
    let mut value = None;
    let is = message(cursor, "value", |cursor, field| {
        if !VALUES.contains(&field) {
            return unknown(cursor, field, &VALUES);
        }
        let token = cursor.value()?;
        let read = match (field, token) {
            (_, Token::Null) => return Ok(()),
            ("arrayValue" | "kvlistValue", Token::Object) if depth >= MAX_NESTING => {
                cursor.remark(format!("attributes nest at most {MAX_NESTING} deep"));
                return cursor.skip(&Token::Object);
            }
            ("arrayValue", Token::Object) => {
                let mut values = Vec::new();
                cursor.members(|cursor, field| match field {
                    "values" => {
                        // Its place counts: what is absent stands there as nothing.
                        values = list(cursor, field, |cursor| Ok(Some(any(cursor, depth + 1)?.unwrap_or_default())))?;
                        Ok(())
                    }
                    _ => unknown(cursor, field, &[]),
                })?;
                Some(Value::ArrayValue(ArrayValue { values }))
            }
            ("kvlistValue", Token::Object) => {
                let mut values = Vec::new();
                cursor.members(|cursor, field| match field {
                    "values" => {
                        values = list(cursor, field, |cursor| key_value(cursor, depth + 1))?;
                        Ok(())
                    }
                    _ => unknown(cursor, field, &[]),
                })?;
                Some(Value::KvlistValue(KeyValueList { values }))
            }
            (_, token @ (Token::Object | Token::Array)) => {
                cursor.skip(&token)?;
                None
            }
            ("stringValue", token) => Some(Value::StringValue(scalar(token))),
            ("boolValue", token) => match scalar(token).as_str() {
                "true" => Some(Value::BoolValue(true)),
                "false" => Some(Value::BoolValue(false)),
                _ => None,
            },
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
        value = read.or(value.take());
        Ok(())
    })?;
    Ok(is.then_some(AnyValue { value }))
}

/// Reads the fields of a message; whether it is one. `null` is none, and so is what is odd.
fn message<'a>(
    cursor: &mut Cursor<'a>,
    what: &str,
    field: impl FnMut(&mut Cursor<'a>, &str) -> Result<(), Broken>,
) -> Field<bool> {
    match cursor.value()? {
        Token::Object => cursor.members(field).map(|()| true),
        Token::Null => Ok(false),
        token => {
            cursor.remark(format!("{what}: an object is expected"));
            cursor.skip(&token).map(|()| false)
        }
    }
}

/// Reads a list; what in it is `null`, or odd, is left out.
fn list<'a, T>(
    cursor: &mut Cursor<'a>,
    what: &str,
    mut element: impl FnMut(&mut Cursor<'a>) -> Field<Option<T>>,
) -> Field<Vec<T>> {
    let mut values = Vec::new();
    match cursor.value()? {
        Token::Array => cursor.elements(|cursor| {
            values.extend(element(cursor)?);
            Ok(())
        })?,
        Token::Null => {}
        token => {
            cursor.remark(format!("{what}: a list is expected"));
            cursor.skip(&token)?;
        }
    }
    Ok(values)
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
        Token::Number(number) => number.to_owned(),
        Token::Bool(truth) => truth.to_string(),
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

/// A member of an enumeration, by number or by name; 0 stands for what is not known.
fn named(cursor: &mut Cursor<'_>, known: impl FnOnce(&str) -> Option<i32>) -> Field<i32> {
    let token = cursor.value()?;
    cursor.skip(&token)?;
    let text = scalar(token);
    Ok(known(&text).or_else(|| whole(&text)?.try_into().ok()).unwrap_or_default())
}

/// An id: hexadecimal digits in either case, where other bytes of ProtoJSON are base64.
fn id(cursor: &mut Cursor<'_>) -> Field<Vec<u8>> {
    let token = cursor.value()?;
    cursor.skip(&token)?;
    let digits = match &token {
        Token::Null => return Ok(Vec::new()),
        Token::Text(digits) => digits.as_bytes(),
        _ => b"?",
    };
    let digit = |byte: &u8| char::from(*byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let bytes = digits.chunks(2).map(|pair| match pair {
        [high, low] => Some(digit(high)? << 4 | digit(low)?),
        _ => None,
    });
    match bytes.collect::<Option<Vec<u8>>>() {
        Some(bytes) => Ok(bytes),
        None => {
            cursor.remark("ids are hexadecimal digits in JSON, not base64");
            Ok(NO_ID.to_vec())
        }
    }
}

/// Passes over a field that is not known, and says so if it is one of ours that is spelt as protobuf spells it.
fn unknown(cursor: &mut Cursor<'_>, field: &str, known: &[&str]) -> Result<(), Broken> {
    if field.contains('_') {
        let camel = camel(field);
        if known.contains(&camel.as_str()) {
            let field: String = field.chars().take(MAX_QUOTED).collect();
            cursor.remark(format!("fields are in lowerCamelCase: {camel}, not {field}"));
        }
    }
    let token = cursor.value()?;
    cursor.skip(&token)
}

fn camel(snake: &str) -> String {
    let mut camel = String::new();
    let mut upper = false;
    for letter in snake.chars() {
        if letter == '_' {
            upper = true;
        } else {
            camel.push(if upper { letter.to_ascii_uppercase() } else { letter });
            upper = false;
        }
    }
    camel
}
