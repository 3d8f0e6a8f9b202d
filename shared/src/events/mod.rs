//! The message contract between the accounts: what is said ([`BookingConfirmed`]) and how it is read back from whatever
//! carried it ([`IncomingMessage`]).

mod booking_confirmed;
mod incoming;

pub use booking_confirmed::{BookingConfirmed, InvalidMessage, attribute};
pub use incoming::{IncomingMessage, UnknownEvent, receive};
