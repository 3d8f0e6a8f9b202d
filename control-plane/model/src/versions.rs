//! Which versions of services there are: what their senders say of themselves, noted once a day.

use std::{collections::HashMap, sync::Arc};

use opentelemetry_proto::tonic::resource::v1::Resource;
use prost::Message;
use serde::{Deserialize, Serialize};

use crate::{
    complain::complain,
    incoming::Part,
    otlp,
    rollup::{bucket, day},
};

/// Senders and sightings that are remembered. What senders can invent is bounded: further versions are passed over.
const MAX_KNOWN: usize = 10_000;
const NANOSECONDS: i64 = 1_000_000_000;
const DAY: i64 = 86_400;

/// A version of a service.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Version {
    /// `service.name`
    pub service: String,
    /// Its account; empty where that is not known.
    pub account: String,
    /// `service.version` or `faas.version`.
    pub attribute: String,
    /// The version that the sender named.
    pub version: String,
    /// When the first of its spans began, Unix seconds.
    pub first_seen: i64,
}

impl Version {
    /// The versions that a sender names, seen at a time.
    pub fn named_by(resource: &Resource, first_seen: i64) -> Vec<Self> {
        let sender = otlp::Resource::of(resource);
        let named = otlp::versions(resource).map(|(attribute, version)| Self {
            service: sender.service.to_string(),
            account: sender.account.as_deref().unwrap_or_default().to_owned(),
            attribute: attribute.to_owned(),
            version,
            first_seen,
        });
        named.collect()
    }
}

/// When each version was seen first on each day, as far as that was noted.
#[derive(Debug, Default)]
pub struct Sightings {
    senders: HashMap<i64, Sender>,
    /// When each version was first seen on a day, in Unix seconds.
    known: HashMap<(Arc<Version>, i64), i64>,
    /// Whether it was told that there are more.
    has_complained: bool,
}

/// What a sender names, and when spans of it were seen first on each day.
#[derive(Debug, Default)]
struct Sender {
    versions: Vec<Arc<Version>>,
    seen: HashMap<i64, i64>,
}

impl Sightings {
    /// Of these spans the sightings that are new: of a version on a day, or of an earlier time of that day. Spans so old that no sum counts
    /// them are passed over, too. Whoever cannot store them has to begin again without any sightings.
    pub fn new_in<'a>(&mut self, parts: impl Iterator<Item = &'a Part>, now: i64) -> Vec<Version> {
        let mut found: HashMap<(Arc<Version>, i64), i64> = HashMap::new();
        for part in parts {
            if self.senders.len() >= MAX_KNOWN && !self.senders.contains_key(&part.sender.id) {
                self.senders.clear();
            }
            let sender = self.senders.entry(part.sender.id).or_insert_with(|| {
                let named = Resource::decode(part.sender.body.as_slice()).map(|sender| Version::named_by(&sender, 0));
                Sender { versions: named.unwrap_or_default().into_iter().map(Arc::new).collect(), ..Sender::default() }
            });
            for span in part.spans.iter().filter(|_| !sender.versions.is_empty()) {
                let start = span.facts.start_ns / NANOSECONDS;
                let earliest = sender.seen.get(&day(start));
                if earliest.is_some_and(|earliest| *earliest <= start) || bucket(start, now).is_none() {
                    continue;
                }
                sender.seen.insert(day(start), start);
                for version in &sender.versions {
                    let earliest = found.entry((version.clone(), day(start))).or_insert(start);
                    *earliest = start.min(*earliest);
                }
            }
        }
        if self.known.len() + found.len() > MAX_KNOWN {
            // What was noted may be noted again: older days are remembered only to save that.
            self.known.retain(|(_, at), _| *at >= day(now) - DAY);
        }
        let mut room = MAX_KNOWN.saturating_sub(self.known.len());
        let mut passed_over = false;
        found.retain(|sighting, start| match self.known.get(sighting) {
            Some(known) => *start < *known,
            None if room == 0 => {
                passed_over = true;
                false
            }
            None => {
                room -= 1;
                true
            }
        });
        if passed_over && !self.has_complained {
            self.has_complained = true;
            complain(format_args!(
                "more than {MAX_KNOWN} versions of services within two days: further ones are not noted"
            ));
        }
        self.known.extend(found.iter().map(|(sighting, start)| (sighting.clone(), *start)));
        found.into_iter().map(|((version, _), first_seen)| Version { first_seen, ..(*version).clone() }).collect()
    }
}

#[cfg(test)]
mod tests {
    use opentelemetry_proto::tonic::{
        common::v1::{AnyValue, KeyValue, any_value::Value},
        trace::v1::Span,
    };

    use super::*;
    use crate::{
        incoming::{IncomingSpan, Sender},
        otlp::Facts,
    };

    const NOW: i64 = 1_800_000_000;

    fn part(version: usize, start: i64) -> Part {
        let attribute = |key: &str, text: String| KeyValue {
            key: key.to_owned(),
            value: Some(AnyValue { value: Some(Value::StringValue(text)) }),
            ..KeyValue::default()
        };
        let resource = Resource {
            attributes: vec![
                attribute("service.name", "booking-api".to_owned()),
                attribute("service.version", version.to_string()),
            ],
            ..Resource::default()
        };
        let span = Span { start_time_unix_nano: (start * NANOSECONDS) as u64, ..Span::default() };
        let facts = Facts::of(&otlp::Resource::of(&resource), &span);
        let spans = vec![IncomingSpan { facts, body: Vec::new() }];
        Part { sender: Arc::new(Sender::new(resource.encode_to_vec())), scope: Vec::new().into(), spans }
    }

    #[test]
    fn a_version_is_new_however_many_there_were_on_earlier_days() {
        let mut sightings = Sightings::default();
        for age in (0..30).rev() {
            let now = NOW - age * DAY;
            let parts: Vec<Part> = (0..400).map(|version| part(version, now)).collect();
            assert_eq!(sightings.new_in(parts.iter(), now).len(), 400, "{age} days ago");
            assert_eq!(sightings.new_in(parts.iter(), now).len(), 0, "{age} days ago, once more");
        }
        assert_eq!(sightings.new_in([part(400, NOW)].iter(), NOW).len(), 1);
    }

    #[test]
    fn what_senders_invent_within_a_day_is_bounded() {
        let mut sightings = Sightings::default();
        let parts: Vec<Part> = (0..MAX_KNOWN + 10).map(|version| part(version, NOW)).collect();
        assert_eq!(sightings.new_in(parts.iter(), NOW).len(), MAX_KNOWN);
        assert_eq!(sightings.new_in([part(MAX_KNOWN + 11, NOW)].iter(), NOW).len(), 0);
    }
}
