//! How much of a service a tenant may use.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// How much of a service a tenant may use: requests a second, as many at once as its burst, and bookings a day.
///
/// As text, in a variable or an audit record, it is `requests_per_second/burst/bookings_per_day`; in JSON and in the registry's table it has
/// fields of these names.
///
/// ```
/// use tenancy::Quota;
///
/// let quota: Quota = "20/40/1000".parse()?;
/// assert_eq!((quota.requests_per_second(), quota.burst(), quota.bookings_per_day()), (20, 40, 1_000));
/// assert!("20/0/1000".parse::<Quota>().is_err(), "suspending a tenant says it more plainly");
/// # Ok::<(), tenancy::InvalidQuota>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Numbers")]
pub struct Quota {
    requests_per_second: u32,
    burst: u32,
    bookings_per_day: u32,
}

#[derive(Deserialize)]
struct Numbers {
    requests_per_second: u32,
    burst: u32,
    bookings_per_day: u32,
}

/// Why numbers, or a text, are not a [`Quota`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidQuota {
    /// The text is not three whole numbers with slashes between them.
    #[error("a quota is three whole numbers: requests a second/burst/bookings a day")]
    Form,
    /// The number is 0 or too large. A quota of 0 would lock the tenant out: suspending it says that more plainly.
    #[error("requests a second must be 1 to {max}", max = Quota::MOST_REQUESTS_PER_SECOND)]
    RequestsPerSecond,
    /// The number is 0 or too large, as for requests a second.
    #[error("the burst must be 1 to {max}", max = Quota::MOST_BURST)]
    Burst,
    /// The number is 0 or too large, as for requests a second.
    #[error("bookings a day must be 1 to {max}", max = Quota::MOST_BOOKINGS_PER_DAY)]
    BookingsPerDay,
}

impl Quota {
    /// The names of its numbers in JSON and in the registry's table, in the order of its text.
    pub const FIELDS: [&'static str; 3] = ["requests_per_second", "burst", "bookings_per_day"];
    /// The most requests a second that a quota may allow.
    pub const MOST_REQUESTS_PER_SECOND: u32 = 10_000;
    /// The largest burst that a quota may allow.
    pub const MOST_BURST: u32 = 100_000;
    /// The most bookings a day that a quota may allow.
    pub const MOST_BOOKINGS_PER_DAY: u32 = 10_000_000;

    /// Makes a quota of these numbers.
    ///
    /// # Errors
    ///
    /// [`InvalidQuota`], by the first number that is out of its bounds.
    pub fn new(requests_per_second: u32, burst: u32, bookings_per_day: u32) -> Result<Self, InvalidQuota> {
        if !(1..=Self::MOST_REQUESTS_PER_SECOND).contains(&requests_per_second) {
            return Err(InvalidQuota::RequestsPerSecond);
        }
        if !(1..=Self::MOST_BURST).contains(&burst) {
            return Err(InvalidQuota::Burst);
        }
        if !(1..=Self::MOST_BOOKINGS_PER_DAY).contains(&bookings_per_day) {
            return Err(InvalidQuota::BookingsPerDay);
        }
        Ok(Self { requests_per_second, burst, bookings_per_day })
    }

    /// Requests a second in the long run, of each API.
    pub fn requests_per_second(self) -> u32 {
        self.requests_per_second
    }

    /// Requests at once, after a time without any. One below the requests a second keeps a tenant from reaching these.
    pub fn burst(self) -> u32 {
        self.burst
    }

    /// The quota in words, for pages and commands.
    pub fn in_words(self) -> String {
        let Self { requests_per_second, burst, bookings_per_day } = self;
        format!("{requests_per_second} requests a second, {burst} at once, {bookings_per_day} bookings a day")
    }

    /// Bookings between one midnight and the next, in UTC.
    pub fn bookings_per_day(self) -> u32 {
        self.bookings_per_day
    }
}

impl TryFrom<Numbers> for Quota {
    type Error = InvalidQuota;
    fn try_from(of: Numbers) -> Result<Self, InvalidQuota> {
        Self::new(of.requests_per_second, of.burst, of.bookings_per_day)
    }
}

impl FromStr for Quota {
    type Err = InvalidQuota;
    fn from_str(text: &str) -> Result<Self, InvalidQuota> {
        let numbers: Result<Vec<u32>, _> = text.split('/').map(|number| number.trim().parse()).collect();
        match numbers.as_deref() {
            Ok([requests_per_second, burst, bookings_per_day]) => {
                Self::new(*requests_per_second, *burst, *bookings_per_day)
            }
            _ => Err(InvalidQuota::Form),
        }
    }
}

impl fmt::Display for Quota {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.requests_per_second, self.burst, self.bookings_per_day)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quota_reads_as_it_is_written() {
        for text in ["1/1/1", "20/40/1000", "10000/100000/10000000"] {
            assert_eq!(text.parse::<Quota>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn what_would_lock_a_tenant_out_or_let_everything_in_is_no_quota() {
        for (text, why) in [
            ("", InvalidQuota::Form),
            ("20/40", InvalidQuota::Form),
            ("20/40/1000/1", InvalidQuota::Form),
            ("20/40/many", InvalidQuota::Form),
            ("-1/40/1000", InvalidQuota::Form),
            ("0/40/1000", InvalidQuota::RequestsPerSecond),
            ("10001/40000/1000", InvalidQuota::RequestsPerSecond),
            ("20/0/1000", InvalidQuota::Burst),
            ("20/100001/1000", InvalidQuota::Burst),
            ("20/40/0", InvalidQuota::BookingsPerDay),
            ("20/40/10000001", InvalidQuota::BookingsPerDay),
        ] {
            assert_eq!(text.parse::<Quota>(), Err(why), "{text:?}");
        }
    }
}
