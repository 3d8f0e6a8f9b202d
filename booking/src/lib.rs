//! Account A: takes bookings and publishes them, and lets companies and their people in.
//!
//! | module | what it holds |
//! |---|---|
//! | [`handlers`] | one file per thing that can happen: a booking made, read, listed or cancelled, a quote asked for, a reservation or a cancellation published, a company registered, a colleague invited, their mail written |
//! | [`domain`] | what a booking is and which are valid, who may register, how often, and what their mail says; needs no AWS |
//! | [`reservations`] | reservations, cancellations and idempotency records in DynamoDB |
//! | [`tenants`] | the tenants table |
//! | [`user_pool`] | users in Cognito |
//! | [`rate_limits`] | how often people may register and invite, counted in DynamoDB |
//! | [`settings`] | what each function is told by its environment |
//! | [`mileage_client`] | the signed call to account B's API |
//!
//! The binaries in `src/bin` only wire these together.

pub mod domain;
pub mod handlers;
pub mod mileage_client;
pub mod rate_limits;
pub mod reservations;
pub mod settings;
pub mod tenants;
pub mod user_pool;
