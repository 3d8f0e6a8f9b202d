//! How a batch's time is shared.

use futures_util::{StreamExt, stream::FuturesUnordered};
use tenant_messages::Turns;

/// Messages that are handled at once: half of a batch, so that who has one message in it is not slowed down by nine of somebody else.
const AT_ONCE: usize = 5;

/// Handles messages side by side, in turns, for as long as there is time to begin with another: what came of them, and those that had no turn.
/// The first begin in any case, until one is done: with a deadline that is always too short, nothing would ever be handled.
pub(super) async fn in_turns<U, M, R, F>(
    mut turns: Turns<U, M>,
    has_time: impl Fn() -> bool,
    handle: impl Fn(M) -> F,
) -> (Vec<R>, Vec<M>)
where
    U: Eq + std::hash::Hash + Clone,
    F: Future<Output = R>,
{
    let mut under_way = FuturesUnordered::new();
    let mut outcomes = Vec::new();
    loop {
        while under_way.len() < AT_ONCE && (outcomes.is_empty() || has_time()) {
            let Some((whose, message)) = turns.take() else { break };
            let outcome = handle(message);
            under_way.push(async move { (whose, outcome.await) });
        }
        let Some((whose, outcome)) = under_way.next().await else { break };
        turns.done(whose);
        outcomes.push(outcome);
    }
    (outcomes, turns.left().collect())
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    /// Twenty messages of a tenant's users, and then one of another tenant.
    fn one_has_many() -> Turns<usize, (&'static str, usize)> {
        let noisy = (0..20).map(|user| ("noisy", user, ("noisy", user)));
        Turns::new(noisy.chain([("quiet", 0, ("quiet", 0))]))
    }

    #[tokio::test]
    async fn with_no_time_left_every_tenant_had_a_turn() {
        let (handled, left) = in_turns(one_has_many(), || false, async |message| message).await;
        assert_eq!(handled.len(), AT_ONCE);
        assert!(handled.contains(&("quiet", 0)), "{handled:?}");
        assert_eq!(left.len(), 21 - AT_ONCE);
        assert!(left.iter().all(|(tenant, _)| *tenant == "noisy"), "{left:?}");
    }

    #[tokio::test]
    async fn with_no_time_left_a_users_next_message_waits_for_the_next_delivery() {
        let turns = Turns::new([("acme", "u", 1), ("acme", "u", 2)]);
        assert_eq!(in_turns(turns, || false, async |message| message).await, (vec![1], vec![2]));
    }

    #[tokio::test]
    async fn so_many_at_once_and_no_more() {
        let (now, most) = (Cell::new(0), Cell::new(0));
        let handle = async |_| {
            now.set(now.get() + 1);
            most.set(most.get().max(now.get()));
            tokio::task::yield_now().await;
            now.set(now.get() - 1);
        };
        let (handled, left) = in_turns(one_has_many(), || true, handle).await;
        assert_eq!((handled.len(), left.len(), most.get()), (21, 0, AT_ONCE));
    }
}
