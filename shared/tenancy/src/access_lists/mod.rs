//! Whom a tenant blocks, and who are the only ones that it lets in.

mod foreseen;
mod network;

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

pub use foreseen::Foreseen;
pub use network::{InvalidNetwork, Network};

use crate::UserId;

/// The networks and users that a tenant blocks, and those that are the only ones it allows.
///
/// - What is blocked is refused, whatever is allowed.
/// - Where any network is allowed, callers of all others are refused; where any user is allowed, all other users are, and machines.
/// - An entry that has expired blocks nobody any more, and lets nobody in any more. A list of allowed ones does not open when its entries expire:
///   it does when they are removed.
/// - A caller whose address nobody vouches for is refused where networks count.
///
/// ```
/// use tenancy::{AccessLists, List, Listed, Refused};
///
/// let lists = AccessLists::default().with(List::Block, Listed::Network("203.0.113.0/24".parse()?), None, 0)?;
/// let from = |address: &str| lists.refuse(address.parse().ok(), None, 0);
/// assert_eq!((from("203.0.113.9"), from("198.51.100.1")), (Some(Refused::Network), None));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(try_from = "Both")]
pub struct AccessLists {
    block: Vec<ListEntry>,
    allow: Vec<ListEntry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Both {
    block: Vec<ListEntry>,
    allow: Vec<ListEntry>,
}

/// One of a tenant's two lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum List {
    /// Requests of whoever is on this list are refused.
    Block,
    /// Who are the only ones that are let in.
    Allow,
}

impl List {
    /// Its name, in commands, forms and records.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Block => "block",
            Self::Allow => "allow",
        }
    }
}

/// Who is on a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Listed {
    /// Callers from a network.
    Network(Network),
    /// A user, by the id that tokens have.
    User(UserId),
}

/// An entry of a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListEntry {
    /// The network or user on the list.
    #[serde(flatten)]
    pub listed: Listed,
    /// The first second at which it does not hold any more, Unix seconds; none: it holds until it is removed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<i64>,
}

impl ListEntry {
    /// Whether it does not hold any more at `now`, Unix seconds.
    pub fn is_over(&self, now: i64) -> bool {
        self.expires_at.is_some_and(|end| end <= now)
    }

    /// Which property of a caller the entry is about.
    fn kind(&self) -> Refused {
        self.listed.kind()
    }
}

impl Listed {
    fn kind(&self) -> Refused {
        match self {
            Self::Network(_) => Refused::Network,
            Self::User(_) => Refused::User,
        }
    }
}

/// The property of a caller for which a request is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// The network that it calls from.
    Network,
    /// The user that it is.
    User,
}

impl Refused {
    /// Its name, in spans and records.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Network => "network",
            Self::User => "user",
        }
    }
}

/// There is no room on a tenant's lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a tenant has at most {max} entries on its two lists; longer lists are the web application firewall's", max = AccessLists::MOST_ENTRIES)]
pub struct ListsAreFull;

impl AccessLists {
    /// Entries of both lists together, at most.
    pub const MOST_ENTRIES: usize = 200;

    /// Why a caller is refused at `now`, Unix seconds; none: it is let in. The address is one that somebody vouches for, never one that a header names
    /// which the caller can set.
    pub fn refuse(&self, address: Option<IpAddr>, user: Option<&UserId>, now: i64) -> Option<Refused> {
        let is = |entry: &ListEntry| match &entry.listed {
            Listed::Network(network) => address.is_some_and(|address| network.contains(address)),
            Listed::User(listed) => user == Some(listed),
        };
        let holds = |entry: &&ListEntry| !entry.is_over(now);
        let mut blocked = self.block.iter().filter(holds);
        // Nobody can say that an address which is not known is none of those.
        let unknown = |entry: &ListEntry| address.is_none() && entry.kind() == Refused::Network;
        if let Some(entry) = blocked.find(|entry| is(entry) || unknown(entry)) {
            return Some(entry.kind());
        }
        [Refused::Network, Refused::User]
            .into_iter()
            .find(|kind| self.allows_some(*kind) && !self.allowed(*kind).filter(holds).any(is))
    }

    fn allowed(&self, kind: Refused) -> impl Iterator<Item = &ListEntry> {
        self.allow.iter().filter(move |entry| entry.kind() == kind)
    }

    /// Whether networks, or users, are allowed by name, so that all others are refused.
    fn allows_some(&self, kind: Refused) -> bool {
        self.allowed(kind).next().is_some()
    }

    /// Whether allowing them would be the first of its kind, so that all others are refused from then on.
    pub fn would_refuse_others(&self, listed: &Listed) -> bool {
        !self.allows_some(listed.kind())
    }

    /// Whether nobody is let in at `now`, Unix seconds: each network that is allowed, or each user, is over.
    pub fn lets_nobody_in(&self, now: i64) -> bool {
        let are_over = |kind| self.allows_some(kind) && self.allowed(kind).all(|entry| entry.is_over(now));
        are_over(Refused::Network) || are_over(Refused::User)
    }

    /// Whether they are on a list.
    pub fn has(&self, list: List, listed: &Listed) -> bool {
        self.entries().any(|(of, entry)| of == list && entry.listed == *listed)
    }

    /// Its entries, blocked ones first.
    pub fn entries(&self) -> impl Iterator<Item = (List, &ListEntry)> {
        let of = |list: List, entries| std::iter::repeat(list).zip(entries);
        of(List::Block, self.block.iter()).chain(of(List::Allow, self.allow.iter()))
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.block.len() + self.allow.len()
    }

    /// Whether nobody is on either.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The lists with somebody on one of them, in place of what that list says of them. Blocks that are over at `now`, Unix seconds, make room:
    /// they mean nothing any more.
    ///
    /// # Errors
    ///
    /// [`ListsAreFull`].
    pub fn with(mut self, list: List, listed: Listed, expires_at: Option<i64>, now: i64) -> Result<Self, ListsAreFull> {
        self.block.retain(|entry| !entry.is_over(now));
        let is_full = self.len() >= Self::MOST_ENTRIES;
        match self.list(list).iter_mut().find(|entry| entry.listed == listed) {
            Some(entry) => entry.expires_at = expires_at,
            None if is_full => return Err(ListsAreFull),
            None => self.list(list).push(ListEntry { listed, expires_at }),
        }
        Ok(self)
    }

    /// The lists without them on one.
    #[must_use]
    pub fn without(mut self, list: List, listed: &Listed) -> Self {
        self.list(list).retain(|entry| entry.listed != *listed);
        self
    }

    fn list(&mut self, list: List) -> &mut Vec<ListEntry> {
        match list {
            List::Block => &mut self.block,
            List::Allow => &mut self.allow,
        }
    }
}

impl TryFrom<Both> for AccessLists {
    type Error = ListsAreFull;
    fn try_from(Both { block, allow }: Both) -> Result<Self, ListsAreFull> {
        let lists = Self { block, allow };
        if lists.len() > Self::MOST_ENTRIES { Err(ListsAreFull) } else { Ok(lists) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_800_000_000;

    fn network(text: &str) -> Listed {
        Listed::Network(text.parse().unwrap())
    }

    fn user(text: &str) -> Listed {
        Listed::User(text.parse().unwrap())
    }

    fn lists(entries: &[(List, Listed, Option<i64>)]) -> AccessLists {
        let with = |lists: AccessLists, (list, listed, end): &(List, Listed, Option<i64>)| {
            lists.with(*list, listed.clone(), *end, 0).unwrap()
        };
        entries.iter().fold(AccessLists::default(), with)
    }

    fn refused(lists: &AccessLists, address: &str, caller: &str) -> Option<Refused> {
        lists.refuse(address.parse().ok(), caller.parse().ok().as_ref(), NOW)
    }

    #[test]
    fn who_is_blocked_is_refused_and_nobody_else() {
        let lists = lists(&[(List::Block, network("203.0.113.0/24"), None), (List::Block, user("mallory"), None)]);
        assert_eq!(refused(&lists, "203.0.113.9", "ann"), Some(Refused::Network));
        assert_eq!(refused(&lists, "198.51.100.1", "mallory"), Some(Refused::User));
        assert_eq!(refused(&lists, "198.51.100.1", "ann"), None);
        assert_eq!(refused(&lists, "198.51.100.1", ""), None, "a machine");
        assert_eq!(refused(&lists, "", "ann"), Some(Refused::Network), "nobody vouches for the address");
        assert_eq!(refused(&AccessLists::default(), "", ""), None, "there are no lists");
    }

    #[test]
    fn where_some_are_allowed_all_others_are_refused() {
        let lists = lists(&[
            (List::Allow, network("203.0.113.0/24"), None),
            (List::Allow, network("2001:db8::/48"), None),
            (List::Block, network("203.0.113.66"), None),
        ]);
        assert_eq!(refused(&lists, "203.0.113.9", "ann"), None);
        assert_eq!(refused(&lists, "2001:db8::1", "ann"), None);
        assert_eq!(refused(&lists, "198.51.100.1", "ann"), Some(Refused::Network));
        assert_eq!(refused(&lists, "", "ann"), Some(Refused::Network));
        assert_eq!(refused(&lists, "203.0.113.66", "ann"), Some(Refused::Network), "a block counts more");
        let users = self::lists(&[(List::Allow, user("ann"), None)]);
        assert_eq!(refused(&users, "", "ann"), None);
        assert_eq!([refused(&users, "", "bob"), refused(&users, "", "")], [Some(Refused::User); 2]);
    }

    #[test]
    fn what_has_expired_blocks_nobody_and_lets_nobody_in() {
        let until = |end| lists(&[(List::Block, user("mallory"), Some(end))]);
        assert_eq!(refused(&until(NOW + 1), "", "mallory"), Some(Refused::User));
        assert_eq!(refused(&until(NOW), "", "mallory"), None);
        let allowed = |end| lists(&[(List::Allow, user("guest"), Some(end))]);
        assert_eq!(refused(&allowed(NOW + 1), "", "guest"), None);
        assert_eq!([refused(&allowed(NOW), "", "guest"), refused(&allowed(NOW), "", "ann")], [Some(Refused::User); 2]);
        assert_eq!(
            [allowed(NOW + 1), allowed(NOW), until(NOW)].map(|lists| lists.lets_nobody_in(NOW)),
            [false, true, false]
        );
    }

    #[test]
    fn the_first_that_is_allowed_refuses_all_others() {
        let lists = lists(&[(List::Allow, user("ann"), None), (List::Block, network("203.0.113.0/24"), None)]);
        assert!(!lists.would_refuse_others(&user("bob")) && lists.would_refuse_others(&network("198.51.100.0/24")));
    }

    #[test]
    fn whoever_is_listed_again_is_there_once_and_there_is_room_for_two_hundred() {
        let again = lists(&[(List::Block, user("mallory"), None), (List::Block, user("mallory"), Some(NOW))]);
        assert_eq!((again.len(), refused(&again, "", "mallory")), (1, None));
        let numbered = |n: usize| user(&format!("user-{n}"));
        let full =
            (0..200).fold(AccessLists::default(), |lists, n| lists.with(List::Allow, numbered(n), None, NOW).unwrap());
        assert_eq!(full.clone().with(List::Block, user("mallory"), None, NOW), Err(ListsAreFull));
        assert!(full.clone().with(List::Allow, numbered(7), Some(NOW), NOW).is_ok(), "it has a place already");
        assert_eq!(full.without(List::Allow, &numbered(7)).len(), 199);
        let over = (0..200)
            .fold(AccessLists::default(), |lists, n| lists.with(List::Block, numbered(n), Some(NOW), NOW - 1).unwrap());
        assert_eq!(
            over.with(List::Block, user("mallory"), None, NOW).unwrap().len(),
            1,
            "blocks that are over make room"
        );
    }
}
