//! Changes of the configuration, which a server finds when it starts.
//!
//! What the configuration was follows from the audit itself: from what was remembered of it at a record, and the records since. So servers that start
//! at once with the same configuration record a change once: whoever comes second reads the first's record before the next attempt.

use std::{collections::BTreeMap, num::NonZeroU32};

use aws_lc_rs::pbkdf2;
use control_plane_model::store::{AuditFrom, AuditRecord, StateEntry, StoreError};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{
    About, Audit, AuditEvent, Recorded, Source, What, Who,
    event::{self, RecordBody},
    log::PAGE,
};

/// What is remembered of it, in the state store.
const ENTRY: &str = "audit/configuration";
/// The end of the year 9999, Unix seconds: an entry has an end.
const NEVER: i64 = 253_402_300_799;
/// Rounds of PBKDF2 for a fingerprint.
const ROUNDS: NonZeroU32 = NonZeroU32::MIN.saturating_add(19_999);

/// A configuration without its secrets.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    /// Values by their place: `retention.max_age_hours`.
    pub values: BTreeMap<String, Value>,
    /// The intake keys, as fingerprints, by account.
    pub intake_keys: BTreeMap<String, Value>,
    /// The service keys, as fingerprints, by name.
    pub service_keys: BTreeMap<String, Value>,
}

/// What shows that a secret is another one than before, and tells next to nothing of it: 32 bits of PBKDF2-HMAC-SHA256 (RFC 8018), so that words of a
/// dictionary are slow to try.
pub fn fingerprint(place: &str, secret: &str) -> String {
    let mut bits = [0; 4];
    pbkdf2::derive(pbkdf2::PBKDF2_HMAC_SHA256, ROUNDS, place.as_bytes(), secret.as_bytes(), &mut bits);
    format!("set, {}", hex::encode(bits))
}

/// The configuration of the last start, as it is kept.
#[derive(Debug, Default, Serialize, Deserialize)]
struct RecordedConfiguration {
    /// The record at which it was so.
    number: u64,
    settings: Settings,
}

/// A change of it.
#[derive(Debug)]
struct Change {
    what: What,
    about: Option<About>,
    before: Option<Value>,
    after: Option<Value>,
}

impl Audit {
    /// Records how the configuration differs from what it was when a server started last; how many records that took.
    ///
    /// # Errors
    ///
    /// Where the store does not answer.
    pub async fn note_configuration(&self, who: &Who, settings: &Settings) -> Result<usize, StoreError> {
        let mut recorded = 0;
        loop {
            let remembered = self.states.entry(ENTRY).await?;
            let remembered = remembered
                .and_then(|body| serde_json::from_str::<RecordedConfiguration>(&body).ok())
                .unwrap_or_default();
            let number = remembered.number;
            let (mut known, mut last) = self.since(remembered).await?;
            let changes = known.changes(settings);
            let mut is_last = true;
            for change in changes {
                let Change { what, about, before, after } = change;
                let event =
                    AuditEvent { about, before, after, ..AuditEvent::new(what, who.clone(), Source::default()) };
                match self.append(last.as_ref(), &event::body(event)?).await? {
                    Some(record) => last = Some(record),
                    // Another server has recorded something meanwhile, perhaps this very change.
                    None => {
                        is_last = false;
                        break;
                    }
                }
                recorded += 1;
            }
            if !is_last {
                continue;
            }
            known = settings.clone();
            let at = last.map_or(0, |last| last.number);
            if at != number {
                self.remember(&RecordedConfiguration { number: at, settings: known }).await?;
            }
            return Ok(recorded);
        }
    }

    async fn remember(&self, remembered: &RecordedConfiguration) -> Result<(), StoreError> {
        let body = serde_json::to_string(remembered);
        let body = body.map_err(|error| StoreError::Failed(format!("the configuration cannot be written: {error}")))?;
        self.states.add_entry(StateEntry { name: ENTRY.into(), body, until: NEVER }).await
    }

    /// What the configuration is by now, and the last record. How far it came is remembered, so that whoever has no time to read all of a long audit
    /// goes on from there.
    async fn since(
        &self,
        mut remembered: RecordedConfiguration,
    ) -> Result<(Settings, Option<AuditRecord>), StoreError> {
        let number = remembered.number;
        // Begins with the record itself, which may be the last one.
        let (mut after, mut last) = (number.saturating_sub(1), None);
        loop {
            let page = self.states.audit(AuditFrom::After(after), PAGE).await?;
            let is_last = page.len() < PAGE;
            for record in page {
                after = record.number;
                let recorded = Recorded::from(record);
                if let Some(said) = recorded.said.filter(|_| recorded.record.number > number) {
                    remembered.settings.apply(said);
                }
                last = Some(recorded.record);
            }
            if is_last {
                return Ok((remembered.settings, last));
            }
            remembered.number = after;
            self.remember(&remembered).await?;
        }
    }
}

impl Settings {
    /// How this is left for another: the keys first, one by one, and all the rest together.
    fn changes(&self, next: &Self) -> Vec<Change> {
        let intake = [What::IntakeKeyAdd, What::IntakeKeyChange, What::IntakeKeyRemove];
        let service = [What::ServiceKeyAdd, What::ServiceKeyChange, What::ServiceKeyRemove];
        let mut changes = keys(&self.intake_keys, &next.intake_keys, intake);
        changes.extend(keys(&self.service_keys, &next.service_keys, service));
        let (mut before, mut after) = (Map::new(), Map::new());
        for (place, old, new) in differing(&self.values, &next.values) {
            before.extend(old.map(|old| (place.clone(), old.clone())));
            after.extend(new.map(|new| (place.clone(), new.clone())));
        }
        if !before.is_empty() || !after.is_empty() {
            let (before, after) = (Some(before.into()), Some(after.into()));
            changes.push(Change { what: What::Configuration, about: None, before, after });
        }
        changes
    }

    /// What a record says has changed.
    fn apply(&mut self, RecordBody { event, .. }: RecordBody) {
        let keys = match event.what {
            What::Configuration => {
                let fields = |value| if let Some(Value::Object(fields)) = value { fields } else { Map::new() };
                for place in fields(event.before).keys() {
                    self.values.remove(place);
                }
                self.values.extend(fields(event.after));
                return;
            }
            What::IntakeKeyAdd | What::IntakeKeyChange | What::IntakeKeyRemove => &mut self.intake_keys,
            What::ServiceKeyAdd | What::ServiceKeyChange | What::ServiceKeyRemove => &mut self.service_keys,
            _ => return,
        };
        if let Some(about) = event.about {
            match event.after {
                Some(after) => keys.insert(about.name().to_owned(), after),
                None => keys.remove(about.name()),
            };
        }
    }
}

type Values = BTreeMap<String, Value>;

/// What is not the same in both, with what each has.
fn differing<'a>(old: &'a Values, new: &'a Values) -> Vec<(&'a String, Option<&'a Value>, Option<&'a Value>)> {
    let mut places: Vec<&String> = old.keys().chain(new.keys()).collect();
    places.sort_unstable();
    places.dedup();
    let both = places.into_iter().map(|place| (place, old.get(place), new.get(place)));
    both.filter(|(_, old, new)| old != new).collect()
}

fn keys(old: &Values, new: &Values, [add, change, remove]: [What; 3]) -> Vec<Change> {
    let change = |(name, old, new): (&String, Option<&Value>, Option<&Value>)| {
        let what = match (old, new) {
            (None, _) => add,
            (_, None) => remove,
            _ => change,
        };
        Change { what, about: Some(About::Key(name.clone())), before: old.cloned(), after: new.cloned() }
    };
    differing(old, new).into_iter().map(change).collect()
}
