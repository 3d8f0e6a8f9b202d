//! A reservation: a booking that was made.

use serde::{Deserialize, Serialize};

use super::{BookingNumber, NewBooking};

/// What is stored, and what the caller gets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reservation {
    /// Names it.
    pub booking_number: BookingNumber,
    /// IATA code of the departure airport.
    pub from_airport: String,
    /// IATA code of the arrival airport.
    pub to_airport: String,
    /// Day of departure, `YYYY-MM-DD`.
    pub departure_date: String,
    /// Who flies.
    pub passenger_name: String,
    /// When it was made, RFC 3339 with milliseconds, UTC.
    pub created_at: String,
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
        }
    }
}
