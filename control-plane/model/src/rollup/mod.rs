//! What many spans come to: counts and latency histograms that can be added, and taken away again.

mod bucket;
mod cell;

pub use bucket::{DAY, HOUR, MINUTE, bucket, day};
pub use cell::Cell;
