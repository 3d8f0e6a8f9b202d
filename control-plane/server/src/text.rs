//! Times, rates and links as text.

use control_plane_model::{listing::Found, lookup::Lookup};
use jiff::Timestamp;
use serde::Serialize;

/// A duration as a person reads it: three digits and a unit.
pub fn duration(nanoseconds: f64) -> String {
    let (value, unit) = match nanoseconds {
        ns if ns < 1e6 => (ns / 1e3, "µs"),
        ns if ns < 1e9 => (ns / 1e6, "ms"),
        ns if ns < 60e9 => (ns / 1e9, "s"),
        ns => (ns / 60e9, "min"),
    };
    let digits = match value {
        value if value < 10.0 => 2,
        value if value < 100.0 => 1,
        _ => 0,
    };
    format!("{value:.digits$} {unit}")
}

/// A rate: a second, or a minute where that says more.
pub fn rate(per_second: f64) -> String {
    match per_second {
        rate if rate >= 10.0 => format!("{rate:.0}/s"),
        rate if rate >= 0.1 => format!("{rate:.1}/s"),
        rate if rate >= 0.002 => format!("{:.1}/min", rate * 60.0),
        rate => format!("{:.1}/h", rate * 3_600.0),
    }
}

/// A share as a percentage.
pub fn percent(share: f64) -> String {
    match share * 100.0 {
        0.0 => "0 %".into(),
        percent if percent < 0.1 => "<0.1 %".into(),
        percent => format!("{percent:.1} %"),
    }
}

/// What is known, as text; a dash for what is not.
pub fn known<T>(value: Option<T>, text: impl Fn(T) -> String) -> String {
    value.map_or_else(|| "–".to_owned(), text)
}

/// What a search read spans for, if it did.
pub fn lookup(found: &Found) -> Option<String> {
    let Lookup { attributes, from_unix_ns, to_unix_ns } = found.lookup.as_ref()?;
    let (are, attributes) = (if attributes.len() == 1 { "is" } else { "are" }, attributes.join(", "));
    let (from, to) = (clock(*from_unix_ns), clock(*to_unix_ns));
    let before = if found.truncated { "; traces that began before were not looked at" } else { "" };
    Some(format!("{attributes} {are} not indexed: the spans of {from} to {to} were read{before}."))
}

/// A moment, UTC.
pub fn clock(unix_ns: i64) -> String {
    Timestamp::from_nanosecond(i128::from(unix_ns)).map_or_else(|_| "–".into(), |time| format!("{time:.3}"))
}

/// A path with a query: names and values, or a structure of them; what is none is left out.
pub fn link(path: &str, query: &impl Serialize) -> String {
    match serde_urlencoded::to_string(query) {
        Ok(query) if !query.is_empty() => format!("{path}?{query}"),
        _ => path.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short() {
        for (nanoseconds, text) in [(1_500.0, "1.50 µs"), (35.4e6, "35.4 ms"), (812e6, "812 ms"), (2.5e9, "2.50 s")] {
            assert_eq!(duration(nanoseconds), text);
        }
        assert_eq!((rate(0.01), rate(2.34), rate(120.4)), ("0.6/min".into(), "2.3/s".into(), "120/s".into()));
        assert_eq!((percent(0.0), percent(0.0001), percent(0.05)), ("0 %".into(), "<0.1 %".into(), "5.0 %".into()));
        assert_eq!(link("/a", &[("b", Some("c d")), ("e", None)]), "/a?b=c+d");
        assert_eq!(link("/a", &[("b", None::<&str>)]), "/a");
    }
}
