//! The observability account: takes spans, metrics and logs from every account, keeps them, and shows them.
//!
//! | module | what it holds |
//! |---|---|
//! | [`server`] | the HTTP server: routes and shutdown |
//! | `access` | the answer for whoever is not let in |
//! | `assets` | files that pages need: styles, scripts, the icon |
//! | `audit` | who is recorded in the audit, and from where |
//! | `cors` | pages of other origins that may read the API |
//! | [`config`] | its configuration file |
//! | [`intake`] | OTLP/HTTP: what is accepted, what is refused and how |
//! | `jaeger` | Jaeger's query API |
//! | `layout` | what stands around every page |
//! | [`leader`] | which of several servers makes sums, judges and tells |
//! | `otel_traces` | spans that a Collector has written to ClickHouse |
//! | `investigations` | what operators investigate: a page over its window, with notes |
//! | `tenants` | tenants as the registry has them, and what operators change of them |
//! | [`evaluator`] | every tenant's objectives, kept up to date |
//! | [`alerting`] | alerts, and how they are told |
//! | [`delivery`] | requests to others, sent until they are taken |
//! | [`forward`] | spans passed on to other backends |
//! | [`api`] | the JSON API |
//! | [`pages`] | the pages |
//! | [`problem`] | RFC 9457 problem documents |
//! | `window` | the window of time that a page or an answer is about |
//! | `trace_links` | links from a trace to the same trace in other tools |
//! | [`text`], [`visible`] | what is written to a page or a terminal |

mod access;
pub mod alerting;
pub mod api;
mod assets;
mod audit;
pub mod config;
mod cors;
pub mod delivery;
pub mod evaluator;
pub mod forward;
pub mod intake;
mod investigations;
mod jaeger;
mod layout;
pub mod leader;
mod otel_traces;
pub mod pages;
pub mod problem;
pub mod server;
mod tenants;
pub mod text;
mod trace_links;
pub mod visible;
mod window;
