//! What the pages show, in a terminal.

mod lists;
mod objectives;
mod trace;

pub use lists::{map, traces};
pub use objectives::{alerts, cost, slo};
pub use trace::trace;
