//! Account B: earns miles for bookings and answers for them.
//!
//! | module | what it holds |
//! |---|---|
//! | [`handlers`] | one file per thing that can happen: a message accrued, a balance, a posting or a distance asked for |
//! | [`ledger`] | entries and balances in DynamoDB |
//! | [`booking_event`] | what a message says happened to a booking |
//! | [`route`] | from where to where a booking goes |
//! | [`miles`] | how many miles a flight earns |
//! | [`settings`] | what each function is told by its environment |
//!
//! The binaries in `src/bin` only wire these together.

pub mod booking_event;
pub mod handlers;
pub mod ledger;
pub mod miles;
pub mod route;
pub mod settings;
