//! Numbers with their units. `assets/scripts/texts.js` writes the same; `tests/values_as_text.json` holds both to that.

use std::fmt::Display;

const KIB: f64 = 1_024.0;

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

/// A duration as a person reads it: three digits and a unit, or whole nanoseconds; none is 0 ms.
pub fn duration(nanoseconds: f64) -> String {
    // A unit ends where the digits that are shown would be 1000 of it, or 60.
    let (value, unit) = match nanoseconds {
        ns if ns < 0.5 => return "0 ms".to_owned(),
        ns if ns < 999.5 => return format!("{ns:.0} ns"),
        ns if ns < 999.5e3 => (ns / 1e3, "µs"),
        ns if ns < 999.5e6 => (ns / 1e6, "ms"),
        ns if ns < 59.95e9 => (ns / 1e9, "s"),
        ns if ns < 3_597e9 => (ns / 60e9, "min"),
        ns => (ns / 3_600e9, "h"),
    };
    format!("{} {unit}", apart(&format!("{value:.*}", digits(value))))
}

/// Digits after the point, so that three are shown in all.
fn digits(value: f64) -> usize {
    match value {
        value if value < 9.995 => 2,
        value if value < 99.95 => 1,
        _ => 0,
    }
}

/// Bytes as a person reads them: three digits and a unit of 1,024 of the one before.
pub fn bytes(number: f64) -> String {
    let (value, unit) = match number {
        bytes if bytes < 1_023.5 => return format!("{} B", count(bytes)),
        bytes if bytes < 999.5 * KIB => (bytes / KIB, "KiB"),
        bytes if bytes < 999.5 * KIB * KIB => (bytes / (KIB * KIB), "MiB"),
        bytes => (bytes / (KIB * KIB * KIB), "GiB"),
    };
    format!("{} {unit}", apart(&format!("{value:.*}", digits(value))))
}

/// A rate: a second, or a minute where that says more.
pub fn rate(per_second: f64) -> String {
    match per_second {
        rate if rate >= 10.0 => format!("{}/s", count(rate)),
        rate if rate >= 0.1 => format!("{rate:.1}/s"),
        rate if rate >= 0.002 => format!("{:.1}/min", rate * 60.0),
        rate if rate * 3_600.0 >= 0.05 => format!("{:.1}/h", rate * 3_600.0),
        0.0 => "0/s".to_owned(),
        _ => "<0.1/h".to_owned(),
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

/// A factor, such as "3 times".
pub fn times(factor: f64) -> String {
    format!("{} ×", apart(&format!("{factor:.1}")))
}

/// Money, from millionths of its currency, with as many digits as say something of a small amount.
pub fn money(micros: f64) -> String {
    match micros {
        0.0 => "0.00".to_owned(),
        micros if micros < 50.0 => "<0.0001".to_owned(),
        micros if micros < 1e6 => format!("{:.4}", micros / 1e6),
        micros => apart(&format!("{:.2}", micros / 1e6)),
    }
}

/// Money that is known to the cent.
pub fn cents(cents: u64) -> String {
    apart(&format!("{}.{:02}", cents / 100, cents % 100))
}

/// Time that was spent, in seconds, which may be many.
pub fn spent(seconds: f64) -> String {
    match seconds {
        0.0 => "0 s".to_owned(),
        seconds if seconds < 0.05 => "<0.1 s".to_owned(),
        seconds => format!("{} s", apart(&format!("{seconds:.1}"))),
    }
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

/// A number with at most this many digits after the point, without trailing zeros.
fn rounded(number: f64, digits: i32) -> f64 {
    let scale = 10_f64.powi(digits);
    (number * scale).round() / scale
}

/// What is known, as text; a dash for what is not.
pub fn known<T>(value: Option<T>, text: impl Fn(T) -> String) -> String {
    value.map_or_else(|| "–".to_owned(), text)
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
}
