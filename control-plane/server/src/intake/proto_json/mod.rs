//! OTLP's requests as ProtoJSON writes them: <https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding> and
//! <https://protobuf.dev/programming-guides/json/>.
//!
//! `null` is absent, numbers may be strings and the other way round, unknown fields and kinds of values are passed over. What is odd
//! is passed over too, and remarked on: its sender learns of it, and loses nothing else.

mod logs;
mod metrics;
mod traces;
mod values;

use opentelemetry_proto::tonic::{
    collector::{
        logs::v1::ExportLogsServiceRequest, metrics::v1::ExportMetricsServiceRequest,
        trace::v1::ExportTraceServiceRequest,
    },
    common::v1::InstrumentationScope,
    resource::v1::Resource,
};

use super::json::{Broken, Cursor, Token};

/// Letters of a sender's that a remark repeats.
const MAX_QUOTED: usize = 40;
/// Stands for an id that is none: of no length that an id has.
const NO_ID: [u8; 1] = [0];

/// What is called otherwise in requests of other signals, by where it stands.
const BY_SIGNAL: [&[&str]; 3] = [
    &["resourceSpans", "resourceMetrics", "resourceLogs", "resourceProfiles"],
    &["scopeSpans", "scopeMetrics", "scopeLogs", "scopeProfiles"],
    &["spans", "metrics", "logRecords", "profiles"],
];

/// A request, and what was odd in it.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Read<R> {
    pub(super) request: R,
    pub(super) remarks: Vec<String>,
}

/// A request of a signal.
pub(super) trait Request: Message {
    /// Its only field.
    const LIST: &'static str;

    /// Whether there is nothing in it that could be stored.
    fn is_empty(&self) -> bool;
}

/// Reads a request. The error says why nothing of it is one.
pub(super) fn read<R: Request>(body: &[u8]) -> Result<Read<R>, String> {
    let mut cursor = Cursor::new(body);
    let text = |broken: Broken| broken.to_string();
    let mut request = R::default();
    let (mut members, mut has_list) = (0, false);
    if cursor.value().map_err(text)? != Token::Object {
        return Err(format!("a request is an object with {}", R::LIST));
    }
    let read = cursor.members(|cursor, field| {
        members += 1;
        has_list |= field == R::LIST;
        request.member(cursor, field)
    });
    read.map_err(text)?;
    cursor.end().map_err(text)?;
    if members > 0 && !has_list {
        cursor.remark(format!("there are no {} in it", R::LIST));
    }
    let remarks: Vec<String> = cursor.remarks.into_iter().collect();
    if !request.is_empty() || remarks.is_empty() { Ok(Read { request, remarks }) } else { Err(remarks.join("; ")) }
}

/// A request with spans in OTLP's JSON, as the intake reads it.
///
/// # Errors
///
/// Why it is none, as in those that follow.
pub fn traces_of_json(body: &[u8]) -> Result<ExportTraceServiceRequest, String> {
    Ok(read(body)?.request)
}

/// Reads a request of metrics.
pub fn metrics_of_json(body: &[u8]) -> Result<ExportMetricsServiceRequest, String> {
    Ok(read(body)?.request)
}

/// Reads a request of log records.
pub fn logs_of_json(body: &[u8]) -> Result<ExportLogsServiceRequest, String> {
    Ok(read(body)?.request)
}

type Field<T> = Result<T, Broken>;

/// A message, as its fields are read one by one.
pub(super) trait Message: Default {
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

use message;

message!(Resource, "resource", {
    "attributes" => attributes = list, "droppedAttributesCount" => dropped_attributes_count = integer,
});
message!(InstrumentationScope, "scope", {
    "name" => name = text, "version" => version = text, "attributes" => attributes = list,
    "droppedAttributesCount" => dropped_attributes_count = integer,
});
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

/// Any number, `NaN` and `Infinity` among them, or `None` where it is none.
fn number(cursor: &mut Cursor<'_>, what: &str) -> Field<Option<f64>> {
    let token = cursor.value()?;
    if token == Token::Null {
        return Ok(None);
    }
    cursor.skip(&token)?;
    let number = scalar(token).trim().parse().ok();
    if number.is_none() {
        cursor.remark(format!("{what}: a number is expected"));
    }
    Ok(number)
}

/// A list of numbers, in which a place counts.
fn numbers(cursor: &mut Cursor<'_>, what: &str) -> Field<Vec<f64>> {
    elements(cursor, what, |cursor| Ok(Some(number(cursor, what)?.unwrap_or(f64::NAN))))
}

/// A list of whole numbers, likewise.
fn integers(cursor: &mut Cursor<'_>, what: &str) -> Field<Vec<u64>> {
    elements(cursor, what, |cursor| Ok(Some(integer(cursor, what)?)))
}

/// Whether something is so.
fn truth(cursor: &mut Cursor<'_>, what: &str) -> Field<bool> {
    Ok(text(cursor, what)? == "true")
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
    let is = |name: &&str| name.eq_ignore_ascii_case(&joined);
    let alike = BY_SIGNAL.iter().find(|names| names.iter().any(&is));
    let instead = alike.and_then(|names| names.iter().find(|name| known.contains(name)));
    if let Some(instead) = instead.filter(|instead| !is(instead)) {
        cursor.remark(format!("{short} are of another signal: here they are {instead}"));
    }
    if let Some(meant) = known.iter().find(|known| field.contains('_') && is(known)) {
        cursor.remark(format!("fields are in lowerCamelCase: {meant}, not {short}"));
    }
    let token = cursor.value()?;
    cursor.skip(&token)
}
