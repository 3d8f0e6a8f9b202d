//! What many spans come to: counts and latency histograms that can be added, and taken away again.

mod cell;
mod histogram;

pub use cell::{Cell, Sample};
pub use histogram::{decode, encode};
