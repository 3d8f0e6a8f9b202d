//! What a message or an event carries of trace context and tenant, and where a carrier has room for it.

use opentelemetry::{Context, propagation::Injector, trace::TraceContextExt};

use super::json::{Object, quoted};
use crate::{
    Work,
    propagation::{self, field},
};

/// SQS takes no more attributes with a message. SNS takes more, but what it delivers raw to SQS is lost then.
/// <https://docs.aws.amazon.com/sns/latest/dg/sns-message-attributes.html>
const MOST_ATTRIBUTES: usize = 10;

/// `traceparent`, `tracestate` and `baggage`, as far as they are set, the most important first.
#[derive(Debug, Default)]
pub(super) struct Fields(Vec<(String, String)>);

impl Injector for Fields {
    fn set(&mut self, name: &str, value: String) {
        self.0.push((name.to_owned(), value));
    }
}

impl Fields {
    pub(super) fn of(cx: &Context) -> Self {
        let mut fields = Self::default();
        let tenant = cx.get::<Work>().and_then(|work| work.tenant().cloned());
        propagation::inject(cx, tenant.as_ref(), &mut fields);
        fields
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn into_pairs(self) -> impl Iterator<Item = (String, String)> {
        self.0.into_iter()
    }

    /// The fields that can be added to a message that has these attributes already. A field replaces an attribute of the same name. Fields for which
    /// there is no room are left out, and the span says so; the first fields have priority, since `tracestate` alone is of no use.
    pub(super) fn with_room_among<'a>(self, attributes: impl Iterator<Item = &'a str>, cx: &Context) -> Self {
        let there: Vec<&str> = attributes.collect();
        let mut room = MOST_ATTRIBUTES.saturating_sub(there.len());
        let (mut fits, mut left_out) = (Vec::new(), Vec::new());
        for (name, value) in self.0 {
            let replaces = there.contains(&name.as_str());
            if left_out.is_empty() && (replaces || room > 0) {
                room -= usize::from(!replaces);
                fits.push((name, value));
            } else {
                left_out.push(name);
            }
        }
        if !left_out.is_empty() {
            no_room(cx, &left_out);
        }
        Self(fits)
    }

    pub(super) fn no_room(&self, cx: &Context) {
        let names: Vec<String> = self.0.iter().map(|(name, _)| name.clone()).collect();
        no_room(cx, &names);
    }

    /// Adds the fields to `object` as string members.
    pub(super) fn put_into(self, object: &mut Object<'_>) {
        for (name, value) in self.0 {
            object.set(&name, quoted(&value));
        }
    }

    /// Returns the JSON text with these fields in its `metadata`. It returns nothing where the text is no object, has another kind of `metadata`, or
    /// where there are no fields.
    pub(super) fn merged_into(self, text: &str) -> Option<String> {
        if self.is_empty() {
            return None;
        }
        let mut object = Object::parse(text)?;
        let metadata = object.get(field::METADATA).unwrap_or("{}").to_owned();
        let mut metadata = Object::parse(&metadata)?;
        self.put_into(&mut metadata);
        object.set(field::METADATA, metadata.to_string());
        Some(object.to_string())
    }
}

fn no_room(cx: &Context, names: &[String]) {
    cx.span().add_event(format!("no room for {}", names.join(", ")), Vec::new());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields() -> Fields {
        Fields(["traceparent", "tracestate", "baggage"].map(|name| (name.to_owned(), format!("<{name}>"))).into())
    }

    #[test]
    fn a_message_gets_no_more_than_ten_attributes() {
        let names = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "traceparent"];
        let kept = |there: &[&str]| {
            let fits = fields().with_room_among(there.iter().copied(), &Context::new());
            fits.0.into_iter().map(|(name, _)| name).collect::<Vec<_>>()
        };
        assert_eq!(kept(&names[..7]), ["traceparent", "tracestate", "baggage"]);
        assert_eq!(kept(&names[..8]), ["traceparent", "tracestate"]);
        assert_eq!(kept(&names[..9]), ["traceparent"]);
        assert_eq!(kept(&names), ["traceparent"], "in place of the one that is there");
        assert_eq!(kept(&["x"; 10]), [""; 0]);
        assert_eq!(kept(&["x"; 11]), [""; 0]);
    }

    #[test]
    fn metadata_that_is_there_stays() {
        let fields = || Fields(vec![("traceparent".to_owned(), "00-x".to_owned())]);
        let beside = |text| fields().merged_into(text);
        assert_eq!(beside("{}").unwrap(), r#"{"metadata":{"traceparent":"00-x"}}"#);
        let there = r#"{"data":{"a": 1},"metadata":{"event_type":"x","traceparent":"old"}}"#;
        assert_eq!(beside(there).unwrap(), r#"{"data":{"a": 1},"metadata":{"event_type":"x","traceparent":"00-x"}}"#);
        for text in ["[1]", "\"x\"", r#"{"metadata":1}"#, "no JSON"] {
            assert_eq!(beside(text), None, "{text}");
        }
        assert_eq!(Fields::default().merged_into("{}"), None);
    }
}
