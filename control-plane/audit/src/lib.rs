//! The audit: what operators did and what was changed of the control plane, with who, when, from where, why, before and after.
//!
//! | item | idea |
//! |---|---|
//! | [`Audit`] | records events, lists, exports and verifies them, in a state store |
//! | [`AuditEvent`], [`What`], [`Who`], [`Source`], [`About`], [`Outcome`] | what happened |
//! | [`Recorded`], [`RecordBody`] | an event as it was recorded |
//! | [`Chain`], [`Broken`] | how records hang together, and where they do not |
//! | [`Filter`], [`Listing`], [`Selection`], [`Format`] | some of it, the newest first; all of it as text |
//! | [`Settings`] | the configuration, so that a change of it is recorded |
//!
//! # Format
//!
//! Records are numbered from 1. A record has a `number`, a `body`, the `previous` record's hash and its own `hash`. The body is a JSON object, kept
//! to the letter: nobody needs to write JSON in one particular way to verify it. A hash is 64 lower-case hexadecimal digits; the first record's
//! `previous` has 64 zeros. The hash is the SHA-256 of these bytes: `previous`, a line feed, the number in decimal digits, a line feed, the body
//! in UTF-8. With other tools, for a line of the export as JSON lines (`GET /api/audit?format=jsonl`):
//!
//! ```sh
//! jq -j '"\(.previous)\n\(.number)\n\(.body)"' line.json | sha256sum    # is what this says: jq -r .hash line.json
//! ```
//!
//! # Errors
//!
//! All of them are the store's ([`StoreError`](control_plane_model::store::StoreError)): what was not recorded must not happen, so whoever acts
//! records first, and gives up where that fails.
//!
//! # Guarantees
//!
//! - Servers side by side make one chain: a number is taken once, and whoever comes second hangs their record on the first.
//! - [`Audit::verify`] finds any record that was changed, taken out, put in or moved. Somebody who may write to the store's file or table can still
//!   drop the latest records, or make all that follows a change anew; whoever has noted a number and its hash before finds that, too.
//! - Nothing in it is secret, as long as events hold nothing that is: of secrets in [`Settings`] there is a [`fingerprint`].

mod chain;
mod configuration;
mod csv;
mod event;
mod listing;
mod log;
mod redact;

pub use chain::{Broken, Chain, Checkpoint, How, Verified};
pub use configuration::{Settings, fingerprint};
pub use csv::no_formula;
pub use event::{About, AuditEvent, Outcome, RecordBody, Recorded, Source, What, Who};
pub use listing::{Filter, Format, Listing, Order, Selection};
pub use log::Audit;
