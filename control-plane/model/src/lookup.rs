//! What spans are read for, since no index has it.

use serde::{Deserialize, Serialize};

use crate::search::Formula;

/// Spans that traces are looked up in at most, for attributes that no index has: about a second's worth.
const MAX_LOOKED_UP: usize = 1_500_000;
/// How many spans can be read trace by trace, wherever they are stored. Beyond that, everything between them is read as well.
const FEW: usize = 50_000;

/// How far back spans are read for one search: the same on every engine, whatever it can pass over.
#[derive(Debug, Default)]
pub struct Reach {
    /// Spans of traces that have to be read.
    undecided: usize,
    /// The rows of these traces, and of all traces between them.
    passed: usize,
}

impl Reach {
    /// Whether the next trace, which has so many spans, is within reach; the index may have decided about it already. One that is not is
    /// where the search ends.
    pub fn takes(&mut self, spans: usize, is_decided: bool) -> bool {
        let undecided = self.undecided + if is_decided { 0 } else { spans };
        let passed = self.passed + spans;
        let ends = !is_decided && undecided > FEW && passed > MAX_LOOKED_UP;
        if !ends {
            (self.undecided, self.passed) = (undecided, passed);
        }
        !ends
    }

    /// Whether what has to be read is few, and little of what it lies among.
    pub fn is_sparse(&self) -> bool {
        self.is_few() && self.undecided < self.passed / 4
    }

    /// Whether what has to be read is few.
    pub fn is_few(&self) -> bool {
        self.undecided <= FEW
    }
}

/// Attributes that no index has, and the traces whose spans were read for them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lookup {
    /// Their names.
    pub attributes: Vec<String>,
    /// Traces that began at or after this, nanoseconds since 1970: later than was asked for, where that was too much to read.
    pub from_unix_ns: i64,
    /// Only traces that begin before this time.
    pub to_unix_ns: i64,
}

impl Lookup {
    /// Describes what was looked for, and how far back spans were read.
    pub fn new(formula: &Formula, from_unix_ns: i64, to_unix_ns: i64) -> Self {
        let mut attributes: Vec<_> =
            formula.attributes.iter().map(|attribute| attribute.key.name().to_owned()).collect();
        attributes.sort();
        attributes.dedup();
        Self { attributes, from_unix_ns, to_unix_ns }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many traces of ten spans are within reach, of which the index decides about all but every n-th.
    fn reached(undecided_of: usize) -> usize {
        let mut reach = Reach::default();
        (1..=1_000_000).take_while(|n| reach.takes(10, n % undecided_of != 0)).count()
    }

    #[test]
    fn a_search_ends_where_too_much_would_have_to_be_read() {
        assert_eq!(reached(1), MAX_LOOKED_UP / 10);
        assert_eq!(reached(2), MAX_LOOKED_UP / 10 + 1, "the next one that is decided costs nothing");
        assert_eq!(reached(100), FEW / 10 * 100 + 99, "few are read wherever they lie");
        assert_eq!(reached(1_000), 1_000_000);
    }

    #[test]
    fn few_among_many_are_sparse() {
        let mut reach = Reach::default();
        assert!((0..4_000).all(|n| reach.takes(10, n % 5 != 0)));
        assert!(reach.is_sparse() && reach.is_few());
        assert!((0..4_000).all(|_| reach.takes(10, false)));
        assert!(!reach.is_sparse() && reach.is_few());
        assert!((0..4_000).all(|_| reach.takes(10, false)));
        assert!(!reach.is_few());
    }
}
