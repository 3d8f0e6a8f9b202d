//! What sets some traces apart from others, and requests by any attribute: functions of spans, whatever engine keeps them.
//!
//! | module | what it holds |
//! |---|---|
//! | [`users`] | who used a tenant's account |
#![deny(missing_docs)]

pub mod users;

pub use users::Users;
