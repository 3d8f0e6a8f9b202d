//! What the accounts of the airline say to each other: the message contract, which `docs/events.asyncapi.yaml` publishes.
//!
//! | item | idea |
//! |---|---|
//! | [`BookingConfirmed`] | `booking.confirmed`: a flight was booked |
//! | [`BookingCancelled`] | `booking.cancelled`: and is not to be flown |
//! | [`Booking`] | what both say |
//! | [`TIERS`] | the tiers that the airline sells |
//! | [`BOOKING_NUMBER`] | the attribute by which the spans of a booking are found |
//!
//! ```
//! use airline_events::{Booking, BookingConfirmed, TIERS};
//! use tenant_messages::TenantMessage;
//!
//! let booking = Booking {
//!     booking_number: "7K3M9Q2X".to_owned(),
//!     from_airport: "LHR".to_owned(),
//!     to_airport: "JFK".to_owned(),
//!     departure_date: "2027-01-31".to_owned(),
//!     sub: "user-1".parse()?,
//!     tier: TIERS[0],
//!     tenant_id: "acme".parse()?,
//! };
//! let written = BookingConfirmed(booking.clone()).write().unwrap();
//! assert!(written.body.starts_with(r#"{"version":1,"booking_number":"7K3M9Q2X""#));
//!
//! let nowhere = BookingConfirmed(Booking { to_airport: "LHR".to_owned(), ..booking });
//! assert_eq!(nowhere.write().unwrap_err().to_string(), "from_airport and to_airport are the same");
//! # Ok::<(), tenancy::InvalidTenant>(())
//! ```
//!
//! # Errors
//!
//! [`InvalidMessage`](tenant_messages::InvalidMessage) names the first rule that an event breaks, alike where it is written and where it is read.
//!
//! # Guarantees
//!
//! - What `docs/events.asyncapi.yaml` allows is taken, and nothing else: a test reads the one against the other.
//! - Fields that the contract does not name are passed over, so that a producer may add some.

mod booking;

use tenancy::Tier;
use tenant_telemetry::Annotation;

pub use booking::{Booking, BookingCancelled, BookingConfirmed};

/// What every span of a booking is found by, in each account.
pub const BOOKING_NUMBER: Annotation = Annotation::named("booking.number");

/// The tiers that the airline sells, the cheapest first.
pub const TIERS: [Tier; 3] = [Tier::named("basic"), Tier::named("standard"), Tier::named("premium")];
