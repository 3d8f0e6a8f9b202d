//! How often something may be asked for, and by whom it is counted.

use std::{net::IpAddr, ops::Range};

use jiff::Timestamp;
use tenancy::TenantId;

use super::{EmailAddress, idempotency::sha256_hex};

/// A limit on a number within each stretch of time. Around the end of a stretch, twice as many can pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    /// How many may happen within the period.
    pub most: u32,
    seconds: i64,
}

impl Limit {
    /// A limit of `most` each hour.
    pub fn each_hour(most: u32) -> Self {
        Self { most, seconds: 60 * 60 }
    }

    /// A limit of `most` each day, in UTC.
    pub fn each_day(most: u32) -> Self {
        Self { most, seconds: 24 * 60 * 60 }
    }

    /// The stretch that `now` is in, in epoch seconds.
    pub fn stretch(self, now: Timestamp) -> Range<i64> {
        let start = now.as_second() - now.as_second().rem_euclid(self.seconds);
        start..start + self.seconds
    }
}

/// The address, network or tenant whose requests are counted together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject<'a> {
    /// The network a request came from, by its IP address as API Gateway saw it.
    Source(Option<&'a str>),
    /// The address that would get mail.
    Address(&'a EmailAddress),
    /// The tenant whose admin invites somebody.
    Tenant(&'a TenantId),
}

impl Subject<'_> {
    /// What it is counted under. A hash: no address is stored here. (Whoever guesses an address can tell that it was counted.)
    pub fn key(self) -> String {
        let (kind, of) = match self {
            Self::Source(ip) => ("source", network(ip)),
            Self::Address(email) => ("address", email.to_string()),
            Self::Tenant(tenant) => ("tenant", tenant.to_string()),
        };
        format!("{kind}#{}", sha256_hex(of.as_bytes()))
    }
}

/// Of IPv6, the 64 bits that a household gets: the others it may change at will. What is no address is counted together.
fn network(ip: Option<&str>) -> String {
    match ip.and_then(|ip| ip.parse().ok()).map(|ip: IpAddr| ip.to_canonical()) {
        Some(IpAddr::V4(ip)) => ip.to_string(),
        Some(IpAddr::V6(ip)) => format!("{:x}", ip.to_bits() >> 64),
        None => "unknown".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stretches_follow_each_other_without_a_gap() {
        let now: Timestamp = "2026-11-21T12:34:56Z".parse().unwrap();
        let text = |seconds| Timestamp::from_second(seconds).unwrap().to_string();
        let hour = Limit::each_hour(5).stretch(now);
        assert_eq!((text(hour.start), text(hour.end)), ("2026-11-21T12:00:00Z".into(), "2026-11-21T13:00:00Z".into()));
        let next = Limit::each_hour(5).stretch(Timestamp::from_second(hour.end).unwrap());
        assert_eq!(next.start, hour.end);
        let day = Limit::each_day(3).stretch(now);
        assert_eq!((text(day.start), text(day.end)), ("2026-11-21T00:00:00Z".into(), "2026-11-22T00:00:00Z".into()));
    }

    #[test]
    fn a_network_is_an_ipv4_address_or_64_bits_of_ipv6() {
        let key = |ip| Subject::Source(Some(ip)).key();
        assert_eq!(key("2001:db8:1:2::1"), key("2001:db8:1:2:ffff::9"));
        assert_ne!(key("2001:db8:1:2::1"), key("2001:db8:1:3::1"));
        assert_eq!(key("192.0.2.7"), key("::ffff:192.0.2.7"));
        assert_ne!(key("192.0.2.7"), key("192.0.2.8"));
        assert_eq!(key("nonsense"), Subject::Source(None).key());
    }

    #[test]
    fn what_is_stored_names_nobody() {
        let email = EmailAddress::parse("ada@example.com").unwrap();
        let tenant = "acme".parse().unwrap();
        for subject in [Subject::Source(Some("192.0.2.7")), Subject::Address(&email), Subject::Tenant(&tenant)] {
            let key = subject.key();
            assert!(!["ada", "192", "acme"].iter().any(|name| key.starts_with(name)), "{key}");
            assert_eq!(key.split_once('#').map(|(_, hash)| hash.len()), Some(64));
        }
    }

    #[test]
    fn one_text_is_counted_apart_as_each_kind() {
        let tenant = "unknown".parse().unwrap();
        assert_ne!(Subject::Source(None).key(), Subject::Tenant(&tenant).key());
    }
}
