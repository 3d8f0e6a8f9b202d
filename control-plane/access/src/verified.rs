//! Tokens that were verified a moment ago: the next request with one of them needs no look at its signature, which takes longer than all else.

use std::collections::HashMap;

use jiff::Timestamp;
use parking_lot::Mutex;

use crate::Principal;

/// Seconds that a token is remembered for.
const REMEMBERED: i64 = 60;
/// Tokens that are remembered at most.
const MOST: usize = 10_000;

/// Tokens that were verified lately, by their hashes.
#[derive(Debug, Default)]
pub(crate) struct Verified(Mutex<HashMap<String, VerifiedToken>>);

#[derive(Debug)]
struct VerifiedToken {
    principal: Principal,
    /// The first second at which it is to be verified again, Unix seconds.
    until: i64,
}

impl Verified {
    /// The principal of this token, if it was verified lately.
    pub(crate) fn principal(&self, hash: &str, now: Timestamp) -> Option<Principal> {
        let known = self.0.lock();
        known.get(hash).filter(|known| now.as_second() < known.until).map(|known| known.principal.clone())
    }

    /// Remembers a token that was verified now, and that expires at `exp`, Unix seconds.
    pub(crate) fn remember(&self, hash: String, principal: &Principal, exp: i64, now: Timestamp) {
        let now = now.as_second();
        let mut known = self.0.lock();
        if known.len() >= MOST {
            known.retain(|_, known| now < known.until);
        }
        if known.len() < MOST {
            known.insert(hash, VerifiedToken { principal: principal.clone(), until: exp.min(now + REMEMBERED) });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Role;

    #[test]
    fn a_token_is_remembered_for_a_minute_and_no_longer_than_it_lives() {
        let text = String::new;
        let principal = Principal { name: "ann".into(), subject: text(), issued_by: text(), role: Role::Viewer };
        let at = |second| Timestamp::from_second(second).unwrap();
        let verified = Verified::default();
        verified.remember("long".into(), &principal, 1_000, at(100));
        verified.remember("short".into(), &principal, 110, at(100));
        verified.remember("over".into(), &principal, 99, at(100));
        assert_eq!(verified.principal("long", at(159)), Some(principal.clone()));
        assert_eq!(verified.principal("short", at(109)), Some(principal));
        for (hash, second) in [("long", 160), ("short", 110), ("over", 100), ("other", 100)] {
            assert_eq!(verified.principal(hash, at(second)), None, "{hash}");
        }
    }

    #[test]
    fn no_number_of_tokens_takes_all_memory() {
        let text = String::new;
        let principal = Principal { name: text(), subject: text(), issued_by: text(), role: Role::Viewer };
        let verified = Verified::default();
        for token in 0..MOST + 10 {
            verified.remember(token.to_string(), &principal, 1_000, Timestamp::UNIX_EPOCH);
        }
        assert_eq!(verified.0.lock().len(), MOST);
        let later = Timestamp::from_second(REMEMBERED).unwrap();
        verified.remember("later".into(), &principal, 1_000, later);
        assert_eq!(verified.0.lock().len(), 1);
    }
}
