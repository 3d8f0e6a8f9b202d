//! Who is put on a tenant's access lists, as the command line says it.

use anyhow::{Result, anyhow, bail};
use clap::Args;
use jiff::{SignedDuration, Span, SpanRelativeTo, Timestamp};
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
    /// For how long, such as 2h or 30d. The default is until you remove it from the list.
    #[arg(long = "for", value_name = "TIME")]
    period: Option<Span>,
}

/// A network or a user that is allowed.
#[derive(Debug, Args)]
pub(super) struct Allowing {
    #[command(flatten)]
    listing: Listing,
    /// Refuse all others, where this is the first network or the first user that is allowed. With --for, nobody is let in once that time is
    /// over, until the list is changed.
    #[arg(long)]
    refuse_others: bool,
}

/// The longest time that an entry can be given.
const LONGEST: SignedDuration = SignedDuration::from_hours(366 * 24);

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
        let (from, listed) = (entry.access_lists.clone().unwrap_or_default(), self.listed()?);
        if !from.has(list, &listed) {
            bail!("it is not on that list; `operator tenant access-lists` shows who is");
        }
        Ok(Change::AccessLists { to: from.clone().without(list, &listed), from })
    }
}

impl Listing {
    /// The change that puts them on a list.
    pub(super) fn added(&self, list: List, entry: &RegistryEntry) -> Result<Change> {
        let (from, now) = (entry.access_lists.clone().unwrap_or_default(), Timestamp::now());
        let to = from.clone().with(list, self.caller.listed()?, self.expires_at(now)?, now.as_second())?;
        Ok(Change::AccessLists { from, to })
    }

    fn expires_at(&self, now: Timestamp) -> Result<Option<i64>> {
        let Some(period) = self.period else { return Ok(None) };
        let period = period.to_duration(SpanRelativeTo::days_are_24_hours()).ok();
        let period = period.filter(|period| period.is_positive() && *period <= LONGEST);
        let period = period.ok_or_else(|| anyhow!("--for must be a time of up to 366 days, such as 2h or 30d"))?;
        Ok(Some(now.checked_add(period)?.as_second()))
    }
}

impl Allowing {
    /// The change that lets them in, and refuses others where these are the first.
    pub(super) fn added(&self, entry: &RegistryEntry) -> Result<Change> {
        let lists = entry.access_lists.clone().unwrap_or_default();
        if lists.would_refuse_others(&self.listing.caller.listed()?) && !self.refuse_others {
            bail!(
                "it is the first of its kind that is allowed: all others are refused then; say so by --refuse-others"
            );
        }
        self.listing.added(List::Allow, entry)
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
        assert_eq!(listing(Some("30d")).expires_at(now).unwrap(), Some(1_802_592_000));
        assert_eq!(listing(Some("1w")).expires_at(now).unwrap(), Some(1_800_604_800));
        for wrong in ["0s", "-2h", "367d", "1mo"] {
            assert!(listing(Some(wrong)).expires_at(now).is_err(), "{wrong}");
        }
    }
}
