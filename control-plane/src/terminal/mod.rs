//! What the pages show, in a terminal.

mod lists;
mod objectives;
mod trace;

use std::borrow::Cow;

use serde::de::DeserializeOwned;

use crate::visible;

pub use lists::{map, traces};
pub use objectives::{alerts, cost, slo};
pub use trace::trace;

/// An answer of the API, with control characters in its texts made visible: names come from whoever sends spans.
pub fn read<T: DeserializeOwned>(answer: &str) -> serde_json::Result<T> {
    serde_json::from_value(visible::within(serde_json::from_str(answer)?))
}

/// An answer as it came, for another program: nothing in it commands a terminal. JSON stays the same JSON.
pub fn raw(answer: &str) -> Cow<'_, str> {
    visible::lines(answer)
}
