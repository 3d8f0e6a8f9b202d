//! Numbers, times, links and how a trace ended, as text.

use std::fmt::Display;

use control_plane_model::{
    listing::Found,
    lookup::Lookup,
    trace::{Ending, Step, Stop},
};
use jiff::Timestamp;
use serde::Serialize;

/// A count, whole, with its thousands apart: 12,480.
pub fn count(number: impl Display) -> String {
    // Of a fraction no digits are shown; a whole number has none.
    apart(&format!("{number:.0}"))
}

/// A number with its thousands apart.
fn apart(number: &str) -> String {
    let (whole, fraction) = number.split_at(number.find('.').unwrap_or(number.len()));
    let (sign, digits) = whole.split_at(usize::from(whole.starts_with('-')));
    let mut apart = sign.to_owned();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            apart.push(',');
        }
        apart.push(digit);
    }
    apart + fraction
}

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
        rate if rate >= 10.0 => format!("{}/s", count(rate)),
        rate if rate >= 0.1 => format!("{rate:.1}/s"),
        rate if rate >= 0.002 => format!("{:.1}/min", rate * 60.0),
        rate => format!("{:.1}/h", rate * 3_600.0),
    }
}

/// A share that was measured, as a percentage: two digits where it is small, one where it is not.
pub fn percent(share: f64) -> String {
    match share * 100.0 {
        0.0 => "0 %".into(),
        percent if percent < 0.01 => "<0.01 %".into(),
        percent if percent < 0.995 => format!("{} %", rounded(percent, 2)),
        percent if percent < 1_000.0 => format!("{percent:.1} %"),
        percent => format!("{} %", count(percent)),
    }
}

/// By which share something grew or shrank; how many times as much it is, where it is twice as much or more.
pub fn changed(share: f64) -> String {
    match share {
        share if share >= 10.0 => format!("× {}", count(1.0 + share)),
        share if share >= 1.0 => format!("× {:.1}", 1.0 + share),
        share if share < 0.0 => format!("−{:.0} %", -share * 100.0),
        share => format!("+{:.0} %", share * 100.0),
    }
}

/// So many times as much.
pub fn times(factor: f64) -> String {
    format!("{} ×", apart(&format!("{factor:.1}")))
}

/// Money, from millionths of its currency, with as many digits as say something of a small amount.
pub fn money(micros: f64) -> String {
    if micros < 1e6 { format!("{:.4}", micros / 1e6) } else { apart(&format!("{:.2}", micros / 1e6)) }
}

/// Money that is known to the cent.
pub fn cents(cents: u64) -> String {
    apart(&format!("{}.{:02}", cents / 100, cents % 100))
}

/// Time that was spent, in seconds, which may be many.
pub fn spent(seconds: f64) -> String {
    format!("{} s", apart(&format!("{seconds:.1}")))
}

/// What is left of a budget.
pub fn left(share: f64) -> String {
    if share < 0.0 { format!("overdrawn by {}", percent(-share)) } else { attained(share) }
}

/// A share that was promised, as it was written: 0.9995 is 99.95 %.
pub fn promised(share: f64) -> String {
    // Digits beyond the ninth come of binary fractions.
    format!("{} %", rounded(share * 100.0, 9))
}

/// A duration that was promised, as it was written: 0.5 s is 500 ms, and 2 s is no 2.00 s.
pub fn limit(nanoseconds: f64) -> String {
    match nanoseconds {
        ns if ns < 1e9 => format!("{} ms", rounded(ns / 1e6, 3)),
        ns => format!("{} s", rounded(ns / 1e9, 3)),
    }
}

/// A share that is held against a promise: rounded down, so that what just misses a target does not look as if it were met.
pub fn attained(share: f64) -> String {
    // What is a hair below by the way it was computed, is not below.
    format!("{} %", (share * 1e4 + 1e-6).floor() / 1e2)
}

/// A number with so many digits after the point at most, and none that say nothing.
fn rounded(number: f64, digits: i32) -> f64 {
    let scale = 10_f64.powi(digits);
    (number * scale).round() / scale
}

/// What is known, as text; a dash for what is not.
pub fn known<T>(value: Option<T>, text: impl Fn(T) -> String) -> String {
    value.map_or_else(|| "–".to_owned(), text)
}

/// What a search read spans for, if it did.
pub fn lookup(found: &Found) -> Option<String> {
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

/// Where a trace ended, in a sentence or two.
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
    fn numbers_are_short() {
        for (nanoseconds, text) in [(1_500.0, "1.50 µs"), (35.4e6, "35.4 ms"), (812e6, "812 ms"), (2.5e9, "2.50 s")] {
            assert_eq!(duration(nanoseconds), text);
        }
        assert_eq!((rate(0.01), rate(2.34), rate(120.4)), ("0.6/min".into(), "2.3/s".into(), "120/s".into()));
        assert_eq!(link("/a", &[("b", Some("c d")), ("e", None)]), "/a?b=c+d");
        assert_eq!(link("/a", &[("b", None::<&str>)]), "/a");
    }

    #[test]
    fn thousands_stand_apart() {
        let counts = [(0, "0"), (999, "999"), (1_000, "1,000"), (12_480, "12,480"), (-1_234_567, "-1,234,567")];
        for (number, text) in counts {
            assert_eq!(count(number), text);
        }
        assert_eq!((count(999.6), count(0.4), count(2.5e9)), ("1,000".into(), "0".into(), "2,500,000,000".into()));
        assert_eq!((money(50_000.0), money(1_234_500_000.0)), ("0.0500".into(), "1,234.50".into()));
        assert_eq!((cents(0), cents(7), cents(123_450)), ("0.00".into(), "0.07".into(), "1,234.50".into()));
        assert_eq!((rate(12_480.0), percent(46.41)), ("12,480/s".into(), "4,641 %".into()));
    }

    #[test]
    fn a_limit_has_the_digits_that_it_was_written_with() {
        for (nanoseconds, text) in [(5e8, "500 ms"), (1e9, "1 s"), (1.5e9, "1.5 s"), (2.5e5, "0.25 ms")] {
            assert_eq!(limit(nanoseconds), text);
        }
    }

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
    fn a_share_has_the_digits_that_matter() {
        let measured = [(0.0, "0 %"), (0.00001, "<0.01 %"), (0.0005, "0.05 %"), (0.005, "0.5 %"), (0.05, "5.0 %")];
        for (share, text) in measured {
            assert_eq!(percent(share), text);
        }
        for (share, text) in [(0.9995, "99.95 %"), (0.999, "99.9 %"), (0.99, "99 %"), (0.999_999, "99.9999 %")] {
            assert_eq!(promised(share), text);
        }
        for (share, text) in
            [(0.999_499, "99.94 %"), (1.0 - 3.0 / 6_000.0, "99.95 %"), (0.999_999, "99.99 %"), (1.0, "100 %")]
        {
            assert_eq!(attained(share), text);
        }
    }

    #[test]
    fn a_change_is_a_share_or_a_multiple() {
        for (share, text) in [(0.4, "+40 %"), (-0.25, "−25 %"), (0.0, "+0 %"), (1.0, "× 2.0"), (109.3, "× 110")] {
            assert_eq!(changed(share), text);
        }
    }

    #[test]
    fn a_window_names_its_day_once() {
        assert_eq!(window(1_800_000_000, 1_800_000_900), "2027-01-15 08:00–08:15 UTC");
        assert_eq!(window(1_799_913_600, 1_800_000_000), "2027-01-14 08:00–2027-01-15 08:00 UTC");
        assert_eq!(moment(1_800_000_000), "2027-01-15T08:00:00Z");
    }
}
