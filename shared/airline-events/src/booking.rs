//! A booking as events tell of it: which fields they have, and what these may say.

use jiff::{Timestamp, civil::Date};
use serde::{Deserialize, Serialize};
use tenancy::{InvalidTenant, Pattern, TenantId, TenantLabel, Tier, Tiers, UserId};
use tenant_messages::{InvalidMessage, TenantMessage};

use crate::TIERS;

/// The body of a message about a booking, JSON. What its fields may say stands here, for those who read it, and in
/// `docs/events.asyncapi.yaml`, for other teams; a test reads the one against the other. The contract's `version` stands beside them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Booking {
    /// [`Booking::NUMBER`]: eight characters of Crockford base 32.
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

impl Booking {
    /// A booking number. <https://www.crockford.com/base32.html>
    pub const NUMBER: Pattern = Pattern::new("0-9A-HJKMNP-TV-Z", 8, 8);
    /// An airport's IATA code. Whether an airport has it is for those to say who know airports.
    pub const AIRPORT: Pattern = Pattern::new("A-Z", 3, 3);

    fn label(&self) -> TenantLabel {
        TenantLabel { tenant_id: self.tenant_id.clone(), tier: self.tier, user_id: Some(self.sub.clone()) }
    }

    fn check(&self) -> Result<(), InvalidMessage> {
        Tiers::from(TIERS).parse(self.tier.as_str())?;
        for (field, text, pattern) in [
            ("booking_number", &self.booking_number, Self::NUMBER),
            ("from_airport", &self.from_airport, Self::AIRPORT),
            ("to_airport", &self.to_airport, Self::AIRPORT),
        ] {
            if !pattern.allows(text) {
                return Err(InvalidMessage::Field { field, expected: pattern.to_string() });
            }
        }
        if self.from_airport == self.to_airport {
            return Err(InvalidMessage::Contradiction("from_airport and to_airport are the same"));
        }
        if !is_full_date(&self.departure_date) {
            let expected = "a date that exists: YYYY-MM-DD".to_owned();
            return Err(InvalidMessage::Field { field: "departure_date", expected });
        }
        Ok(())
    }
}

/// `booking.confirmed`: a flight was booked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct BookingConfirmed(pub Booking);

/// `booking.cancelled`: a booking was cancelled. It says all that `booking.confirmed` said, and may come before it. When it was cancelled
/// stands in the body, so that no attribute alone makes a cancellation of a booking.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BookingCancelled {
    /// The booking that was cancelled.
    #[serde(flatten)]
    pub booking: Booking,
    /// When it was cancelled, RFC 3339 with milliseconds, UTC.
    pub cancelled_at: String,
}

impl TenantMessage for BookingConfirmed {
    const EVENT_TYPE: &'static str = "booking.confirmed";
    const VERSION: u32 = 1;

    fn label(&self) -> Result<TenantLabel, InvalidTenant> {
        Ok(self.0.label())
    }

    fn check(&self) -> Result<(), InvalidMessage> {
        self.0.check()
    }
}

impl TenantMessage for BookingCancelled {
    const EVENT_TYPE: &'static str = "booking.cancelled";
    const VERSION: u32 = 1;

    fn label(&self) -> Result<TenantLabel, InvalidTenant> {
        Ok(self.booking.label())
    }

    fn check(&self) -> Result<(), InvalidMessage> {
        self.booking.check()?;
        if !is_timestamp(&self.cancelled_at) {
            let expected = "a time that exists: YYYY-MM-DDThh:mm:ss.sssZ".to_owned();
            return Err(InvalidMessage::Field { field: "cancelled_at", expected });
        }
        Ok(())
    }
}

/// Whether this is RFC 3339's `full-date` of a day that exists. jiff's own parser takes other forms of ISO 8601 as well.
fn is_full_date(text: &str) -> bool {
    Date::strptime("%Y-%m-%d", text).is_ok_and(|date| date.to_string() == text && text.len() == 10)
}

/// Whether this is RFC 3339's `date-time` in UTC, with milliseconds.
fn is_timestamp(text: &str) -> bool {
    text.parse::<Timestamp>().is_ok_and(|time| format!("{time:.3}") == text)
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use tenant_messages::read;

    use super::*;

    fn event() -> BookingConfirmed {
        BookingConfirmed(Booking {
            booking_number: "7K3M9Q2X".into(),
            from_airport: "LHR".into(),
            to_airport: "JFK".into(),
            departure_date: "2027-01-31".into(),
            sub: "user-1".parse().unwrap(),
            tier: Tier::named("premium"),
            tenant_id: "oceanic".parse().unwrap(),
        })
    }

    /// The message as received.
    fn sent(event: &BookingConfirmed) -> (String, HashMap<String, String>) {
        let written = event.write().unwrap();
        (written.body, written.attributes.map(|(name, value)| (name.to_owned(), value)).into())
    }

    #[test]
    fn the_body_has_the_names_of_the_contract() {
        let json: serde_json::Value = serde_json::from_str(&sent(&event()).0).unwrap();
        assert_eq!(json["version"], 1);
        assert_eq!(json["Tenant-id"], "oceanic");
        assert_eq!(json["Tier-level"], "premium");
        assert_eq!(json["sub"], "user-1");
    }

    #[test]
    fn what_was_written_is_read_back() {
        let (body, attributes) = sent(&event());
        assert_eq!(read::<BookingConfirmed>(&body, &attributes), Ok(event()));
    }

    #[test]
    fn attributes_that_disagree_with_the_body_are_refused() {
        let (body, mut forged) = sent(&event());
        forged.insert("tenant_id".into(), "acme".into());
        assert_eq!(read::<BookingConfirmed>(&body, &forged), Err(InvalidMessage::Disagreement("tenant_id")));
        forged.remove("tenant_id");
        assert_eq!(read::<BookingConfirmed>(&body, &forged), Err(InvalidMessage::MissingAttribute("tenant_id")));
    }

    #[test]
    fn what_the_contract_does_not_allow_is_refused_by_name_where_it_is_made_and_where_it_is_read() {
        let refused = |change: fn(&mut Booking)| {
            let mut changed = event();
            change(&mut changed.0);
            let (_, attributes) = sent(&event());
            let mut body = serde_json::to_value(&changed).unwrap();
            body["version"] = 1.into();
            let read = read::<BookingConfirmed>(&body.to_string(), &attributes).unwrap_err();
            assert_eq!(changed.write(), Err(read));
            changed.write().unwrap_err().to_string()
        };
        assert_eq!(
            refused(|booking| booking.booking_number = "A#B".into()),
            "booking_number is not 8 characters of 0-9A-HJKMNP-TV-Z"
        );
        assert_eq!(refused(|booking| booking.from_airport = "lhr".into()), "from_airport is not 3 characters of A-Z");
        assert_eq!(
            refused(|booking| booking.departure_date = "2026-99-99".into()),
            "departure_date is not a date that exists: YYYY-MM-DD"
        );
        assert_eq!(refused(|booking| booking.to_airport = "LHR".into()), "from_airport and to_airport are the same");
    }

    #[test]
    fn a_message_of_one_event_is_not_read_as_the_other() {
        let (body, attributes) = sent(&event());
        let cancelled_at = "2027-01-01T08:00:00.000Z".to_owned();
        let cancelled = BookingCancelled { booking: event().0, cancelled_at }.write().unwrap();
        assert_eq!(
            read::<BookingConfirmed>(&cancelled.body, &attributes),
            Ok(event()),
            "its fields are passed over: it was booked, too"
        );
        let attributes = cancelled.attributes.map(|(name, value)| (name.to_owned(), value)).into();
        assert!(matches!(read::<BookingCancelled>(&body, &attributes), Err(InvalidMessage::Body(_))));
        assert!(read::<BookingCancelled>(&cancelled.body, &attributes).is_ok());
        let disagreement = Err(InvalidMessage::Disagreement("event_type"));
        assert_eq!(read::<BookingConfirmed>(&body, &attributes), disagreement);
    }

    #[test]
    fn a_body_of_another_shape_or_version_is_refused() {
        let (body, all) = sent(&event());
        assert!(matches!(read::<BookingConfirmed>("{", &all), Err(InvalidMessage::Body(_))));
        for (version, outcome) in [
            ("1.0", None),
            ("2", Some(InvalidMessage::Version("2".into()))),
            ("1.5", Some(InvalidMessage::Version("1.5".into()))),
            ("-1", Some(InvalidMessage::Version("-1".into()))),
        ] {
            let body = body.replace("\"version\":1", &format!("\"version\":{version}"));
            assert_eq!(read::<BookingConfirmed>(&body, &all).err(), outcome, "{version}");
        }
    }
}
