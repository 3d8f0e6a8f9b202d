//! The function against a stub of the services it calls.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod answers;
mod cloud;
mod runs;
mod sums;
