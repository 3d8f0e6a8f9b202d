//! What the values of a chart are counted in.

use crate::text::{bytes, count, duration, left, limit, money, percent, rate, spent, times};

/// What values are counted in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::pages) enum Unit<'a> {
    /// A number a second.
    Rate,
    /// A share that was measured.
    Share,
    /// The share of a budget that is left; less than none, where it is overdrawn.
    Left,
    /// Nanoseconds.
    Duration,
    /// Seconds that were spent, which may be many.
    Spent,
    /// A factor.
    Times,
    /// Millionths of a currency.
    Money(&'a str),
    /// Traces, say.
    Count,
    /// Bytes of memory.
    Bytes,
}

impl Unit<'_> {
    /// A value with its unit. `texts.js` writes the same.
    pub(in crate::pages) fn text(self, value: f64) -> String {
        match self {
            Self::Rate => rate(value),
            Self::Share => percent(value),
            Self::Left => left(value),
            Self::Duration => duration(value),
            Self::Spent => spent(value),
            Self::Times => times(value),
            Self::Money(currency) => format!("{} {currency}", money(value)),
            Self::Count => count(value),
            Self::Bytes => bytes(value),
        }
    }

    /// A limit, as it was written.
    pub(super) fn limit(self, value: f64) -> String {
        if self == Self::Duration { limit(value) } else { self.text(value) }
    }

    /// As `texts.js` calls it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Rate => "rate",
            Self::Share => "share",
            Self::Left => "left",
            Self::Duration => "duration",
            Self::Spent => "spent",
            Self::Times => "times",
            Self::Money(_) => "money",
            Self::Count => "count",
            Self::Bytes => "bytes",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_written_as_the_script_writes_them() {
        let table = include_str!("../../../tests/values_as_text.json");
        let rows: Vec<(String, f64, String)> = serde_json::from_str(table).unwrap();
        let units = [
            Unit::Rate,
            Unit::Share,
            Unit::Left,
            Unit::Duration,
            Unit::Spent,
            Unit::Times,
            Unit::Money("USD"),
            Unit::Count,
            Unit::Bytes,
        ];
        for (name, value, text) in rows {
            let unit = units.into_iter().find(|unit| unit.name() == name).unwrap();
            assert_eq!(unit.text(value), text, "{name} {value}");
        }
    }
}
