//! What the accounts of the airline say to each other: the message contract, which `docs/events.asyncapi.yaml` publishes.

mod booking_confirmed;

pub use booking_confirmed::BookingConfirmed;
