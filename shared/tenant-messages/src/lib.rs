//! Events that accounts tell each other, each about one tenant.
//!
//! | module | idea |
//! |---|---|
//! | `contract` | an event type of your own ([`TenantMessage`]): what is written, and what is taken |
//! | `incoming` | messages as a function receives them: through SQS with the SNS envelope or raw, from SNS directly, or from EventBridge, directly or through a queue |
//! | `believed` | which senders a consumer believes |
//! | `consume` | a handler for one event, called for each message of an invocation in a span of its own ([`each_message`]) |
//! | `sns`, `sqs` | a written message as the SDK's types have it; features of the same names |
//!
//! A producer calls [`TenantMessage::write`]; a consumer [`receive`]s an event and [`accept`](IncomingMessage::accept)s its messages.
//! What it gets is a [`TenantContext`](tenancy::TenantContext), which opens a tenant's items: so it must say whom it believes
//! ([`BelievedSources`]).

mod believed;
mod consume;
mod contract;
mod incoming;
#[cfg(any(feature = "sns", feature = "sqs"))]
mod sdk;
#[cfg(feature = "sns")]
mod sns;
#[cfg(feature = "sqs")]
mod sqs;

pub use believed::{BelievedSources, NoBelievedSources};
pub use consume::{EachMessage, MessagesFailed, each_message};
pub use contract::{InvalidMessage, TenantMessage, Written, attribute, read};
pub use incoming::{Carrier, IncomingMessage, UnknownEvent, receive};
// What an event and its handler name.
pub use tenancy::{InvalidTenant, TenantContext, TenantId, TenantLabel, Tier};
