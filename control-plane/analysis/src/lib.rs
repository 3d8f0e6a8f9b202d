//! What sets some traces apart from others, and requests by any attribute: functions of spans, whatever engine keeps them.
//!
//! | module | what it holds |
//! |---|---|
//! | [`groups`] | rate, errors and percentiles of requests by the values of an attribute |
//! | [`users`] | who used a tenant's account |
#![deny(missing_docs)]

pub mod groups;
pub mod users;

pub use users::Users;
