//! What is read out of OTLP's own messages.

mod attributes;
mod facts;
mod span;

pub use facts::{Facts, Flags, Kind, Peer, Resource, SpanId};
pub use span::span;

pub(crate) use attributes::text;
