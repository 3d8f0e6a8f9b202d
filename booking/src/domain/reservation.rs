//! A reservation: a booking that was made.

use jiff::civil::Date;
use opentelemetry::trace::SpanContext;
use serde::{Deserialize, Serialize};

use super::{BookingNumber, NewBooking};

/// What is stored, and what the caller gets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reservation {
    /// The number by which the user and account B name this booking.
    pub booking_number: BookingNumber,
    /// IATA code of the departure airport.
    pub from_airport: String,
    /// IATA code of the arrival airport.
    pub to_airport: String,
    /// Day of departure, `YYYY-MM-DD`.
    pub departure_date: String,
    /// The name of the passenger.
    pub passenger_name: String,
    /// When it was made, RFC 3339 with milliseconds, UTC.
    pub created_at: String,
    /// When it was cancelled, likewise; not there while it stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cancelled_at: Option<String>,
    /// The trace of the request that made it, 32 hexadecimal digits; not there of one that was made in no trace, or in one that is not kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace_id: Option<String>,
}

/// Whether a reservation stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// The booking stands.
    Confirmed,
    /// The user has cancelled it.
    Cancelled,
}

impl Reservation {
    /// The reservation that `booking` becomes.
    pub fn of(booking: &NewBooking, booking_number: BookingNumber, now: jiff::Timestamp) -> Self {
        Self {
            booking_number,
            from_airport: booking.from.code.to_string(),
            to_airport: booking.to.code.to_string(),
            departure_date: booking.departure_date.to_string(),
            passenger_name: booking.passenger_name.clone(),
            created_at: format!("{now:.3}"),
            cancelled_at: None,
            trace_id: None,
        }
    }

    /// Adds the trace in which the reservation was made, if that trace is kept.
    #[must_use]
    pub fn made_in(self, span: &SpanContext) -> Self {
        let kept = span.is_valid() && span.is_sampled();
        Self { trace_id: kept.then(|| span.trace_id().to_string()), ..self }
    }

    /// Whether the booking stands or was cancelled.
    pub fn status(&self) -> Status {
        if self.cancelled_at.is_some() { Status::Cancelled } else { Status::Confirmed }
    }

    /// Whether there is still time to cancel it, `today` in UTC: until the day before departure.
    pub fn can_be_cancelled(&self, today: Date) -> bool {
        // Both are YYYY-MM-DD, whose order is that of their texts.
        today.to_string() < self.departure_date
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;
    use opentelemetry::trace::{SpanId, TraceFlags, TraceId, TraceState};

    use super::*;

    fn reservation() -> Reservation {
        let body = br#"{"from_airport":"LHR","to_airport":"JFK","departure_date":"2027-01-01","passenger_name":"Ada"}"#;
        let booking = NewBooking::parse(body, date(2026, 12, 1)).unwrap();
        Reservation::of(&booking, BookingNumber::random().unwrap(), jiff::Timestamp::UNIX_EPOCH)
    }

    #[test]
    fn a_reservation_names_its_trace_only_where_that_is_kept() {
        let made_in = |trace_id: u128, flags| {
            let (trace_id, span_id) = (TraceId::from(trace_id), SpanId::from(1));
            reservation().made_in(&SpanContext::new(trace_id, span_id, flags, false, TraceState::default())).trace_id
        };
        assert_eq!(made_in(7, TraceFlags::SAMPLED), Some(format!("{:032x}", 7)));
        assert_eq!(made_in(7, TraceFlags::default()), None);
        assert_eq!(made_in(0, TraceFlags::SAMPLED), None);
    }

    #[test]
    fn the_day_before_departure_is_the_last_to_cancel_on() {
        let reservation = reservation();
        for (today, allowed) in [
            (date(2026, 12, 1), true),
            (date(2026, 12, 31), true),
            (date(2027, 1, 1), false),
            (date(2027, 1, 2), false),
            (date(2027, 11, 1), false),
        ] {
            assert_eq!(reservation.can_be_cancelled(today), allowed, "{today}");
        }
    }
}
