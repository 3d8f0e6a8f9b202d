//! The registry of tenants as operators change it, by command and by button: one table of the booking account, read by its functions at
//! most half a minute late.
//!
//! | item | idea |
//! |---|---|
//! | [`Registry`] | the table: create, list, look up, change; companies' names |
//! | [`Tenant`], [`LastChange`] | an entry as operators see it: with who changed it last, and why |
//! | [`Change`], [`Reason`] | what is changed, from what whoever asks was shown; and why |
//! | [`Verdict`], [`Caller`] | whether a change of access lists is asked for twice, by who called in the last day |
//! | [`RegistryError`] | why there is no answer, and whether something was changed |
//!
//! # Guarantees
//!
//! - A change is made of what was shown, or not at all: whoever asks for it says what they saw, and the table compares.
//! - Who changed an entry last, and why, is written with the change itself. The functions, which read the same item, do not know of it.
//! - A change is sent once: where no answer comes, it is unknown whether it was made, and the error says so.
//! - Ids are the service's to give, so that nobody can ask for another tenant's.

mod entry;
mod impact;
mod registry;

pub use entry::{Change, InvalidReason, LastChange, Reason, Tenant, in_words_at};
pub use impact::{Caller, Verdict};
pub use registry::{Registry, RegistryError};
