//! Attributes that no index has, looked for in spans as they were stored: by their bytes first, since most spans have none of what is
//! asked for, and then by what these bytes say.

use memchr::memmem::Finder;
use opentelemetry_proto::tonic::resource::v1::Resource;
use prost::encoding::encode_varint;
use slo::row::cut;

use super::{AnnotationTest, Attribute, AttributeKey, Comparison, TextTest, normalized};
use crate::otlp::{StoredAttribute, StoredSpan, StoredValue, Value, scalar, text};
use opentelemetry_proto::tonic::common::v1::any_value::Value as Sent;

/// A span's name goes by this name, as if it were an attribute.
const SPAN_NAME: &str = "span.name";
/// What says in protobuf that field 1 follows, which is text: a key or a value.
const TEXT: u8 = 0x0a;
/// Numbers consist of these, and some are words.
const DIGITS: &str = "0123456789.-";
const WORDS: [&str; 4] = ["true", "false", "NaN", "-Infinity"];

/// An attribute that is looked for.
#[derive(Debug)]
pub struct Sought<'a> {
    attribute: &'a Attribute,
    needles: Vec<Finder<'static>>,
}

impl<'a> Sought<'a> {
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
    pub fn number(&self) -> Option<(Comparison, f64)> {
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

    /// Whether a span has the attribute, itself or in one of its events.
    pub fn is_of(&self, span: &StoredSpan) -> bool {
        let named =
            self.attribute.key == AttributeKey::Exact(SPAN_NAME.to_owned()) && self.holds(cut(text(&span.name)));
        named || self.is_among(&span.attributes) || span.events.iter().any(|event| self.is_among(&event.attributes))
    }

    /// Whether a sender has it.
    pub fn is_of_sender(&self, resource: &Resource) -> bool {
        let attributes = resource.attributes.iter().enumerate();
        attributes.filter(|(_, attribute)| self.attribute.key.is(&attribute.key)).any(|(at, attribute)| {
            // Of one that is there twice the first counts.
            let is_first = resource.attributes.iter().take(at).all(|before| before.key != attribute.key);
            is_first && self.holds_sent(attribute.value.as_ref().and_then(|value| value.value.as_ref()))
        })
    }

    fn is_among(&self, attributes: &[StoredAttribute]) -> bool {
        let named = attributes.iter().enumerate().filter(|(_, attribute)| self.attribute.key.is(text(&attribute.key)));
        named.into_iter().any(|(at, attribute)| {
            let is_first = attributes.iter().take(at).all(|before| before.key != attribute.key);
            is_first && self.holds_stored(attribute.value.as_ref())
        })
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

    /// As it was asked for.
    pub fn name(&self) -> &str {
        let (Self::Exact(name) | Self::Normalized(name)) = self;
        name
    }
}
