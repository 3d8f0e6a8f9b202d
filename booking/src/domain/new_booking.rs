//! Turns a request body into a booking that can be made.

use http::StatusCode;
use iata_airports::{Airport, IataCode};
use jiff::{ToSpan, civil::Date};
use lambda_problem::Problem;

use super::{
    Fingerprint,
    fields::{Fields, name},
};

/// How far ahead a flight can be booked.
const MAX_DAYS_AHEAD: i64 = 361;
const FIELDS: [&str; 4] = ["from_airport", "to_airport", "departure_date", "passenger_name"];

/// A valid wish to fly.
#[derive(Debug, Clone, PartialEq)]
pub struct NewBooking {
    /// The airport of departure.
    pub from: &'static Airport,
    /// Arrival airport, another one.
    pub to: &'static Airport,
    /// Day of departure, from today to 361 days ahead.
    pub departure_date: Date,
    /// Who flies: 1–100 characters, trimmed, none of them a control character.
    pub passenger_name: String,
}

impl NewBooking {
    /// Reads a JSON body. `today` is the day in UTC. 400 for a body that is too large or no JSON object, 422
    /// naming every field that is wrong.
    pub fn parse(body: &[u8], today: Date) -> Result<Self, Problem> {
        let refusal = Problem::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "invalid_booking",
            "The booking cannot be made with these values.",
        );
        let mut fields = Fields::parse(body, &FIELDS, "is not a field of a booking", refusal)?;
        let from = fields.take("from_airport", airport);
        let to = fields.take("to_airport", airport);
        let departure_date = fields.take("departure_date", |text| date(text, today));
        let passenger_name = fields.take("passenger_name", name);
        if from.is_some() && from == to {
            fields.wrong("to_airport", "must be another airport than from_airport");
        }
        let booking = from.zip(to).zip(departure_date).zip(passenger_name);
        fields.or_refuse(booking.map(|(((from, to), departure_date), passenger_name)| Self {
            from,
            to,
            departure_date,
            passenger_name,
        }))
    }

    /// What makes two requests the same.
    pub fn fingerprint(&self) -> Fingerprint {
        let (from, to) = (self.from.code.to_string(), self.to.code.to_string());
        Fingerprint::of(&[&from, &to, &self.departure_date.to_string(), &self.passenger_name])
    }
}

fn airport(code: &str) -> Result<&'static Airport, &'static str> {
    let code: IataCode = code.parse().map_err(|_| "must be an IATA airport code: three letters A to Z")?;
    iata_airports::find(code).ok_or("is not the IATA code of an airport")
}

fn date(text: &str, today: Date) -> Result<Date, &'static str> {
    // Date's own parser also accepts times and other forms of ISO 8601.
    let date = Date::strptime("%Y-%m-%d", text).ok().filter(|date| date.to_string() == text);
    let date = date.ok_or("must be a date: YYYY-MM-DD")?;
    let last = today.checked_add(MAX_DAYS_AHEAD.days()).map_err(|_| "is out of range")?;
    if date < today {
        Err("must not be in the past")
    } else if date > last {
        Err("must be at most 361 days ahead")
    } else {
        Ok(date)
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;
    use serde_json::{Value, json};

    use super::*;
    use crate::domain::MAX_BODY_BYTES;

    const TODAY: Date = date(2026, 11, 21);

    fn body() -> Value {
        json!({ "from_airport": "LHR", "to_airport": "JFK", "departure_date": "2026-12-24", "passenger_name": "Ada Lovelace" })
    }

    fn refused(change: impl FnOnce(&mut Value)) -> (u16, Vec<String>) {
        let mut body = body();
        change(&mut body);
        let problem = NewBooking::parse(body.to_string().as_bytes(), TODAY).unwrap_err();
        (problem.status().as_u16(), problem.errors().iter().map(|error| error.field.clone()).collect())
    }

    #[test]
    fn a_valid_body_is_a_booking() {
        let booking = NewBooking::parse(body().to_string().as_bytes(), TODAY).unwrap();
        assert_eq!((booking.from.code.to_string().as_str(), booking.departure_date), ("LHR", date(2026, 12, 24)));
    }

    #[test]
    fn each_wrong_field_is_named() {
        let one = |field: &str| (422, vec![format!("/{field}")]);
        assert_eq!(refused(|b| b["from_airport"] = json!("XXX")), one("from_airport"));
        assert_eq!(refused(|b| b["from_airport"] = json!("lhr")), one("from_airport"));
        assert_eq!(refused(|b| b["to_airport"] = json!("LHR")), one("to_airport"));
        assert_eq!(refused(|b| b["to_airport"] = json!(7)), one("to_airport"));
        assert_eq!(refused(|b| b["departure_date"] = json!("2026-11-20")), one("departure_date"));
        assert_eq!(refused(|b| b["departure_date"] = json!("2027-11-18")), one("departure_date"));
        assert_eq!(refused(|b| b["departure_date"] = json!("2026-02-30")), one("departure_date"));
        assert_eq!(refused(|b| b["departure_date"] = json!("2026-12-24T00:00")), one("departure_date"));
        assert_eq!(refused(|b| b["passenger_name"] = json!("  ")), one("passenger_name"));
        assert_eq!(refused(|b| b["passenger_name"] = json!("x".repeat(101))), one("passenger_name"));
        assert_eq!(refused(|b| b["passenger_name"] = json!("a\u{7}b")), one("passenger_name"));
        assert_eq!(refused(|b| b["seat"] = json!("1A")), one("seat"));
        assert_eq!(refused(|b| *b = json!({})).1.len(), 4);
    }

    #[test]
    fn the_first_and_the_last_day_can_be_booked() {
        for day in ["2026-11-21", "2027-11-17"] {
            let mut body = body();
            body["departure_date"] = json!(day);
            assert!(NewBooking::parse(body.to_string().as_bytes(), TODAY).is_ok(), "{day}");
        }
    }

    #[test]
    fn what_is_no_json_object_is_refused() {
        for (body, status) in [("", 400), ("{", 400), ("[]", 400), ("null", 400), ("\u{feff}{}", 400)] {
            assert_eq!(NewBooking::parse(body.as_bytes(), TODAY).unwrap_err().status(), status, "{body:?}");
        }
        assert_eq!(NewBooking::parse(&[0xff, 0xfe], TODAY).unwrap_err().status(), 400);
        assert_eq!(NewBooking::parse(&[b' '; MAX_BODY_BYTES + 1], TODAY).unwrap_err().status(), 400);
    }

    #[test]
    fn deeply_nested_json_is_refused_not_followed() {
        let bomb = "[".repeat(16_000);
        assert_eq!(NewBooking::parse(bomb.as_bytes(), TODAY).unwrap_err().status(), 400);
    }
}
