//! Messages as a function receives them, whatever carried them: through SQS with the SNS envelope or raw, from SNS directly, or from
//! EventBridge, directly or through a queue.
//!
//! [`receive`] reads an event into [`IncomingMessage`]s. What a message says, and whether it may, is its contract's to judge.

mod incoming;

pub use incoming::{IncomingMessage, UnknownEvent, receive};
