//! What the end-to-end tests share: a local cloud of their own, people who use it, and what a booking's trace must hold.
#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod caller;
mod cloud;
#[cfg(target_os = "linux")]
mod faults;
mod functions;
mod journey;
#[cfg(target_os = "linux")]
mod proxy;
#[cfg(target_os = "linux")]
mod recorded;
mod results;
#[cfg(target_os = "linux")]
mod signed;

pub use caller::{Answer, Caller, a_booking, book, day, send};
pub use cloud::{Cloud, eventually};
#[cfg(target_os = "linux")]
pub use faults::{FaultyCloud, Ride};
pub use functions::{BookingApi, DEADLINE, Setup, mileage_accrual};
pub use journey::{JOURNEY, Step, assert_journey};
#[cfg(target_os = "linux")]
pub use proxy::{Armed, Call, Fault, Plan, Proxy, Refusal, struck};
#[cfg(target_os = "linux")]
pub use recorded::{Names, RecordedCall};
pub use results::{Row, Soak, read_rows, read_soak, record, record_soak};
#[cfg(target_os = "linux")]
pub use signed::{Session, Signed};
