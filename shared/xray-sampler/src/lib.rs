//! AWS X-Ray's remote sampling for OpenTelemetry: which traces to keep is said by rules that live in X-Ray, with a budget
//! that all senders share.
//! <https://docs.aws.amazon.com/xray/latest/devguide/xray-api-sampling.html>
//!
//! | module | what it holds |
//! |---|---|
//! | [`sampler`](Sampler) | the rules at hand, decisions, and what is due to be asked and told |
//! | `rules` | a rule, and what it matches |
//! | `reservoir` | a rule's budget: quota, borrowing, fixed rate |
//! | `protocol` | the two calls, as JSON |
//! | `clock` | time that cannot go back |
//!
//! Deciding never waits and asks nobody. Whoever uses the crate brings the HTTP ([`Transport`]) and says when there is time
//! for it ([`Sampler::poll`]): on Lambda, after a response. The crate depends on no SDK but OpenTelemetry's API.
#![deny(missing_docs)]

mod clock;
mod protocol;
mod reservoir;
mod rules;
mod sampler;

pub use clock::{Clock, SystemClock};
pub use reservoir::By;
pub use rules::Request;
pub use sampler::{Answer, Decision, PollError, Sampler, Transport, TransportError};
