//! The window of time that a page or an answer is about, and links that keep it from page to page.

use axum::http::Uri;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{problem::Problem, text::link};

/// Where nothing is said: the last hour.
pub(crate) const DEFAULT_WINDOW: &str = "1h";
/// How far back pages offer to look.
pub(crate) const PRESETS: [&str; 7] = ["5m", "15m", "1h", "6h", "24h", "7d", "30d"];

const NANOSECONDS: i64 = 1_000_000_000;
/// 1 January 2200, Unix seconds. Windows lie between 1970 and then, so that the length of none of them overflows.
const LATEST: i64 = 7_258_118_400;

/// Parameters of a page that go with its window: a moment within it, and the record that a list goes on from.
const OF_ONE_WINDOW: [(&str, &str); 2] = [("/why", "moment"), ("/audit", "before")];

/// `window=15m`, counted back from now, or `from=` and `to=`: RFC 3339, or Unix seconds.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
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

    /// The window moved by this many of its lengths: later, or earlier if the number is negative.
    pub(crate) fn moved(self, lengths: f64) -> Self {
        let by = (self.to_ns.saturating_sub(self.from_ns) as f64 * lengths) as i64;
        Self { from_ns: self.from_ns.saturating_add(by), to_ns: self.to_ns.saturating_add(by) }
    }

    /// Twice as long, about the same middle.
    pub(crate) fn wider(self) -> Self {
        let half = self.to_ns.saturating_sub(self.from_ns) / 2;
        Self { from_ns: self.from_ns.saturating_sub(half), to_ns: self.to_ns.saturating_add(half) }
    }

    /// As a query says it: whole seconds, UTC, with none of the window left out.
    pub(crate) fn query(self) -> WindowQuery {
        let said = |seconds: i64| Timestamp::from_second(seconds).ok().map(|time| time.to_string());
        let until = self.to_ns.div_euclid(NANOSECONDS) + i64::from(self.to_ns.rem_euclid(NANOSECONDS) > 0);
        WindowQuery { window: None, from: said(self.from_ns.div_euclid(NANOSECONDS)), to: said(until) }
    }
}

impl WindowQuery {
    /// Whether it begins and ends at certain moments, whenever it is asked for.
    pub(crate) fn is_absolute(&self) -> bool {
        self.from.is_some() || self.to.is_some()
    }

    /// The window; so far back from now where none is said.
    pub(crate) fn or(mut self, back: &str) -> Self {
        if !self.is_absolute() {
            self.window.get_or_insert_with(|| back.to_owned());
        }
        self
    }

    /// Its parameters.
    pub(crate) fn parameters(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let all = [("window", &self.window), ("from", &self.from), ("to", &self.to)];
        all.into_iter().filter_map(|(name, value)| Some((name, value.as_deref()?)))
    }

    /// A path with a query, over this window.
    pub(crate) fn link(&self, path: &str, query: &impl Serialize) -> String {
        let mut whole = link(path, query);
        let own = form_urlencoded::Serializer::new(String::new()).extend_pairs(self.parameters()).finish();
        if !own.is_empty() {
            whole.push(if whole.contains('?') { '&' } else { '?' });
            whole += &own;
        }
        whole
    }

    pub(crate) fn resolve(&self, now: Timestamp) -> Result<Window, Problem> {
        let to = self.to.as_deref().map(|text| time("to", text)).transpose()?.unwrap_or(now);
        let from = match &self.from {
            Some(text) => time("from", text)?,
            None => {
                let window = self.window.as_deref().unwrap_or(DEFAULT_WINDOW);
                // The library's durations have no days, since not all days are equally long; those of UTC are.
                let days = window.strip_suffix('d').and_then(|days| days.trim().parse::<i32>().ok());
                let length = days.map(|days| SignedDuration::from_hours(24 * i64::from(days)));
                let wrong = |_| Problem::bad_request(format!("window: {window:?} is not like 15m, 2h or 7d"));
                let length = length.map_or_else(|| window.parse::<SignedDuration>(), Ok).map_err(wrong)?;
                // Nothing began before 1970: who asks for a longer time asks for all there is.
                to.checked_sub(length).map_err(|_| Problem::bad_request("window: too long"))?.max(Timestamp::UNIX_EPOCH)
            }
        };
        if from >= to {
            return Err(Problem::bad_request("from must be before to"));
        }
        Ok(Window { from_ns: nanoseconds("from", from)?, to_ns: nanoseconds("to", to)? })
    }
}

/// A moment that a parameter names, nanoseconds since 1970.
pub(crate) fn moment(name: &str, text: &str) -> Result<i64, Problem> {
    nanoseconds(name, time(name, text)?)
}

fn nanoseconds(name: &str, time: Timestamp) -> Result<i64, Problem> {
    let nanoseconds = i64::try_from(time.as_nanosecond()).ok();
    let within = nanoseconds.filter(|nanoseconds| (0..=LATEST * NANOSECONDS).contains(nanoseconds));
    within.ok_or_else(|| Problem::bad_request(format!("{name}: must lie between 1970 and 2200")))
}

fn time(name: &str, text: &str) -> Result<Timestamp, Problem> {
    let seconds = text.parse::<i64>().ok().and_then(|seconds| Timestamp::from_second(seconds).ok());
    // A browser's datetime-local has no zone: here it means UTC, as all times do.
    let zoned = || text.parse().or_else(|_| format!("{text}Z").parse()).or_else(|_| format!("{text}:00Z").parse()).ok();
    let wrong = || Problem::bad_request(format!("{name}: {text:?} is neither RFC 3339 nor Unix seconds"));
    seconds.or_else(zoned).ok_or_else(wrong)
}

/// Where a request is: its path and query, so that a page can link to itself, and to others over its window.
#[derive(Debug, Clone, Default)]
pub(crate) struct Place {
    path: String,
    /// Without those of the window.
    parameters: Vec<(String, String)>,
    window: WindowQuery,
}

impl Place {
    /// The window of a request. A mistake in its query is reported elsewhere.
    pub(crate) fn of(uri: &Uri) -> Self {
        let mut place = Self { path: uri.path().to_owned(), ..Self::default() };
        for (name, value) in form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes()) {
            let value = value.trim();
            let field = match &*name {
                "window" => &mut place.window.window,
                "from" => &mut place.window.from,
                "to" => &mut place.window.to,
                _ => {
                    if !value.is_empty() {
                        place.parameters.push((name.into_owned(), value.to_owned()));
                    }
                    continue;
                }
            };
            if !value.is_empty() {
                *field = Some(value.to_owned());
            }
        }
        place
    }

    /// The window, as far as the request says it.
    pub(crate) fn window(&self) -> &WindowQuery {
        &self.window
    }

    /// The same page over the window that it is about now, whenever it is opened; and this window.
    pub(crate) fn fixed(&self, now: Timestamp) -> Result<(String, Window), Problem> {
        let window = self.window.resolve(now)?;
        Ok((window.query().link(&self.path, &self.parameters), window))
    }

    /// The same page over another window.
    pub(crate) fn over(&self, window: &WindowQuery) -> String {
        let goes_with_its_window = |name: &str| OF_ONE_WINDOW.contains(&(&*self.path, name));
        let kept: Vec<_> = self.parameters.iter().filter(|(name, _)| !goes_with_its_window(name)).collect();
        window.link(&self.path, &kept)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(window: &str, from: &str, to: &str) -> WindowQuery {
        let given = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        WindowQuery { window: given(window), from: given(from), to: given(to) }
    }

    fn resolve(window: &str, from: &str, to: &str) -> Option<(i64, i64)> {
        let window = query(window, from, to).resolve(Timestamp::from_second(1_800_000_000).unwrap()).ok()?;
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

    #[test]
    fn a_window_that_no_clock_could_mean_is_refused_and_the_widest_overflows_nowhere() {
        for (from, to) in [("1700-01-01T00:00:00Z", "2000"), ("1600-01-01T00:00:00Z", "2000"), ("-1", "2000")] {
            assert_eq!(resolve("", from, to), None, "{from} {to}");
        }
        assert_eq!(resolve("", "0", "2201-01-01T00:00:00Z"), None);
        assert_eq!(resolve("1h", "", "2300-01-01T00:00:00Z"), None);
        assert_eq!(resolve("300000d", "", ""), Some((0, 1_800_000_000)));
        assert_eq!(resolve("", "0", "2200-01-01T00:00:00Z"), Some((0, LATEST)));
        for window in
            [(0, LATEST * NANOSECONDS), (i64::MIN, i64::MAX)].map(|(from_ns, to_ns)| Window { from_ns, to_ns })
        {
            for other in [window.moved(-1.0), window.moved(0.5), window.moved(1.0), window.wider()] {
                assert!(other.from_ns <= other.to_ns, "{window:?} {other:?}");
            }
        }
    }

    #[test]
    fn a_window_is_said_in_whole_seconds_and_loses_nothing() {
        let window = Window { from_ns: 1_000_900_000_000, to_ns: 2_000_100_000_000 };
        assert_eq!(window.query(), query("", "1970-01-01T00:16:40Z", "1970-01-01T00:33:21Z"));
        let hour = Window { from_ns: 0, to_ns: 3_600 };
        assert_eq!(hour.moved(-1.0), Window { from_ns: -3_600, to_ns: 0 });
        assert_eq!(hour.moved(0.5), Window { from_ns: 1_800, to_ns: 5_400 });
        assert_eq!(hour.wider(), Window { from_ns: -1_800, to_ns: 5_400 });
    }

    #[test]
    fn links_keep_the_window_that_was_asked_for_and_no_other() {
        let relative = query("6h", "", "");
        assert_eq!(relative.link("/tenant", &[("id", "a b")]), "/tenant?id=a+b&window=6h");
        assert_eq!(relative.link("/", &()), "/?window=6h");
        assert_eq!(query("", "1", "2").link("/cost", &()), "/cost?from=1&to=2");
        assert_eq!(WindowQuery::default().link("/cost", &()), "/cost");
    }

    #[test]
    fn a_page_links_to_itself_over_another_window() {
        let place = Place::of(&Uri::from_static("/traces?filter=a%20%3D+1&window=6h&from=&status=&order=slowest"));
        assert_eq!(place.window(), &query("6h", "", ""));
        assert_eq!(place.over(&query("", "1", "2")), "/traces?filter=a+%3D+1&order=slowest&from=1&to=2");
    }

    #[test]
    fn what_goes_with_a_window_is_left_behind_with_it() {
        for (path, over) in [
            ("/why?against=before&moment=5&window=1h", "/why?against=before&from=1&to=2"),
            ("/audit?before=7&who=a", "/audit?who=a&from=1&to=2"),
            ("/groups?before=day", "/groups?before=day&from=1&to=2"),
        ] {
            assert_eq!(Place::of(&Uri::from_static(path)).over(&query("", "1", "2")), over);
        }
    }

    #[test]
    fn only_where_no_window_is_said_another_is_meant() {
        assert_eq!(WindowQuery::default().or("30d"), query("30d", "", ""));
        assert_eq!(query("5m", "", "").or("30d"), query("5m", "", ""));
        assert_eq!(query("", "1", "").or("30d"), query("", "1", ""));
    }
}
