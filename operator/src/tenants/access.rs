//! Who is put on a tenant's access lists, as the command line says it.

use anyhow::{Result, anyhow, bail};
use clap::Args;
use jiff::{SignedDuration, Timestamp};
use tenancy::{List, Listed, Network, RegistryEntry, UserId};
use tenant_registry::Change;

/// A network or a user.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(super) struct Caller {
    /// An address or a prefix of IPv4 or IPv6, such as 203.0.113.0/24.
    #[arg(long)]
    network: Option<Network>,
    /// A user, by the id that tokens have (their sub).
    #[arg(long)]
    user: Option<UserId>,
}

/// A network or a user, and for how long.
#[derive(Debug, Args)]
pub(super) struct Listing {
    #[command(flatten)]
    caller: Caller,
    /// For how long, such as 2h or 30d; without it, until it is taken off the list.
    #[arg(long = "for", value_name = "TIME")]
    period: Option<SignedDuration>,
}

impl Caller {
    fn listed(&self) -> Result<Listed> {
        match (self.network, &self.user) {
            (Some(network), None) => Ok(Listed::Network(network)),
            (None, Some(user)) => Ok(Listed::User(user.clone())),
            _ => bail!("name a network or a user"),
        }
    }

    /// The change that takes them off a list.
    pub(super) fn removed(&self, list: List, entry: &RegistryEntry) -> Result<Change> {
        let from = entry.access_lists.clone().unwrap_or_default();
        Ok(Change::AccessLists { to: from.clone().without(list, &self.listed()?), from })
    }
}

impl Listing {
    /// The change that puts them on a list.
    pub(super) fn added(&self, list: List, entry: &RegistryEntry) -> Result<Change> {
        let from = entry.access_lists.clone().unwrap_or_default();
        let to = from.clone().with(list, self.caller.listed()?, self.expires_at(Timestamp::now())?)?;
        Ok(Change::AccessLists { from, to })
    }

    fn expires_at(&self, now: Timestamp) -> Result<Option<i64>> {
        let Some(period) = self.period else { return Ok(None) };
        let end = now.checked_add(period).ok().filter(|end| *end > now);
        let end = end.ok_or_else(|| anyhow!("--for must be a time from now on, such as 2h"))?;
        Ok(Some(end.as_second()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_ends_when_its_time_is_over() {
        let listing = |period: Option<&str>| Listing {
            caller: Caller { network: None, user: Some("mallory".parse().unwrap()) },
            period: period.map(|text| text.parse().unwrap()),
        };
        let now = Timestamp::from_second(1_800_000_000).unwrap();
        assert_eq!(listing(None).expires_at(now).unwrap(), None);
        assert_eq!(listing(Some("2h")).expires_at(now).unwrap(), Some(1_800_007_200));
        assert_eq!(listing(Some("1h 30m")).expires_at(now).unwrap(), Some(1_800_005_400));
        for wrong in ["0s", "-2h", "9000000000000s"] {
            assert!(listing(Some(wrong)).expires_at(now).is_err(), "{wrong}");
        }
    }
}
