//! An entry as operators see it, and what they change of it.

use std::{fmt, ops::Not, str::FromStr};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tenancy::{AccessLists, List, ListEntry, Listed, Quota, RegistryEntry, TenantStatus, Tier};

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
    /// The entry has access lists that cannot be read, so that the functions refuse all of its callers after five minutes.
    #[serde(skip_deserializing, skip_serializing_if = "Not::not")]
    pub access_lists_are_wrong: bool,
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
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Whether the tenant is served.
    Status {
        /// As it was shown.
        from: TenantStatus,
        /// As it shall be.
        to: TenantStatus,
    },
    /// Gives the tenant another tier.
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
    /// Whom it turns away.
    AccessLists {
        /// As they were shown.
        from: AccessLists,
        /// As they shall be.
        to: AccessLists,
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
            Self::AccessLists { .. } => RegistryEntry::ACCESS_LISTS,
        }
    }

    /// Its value before, as text; none where the attribute is not there. Of access lists these are the entries that go.
    pub fn from(&self) -> Option<String> {
        match self {
            Self::Status { from, .. } => Some(from.as_str().to_owned()),
            Self::Tier { from, .. } => Some(from.to_string()),
            Self::Quota { from, .. } => from.map(|quota| quota.to_string()),
            Self::AccessLists { from, to } => without(from, to),
        }
    }

    /// Its value after, in the same way; of access lists, the entries that come.
    pub fn to(&self) -> Option<String> {
        match self {
            Self::Status { to, .. } => Some(to.as_str().to_owned()),
            Self::Tier { to, .. } => Some(to.to_string()),
            Self::Quota { to, .. } => to.map(|quota| quota.to_string()),
            Self::AccessLists { from, to } => without(to, from),
        }
    }

    /// Whether an entry is as it was shown.
    pub fn is_of(&self, entry: &RegistryEntry) -> bool {
        match self {
            Self::Status { from, .. } => entry.status == *from,
            Self::Tier { from, .. } => entry.tier == *from,
            Self::Quota { from, .. } => entry.quota == *from,
            Self::AccessLists { from, .. } => {
                entry.access_lists.as_ref().map_or(from.is_empty(), |lists| lists == from)
            }
        }
    }
}

/// The entries of some lists that others do not have, as text.
fn without(lists: &AccessLists, others: &AccessLists) -> Option<String> {
    let others: Vec<_> = others.entries().collect();
    let lines: Vec<String> =
        lists.entries().filter(|entry| !others.contains(entry)).map(|(list, entry)| in_words(list, entry)).collect();
    (!lines.is_empty()).then(|| lines.join("; "))
}

/// An entry of a list for people to read, as it is at `now`, Unix seconds.
pub fn in_words_at(now: i64, list: List, entry: &ListEntry) -> String {
    format!("{}{}", in_words(list, entry), if entry.is_over(now) { ", which is over" } else { "" })
}

/// An entry of a list for people to read.
fn in_words(list: List, entry: &ListEntry) -> String {
    let who = match &entry.listed {
        Listed::Network(network) => format!("{} network {network}", list.as_str()),
        Listed::User(user) => format!("{} user {user}", list.as_str()),
    };
    match entry.expires_at.map(Timestamp::from_second) {
        None => who,
        Some(Ok(end)) => format!("{who} until {end}"),
        Some(Err(_)) => format!("{who} for ever"),
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
    fn a_change_of_lists_says_what_comes_and_what_goes() {
        let listed = |text: &str| Listed::Network(text.parse().unwrap());
        let from = AccessLists::default().with(List::Block, listed("203.0.113.0/24"), None, 0).unwrap();
        let from = from.with(List::Allow, Listed::User("ann".parse().unwrap()), None, 0).unwrap();
        let to = from.clone().with(List::Block, listed("203.0.113.0/24"), Some(1_800_000_000), 0).unwrap();
        let change = Change::AccessLists { from: from.clone(), to: to.clone() };
        assert_eq!(change.from().unwrap(), "block network 203.0.113.0/24");
        assert_eq!(change.to().unwrap(), "block network 203.0.113.0/24 until 2027-01-15T08:00:00Z");
        let back = Change::AccessLists {
            from: from.clone(),
            to: from.without(List::Allow, &Listed::User("ann".parse().unwrap())),
        };
        assert_eq!((back.from().unwrap().as_str(), back.to()), ("allow user ann", None));
    }

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
