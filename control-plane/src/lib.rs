//! The observability account: takes spans from every account, keeps them, and shows them.
//!
//! | module | what it holds |
//! |---|---|
//! | [`server`] | the HTTP server: routes and shutdown |
//! | [`intake`] | OTLP/HTTP: what is accepted, what is refused and how |
//! | [`store`] | spans in SQLite, durable before they are acknowledged |
//! | [`trace`] | a trace as read back, its ids and its tree |
//! | [`api`] | the JSON API |
//! | [`pages`] | the pages |
//! | [`terminal`] | the trace tree in a terminal |
//! | [`problem`] | RFC 9457 problem documents |

pub mod api;
pub mod intake;
pub mod pages;
pub mod problem;
pub mod server;
pub mod store;
pub mod terminal;
pub mod trace;
