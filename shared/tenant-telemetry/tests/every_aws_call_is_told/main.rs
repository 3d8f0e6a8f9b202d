//! A call of each service through its real client, on an HTTP client that keeps the request and answers as AWS would: its spans say what
//! it was about and what came of it, and the request carries trace context and tenant where the service takes them along.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

#[macro_use]
mod aws;
mod calls;
mod messages;
