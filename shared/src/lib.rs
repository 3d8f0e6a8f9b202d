//! Tenant and trace context for serverless functions that span several AWS accounts.
//!
//! A map of the crate, in the order in which a request meets it:
//!
//! | module | what it holds |
//! |---|---|
//! | [`telemetry`] | OpenTelemetry set-up, the layers around a handler, the span processor, propagation, logs |
//! | [`auth`] | from a bearer token to a verified [`tenant::TenantContext`] |
//! | [`tenant`] | the tenant of a request or message: id, tier, user |
//! | [`registry`] | which tenants there are, and whether they are served |
//! | [`store`] | a tenant's items in DynamoDB, behind keys and credentials of its own |
//! | [`aws`] | the AWS SDK configuration clients are built from |
//! | [`http`] | RFC 9457 problems and the HTTP client that OTLP, JWKS and signed calls share |
//! | [`events`] | the message contract between the accounts: body, attributes, and how they are read back |
//! | [`pattern`] | which texts a contract allows |
//!
//! The crate knows nothing of bookings or miles beyond the message contract; any function can adopt it.
#![deny(missing_docs)]

pub mod auth;
pub mod aws;
pub mod events;
pub mod http;
pub mod pattern;
pub mod registry;
pub mod store;
pub mod telemetry;
pub mod tenant;
