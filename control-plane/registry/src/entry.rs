//! An entry as operators see it, and what they change of it.

use std::{fmt, ops::Not, str::FromStr};

use serde::{Deserialize, Serialize};
use tenancy::{Quota, RegistryEntry, TenantStatus, Tier};

/// An entry, and what was changed of it last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tenant {
    /// What the functions go by.
    #[serde(flatten)]
    pub entry: RegistryEntry,
    /// None of a tenant that is as it was registered.
    #[serde(flatten)]
    pub last_change: Option<LastChange>,
    /// The entry has a quota that cannot be read, so that what its tier gives holds.
    #[serde(skip_deserializing, skip_serializing_if = "Not::not")]
    pub quota_is_wrong: bool,
}

impl Tenant {
    /// Its quota for people to read.
    pub fn quota_in_words(&self) -> String {
        match self.entry.quota {
            Some(quota) => quota.in_words(),
            None if self.quota_is_wrong => "what its tier gives, since its own cannot be read".to_owned(),
            None => "what its tier gives".to_owned(),
        }
    }
}

/// Who changed an entry last, and why: attributes of its item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastChange {
    /// RFC 3339 with milliseconds, UTC.
    pub changed_at: String,
    /// The name of whoever signed in, or the ARN that the command's credentials belong to.
    pub changed_by: String,
    /// As they wrote it.
    pub change_reason: Reason,
}

/// A change, from what whoever asks for it was shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// Whether the tenant is served.
    Status {
        /// As it was shown.
        from: TenantStatus,
        /// As it shall be.
        to: TenantStatus,
    },
    /// Its service level.
    Tier {
        /// As it was shown.
        from: Tier,
        /// As it shall be.
        to: Tier,
    },
    /// How much it may use; none: as much as its tier gives.
    Quota {
        /// As it was shown.
        from: Option<Quota>,
        /// As it shall be.
        to: Option<Quota>,
    },
}

impl Change {
    /// An active tenant is served no longer.
    pub const SUSPEND: Self = Self::Status { from: TenantStatus::Active, to: TenantStatus::Suspended };
    /// A suspended tenant is served again.
    pub const RESUME: Self = Self::Status { from: TenantStatus::Suspended, to: TenantStatus::Active };

    /// The attribute that is changed.
    pub fn attribute(&self) -> &'static str {
        match self {
            Self::Status { .. } => RegistryEntry::STATUS,
            Self::Tier { .. } => RegistryEntry::TIER,
            Self::Quota { .. } => RegistryEntry::QUOTA,
        }
    }

    /// Its value before, as text; none where the attribute is not there.
    pub fn from(&self) -> Option<String> {
        match self {
            Self::Status { from, .. } => Some(from.as_str().to_owned()),
            Self::Tier { from, .. } => Some(from.to_string()),
            Self::Quota { from, .. } => from.map(|quota| quota.to_string()),
        }
    }

    /// Its value after, in the same way.
    pub fn to(&self) -> Option<String> {
        match self {
            Self::Status { to, .. } => Some(to.as_str().to_owned()),
            Self::Tier { to, .. } => Some(to.to_string()),
            Self::Quota { to, .. } => to.map(|quota| quota.to_string()),
        }
    }

    /// Whether an entry is as it was shown.
    pub fn is_of(&self, entry: &RegistryEntry) -> bool {
        match self {
            Self::Status { from, .. } => entry.status == *from,
            Self::Tier { from, .. } => entry.tier == *from,
            Self::Quota { from, .. } => entry.quota == *from,
        }
    }
}

/// Why something is changed, for whoever asks later: 1 to 500 printable characters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Reason(String);

/// What is no [`Reason`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the reason must be 1 to {max} printable characters", max = Reason::MAX)]
pub struct InvalidReason;

impl Reason {
    /// Characters, at most.
    pub const MAX: usize = 500;
}

impl FromStr for Reason {
    type Err = InvalidReason;

    /// Blanks around it do not count.
    fn from_str(text: &str) -> Result<Self, InvalidReason> {
        let text = text.trim();
        let fits = !text.is_empty() && text.chars().count() <= Self::MAX && !text.chars().any(char::is_control);
        if fits { Ok(Self(text.to_owned())) } else { Err(InvalidReason) }
    }
}

impl TryFrom<String> for Reason {
    type Error = InvalidReason;
    fn try_from(text: String) -> Result<Self, InvalidReason> {
        text.parse()
    }
}

impl From<Reason> for String {
    fn from(Reason(text): Reason) -> Self {
        text
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_says_something_that_can_be_read() {
        for good in ["x", "  unpaid since May – ticket 4711 ", &"ä".repeat(500)] {
            assert_eq!(good.parse::<Reason>().unwrap().to_string(), good.trim());
        }
        for bad in ["", "  \t", "a\nb", "\u{1b}[2J", "\u{9b}", &"ä".repeat(501)] {
            assert_eq!(bad.parse::<Reason>(), Err(InvalidReason), "{bad:?}");
        }
        assert_eq!(InvalidReason.to_string(), "the reason must be 1 to 500 printable characters");
    }
}
