//! A text that somebody looks for within a trace.

use std::collections::BTreeMap;

use serde_json::Value;

use super::Span;

/// A text that is looked for in spans, whatever its case.
#[derive(Debug)]
pub struct Wanted {
    lower: String,
    /// The text as key and value, if it has the form `key=value`.
    pair: Option<(String, String)>,
}

impl Wanted {
    /// What to look for: a text, or `key=value`, which is an attribute whose key is this and whose value has that in it.
    pub fn new(text: &str) -> Self {
        let lower = text.trim().to_lowercase();
        let pair = lower.split_once('=').map(|(key, value)| (key.trim().to_owned(), value.trim().to_owned()));
        Self { lower, pair: pair.filter(|(key, _)| !key.is_empty()) }
    }

    /// Whether a span has it: in its name, ids, kind, service, account, tenant or error, in its attributes or those of its events or its sender.
    pub fn is_in(&self, span: &Span) -> bool {
        let texts = [&span.name, &span.span_id, &span.kind, &span.service];
        let known = [&span.parent_span_id, &span.account, &span.tenant, &span.tier, &span.error];
        texts.into_iter().chain(known.into_iter().flatten()).any(|text| self.is_within(text))
            || self.is_among(&span.attributes)
            || self.is_among(&span.resource)
            || span.events.iter().any(|event| self.is_within(&event.name) || self.is_among(&event.attributes))
            || span.links.iter().any(|link| self.is_within(&link.trace_id) || self.is_among(&link.attributes))
    }

    fn is_within(&self, text: &str) -> bool {
        text.to_lowercase().contains(&self.lower)
    }

    fn is_among(&self, attributes: &BTreeMap<String, Value>) -> bool {
        attributes.iter().any(|(key, value)| {
            let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned).to_lowercase();
            let is_pair = |(wanted, part): &(String, String)| key.to_lowercase() == *wanted && value.contains(part);
            self.is_within(key) || value.contains(&self.lower) || self.pair.as_ref().is_some_and(is_pair)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::{Event, tree::tests::span};

    #[test]
    fn a_text_is_found_wherever_a_span_has_it() {
        let mut one = span("00000000000000aa", None, 0, 10);
        one.error = Some("No airport".into());
        one.attributes.insert("http.response.status_code".into(), 201.into());
        one.resource.insert("service.version".into(), "7A".into());
        let attributes = [("message".to_owned(), "gone".into())].into();
        one.events.push(Event { name: "retry".into(), time_unix_ns: 1, attributes });
        let finds = |text: &str| Wanted::new(text).is_in(&one);
        for text in
            ["SPAN 0", "00aa", "booking-API", "111111", "acme", "airport", "status_code", "201", "7a", "retry", "gone"]
        {
            assert!(finds(text), "{text}");
        }
        assert!(finds("http.response.status_code = 20") && finds("service.version=7a"));
        for text in ["nothing", "status_code=201", "http.response.status_code=500"] {
            assert!(!finds(text), "{text}");
        }
    }
}
