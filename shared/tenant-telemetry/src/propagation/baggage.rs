//! What is read from a caller's `baggage`.

use crate::semconv;

/// Longest `baggage` that is read, in bytes (W3C Baggage §3.3.2).
const MAX_BAGGAGE_BYTES: usize = 8_192;

/// The value of an allow-listed baggage key (`tenant.id`, `tenant.tier`); `None` for any other, for a header that is too
/// long, and for a value that is no plain token. What a caller claims here is a hint, never an identity.
pub fn baggage_value<'a>(baggage: &'a str, key: &str) -> Option<&'a str> {
    let allowed = key == semconv::TENANT_ID || key == semconv::TENANT_TIER;
    if !allowed || baggage.len() > MAX_BAGGAGE_BYTES {
        return None;
    }
    let members = baggage.split(',').filter_map(|member| member.split(';').next()?.split_once('='));
    let mut values = members.filter(|(name, _)| name.trim() == key).map(|(_, value)| value.trim());
    values.next().filter(|value| value.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn baggage_gives_only_what_is_allowed() {
        assert_eq!(baggage_value("a=b, tenant.id=acme;p=1", "tenant.id"), Some("acme"));
        assert_eq!(baggage_value("secret=1", "secret"), None);
        assert_eq!(baggage_value("tenant.id=a%20b", "tenant.id"), None);
        assert_eq!(baggage_value(&format!("tenant.id=acme,x={}", "y".repeat(9_000)), "tenant.id"), None);
    }
}
