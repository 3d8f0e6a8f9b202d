//! What the pages show, in a terminal.

mod lists;
mod trace;

pub use lists::{map, traces};
pub use trace::trace;
