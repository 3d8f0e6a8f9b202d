//! Events that accounts send to each other, each about one tenant.
//!
//! | item | idea |
//! |---|---|
//! | [`TenantMessage`] | an event type of your own: its name, version, tenant and rules |
//! | [`Written`] | an event as it is sent; with the features `sns` and `sqs` as the calls of those SDKs have it |
//! | [`receive`], [`IncomingMessage`] | messages as a function receives them: through SQS with the SNS envelope or raw, from SNS directly, or from EventBridge, directly or through a queue |
//! | [`each_message`] | a handler for one event, called for each message of an invocation in a span of its own |
//! | [`Turns`] | a batch in which tenants take turns, for a handler that handles several messages at once |
//! | [`BelievedSources`] | which senders a consumer believes |
//! | [`read`] | what makes body and attributes one message |
//! | [`InvalidMessage`], [`UnknownEvent`] | what can go wrong |
//!
//! A producer calls [`TenantMessage::write`]; a consumer [`receive`]s an event and [`accept`](IncomingMessage::accept)s its messages.
//! The consumer gets a [`TenantContext`], which opens the tenant's items, so it has to say which sources it believes.
//!
//! ```
//! use serde::{Deserialize, Serialize};
//! use tenancy::{InvalidTenant, TenantId, TenantLabel, Tier};
//! use tenant_messages::{BelievedSources, InvalidMessage, TenantMessage, receive};
//!
//! #[derive(Serialize, Deserialize)]
//! struct InvoicePaid {
//!     invoice: String,
//!     tenant_id: TenantId,
//!     tier: Tier,
//! }
//!
//! impl TenantMessage for InvoicePaid {
//!     const EVENT_TYPE: &'static str = "invoice.paid";
//!     const VERSION: u32 = 1;
//!
//!     fn label(&self) -> Result<TenantLabel, InvalidTenant> {
//!         Ok(TenantLabel { tenant_id: self.tenant_id.clone(), tier: self.tier, user_id: None })
//!     }
//! }
//!
//! // In one account:
//! let paid = InvoicePaid { invoice: "7".to_owned(), tenant_id: "acme".parse().unwrap(), tier: Tier::named("free") };
//! let written = paid.write().unwrap();
//!
//! // In another, as Lambda hands it over:
//! let text = |value: &str| {
//!     serde_json::json!({ "dataType": "String", "stringValue": value, "stringListValues": [], "binaryListValues": [] })
//! };
//! let attributes: serde_json::Map<_, _> =
//!     written.attributes.iter().map(|(name, value)| ((*name).to_owned(), text(value))).collect();
//! let event = serde_json::json!({ "Records": [{
//!     "eventSource": "aws:sqs",
//!     "eventSourceARN": "arn:aws:sqs:eu-central-1:222222222222:invoices",
//!     "messageId": "1", "body": written.body, "attributes": {}, "messageAttributes": attributes,
//! }] });
//! let believed: BelievedSources = ["arn:aws:sqs:eu-central-1:222222222222:invoices".to_owned()].into_iter().collect();
//! for message in receive(event).unwrap() {
//!     let (paid, tenant) = message.accept::<InvoicePaid>(&believed).unwrap();
//!     assert_eq!((paid.invoice.as_str(), tenant.tenant_id.as_str()), ("7", "acme"));
//!
//!     let refused = message.accept::<InvoicePaid>(&BelievedSources::default());
//!     assert!(matches!(refused, Err(InvalidMessage::Unbelieved(_))));
//! }
//! ```
//!
//! # Errors
//!
//! [`InvalidMessage`] is the first reason why a message is refused. Writing a message gives the same error as reading it would, so that a mistake
//! shows where it is made. [`UnknownEvent`] says that something else invoked the function.
//!
//! # Guarantees
//!
//! - A message gives a tenant only if everything that carried it is believed. A message from elsewhere is not even parsed.
//! - Body and attributes say the same, or the message is refused: what a subscription filters by is what the consumer acts on.
//! - A message stays as it was received: no code can change what a believed message says.
//! - A tenant with many messages does not delay the others: each message has its tenant as `MessageGroupId` for SQS, and [`each_message`] lets
//!   tenants take turns.
//! - An event is asked for its tenant once, so the tenant that was checked is the one that is vouched for.

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
mod turns;

pub use believed::BelievedSources;
pub use consume::{EachMessage, MessagesFailed, each_message};
pub use contract::{InvalidMessage, TenantMessage, Written, read};
pub use incoming::{IncomingMessage, UnknownEvent, receive};
pub use turns::{Turns, UnderWay};
// What an event and its handler name.
pub use tenancy::{InvalidTenant, TenantContext, TenantId, TenantLabel, Tier};
