//! AWS X-Ray's remote sampling for OpenTelemetry: rules in X-Ray say which traces to keep, with a budget that all senders share.
//! <https://docs.aws.amazon.com/xray/latest/devguide/xray-api-sampling.html>
//!
//! | item | idea |
//! |---|---|
//! | [`Sampler`] | the rules at hand, decisions, and what is due to be asked and told |
//! | [`Request`] | what a rule is compared with |
//! | [`Decision`], [`By`] | whether a trace is kept, by which rule, and how that was decided: quota, borrowing, fixed rate |
//! | [`Transport`] | the two calls to X-Ray, which you make |
//! | [`Clock`], [`SystemClock`] | time that cannot go back |
//! | [`Threshold`] | a probability as trace ids are compared with it, and as `tracestate` carries it |
//! | [`PerSecond`] | a budget of so many a second |
//!
//! ```
//! use std::{future::Future, pin::Pin, sync::Arc};
//!
//! use opentelemetry::trace::TraceId;
//! use xray_sampler::{Request, Sampler, SystemClock, Transport, TransportError};
//!
//! /// The daemon, the collector or a signed call; here, an answer with one rule.
//! #[derive(Debug)]
//! struct Daemon;
//!
//! impl Transport for Daemon {
//!     fn post(
//!         &self,
//!         path: &'static str,
//!         _body: Vec<u8>,
//!     ) -> Pin<Box<dyn Future<Output = Result<Vec<u8>, TransportError>> + Send + '_>> {
//!         let rules = r#"{"SamplingRuleRecords":[{"SamplingRule":
//!             {"RuleName":"all","Priority":1,"FixedRate":1.0,"ReservoirSize":0,"ServiceName":"booking-*"}}]}"#;
//!         Box::pin(async move {
//!             match path {
//!                 "/GetSamplingRules" => Ok(rules.into()),
//!                 _ => Err(TransportError("not in this example".to_owned())),
//!             }
//!         })
//!     }
//! }
//!
//! # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
//! let sampler = Sampler::new("0123456789abcdef01234567".to_owned(), Arc::new(Daemon), Arc::new(SystemClock));
//! if sampler.is_due() {
//!     sampler.poll().await.unwrap();
//! }
//! let request = Request { service_name: "booking-api", ..Request::default() };
//! let decision = sampler.decide(TraceId::from(1), &request);
//! assert_eq!((decision.sampled, decision.rule.as_deref()), (true, Some("all")));
//! # });
//! ```
//!
//! # Errors
//!
//! [`Sampler::decide`] has none. [`Sampler::poll`] gives a [`PollError`] where X-Ray is not reached, or answers something else; it is due again
//! ten seconds later.
//!
//! # Guarantees
//!
//! - Deciding never waits for a call. You provide HTTP ([`Transport`]) and say when there is time to use it ([`Sampler::poll`]): on Lambda, after a
//!   response.
//! - While there are no rules, or none younger than an hour, one trace a second is kept and 5 % of the rest, which is X-Ray's default rule.
//! - Counts that X-Ray did not accept are sent again.
//! - The crate depends on no SDK but OpenTelemetry's API.
#![deny(missing_docs)]

mod clock;
mod per_second;
mod protocol;
mod reservoir;
mod rules;
mod sampler;
mod threshold;
mod transport;

pub use clock::{Clock, SystemClock};
pub use per_second::PerSecond;
pub use reservoir::By;
pub use rules::Request;
pub use sampler::{Decision, Sampler};
pub use threshold::{InvalidThreshold, Threshold};
pub use transport::{Answer, PollError, Transport, TransportError};
