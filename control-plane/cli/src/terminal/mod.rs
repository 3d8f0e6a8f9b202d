//! What the pages show, in a terminal.

mod found;
mod groups;
mod investigations;
mod lists;
mod objectives;
mod screen;
mod trace;
mod turned_away;
mod unverified;
mod why;

use std::borrow::Cow;

use control_plane::visible;
use serde::de::DeserializeOwned;

pub(crate) use found::found;
pub(crate) use groups::groups;
pub(crate) use investigations::investigations;
pub(crate) use lists::{audit, map, traces};
pub(crate) use objectives::{alerts, cost, slo};
pub(crate) use screen::Screen;
pub(crate) use trace::trace;
pub(crate) use turned_away::turned_away;
pub(crate) use unverified::unverified;
pub(crate) use why::why;

/// An answer of the API, with control characters in its texts made visible: names come from whoever sends spans.
pub(crate) fn read<T: DeserializeOwned>(answer: &str) -> serde_json::Result<T> {
    serde_json::from_value(visible::within(serde_json::from_str(answer)?))
}

/// An answer as it came, for another program: nothing in it commands a terminal. JSON stays the same JSON.
pub(crate) fn raw(answer: &str) -> Cow<'_, str> {
    visible::lines(answer)
}
