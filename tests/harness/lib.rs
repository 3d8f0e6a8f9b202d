//! What the end-to-end tests share: a local cloud of their own, people who use it, and what a booking's trace must hold.
#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod caller;
mod cloud;
mod functions;
mod journey;

pub use caller::{Answer, Caller, a_booking, book, day, send};
pub use cloud::{Cloud, eventually};
pub use functions::{BookingApi, DEADLINE, Setup, mileage_accrual};
pub use journey::{JOURNEY, Step, assert_journey};
