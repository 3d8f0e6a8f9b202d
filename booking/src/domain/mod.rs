//! What a booking is, and which are valid; who may become a customer, how often, and what is mailed to them. Pure: no clock, no network.

mod booking_number;
mod email_address;
mod fields;
mod idempotency;
mod invitation_mail;
mod limit;
mod new_booking;
mod random;
mod registration;
mod reservation;
mod tenant;

pub use booking_number::{BookingNumber, InvalidBookingNumber};
pub use email_address::EmailAddress;
pub use fields::MAX_BODY_BYTES;
pub use idempotency::{Fingerprint, IdempotencyKey};
pub use invitation_mail::{InvitationMail, Placeholders};
pub use limit::{Limit, Subject};
pub use new_booking::NewBooking;
pub use random::RandomnessUnavailable;
pub use registration::{Invitation, Registration};
pub use reservation::{Reservation, Status};
pub use tenant::new_tenant;
