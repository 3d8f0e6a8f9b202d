//! Who a request or message is served for.
//!
//! Values of these types are valid by construction. A [`TenantLabel`] says whom a span or a message names, and opens nothing. A
//! [`TenantContext`] opens a tenant's items: it comes from a verified token, or from a message whose topic only the booking
//! account may publish to, and this crate alone makes it.

use std::{fmt, ops::Deref, str::FromStr, sync::Arc};

use serde::{Deserialize, Serialize};

use crate::pattern::Pattern;

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

/// The service level a tenant has bought.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Tier {
    /// Shared resources, no promise beyond the default objective.
    Basic,
    /// The middle tier.
    Standard,
    /// The tightest objectives.
    Premium,
}

impl Tier {
    /// All of them.
    pub const ALL: [Tier; 3] = [Tier::Basic, Tier::Standard, Tier::Premium];

    /// The tier as it stands in claims, attributes and annotations.
    pub fn as_str(self) -> &'static str {
        match self {
            Tier::Basic => "basic",
            Tier::Standard => "standard",
            Tier::Premium => "premium",
        }
    }
}

impl fmt::Display for Tier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Tier {
    type Err = InvalidTenant;
    fn from_str(text: &str) -> Result<Self, InvalidTenant> {
        match text {
            "basic" => Ok(Tier::Basic),
            "standard" => Ok(Tier::Standard),
            "premium" => Ok(Tier::Premium),
            _ => Err(InvalidTenant::Tier),
        }
    }
}

/// What a user may do within their tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// Invites colleagues.
    Admin,
    /// Uses what the tenant has bought.
    Member,
}

impl Role {
    /// The role as it stands in the claim.
    pub fn as_str(self) -> &'static str {
        match self {
            Role::Admin => "admin",
            Role::Member => "member",
        }
    }

    /// The role that a claim names; of none, or of one that is not known, the least.
    pub fn of_claim(claim: Option<&str>) -> Self {
        if claim == Some(Role::Admin.as_str()) { Role::Admin } else { Role::Member }
    }
}

/// The tenant, tier and user that a span, a log line or a message names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TenantLabel {
    /// The tenant served.
    pub tenant_id: TenantId,
    /// The tenant's tier.
    pub tier: Tier,
    /// The user who asked.
    pub user_id: UserId,
}

/// The verified tenant, tier and user of one request or message; reads like its [`TenantLabel`].
///
/// Nobody else can make one, of whatever parts:
///
/// ```compile_fail
/// use shared::tenant::{TenantContext, TenantLabel, Tier};
///
/// let label = TenantLabel {
///     tenant_id: "acme".parse().unwrap(),
///     tier: Tier::Basic,
///     user_id: "user-1".parse().unwrap(),
/// };
/// let forged = TenantContext(label);
/// ```
///
/// nor turn one tenant's into another's:
///
/// ```compile_fail
/// fn steal(mine: &mut shared::tenant::TenantContext) {
///     mine.tenant_id = "another".parse().unwrap();
/// }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TenantContext(TenantLabel);

impl TenantContext {
    /// What was verified: a token's claims, or an accepted message.
    pub(crate) fn verified(label: TenantLabel) -> Self {
        Self(label)
    }

    /// The same tenant and user with the tier that the registry knows.
    pub(crate) fn with_tier(mut self, tier: Tier) -> Self {
        self.0.tier = tier;
        self
    }

    /// Whom spans, logs and messages of this work name.
    pub fn label(&self) -> &TenantLabel {
        &self.0
    }
}

impl Deref for TenantContext {
    type Target = TenantLabel;
    fn deref(&self) -> &TenantLabel {
        &self.0
    }
}

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
    fn only_a_claim_to_be_admin_makes_one() {
        assert_eq!(Role::of_claim(Some(Role::Admin.as_str())), Role::Admin);
        for claim in [None, Some(""), Some("member"), Some("Admin"), Some("owner")] {
            assert_eq!(Role::of_claim(claim), Role::Member, "{claim:?}");
        }
    }

    #[test]
    fn an_unknown_tier_is_refused() {
        assert_eq!("premium".parse(), Ok(Tier::Premium));
        for bad in ["Premium", "gold", ""] {
            assert_eq!(bad.parse::<Tier>(), Err(InvalidTenant::Tier));
        }
    }
}
