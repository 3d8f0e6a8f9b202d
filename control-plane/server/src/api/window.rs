//! The window of time that a request asks about.

use axum::http::StatusCode;
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;

use super::given;
use crate::problem::Problem;

/// Where nothing is said: the last hour.
pub(crate) const DEFAULT: &str = "1h";

const NANOSECONDS: i64 = 1_000_000_000;

/// `window=15m`, counted back from now, or `from=` and `to=`: RFC 3339, or Unix seconds.
#[derive(Debug, Clone, Default, Deserialize)]
pub(crate) struct WindowQuery {
    pub(crate) window: Option<String>,
    pub(crate) from: Option<String>,
    pub(crate) to: Option<String>,
}

/// A window; nanoseconds since 1970, the end not included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Window {
    pub(crate) from_ns: i64,
    pub(crate) to_ns: i64,
}

impl Window {
    /// From and to, Unix seconds.
    pub(crate) fn seconds(self) -> (i64, i64) {
        (self.from_ns / NANOSECONDS, self.to_ns / NANOSECONDS)
    }
}

impl WindowQuery {
    pub(crate) fn resolve(&self, now: Timestamp) -> Result<Window, Problem> {
        let to = given(&self.to).map(|text| time("to", &text)).transpose()?.unwrap_or(now);
        let from = match given(&self.from) {
            Some(text) => time("from", &text)?,
            None => {
                let window = given(&self.window).unwrap_or_else(|| DEFAULT.to_owned());
                // The library's durations have no days, since not all days are equally long; those of UTC are.
                let days = window.strip_suffix('d').and_then(|days| days.trim().parse::<i32>().ok());
                let length = days.map(|days| SignedDuration::from_hours(24 * i64::from(days)));
                let length = length.map_or_else(|| window.parse::<SignedDuration>(), Ok).map_err(|_| {
                    Problem::new(StatusCode::BAD_REQUEST, format!("window: {window:?} is not like 15m, 2h or 7d"))
                })?;
                to.checked_sub(length).map_err(|_| Problem::new(StatusCode::BAD_REQUEST, "window: too long"))?
            }
        };
        if from >= to {
            return Err(Problem::new(StatusCode::BAD_REQUEST, "from must be before to"));
        }
        let nanoseconds = |time: Timestamp| i64::try_from(time.as_nanosecond()).unwrap_or(i64::MAX);
        Ok(Window { from_ns: nanoseconds(from), to_ns: nanoseconds(to) })
    }
}

fn time(name: &str, text: &str) -> Result<Timestamp, Problem> {
    let seconds = text.parse::<i64>().ok().and_then(|seconds| Timestamp::from_second(seconds).ok());
    // A browser's datetime-local has no zone: here it means UTC, as all times do.
    let zoned = || text.parse().or_else(|_| format!("{text}Z").parse()).or_else(|_| format!("{text}:00Z").parse()).ok();
    seconds.or_else(zoned).ok_or_else(|| {
        Problem::new(StatusCode::BAD_REQUEST, format!("{name}: {text:?} is neither RFC 3339 nor Unix seconds"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolve(window: &str, from: &str, to: &str) -> Option<(i64, i64)> {
        let query = WindowQuery { window: Some(window.into()), from: Some(from.into()), to: Some(to.into()) };
        let window = query.resolve(Timestamp::from_second(1_800_000_000).unwrap()).ok()?;
        Some((window.from_ns / 1_000_000_000, window.to_ns / 1_000_000_000))
    }

    #[test]
    fn relative_and_absolute() {
        assert_eq!(resolve("", "", ""), Some((1_799_996_400, 1_800_000_000)));
        assert_eq!(resolve("15m", "", ""), Some((1_799_999_100, 1_800_000_000)));
        assert_eq!(resolve("7d", "", ""), Some((1_800_000_000 - 604_800, 1_800_000_000)));
        assert_eq!(resolve("", "1000", "2000"), Some((1000, 2000)));
        assert_eq!(resolve("", "1970-01-01T00:16:40Z", "1970-01-01T00:33:20"), Some((1000, 2000)));
        assert_eq!(resolve("", "1970-01-01T00:16", "2000"), Some((960, 2000)));
        for (window, from, to) in [("soon", "", ""), ("", "x", ""), ("", "2000", "1000"), ("9999999999h", "", "")] {
            assert_eq!(resolve(window, from, to), None, "{window} {from} {to}");
        }
    }
}
