//! Whom a change of access lists would have refused in the last day, and whether it is asked for twice.

use serde::{Deserialize, Serialize};
use tenancy::{AccessLists, Foreseen, Network, UserId};

/// Requests of one caller.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Caller {
    /// The network that they came from, /24 of IPv4 or /48 of IPv6; none where that is not known.
    pub network: Option<String>,
    /// The user, by the id that tokens have; none of a machine, and where no network is known.
    pub user: Option<String>,
    /// How many requests.
    pub requests: u64,
}

/// What is done about a change of access lists.
///
/// It is asked for twice where the new lists would have refused, or may have refused, more than half of the tenant's requests of the last 24 hours, and some
/// that the lists before let in. Where nobody can say (no control plane answers, it knows no request, or too many whose network it does not know), a change
/// that only blocks one user, or one network of at most /24 of IPv4 or /48 of IPv6, is made: it stops an attack, and refuses one site at most. Every other
/// is asked for twice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It is made.
    Make,
    /// It is made, although nobody can say whom it refuses. The text says why.
    MakeUnforeseen(String),
    /// It is made once whoever asks has confirmed it. The text says why.
    Confirm(String),
}

impl Verdict {
    /// On a change of lists at `now`, Unix seconds, by who called in the last 24 hours, or by why nobody can say who did.
    pub fn of(from: &AccessLists, to: &AccessLists, callers: Result<&[Caller], String>, now: i64) -> Self {
        let unforeseen = |why| {
            if to.only_blocks_one_more_than(from) { Self::MakeUnforeseen(why) } else { Self::Confirm(why) }
        };
        let impact = match callers {
            Ok(callers) => Impact::of(from, to, callers, now),
            Err(why) => {
                return unforeseen(format!(
                    "Nobody can say whom these lists would have refused in the last 24 hours: {why}"
                ));
            }
        };
        let is_most = |requests| 2 * requests > impact.requests;
        let known = impact.refused + impact.possibly;
        if is_most(known) && impact.refuses_more {
            Self::Confirm(impact.in_words())
        } else if impact.requests == 0 || (impact.unknown > 0 && is_most(known + impact.unknown)) {
            unforeseen(impact.in_words())
        } else {
            Self::Make
        }
    }
}

/// What lists would have done to requests. These are a sample where there were many: shares are about right.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Impact {
    /// Requests that were looked at.
    requests: u64,
    /// Of these, those that would have been refused.
    refused: u64,
    /// Those that might have been: their network is on a list in part.
    possibly: u64,
    /// Those of which nobody knows, because their network is not known.
    unknown: u64,
    /// Those that the lists before would have refused too.
    refused_before: u64,
    /// Some are, or may be, refused that were let in before.
    refuses_more: bool,
}

impl Impact {
    fn of(from: &AccessLists, to: &AccessLists, callers: &[Caller], now: i64) -> Self {
        let mut impact = Self::default();
        for Caller { network, user, requests } in callers {
            impact.requests += requests;
            let Some(network) = network.as_ref().and_then(|network| network.parse::<Network>().ok()) else {
                impact.unknown += requests;
                continue;
            };
            // What is no user id stands on no list.
            let user: Option<UserId> = user.as_ref().and_then(|user| user.parse().ok());
            let [before, after] = [from, to].map(|lists| lists.foresee(&network, user.as_ref(), now));
            match after {
                Foreseen::LetIn => {}
                Foreseen::Possibly => impact.possibly += requests,
                Foreseen::Refused => impact.refused += requests,
            }
            if before == Foreseen::Refused {
                impact.refused_before += requests;
            }
            impact.refuses_more |= after > before;
        }
        impact
    }

    fn in_words(&self) -> String {
        if self.requests == 0 {
            return "No request of this tenant is known of the last 24 hours, so nobody can say whom these lists would refuse.".to_owned();
        }
        let share = |requests: u64| format!("{:.0} %", 100.0 * requests as f64 / self.requests as f64);
        let mut words = format!(
            "These lists would have refused {} of the tenant's requests of the last 24 hours ({} of {} that were looked at).",
            share(self.refused),
            self.refused,
            self.requests
        );
        if self.refused_before > 0 {
            words += &format!(" The lists as they are refuse {}.", share(self.refused_before));
        }
        if self.possibly > 0 {
            words += &format!(" Another {} came from networks of which only a part is listed.", share(self.possibly));
        }
        if self.unknown > 0 {
            words += &format!(" Of {} it is not known where they came from.", share(self.unknown));
        }
        words
    }
}

#[cfg(test)]
mod tests {
    use tenancy::{List, Listed};

    use super::*;

    fn caller(network: Option<&str>, user: Option<&str>, requests: u64) -> Caller {
        Caller { network: network.map(str::to_owned), user: user.map(str::to_owned), requests }
    }

    fn with(lists: &AccessLists, list: List, listed: &str) -> AccessLists {
        let listed = listed.parse().map_or_else(|_| Listed::User(listed.parse().unwrap()), Listed::Network);
        lists.clone().with(list, listed, None, 0).unwrap()
    }

    /// The verdict on the first entry of lists.
    fn verdict(list: List, listed: &str, callers: &[Caller]) -> Verdict {
        let before = AccessLists::default();
        Verdict::of(&before, &with(&before, list, listed), Ok(callers), 0)
    }

    #[test]
    fn more_than_half_is_confirmed_and_half_is_not() {
        let day = |of_office| {
            [caller(Some("203.0.113.0/24"), Some("ann"), of_office), caller(Some("2001:db8::/48"), None, 50)]
        };
        for (of_office, is_most) in [(49, false), (50, false), (51, true)] {
            for (list, listed) in [
                (List::Block, "203.0.113.0/24"),
                // Of its network only a part is listed.
                (List::Block, "203.0.113.7"),
                (List::Block, "ann"),
                (List::Allow, "2001:db8::/32"),
            ] {
                let verdict = verdict(list, listed, &day(of_office));
                assert_eq!(verdict != Verdict::Make, is_most, "{of_office}, {listed}: {verdict:?}");
                assert!(!matches!(verdict, Verdict::MakeUnforeseen(_)), "{of_office}, {listed}: {verdict:?}");
            }
        }
        assert_eq!(verdict(List::Block, "bob", &day(99)), Verdict::Make);
        let Verdict::Confirm(why) = verdict(List::Allow, "bob", &day(1)) else {
            panic!("machines and all other users")
        };
        assert_eq!(
            why,
            "These lists would have refused 100 % of the tenant's requests of the last 24 hours (51 of 51 that were looked at)."
        );
    }

    #[test]
    fn what_is_refused_already_counts_and_asks_for_nothing_more() {
        let day =
            [caller(Some("203.0.113.0/24"), Some("mallory"), 60), caller(Some("198.51.100.0/24"), Some("bob"), 5)];
        let before = with(&AccessLists::default(), List::Block, "mallory");
        let verdict = |listed| Verdict::of(&before, &with(&before, List::Block, listed), Ok(&day), 0);
        assert_eq!(verdict("192.0.2.0/24"), Verdict::Make);
        let Verdict::Confirm(why) = verdict("bob") else { panic!("all") };
        assert!(why.contains("refused 100 %") && why.ends_with("The lists as they are refuse 92 %."), "{why}");
    }

    /// What stops an attack at once is made where nobody can say.
    #[test]
    fn where_nobody_can_say_one_user_or_site_is_blocked_and_all_else_confirmed() {
        let unknown = [
            caller(None, None, 60),
            caller(Some("a keyed hash"), Some("another"), 30),
            caller(Some("203.0.113.0/24"), None, 10),
        ];
        let nothing = AccessLists::default();
        for (list, listed, is_made) in [
            (List::Block, "mallory", true),
            (List::Block, "203.0.113.7", true),
            (List::Block, "203.0.113.0/24", true),
            (List::Block, "203.0.112.0/23", false),
            (List::Block, "2001:db8:1::/48", true),
            (List::Block, "2001:db8::/32", false),
            (List::Allow, "ann", false),
        ] {
            let nobody_asked = Verdict::of(&nothing, &with(&nothing, list, listed), Err("it is away".to_owned()), 0);
            for verdict in [verdict(list, listed, &unknown), verdict(list, listed, &[]), nobody_asked] {
                match verdict {
                    Verdict::MakeUnforeseen(why) => assert!(is_made, "{listed}: {why}"),
                    Verdict::Confirm(why) => assert!(!is_made, "{listed}: {why}"),
                    Verdict::Make => panic!("{listed} is made without a word"),
                }
            }
        }
        let Verdict::MakeUnforeseen(why) = verdict(List::Block, "203.0.113.7", &unknown) else { panic!("one address") };
        assert_eq!(
            why,
            "These lists would have refused 0 % of the tenant's requests of the last 24 hours (0 of 100 that were looked at). Another 10 % came from networks \
             of which only a part is listed. Of 90 % it is not known where they came from."
        );
    }
}
