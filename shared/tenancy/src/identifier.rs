//! The id of a tenant, and of a user.

use std::{fmt, str::FromStr, sync::Arc};

use serde::{Deserialize, Serialize};

use crate::{Pattern, Tier};

/// Why a tenant, tier or user was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTenant {
    /// The tenant id is not 1–64 characters of `[A-Za-z0-9_-]`.
    #[error("the tenant id must be 1 to 64 characters of A-Z, a-z, 0-9, _ and -")]
    TenantId,
    /// The tier is not 1–15 characters of `[a-z0-9-]`.
    #[error("the tier must be 1 to 15 characters of a-z, 0-9 and -")]
    Tier,
    /// The tier is none that the service has.
    #[error("there is no tier \"{0}\"")]
    UnknownTier(Tier),
    /// The user id is not 1–128 characters of `[A-Za-z0-9._@|:+=~/-]`.
    #[error("the user id must be 1 to 128 characters of A-Z, a-z, 0-9 and . _ @ | : + = ~ / -")]
    UserId,
}

macro_rules! identifier {
    ($(#[$doc:meta])* $name:ident, $class:literal, $max:literal, $error:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(Arc<str>);

        impl $name {
            /// Which texts are such an identifier.
            pub const PATTERN: Pattern = Pattern::new($class, 1, $max);

            /// The identifier as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// The identifier as a text that is shared, not copied.
            pub fn to_shared(&self) -> Arc<str> {
                self.0.clone()
            }
        }

        impl FromStr for $name {
            type Err = InvalidTenant;
            fn from_str(text: &str) -> Result<Self, InvalidTenant> {
                if Self::PATTERN.allows(text) { Ok(Self(text.into())) } else { Err($error) }
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidTenant;
            fn try_from(text: String) -> Result<Self, InvalidTenant> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.0.as_ref().to_owned()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

identifier!(
    /// A tenant: one customer company. 1–64 characters of `[A-Za-z0-9_-]`, so that it can stand in a key, a header and
    /// an IAM condition without escaping.
    TenantId,
    "A-Za-z0-9_-",
    64,
    InvalidTenant::TenantId
);
identifier!(
    /// A user of a tenant, as identity providers name them: `6c5c42f2-fcaa-…`, `auth0|65f1`, `ann@example.com`. 1–128 characters of
    /// `[A-Za-z0-9._@|:+=~/-]`: no `#`, which separates the parts of a key, and none that IAM reads as a wildcard.
    UserId,
    "A-Za-z0-9._@|:+=~/-",
    128,
    InvalidTenant::UserId
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tenant_id_is_a_short_plain_token() {
        for good in ["a", "acme", "Acme_2-x", &"x".repeat(64)] {
            assert_eq!(good.parse::<TenantId>().unwrap().as_str(), good);
        }
        for bad in ["", "a b", "a#b", "ä", "a\n", "a/b", &"x".repeat(65)] {
            assert_eq!(bad.parse::<TenantId>(), Err(InvalidTenant::TenantId), "{bad:?}");
        }
    }

    #[test]
    fn a_user_is_whom_an_identity_provider_names_but_no_part_of_a_key() {
        for good in
            ["6c5c42f2-fcaa-4337", "auth0|65f1", "google-oauth2|1", "ann@example.com", "00u1:x", "~", &"x".repeat(128)]
        {
            assert_eq!(good.parse::<UserId>().unwrap().as_str(), good);
        }
        for bad in ["", "a b", "a#b", "#", "*", "a?", "$x", "ä", "a\n", "\u{7f}", &"x".repeat(129)] {
            assert_eq!(bad.parse::<UserId>(), Err(InvalidTenant::UserId), "{bad:?}");
        }
    }
}
