//! What sets some traces apart from others, and requests by any attribute: functions of spans, whatever engine keeps them.
//!
//! | module | what it holds |
//! |---|---|
//! | [`compare`] | bad traces against good ones, over every attribute of every span |
//! | [`groups`] | rate, errors and percentiles of requests by the values of an attribute |
//! | [`items`] | what traces say of themselves, counted |
//! | [`ranking`] | values by how much the shares differ; alike ones are one, and what follows from a better one stands below it |
//! | `statistics` | whether shares differ by more than chance |
//! | [`failures`], [`mask`] | traces that failed, by the type of the error and the shape of its message |
//! | [`value`] | a value of an attribute: as a person says it, and as a search finds it |
//! | [`users`] | who used a tenant's account |
//! | `read` | a trace's spans, and which of them failed first |
#![deny(missing_docs)]

pub mod callers;
pub mod compare;
pub mod failures;
pub mod groups;
pub mod items;
pub mod mask;
pub mod ranking;
mod read;
mod statistics;
pub mod users;
pub mod value;

pub use callers::Callers;
pub use compare::{Comparison, Findings, Settings, Side, Step};
pub use failures::{FailureGroup, Failures};
pub use ranking::{Ranked, Row, Together};
pub use users::Users;
pub use value::Value;
