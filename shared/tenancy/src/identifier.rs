//! The id of a tenant, and of a user.

use std::{fmt, str::FromStr, sync::Arc};

use serde::{Deserialize, Serialize};

use crate::Pattern;

/// Why a tenant, tier or user was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTenant {
    /// The tenant id is not 1–64 characters of `[A-Za-z0-9_-]`.
    #[error("the tenant id must be 1 to 64 characters of A-Z, a-z, 0-9, _ and -")]
    TenantId,
    /// The tier is none of `basic`, `standard`, `premium`.
    #[error("the tier must be basic, standard or premium")]
    Tier,
    /// The user id is not 1–128 characters of `[A-Za-z0-9_-]`.
    #[error("the user id must be 1 to 128 characters of A-Z, a-z, 0-9, _ and -")]
    UserId,
}

macro_rules! identifier {
    ($(#[$doc:meta])* $name:ident, $max:literal, $error:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(Arc<str>);

        impl $name {
            /// What it is made of.
            pub const PATTERN: Pattern = Pattern::new("A-Za-z0-9_-", 1, $max);

            /// The identifier as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// The same text, shared.
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
    64,
    InvalidTenant::TenantId
);
identifier!(
    /// A user of a tenant: the token's `sub`.
    UserId,
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
}
