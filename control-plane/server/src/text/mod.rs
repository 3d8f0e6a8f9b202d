//! Figures, times, links and how a trace ended, as text.
//!
//! | file | idea |
//! |---|---|
//! | `figures` | numbers with their units |
//! | `promises` | what was promised to a tenant, and how far that is kept |

mod figures;
mod promises;

use control_plane_model::{
    listing::SearchResult,
    lookup::Lookup,
    trace::{Ending, Step, Stop},
};
use jiff::Timestamp;
use serde::Serialize;

pub use figures::{
    attained, bytes, cents, changed, count, duration, known, left, limit, money, percent, promised, rate, spent, times,
};
pub use promises::{objectives, used_of_allowed, within_target};

/// What a search read spans for, if it did.
pub fn lookup(found: &SearchResult) -> Option<String> {
    found.lookup.as_ref().map(|lookup| looked_up(lookup, found.truncated))
}

/// What spans were read for, and for which of the time that was asked for.
pub fn looked_up(lookup: &Lookup, truncated: bool) -> String {
    let Lookup { attributes, from_unix_ns, to_unix_ns } = lookup;
    let (are, attributes) = (if attributes.len() == 1 { "is" } else { "are" }, attributes.join(", "));
    let (from, to) = (readable(&clock(*from_unix_ns)), readable(&clock(*to_unix_ns)));
    let before = if truncated { "; traces that began before were not looked at" } else { "" };
    format!("{attributes} {are} not indexed: the spans of {from} to {to} UTC were read{before}.")
}

/// A moment, UTC.
pub fn clock(unix_ns: i64) -> String {
    Timestamp::from_nanosecond(i128::from(unix_ns)).map_or_else(|_| "–".into(), |time| format!("{time:.3}"))
}

/// A moment in RFC 3339 as a person reads it, without the zone, which stands beside it or at the head of the page, and without a fraction of nothing.
pub fn readable(moment: &str) -> String {
    let moment = moment.trim_end_matches('Z').replacen('T', " ", 1);
    moment.strip_suffix(".000").map_or(moment.clone(), str::to_owned)
}

/// How a trace ended, in a sentence or two.
pub fn ending(ending: &Ending) -> String {
    let step = |step: &Step| format!("“{}” of {}", step.name, step.service);
    let reached = ending.reached.as_ref().map(&step);
    let Some(stop) = &ending.stopped else {
        return format!("Nothing stopped it. It reached {}.", reached.unwrap_or_default());
    };
    let cause = |cause: &Option<Step>| cause.as_ref().map(|cause| format!(" in {}", step(cause))).unwrap_or_default();
    let reached = reached.map_or_else(|| "It".to_owned(), |reached| format!("It reached {reached} and"));
    match stop {
        Stop::Failed { at, error, cause: inner } => {
            format!("{reached} stopped at {}, which failed{}: {error}.", step(at), cause(inner))
        }
        Stop::Undone { at, from, deliveries, error, cause: inner } => {
            let times = if *deliveries == 1 {
                "was delivered once and failed".to_owned()
            } else {
                format!("was delivered {deliveries} times and failed each time")
            };
            let queue = from.as_deref().unwrap_or("where it came from");
            let (at, inner) = (step(at), cause(inner));
            format!(
                "{reached} stopped at {at}: the message {times}{inner}: {error}. If it is not delivered again, look in the dead-letter queue of {queue}."
            )
        }
        Stop::Untaken { at, sent_unix_ns } => {
            let sent = readable(&clock(*sent_unix_ns));
            format!("It reached {} at {sent} UTC, and no span of whoever takes the message has arrived.", step(at))
        }
    }
}

/// From one moment to another, both Unix seconds, UTC: by the minute, with the day once where it is the same.
pub fn window(from: i64, to: i64) -> String {
    let minute = |second, format| {
        Timestamp::from_second(second).map_or_else(|_| "–".to_owned(), |time| time.strftime(format).to_string())
    };
    let day = |second| minute(second, "%Y-%m-%d");
    let end = minute(to, if day(from) == day(to) { "%H:%M" } else { "%Y-%m-%d %H:%M" });
    format!("{}–{end} UTC", minute(from, "%Y-%m-%d %H:%M"))
}

/// A time of day, from Unix seconds, UTC.
pub fn time_of_day(unix: i64) -> String {
    Timestamp::from_second(unix).map_or_else(|_| "–".to_owned(), |time| time.strftime("%H:%M UTC").to_string())
}

/// A moment of a link, from Unix seconds: RFC 3339.
pub fn moment(unix: i64) -> String {
    Timestamp::from_second(unix).map_or_else(|_| unix.to_string(), |time| time.to_string())
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
    fn an_ending_says_where_to_look() {
        let step =
            |name: &str, service: &str| Step { span_id: String::new(), name: name.into(), service: service.into() };
        let sent = step("send events", "publisher");
        let at = step("process miles", "accrual");
        let of = |stopped| ending(&Ending { reached: Some(sent.clone()), stopped });
        assert_eq!(of(None), "Nothing stopped it. It reached “send events” of publisher.");
        let (error, cause) = ("no airport".to_owned(), Some(step("Query", "accrual")));
        let undone =
            Stop::Undone { at: at.clone(), from: Some("miles".into()), deliveries: 3, error: error.clone(), cause };
        assert_eq!(
            of(Some(undone)),
            "It reached “send events” of publisher and stopped at “process miles” of accrual: the message was delivered 3 times and failed \
             each time in “Query” of accrual: no airport. If it is not delivered again, look in the dead-letter queue of miles."
        );
        let untaken = Stop::Untaken { at: sent.clone(), sent_unix_ns: 0 };
        assert!(
            of(Some(untaken))
                .starts_with("It reached “send events” of publisher at 1970-01-01 00:00:00 UTC, and no span")
        );
        let failed = Ending { reached: None, stopped: Some(Stop::Failed { at, error, cause: None }) };
        assert_eq!(ending(&failed), "It stopped at “process miles” of accrual, which failed: no airport.");
    }

    #[test]
    fn a_link_has_what_there_is() {
        assert_eq!(link("/a", &[("b", Some("c d")), ("e", None)]), "/a?b=c+d");
        assert_eq!(link("/a", &[("b", None::<&str>)]), "/a");
    }

    #[test]
    fn a_window_names_its_day_once() {
        assert_eq!(window(1_800_000_000, 1_800_000_900), "2027-01-15 08:00–08:15 UTC");
        assert_eq!(window(1_799_913_600, 1_800_000_000), "2027-01-14 08:00–2027-01-15 08:00 UTC");
        assert_eq!(moment(1_800_000_000), "2027-01-15T08:00:00Z");
    }
}
