//! `booking.confirmed`: a flight was booked.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use crate::tenant::{TenantContext, TenantId, TenantLabel, Tier, UserId};

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
    /// An attribute that must be there is missing.
    #[error("attribute {0} is missing")]
    MissingAttribute(&'static str),
    /// An attribute says something else than the body.
    #[error("attribute {0} and the body disagree")]
    Disagreement(&'static str),
}

/// The body of a `booking.confirmed` message, JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BookingConfirmed {
    /// Contract version: [`BookingConfirmed::VERSION`].
    pub version: u32,
    /// Eight characters of Crockford base 32.
    pub booking_number: String,
    /// IATA code of the departure airport.
    pub from_airport: String,
    /// IATA code of the arrival airport.
    pub to_airport: String,
    /// Day of departure, `YYYY-MM-DD`.
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

    /// Accepts a message as received; its attributes must say the same as its body.
    pub fn accept(body: &str, attributes: &HashMap<String, String>) -> Result<(Self, TenantContext), InvalidMessage> {
        let event: Self = serde_json::from_str(body).map_err(|error| InvalidMessage::Body(error.to_string()))?;
        if event.version != Self::VERSION {
            return Err(InvalidMessage::Version(event.version));
        }
        for (name, expected) in event.attributes() {
            match attributes.get(name) {
                None => return Err(InvalidMessage::MissingAttribute(name)),
                Some(value) if *value != expected => return Err(InvalidMessage::Disagreement(name)),
                Some(_) => {}
            }
        }
        let tenant = TenantContext::verified(event.label());
        Ok((event, tenant))
    }
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
    fn a_body_of_another_shape_or_version_is_refused() {
        let all = attributes(&event());
        assert!(matches!(BookingConfirmed::accept("{", &all), Err(InvalidMessage::Body(_))));
        let body = serde_json::to_string(&BookingConfirmed { version: 2, ..event() }).unwrap();
        assert_eq!(BookingConfirmed::accept(&body, &all), Err(InvalidMessage::Version(2)));
    }
}
