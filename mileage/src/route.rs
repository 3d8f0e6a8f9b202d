//! From where to where a booking goes.

use airline_events::Booking;
use iata_airports::{Airport, IataCode};

use crate::miles::{Miles, miles_between};

/// A code that no airport has.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} is no airport")]
pub struct UnknownAirport(String);

/// The two airports that a flight connects.
#[derive(Debug, Clone, Copy)]
pub struct Route {
    from: &'static Airport,
    to: &'static Airport,
}

impl Route {
    /// The route of a booking: the one rule of the contract that needs to know airports.
    pub fn of(booking: &Booking) -> Result<Self, UnknownAirport> {
        Ok(Self { from: airport(&booking.from_airport)?, to: airport(&booking.to_airport)? })
    }

    /// The miles that a flight on this route earns.
    pub fn miles(&self) -> Miles {
        miles_between(self.from, self.to)
    }
}

fn airport(code: &str) -> Result<&'static Airport, UnknownAirport> {
    let found = code.parse::<IataCode>().ok().and_then(iata_airports::find);
    found.ok_or_else(|| UnknownAirport(code.escape_default().to_string()))
}
