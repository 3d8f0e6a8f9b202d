//! Attributes that no index has, looked for in spans as they were stored: by their bytes first, since most spans have none of what is
//! asked for, and then by what these bytes say.

use memchr::memmem::Finder;
use opentelemetry_proto::tonic::resource::v1::Resource;
use prost::{
    DecodeError, Message,
    encoding::{DecodeContext, WireType, decode_key, decode_varint, encode_varint, skip_field},
};
use slo::row::cut;

use super::{AnnotationTest, Attribute, AttributeKey, ComparisonOperator, TextTest, normalized};
use crate::otlp::{StoredValue, Value, scalar};
use opentelemetry_proto::tonic::common::v1::any_value::Value as Sent;

/// A span's name goes by this name, as if it were an attribute.
const SPAN_NAME: &str = "span.name";
/// Fields of a `Span`, an `Event` and a `KeyValue`:
/// <https://github.com/open-telemetry/opentelemetry-proto/blob/main/opentelemetry/proto/trace/v1/trace.proto>.
const NAME: u32 = 5;
const ATTRIBUTES: u32 = 9;
const EVENTS: u32 = 11;
const EVENT_ATTRIBUTES: u32 = 3;
const KEY: u32 = 1;
const VALUE: u32 = 2;
/// What says in protobuf that field 1 follows, which is text: a key or a value.
const TEXT: u8 = 0x0a;
/// Numbers consist of these, and some are words.
const DIGITS: &str = "0123456789.-";
const WORDS: [&str; 4] = ["true", "false", "NaN", "-Infinity"];

/// An attribute that is looked for.
#[derive(Debug)]
pub struct AttributeMatcher<'a> {
    attribute: &'a Attribute,
    needles: Vec<Finder<'static>>,
}

impl<'a> AttributeMatcher<'a> {
    /// What is to be looked for.
    pub fn new(attribute: &'a Attribute) -> Self {
        let needles = needles(attribute).into_iter();
        Self { attribute, needles: needles.map(|needle| Finder::new(&needle).into_owned()).collect() }
    }

    /// What spans and resources hold that have the attribute, each of it: others may hold it, too.
    pub fn needles(&self) -> impl Iterator<Item = &[u8]> {
        self.needles.iter().map(Finder::needle)
    }

    /// Of a trace, how many spans that hold all of that are worth a look before it is read whole: one, where what they hold says nearly all.
    pub fn worth_a_look(&self) -> usize {
        let has_value =
            self.needles.len() > usize::from(self.attribute.key != AttributeKey::Exact(SPAN_NAME.to_owned()));
        match self.attribute.test {
            None => 1,
            Some(AnnotationTest::Text(TextTest::Equal, _)) if has_value => 1,
            // The value may stand in another attribute.
            Some(AnnotationTest::Text(..)) if has_value => 4,
            _ => 16,
        }
    }

    /// How its value is compared, where it is one attribute's and compared as a number.
    pub fn number(&self) -> Option<(ComparisonOperator, f64)> {
        match (&self.attribute.key, &self.attribute.test) {
            (AttributeKey::Exact(key), Some(AnnotationTest::Number(comparison, number))) if key != SPAN_NAME => {
                Some((*comparison, *number))
            }
            _ => None,
        }
    }

    /// Whether bytes hold all of that.
    pub fn may_be_in(&self, bytes: &[u8]) -> bool {
        self.needles.iter().all(|needle| needle.find(bytes).is_some())
    }

    /// Whether a span has the attribute, itself or in one of its events: a `Span`, as protobuf writes it. What has another name is passed over
    /// unread.
    pub fn is_of(&self, span: &[u8]) -> Result<bool, DecodeError> {
        let (mut name, mut own): (&[u8], _) = (&[], Vec::new());
        for field in fields(span) {
            let found = match field? {
                (ATTRIBUTES, attribute) => self.is_attribute(attribute, &mut own)?,
                (EVENTS, event) => self.is_of_event(event)?,
                (NAME, bytes) => {
                    name = bytes;
                    false
                }
                _ => false,
            };
            if found {
                return Ok(true);
            }
        }
        let is_by_name = self.attribute.key == AttributeKey::Exact(SPAN_NAME.to_owned());
        Ok(is_by_name && self.holds(cut(std::str::from_utf8(name).unwrap_or_default())))
    }

    /// Whether a sender has it.
    pub fn is_of_sender(&self, resource: &Resource) -> bool {
        let attributes = resource.attributes.iter().enumerate();
        attributes.filter(|(_, attribute)| self.attribute.key.is(&attribute.key)).any(|(at, attribute)| {
            // If an attribute is there twice, the first one counts.
            let is_first = resource.attributes.iter().take(at).all(|before| before.key != attribute.key);
            is_first && self.holds_sent(attribute.value.as_ref().and_then(|value| value.value.as_ref()))
        })
    }

    fn is_of_event(&self, event: &[u8]) -> Result<bool, DecodeError> {
        let mut own = Vec::new();
        for field in fields(event) {
            if let (EVENT_ATTRIBUTES, attribute) = field?
                && self.is_attribute(attribute, &mut own)?
            {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Whether this is the attribute. `before` has the names of those that were read of the same span or event: of one that is there twice the
    /// first counts.
    fn is_attribute<'b>(&self, attribute: &'b [u8], before: &mut Vec<&'b [u8]>) -> Result<bool, DecodeError> {
        let (mut key, mut value): (&[u8], Option<&[u8]>) = (&[], None);
        for field in fields(attribute) {
            match field? {
                (KEY, bytes) => key = bytes,
                (VALUE, bytes) => value = Some(bytes),
                _ => {}
            }
        }
        if !self.attribute.key.is(std::str::from_utf8(key).unwrap_or_default()) || before.contains(&key) {
            return Ok(false);
        }
        before.push(key);
        let value = value.map(StoredValue::decode).transpose()?;
        Ok(self.holds_stored(value.as_ref()))
    }

    fn holds_stored(&self, value: Option<&StoredValue>) -> bool {
        let one = |value: &StoredValue| value.scalar().is_some_and(|text| self.holds(&text));
        self.attribute.test.is_none()
            || value.is_some_and(|value| match &value.value {
                Some(Value::List(list)) => list.values.iter().any(one),
                _ => one(value),
            })
    }

    fn holds_sent(&self, value: Option<&Sent>) -> bool {
        let one = |value: &Sent| scalar(value).is_some_and(|text| self.holds(&text));
        self.attribute.test.is_none()
            || value.is_some_and(|value| match value {
                Sent::ArrayValue(list) => list.values.iter().filter_map(|value| value.value.as_ref()).any(one),
                value => one(value),
            })
    }

    fn holds(&self, value: &str) -> bool {
        self.attribute.test.as_ref().is_none_or(|test| test.holds(value))
    }
}

/// The texts and messages in a message, each by the number of its field.
fn fields(mut message: &[u8]) -> impl Iterator<Item = Result<(u32, &[u8]), DecodeError>> {
    std::iter::from_fn(move || next_field(&mut message).transpose())
}

fn next_field<'a>(message: &mut &'a [u8]) -> Result<Option<(u32, &'a [u8])>, DecodeError> {
    while !message.is_empty() {
        let (number, kind) = decode_key(message)?;
        let mut after = *message;
        skip_field(kind, number, &mut after, DecodeContext::default())?;
        let before = std::mem::replace(message, after);
        if kind == WireType::LengthDelimited {
            let mut field = before;
            decode_varint(&mut field)?;
            return Ok(Some((number, field.get(..field.len() - after.len()).unwrap_or_default())));
        }
    }
    Ok(None)
}

/// What each span or resource holds that has an attribute: in protobuf, as `prost` writes it.
fn needles(attribute: &Attribute) -> Vec<Vec<u8>> {
    let whole = |text: &str| {
        let mut bytes = vec![TEXT];
        encode_varint(text.len() as u64, &mut bytes);
        bytes.extend_from_slice(text.as_bytes());
        bytes
    };
    let key = match &attribute.key {
        AttributeKey::Exact(key) if key == SPAN_NAME => None,
        AttributeKey::Exact(key) => Some(whole(key)),
        // What else there is may be any other letter.
        AttributeKey::Normalized(key) => {
            key.split('_').max_by_key(|word| word.len()).map(|word| word.as_bytes().to_vec())
        }
    };
    let value = match &attribute.test {
        // What may be a number or a truth is not written as text.
        Some(AnnotationTest::Text(test, text)) if is_only_text(text) => match test {
            // A name is a field of another number.
            TextTest::Equal if attribute.key != AttributeKey::Exact(SPAN_NAME.to_owned()) => Some(whole(text)),
            TextTest::NotEqual => None,
            _ => Some(text.as_bytes().to_vec()),
        },
        _ => None,
    };
    key.into_iter().chain(value).filter(|needle| !needle.is_empty()).collect()
}

/// Whether no number or truth, written as text, holds this.
fn is_only_text(text: &str) -> bool {
    !text.chars().all(|letter| DIGITS.contains(letter)) && !WORDS.iter().any(|word| word.contains(text))
}

impl AttributeKey {
    /// Whether this is the name of an attribute.
    pub fn is(&self, key: &str) -> bool {
        match self {
            Self::Exact(name) => name == key,
            Self::Normalized(name) => normalized(key) == *name,
        }
    }

    /// The name, as it was asked for.
    pub fn name(&self) -> &str {
        let (Self::Exact(name) | Self::Normalized(name)) = self;
        name
    }
}
