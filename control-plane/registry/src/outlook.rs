//! What access lists would have refused of the requests of a day.

use serde::{Deserialize, Serialize};
use tenancy::{AccessLists, Foreseen, Network, UserId};

/// Requests of one caller.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Caller {
    /// The network that they came from, /24 of IPv4 or /48 of IPv6; none where that is not known.
    pub network: Option<String>,
    /// The user, by the id that tokens have; none of a machine, and of whom no network is known.
    pub user: Option<String>,
    /// How many requests.
    pub requests: u64,
}

/// What lists would have done to requests. These are a sample where there were many: shares are about right.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Outlook {
    /// Requests that were looked at.
    pub requests: u64,
    /// Of these, those that would have been refused.
    pub refused: u64,
    /// Those that might have been: their network is on a list in part.
    pub possibly: u64,
    /// Those of which nobody knows, because their network is not known.
    pub unknown: u64,
}

impl Outlook {
    /// Of lists as they are at `now`, Unix seconds.
    pub fn of(lists: &AccessLists, callers: &[Caller], now: i64) -> Self {
        let mut outlook = Self::default();
        for Caller { network, user, requests } in callers {
            outlook.requests += requests;
            // What is no user id stands on no list.
            let user: Option<UserId> = user.as_ref().and_then(|user| user.parse().ok());
            let network: Option<Network> = network.as_ref().and_then(|network| network.parse().ok());
            let told = match network.map(|network| lists.foresee(&network, user.as_ref(), now)) {
                Some(Foreseen::LetIn) => continue,
                Some(Foreseen::Refused) => &mut outlook.refused,
                Some(Foreseen::Possibly) => &mut outlook.possibly,
                None => &mut outlook.unknown,
            };
            *told += requests;
        }
        outlook
    }

    /// Whether it may have been more than half of them; also where there were none, since then nobody knows.
    pub fn may_be_most(&self) -> bool {
        self.requests == 0 || 2 * (self.refused + self.possibly + self.unknown) > self.requests
    }

    /// For whoever is about to change the lists.
    pub fn in_words(&self) -> String {
        if self.requests == 0 {
            return "No request of this tenant is known of the last 24 hours, so nobody can say whom these lists would refuse.".to_owned();
        }
        let share = |requests: u64| format!("{:.0} %", 100.0 * requests as f64 / self.requests as f64);
        let of = self.requests;
        let mut words = format!(
            "These lists would have refused {} of the tenant's requests of the last 24 hours ({} of {of} that were looked at).",
            share(self.refused),
            self.refused
        );
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

    fn outlook(list: List, listed: &str, callers: &[Caller]) -> Outlook {
        let listed = listed.parse().map_or_else(|_| Listed::User(listed.parse().unwrap()), Listed::Network);
        Outlook::of(&AccessLists::default().with(list, listed, None, 0).unwrap(), callers, 0)
    }

    #[test]
    fn more_than_half_is_most_and_half_is_not() {
        let day = |of_office| {
            [caller(Some("203.0.113.0/24"), Some("ann"), of_office), caller(Some("2001:db8::/48"), None, 50)]
        };
        for (of_office, is_most) in [(49, false), (50, false), (51, true)] {
            assert_eq!(outlook(List::Block, "203.0.113.0/24", &day(of_office)).may_be_most(), is_most, "{of_office}");
            assert_eq!(
                outlook(List::Block, "203.0.113.7", &day(of_office)).may_be_most(),
                is_most,
                "possibly: {of_office}"
            );
            assert_eq!(outlook(List::Block, "ann", &day(of_office)).may_be_most(), is_most, "{of_office}");
            assert_eq!(outlook(List::Allow, "2001:db8::/32", &day(of_office)).may_be_most(), is_most, "{of_office}");
        }
        assert!(outlook(List::Allow, "bob", &day(1)).may_be_most(), "machines and all other users");
        assert!(!outlook(List::Block, "bob", &day(99)).may_be_most());
    }

    #[test]
    fn what_nobody_knows_is_asked_too() {
        let unknown = [
            caller(None, None, 60),
            caller(Some("a keyed hash"), Some("another"), 30),
            caller(Some("203.0.113.0/24"), None, 10),
        ];
        let told = outlook(List::Block, "203.0.113.7", &unknown);
        assert_eq!(told, Outlook { requests: 100, refused: 0, possibly: 10, unknown: 90 });
        assert!(told.may_be_most() && outlook(List::Block, "mallory", &[]).may_be_most());
        assert_eq!(
            told.in_words(),
            "These lists would have refused 0 % of the tenant's requests of the last 24 hours (0 of 100 that were looked at). Another 10 % came from networks \
             of which only a part is listed. Of 90 % it is not known where they came from."
        );
        assert!(Outlook::default().in_words().starts_with("No request of this tenant is known"));
    }
}
