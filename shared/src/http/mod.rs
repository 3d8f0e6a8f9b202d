//! HTTP: problem documents for callers, and the client for calls of our own.

mod client;
mod paging;
mod problem;
mod routing;
pub(crate) mod tls;

pub(crate) use client::error_chain;
pub use client::{HttpClient, HttpClientError};
pub use paging::page;
pub use problem::{FieldError, Problem};
pub use routing::{cors_layer, json, no_such_route, query, required_query, route};
pub use tls::Roots;
