//! What spans are read for, since no index has it.

use serde::{Deserialize, Serialize};

use crate::search::Formula;

/// Spans that traces are looked up in at most, for attributes that no index has: about a second's worth.
pub const MAX_LOOKED_UP: usize = 1_500_000;

/// Attributes that no index has, and the traces whose spans were read for them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lookup {
    /// Their names.
    pub attributes: Vec<String>,
    /// Traces that began at or after this, nanoseconds since 1970: later than was asked for, where that was too much to read.
    pub from_unix_ns: i64,
    /// And before this.
    pub to_unix_ns: i64,
}

impl Lookup {
    /// Of what is asked for, as far back as was read.
    pub fn new(formula: &Formula, from_unix_ns: i64, to_unix_ns: i64) -> Self {
        let mut attributes: Vec<_> =
            formula.attributes.iter().map(|attribute| attribute.key.name().to_owned()).collect();
        attributes.sort();
        attributes.dedup();
        Self { attributes, from_unix_ns, to_unix_ns }
    }
}
