//! Account A: takes bookings and publishes them.
//!
//! | module | what it holds |
//! |---|---|
//! | [`handlers`] | one file per thing that can happen: a booking made, read or listed, a quote asked for, a reservation published |
//! | [`domain`] | what a booking is and which are valid; needs no AWS |
//! | [`reservations`] | reservations and idempotency records in DynamoDB |
//! | [`mileage_client`] | the signed call to account B's API |
//!
//! The binaries in `src/bin` only wire these together.

pub mod domain;
pub mod handlers;
pub mod mileage_client;
pub mod reservations;
