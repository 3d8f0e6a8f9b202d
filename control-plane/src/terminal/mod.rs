//! What the pages show, in a terminal.

mod lists;
mod objectives;
mod tenants;
mod trace;

pub use lists::{map, traces};
pub use objectives::{alerts, cost, slo};
pub use tenants::{changed, tenants};
pub use trace::trace;
