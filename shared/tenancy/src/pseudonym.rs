//! How ids of tenants and users leave the process: plain, as a keyed hash, or not at all.
//!
//! A bare hash of a guessable id can be undone by guessing; HMAC-SHA256 needs the key for that. The same key gives the same
//! pseudonym wherever it is made, so that a tenant's spans still belong together.

use std::{fmt, str::FromStr};

use aws_lc_rs::hmac::{HMAC_SHA256, Key, sign};
use serde::Deserialize;

/// Hexadecimal digits of a pseudonym: 128 bits.
const DIGITS: usize = 32;
/// Hexadecimal digits of an alias: enough to tell tenants apart in a support case.
const ALIAS_DIGITS: usize = 10;

/// How tenant and user ids go to a destination.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TenantIds {
    /// Ids leave as they are.
    #[default]
    Plain,
    /// Ids leave as pseudonyms (HMAC-SHA256 with a key).
    Hmac,
    /// Ids do not leave.
    Drop,
}

/// The text is not `plain`, `hmac` or `drop`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not plain, hmac or drop")]
pub struct InvalidTenantIds(String);

impl FromStr for TenantIds {
    type Err = InvalidTenantIds;
    fn from_str(text: &str) -> Result<Self, InvalidTenantIds> {
        match text {
            "plain" => Ok(Self::Plain),
            "hmac" => Ok(Self::Hmac),
            "drop" => Ok(Self::Drop),
            _ => Err(InvalidTenantIds(text.to_owned())),
        }
    }
}

/// The key that pseudonyms are made with.
#[derive(Clone)]
pub struct PseudonymKey(Key);

impl PseudonymKey {
    /// Makes a key of a secret, of any length.
    pub fn new(secret: &[u8]) -> Self {
        Self(Key::new(HMAC_SHA256, secret))
    }

    /// What stands for an id: the first 128 bits of its HMAC-SHA256 (RFC 2104), as 32 hexadecimal digits.
    pub fn pseudonym(&self, id: &str) -> String {
        self.digits(id, DIGITS)
    }

    /// A short name for logs and support cases: the first ten digits of the same.
    pub fn alias(&self, id: &str) -> String {
        self.digits(id, ALIAS_DIGITS)
    }

    fn digits(&self, id: &str, digits: usize) -> String {
        let tag = sign(&self.0, id.as_bytes());
        tag.as_ref().iter().take(digits / 2).map(|byte| format!("{byte:02x}")).collect()
    }
}

impl fmt::Debug for PseudonymKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PseudonymKey")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_tenant_has_the_same_pseudonym_under_the_same_key() {
        let [one, same, other] = ["secret", "secret", "another"].map(|secret| PseudonymKey::new(secret.as_bytes()));
        assert_eq!(one.pseudonym("acme"), same.pseudonym("acme"));
        assert_ne!(one.pseudonym("acme"), other.pseudonym("acme"));
        assert_ne!(one.pseudonym("acme"), one.pseudonym("acme2"));
        assert_eq!(one.pseudonym("acme").len(), 32);
        assert_eq!(one.alias("acme"), one.pseudonym("acme")[..10]);
    }

    /// RFC 4231, test case 2.
    #[test]
    fn it_is_hmac_sha256() {
        let key = PseudonymKey::new(b"Jefe");
        assert_eq!(key.pseudonym("what do ya want for nothing?"), "5bdcc146bf60754e6a042426089575c7");
    }

    #[test]
    fn a_policy_is_one_of_three_words() {
        assert_eq!(
            ["plain", "hmac", "drop"].map(|text| text.parse()),
            [Ok(TenantIds::Plain), Ok(TenantIds::Hmac), Ok(TenantIds::Drop)]
        );
        assert_eq!("plane".parse::<TenantIds>().unwrap_err().to_string(), "\"plane\" is not plain, hmac or drop");
        assert!(!format!("{:?}", PseudonymKey::new(b"secret")).contains("secret"));
    }
}
