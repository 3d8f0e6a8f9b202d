//! What access lists do to a caller of whom only the network's prefix is known, and not the address.

use super::{AccessLists, List, ListEntry, Listed, Network, Refused};
use crate::UserId;

/// Whether lists refuse a caller, as far as its network and user tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Foreseen {
    /// Its address, whichever of the network it is, is let in.
    LetIn,
    /// That depends on the address within the network.
    Possibly,
    /// It is refused, whichever address of the network it has.
    Refused,
}

impl AccessLists {
    /// Whether a caller is refused at `now`, Unix seconds, that calls from some address of `network`. See [`refuse`](Self::refuse), which knows the address.
    pub fn foresee(&self, network: &Network, user: Option<&UserId>, now: i64) -> Foreseen {
        let is = |entry: &ListEntry| match &entry.listed {
            Listed::Network(listed) if listed.covers(network) => Foreseen::Refused,
            Listed::Network(listed) if network.covers(listed) => Foreseen::Possibly,
            Listed::User(listed) if user == Some(listed) => Foreseen::Refused,
            _ => Foreseen::LetIn,
        };
        let holding = |list: List| self.entries().filter(move |(of, entry)| *of == list && !entry.is_over(now));
        let blocked = holding(List::Block).map(|(_, entry)| is(entry)).max().unwrap_or(Foreseen::LetIn);
        let not_allowed = [Refused::Network, Refused::User].into_iter().filter(|kind| self.allows_some(*kind));
        let not_allowed = not_allowed.map(|kind| {
            let of_kind = holding(List::Allow).filter(|(_, entry)| entry.kind() == kind);
            match of_kind.map(|(_, entry)| is(entry)).max() {
                Some(Foreseen::Refused) => Foreseen::LetIn,
                Some(Foreseen::Possibly) => Foreseen::Possibly,
                Some(Foreseen::LetIn) | None => Foreseen::Refused,
            }
        });
        not_allowed.fold(blocked, Foreseen::max)
    }

    /// Whether somebody may be refused by these lists who was let in by those `before`: somebody is blocked, or the allowed are fewer, or the first of their kind.
    pub fn may_refuse_more_than(&self, before: &Self) -> bool {
        let gone = |from: &Self, to: &Self, list: List, kind: Refused| {
            from.entries()
                .any(|(of, entry)| of == list && entry.kind() == kind && !to.entries().any(|one| one == (of, entry)))
        };
        [Refused::Network, Refused::User].into_iter().any(|kind| {
            let is_first = self.allows_some(kind) && !before.allows_some(kind);
            let are_fewer = self.allows_some(kind) && gone(before, self, List::Allow, kind);
            is_first || are_fewer || gone(self, before, List::Block, kind)
        })
    }

    /// Whether these refuse nobody more than the lists `before` but one user, or one network that is as small as a site's (at most /24 of IPv4, /48 of IPv6).
    pub fn only_blocks_one_more_than(&self, before: &Self) -> bool {
        let mut added = self.block.iter().filter(|entry| !before.block.contains(entry));
        let is_small = |entry: &ListEntry| match &entry.listed {
            Listed::Network(network) => network.is_of_one_site(),
            Listed::User(_) => true,
        };
        self.allow == before.allow && added.next().is_none_or(is_small) && added.next().is_none()
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;

    const NOW: i64 = 1_800_000_000;

    fn listed(text: &str) -> Listed {
        text.parse().map_or_else(|_| Listed::User(text.parse().unwrap()), Listed::Network)
    }

    /// `+` before what is allowed, `-` before what is blocked; `!` behind what is over.
    fn lists(entries: &str) -> AccessLists {
        entries.split_whitespace().fold(AccessLists::default(), |lists, entry| {
            let list = if entry.starts_with('+') { List::Allow } else { List::Block };
            let (name, end) = entry[1..].strip_suffix('!').map_or((&entry[1..], None), |name| (name, Some(NOW)));
            lists.with(list, listed(name), end, 0).unwrap()
        })
    }

    const CASES: [(&str, &str, &str, Foreseen); 22] = [
        ("", "203.0.113.0/24", "ann", Foreseen::LetIn),
        ("-203.0.113.0/24", "203.0.113.0/24", "ann", Foreseen::Refused),
        ("-203.0.0.0/16", "203.0.113.0/24", "ann", Foreseen::Refused),
        ("-203.0.113.7", "203.0.113.0/24", "ann", Foreseen::Possibly),
        ("-203.0.113.7!", "203.0.113.0/24", "ann", Foreseen::LetIn),
        ("-203.0.112.0/24", "203.0.113.0/24", "ann", Foreseen::LetIn),
        ("-2001:db8::/32", "2001:db8:1::/48", "ann", Foreseen::Refused),
        ("-2001:db8:1:2::/64", "2001:db8:1::/48", "ann", Foreseen::Possibly),
        ("-2001:db8:2::/48", "2001:db8:1::/48", "ann", Foreseen::LetIn),
        ("-::ffff:203.0.113.0/120", "203.0.113.0/24", "ann", Foreseen::Refused),
        ("-ann", "203.0.113.0/24", "ann", Foreseen::Refused),
        ("-ann", "203.0.113.0/24", "bob", Foreseen::LetIn),
        ("-ann", "203.0.113.0/24", "", Foreseen::LetIn),
        ("+203.0.113.0/24", "203.0.113.0/24", "ann", Foreseen::LetIn),
        ("+203.0.113.0/25", "203.0.113.0/24", "ann", Foreseen::Possibly),
        ("+203.0.113.0/24", "198.51.100.0/24", "ann", Foreseen::Refused),
        ("+203.0.113.0/24!", "203.0.113.0/24", "ann", Foreseen::Refused),
        ("+ann", "203.0.113.0/24", "bob", Foreseen::Refused),
        ("+ann", "203.0.113.0/24", "", Foreseen::Refused),
        ("+ann +203.0.113.0/25", "203.0.113.0/24", "ann", Foreseen::Possibly),
        ("+ann -203.0.113.0/24", "203.0.113.0/24", "ann", Foreseen::Refused),
        ("+203.0.113.0/24 -203.0.113.7", "203.0.113.0/24", "ann", Foreseen::Possibly),
    ];

    #[test]
    fn what_is_foreseen_is_so_of_every_address_of_the_network() {
        for (entries, network, user, expected) in CASES {
            let (lists, of, user) = (lists(entries), network.parse::<Network>().unwrap(), user.parse().ok());
            assert_eq!(lists.foresee(&of, user.as_ref(), NOW), expected, "{entries}: {user:?} of {network}");
            // What is known of the address says the same.
            let [first, inner, last] = match network.split_once(".0/") {
                Some((begin, _)) => ["0", "7", "255"].map(|end| format!("{begin}.{end}")),
                None => ["::", ":2::7", ":ffff:ffff:ffff:ffff:ffff"].map(|end| network.replace("::/48", end)),
            };
            let refused = [first, inner, last]
                .map(|address| lists.refuse(Some(address.parse::<IpAddr>().unwrap()), user.as_ref(), NOW).is_some());
            let said = match refused {
                [true, true, true] => Foreseen::Refused,
                [false, false, false] => Foreseen::LetIn,
                _ => Foreseen::Possibly,
            };
            assert_eq!(said, expected, "{entries}: {user:?} of {network}");
        }
    }

    #[test]
    fn a_change_that_lets_more_in_refuses_nobody() {
        for (before, after, more) in [
            ("", "-ann", true),
            ("-ann", "", false),
            ("-ann", "-ann", false),
            ("-ann!", "-ann", true),
            ("", "+ann", true),
            ("+ann", "+ann +bob", false),
            ("+ann +bob", "+ann", true),
            ("+ann", "", false),
            ("+ann", "+ann +203.0.113.0/24", true),
            ("+203.0.113.0/24 -203.0.113.7", "+203.0.113.0/24", false),
        ] {
            assert_eq!(lists(after).may_refuse_more_than(&lists(before)), more, "{before} → {after}");
        }
    }

    #[test]
    fn a_block_of_one_user_or_site_is_told_from_all_else() {
        for (before, after, is_one) in [
            ("", "-ann", true),
            ("-bob +203.0.113.0/24", "-bob +203.0.113.0/24 -ann", true),
            ("", "-203.0.113.7", true),
            ("", "-203.0.113.0/24", true),
            ("", "-::ffff:203.0.113.0/120", true),
            ("", "-203.0.112.0/23", false),
            ("", "-2001:db8:1::/48", true),
            ("", "-2001:db8::/47", false),
            ("", "-ann -bob", false),
            ("", "+ann", false),
            ("+ann +bob", "+ann", false),
        ] {
            assert_eq!(lists(after).only_blocks_one_more_than(&lists(before)), is_one, "{before} → {after}");
        }
    }
}
