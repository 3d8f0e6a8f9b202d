//! HTTP: problem documents for callers, and the client for calls of our own.

mod client;
mod problem;

pub use client::{HttpClient, HttpClientError};
pub use problem::{FieldError, Problem};
