//! `booking.confirmed`: a flight was booked.

use std::collections::HashMap;

use jiff::civil::Date;
use serde::{Deserialize, Deserializer, Serialize, de::Error};
use tenancy::{Pattern, TenantContext, TenantId, TenantLabel, Tier, UserId};

/// Names of the message attributes besides trace context. Attributes route and filter; the body is the record.
pub mod attribute {
    /// The tenant, equal to the body's `Tenant-id`.
    pub const TENANT_ID: &str = "tenant_id";
    /// The tier, equal to the body's `Tier-level`.
    pub const TENANT_TIER: &str = "tenant_tier";
    /// What happened: [`BookingConfirmed::EVENT_TYPE`](super::BookingConfirmed::EVENT_TYPE).
    pub const EVENT_TYPE: &str = "event_type";
}

/// Why a message cannot be taken for what it says it is.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidMessage {
    /// The body is not this event's JSON.
    #[error("the body does not parse: {0}")]
    Body(String),
    /// The event is of a version this consumer does not know.
    #[error("version {0} is not supported")]
    Version(u32),
    /// A field says what the contract does not allow.
    #[error("{field} is not {expected}")]
    Field {
        /// Which.
        field: &'static str,
        /// What it should be.
        expected: String,
    },
    /// The flight ends where it begins.
    #[error("from_airport and to_airport are the same")]
    SameAirport,
    /// An attribute that must be there is missing.
    #[error("attribute {0} is missing")]
    MissingAttribute(&'static str),
    /// An attribute says something else than the body.
    #[error("attribute {0} and the body disagree")]
    Disagreement(&'static str),
}

/// The body of a `booking.confirmed` message, JSON. What its fields may say stands here, for [`BookingConfirmed::accept`], and in
/// `docs/events.asyncapi.yaml`, for other teams; a test reads the one against the other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BookingConfirmed {
    /// Contract version: [`BookingConfirmed::VERSION`].
    #[serde(deserialize_with = "whole_number")]
    pub version: u32,
    /// [`BookingConfirmed::BOOKING_NUMBER`]: eight characters of Crockford base 32.
    pub booking_number: String,
    /// IATA code of the departure airport.
    pub from_airport: String,
    /// IATA code of the arrival airport, another one.
    pub to_airport: String,
    /// Day of departure, `YYYY-MM-DD` (RFC 3339 `full-date`).
    pub departure_date: String,
    /// The user who booked.
    pub sub: UserId,
    /// The tenant's tier when the booking was made.
    #[serde(rename = "Tier-level")]
    pub tier: Tier,
    /// The tenant whose booking this is.
    #[serde(rename = "Tenant-id")]
    pub tenant_id: TenantId,
}

impl BookingConfirmed {
    /// The contract version that is written, and the only one read so far.
    pub const VERSION: u32 = 1;
    /// The value of the `event_type` attribute.
    pub const EVENT_TYPE: &'static str = "booking.confirmed";
    /// A booking number. <https://www.crockford.com/base32.html>
    pub const BOOKING_NUMBER: Pattern = Pattern::new("0-9A-HJKMNP-TV-Z", 8, 8);
    /// An airport's IATA code. Whether an airport has it is for those to say who know airports.
    pub const AIRPORT: Pattern = Pattern::new("A-Z", 3, 3);

    /// Whom this message names.
    pub fn label(&self) -> TenantLabel {
        TenantLabel { tenant_id: self.tenant_id.clone(), tier: self.tier, user_id: self.sub.clone() }
    }

    /// The attributes that go with the body.
    pub fn attributes(&self) -> [(&'static str, String); 3] {
        [
            (attribute::TENANT_ID, self.tenant_id.to_string()),
            (attribute::TENANT_TIER, self.tier.to_string()),
            (attribute::EVENT_TYPE, Self::EVENT_TYPE.to_owned()),
        ]
    }

    /// Accepts a message as received: its body is what the contract allows, and its attributes say the same. Fields that the contract
    /// does not name are passed over.
    pub fn accept(body: &str, attributes: &HashMap<String, String>) -> Result<(Self, TenantContext), InvalidMessage> {
        let event: Self = serde_json::from_str(body).map_err(|error| InvalidMessage::Body(error.to_string()))?;
        if event.version != Self::VERSION {
            return Err(InvalidMessage::Version(event.version));
        }
        event.check()?;
        for (name, expected) in event.attributes() {
            match attributes.get(name) {
                None => return Err(InvalidMessage::MissingAttribute(name)),
                Some(value) if *value != expected => return Err(InvalidMessage::Disagreement(name)),
                Some(_) => {}
            }
        }
        let tenant = TenantContext::vouched_by("the message", event.label());
        Ok((event, tenant))
    }

    /// What the types of the fields do not say.
    fn check(&self) -> Result<(), InvalidMessage> {
        for (field, text, pattern) in [
            ("booking_number", &self.booking_number, Self::BOOKING_NUMBER),
            ("from_airport", &self.from_airport, Self::AIRPORT),
            ("to_airport", &self.to_airport, Self::AIRPORT),
        ] {
            if !pattern.allows(text) {
                return Err(InvalidMessage::Field { field, expected: pattern.to_string() });
            }
        }
        if self.from_airport == self.to_airport {
            return Err(InvalidMessage::SameAirport);
        }
        if !is_full_date(&self.departure_date) {
            let expected = "a date that exists: YYYY-MM-DD".to_owned();
            return Err(InvalidMessage::Field { field: "departure_date", expected });
        }
        Ok(())
    }
}

/// Whether this is RFC 3339's `full-date` of a day that exists. jiff's own parser takes other forms of ISO 8601 as well.
fn is_full_date(text: &str) -> bool {
    Date::strptime("%Y-%m-%d", text).is_ok_and(|date| date.to_string() == text && text.len() == 10)
}

/// A number as JSON Schema sees it: 1.0 is 1.
fn whole_number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    let number = f64::deserialize(deserializer)?;
    let whole = number as u32;
    if f64::from(whole) == number { Ok(whole) } else { Err(D::Error::custom("version is no whole number")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event() -> BookingConfirmed {
        BookingConfirmed {
            version: 1,
            booking_number: "7K3M9Q2X".into(),
            from_airport: "LHR".into(),
            to_airport: "JFK".into(),
            departure_date: "2027-01-31".into(),
            sub: "user-1".parse().unwrap(),
            tier: Tier::Premium,
            tenant_id: "oceanic".parse().unwrap(),
        }
    }

    fn attributes(event: &BookingConfirmed) -> HashMap<String, String> {
        event.attributes().into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }

    #[test]
    fn the_body_has_the_names_of_the_contract() {
        let json = serde_json::to_value(event()).unwrap();
        assert_eq!(json["Tenant-id"], "oceanic");
        assert_eq!(json["Tier-level"], "premium");
        assert_eq!(json["sub"], "user-1");
    }

    #[test]
    fn what_was_written_is_read_back() {
        let body = serde_json::to_string(&event()).unwrap();
        let (booking, tenant) = BookingConfirmed::accept(&body, &attributes(&event())).unwrap();
        assert_eq!((booking, tenant.label()), (event(), &event().label()));
    }

    #[test]
    fn attributes_that_disagree_with_the_body_are_refused() {
        let body = serde_json::to_string(&event()).unwrap();
        let mut forged = attributes(&event());
        forged.insert("tenant_id".into(), "acme".into());
        assert_eq!(BookingConfirmed::accept(&body, &forged), Err(InvalidMessage::Disagreement("tenant_id")));
        forged.remove("tenant_id");
        assert_eq!(BookingConfirmed::accept(&body, &forged), Err(InvalidMessage::MissingAttribute("tenant_id")));
    }

    #[test]
    fn what_the_contract_does_not_allow_is_refused_by_name() {
        let refused = |change: fn(&mut BookingConfirmed)| {
            let mut event = event();
            change(&mut event);
            let body = serde_json::to_string(&event).unwrap();
            BookingConfirmed::accept(&body, &attributes(&event)).unwrap_err().to_string()
        };
        assert_eq!(
            refused(|event| event.booking_number = "A#B".into()),
            "booking_number is not 8 characters of 0-9A-HJKMNP-TV-Z"
        );
        assert_eq!(refused(|event| event.from_airport = "lhr".into()), "from_airport is not 3 characters of A-Z");
        assert_eq!(
            refused(|event| event.departure_date = "2026-99-99".into()),
            "departure_date is not a date that exists: YYYY-MM-DD"
        );
        assert_eq!(refused(|event| event.to_airport = "LHR".into()), "from_airport and to_airport are the same");
    }

    #[test]
    fn a_body_of_another_shape_or_version_is_refused() {
        let all = attributes(&event());
        assert!(matches!(BookingConfirmed::accept("{", &all), Err(InvalidMessage::Body(_))));
        let body = serde_json::to_string(&BookingConfirmed { version: 2, ..event() }).unwrap();
        assert_eq!(BookingConfirmed::accept(&body, &all), Err(InvalidMessage::Version(2)));
    }
}
