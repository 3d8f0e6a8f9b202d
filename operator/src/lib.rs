//! What an operator does by hand, with credentials of the accounts themselves, on a stage on AWS or on the local cloud.
//!
//! | module | what it holds |
//! |---|---|
//! | [`tenants`] | the registry of tenants: who is served, at which tier |
//! | [`firewall`] | the networks that AWS WAF refuses in front of the APIs, for everybody |
//! | [`reconcile`] | whether reservations, messages, ledger and balances agree, and publishing again what did not arrive |

pub mod firewall;
pub mod reconcile;
pub mod tenants;
