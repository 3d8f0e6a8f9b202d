//! What a booking is, and which are valid. Pure: no clock, no network.

mod booking_number;
mod idempotency;
mod new_booking;
mod reservation;

pub use booking_number::{BookingNumber, InvalidBookingNumber, RandomnessUnavailable};
pub use idempotency::{Fingerprint, IdempotencyKey};
pub use new_booking::{MAX_BODY_BYTES, NewBooking};
pub use reservation::Reservation;
