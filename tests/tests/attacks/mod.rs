//! The attacks, as tables: what is sent, and the status it must get.

pub(crate) mod requests;
