//! `Idempotency-Key`: the caller's name for one attempt to book.

use std::str::FromStr;

use aws_lc_rs::digest::{SHA256, digest};

/// A key of 1–255 visible ASCII characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyKey(String);

impl IdempotencyKey {
    /// SHA-256 of the key, in hex: what is stored, so that nothing a caller writes becomes part of a key.
    pub fn hash(&self) -> String {
        sha256_hex(self.0.as_bytes())
    }
}

impl FromStr for IdempotencyKey {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        let valid = (1..=255).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
        if valid { Ok(Self(text.to_owned())) } else { Err(()) }
    }
}

/// What was asked for under a key: SHA-256 of the request's meaning, in hex. The same key with another fingerprint is a
/// mistake of the caller's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fingerprint(String);

impl Fingerprint {
    /// The fingerprint of the parts of a request, in their order.
    pub fn of(parts: &[&str]) -> Self {
        // Lengths keep ("ab", "c") apart from ("a", "bc").
        let text: String = parts.iter().map(|part| format!("{}:{part}", part.len())).collect();
        Self(sha256_hex(text.as_bytes()))
    }

    /// The fingerprint as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// SHA-256 in hex.
pub(super) fn sha256_hex(bytes: &[u8]) -> String {
    digest(&SHA256, bytes).as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_short_and_visible() {
        assert!("a-1".parse::<IdempotencyKey>().is_ok());
        for text in ["", "a b", "a\n", "é", &"x".repeat(256)] {
            assert!(text.parse::<IdempotencyKey>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_fingerprint_tells_requests_apart() {
        assert_eq!(Fingerprint::of(&["ab", "c"]), Fingerprint::of(&["ab", "c"]));
        assert_ne!(Fingerprint::of(&["ab", "c"]), Fingerprint::of(&["a", "bc"]));
    }
}
