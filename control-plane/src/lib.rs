//! The observability account: takes spans from every account, keeps them, and shows them.
//!
//! | module | what it holds |
//! |---|---|
//! | [`server`] | the HTTP server: routes and shutdown |
//! | [`config`] | its configuration file |
//! | [`intake`] | OTLP/HTTP: what is accepted, what is refused and how |
//! | [`otlp`] | what is read out of OTLP's own messages |
//! | [`store`] | spans and sums in SQLite, durable before they are acknowledged; reading them back |
//! | [`topology`] | the edges of the service map that a span stands for |
//! | [`rollup`] | counts and latency histograms |
//! | [`evaluator`] | every tenant's objectives, kept up to date |
//! | [`alerting`] | alerts, and how they are told |
//! | [`search`] | X-Ray filter expressions |
//! | [`trace`] | a trace as read back: its ids, its tree, its critical path |
//! | [`forward`] | spans passed on to other backends |
//! | [`api`] | the JSON API |
//! | [`pages`] | the pages |
//! | [`terminal`] | the same in a terminal |
//! | [`problem`] | RFC 9457 problem documents |
//! | `visible`, `complain` | what is written to a page, a terminal, standard error |

pub mod alerting;
pub mod api;
mod complain;
pub mod config;
pub mod evaluator;
pub mod forward;
pub mod intake;
pub mod otlp;
pub mod pages;
pub mod problem;
pub mod rollup;
pub mod search;
pub mod server;
pub mod store;
pub mod terminal;
pub mod topology;
pub mod trace;
mod visible;
