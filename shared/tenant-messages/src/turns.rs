//! The order in which the messages of a batch are handled.

use std::{
    collections::{HashMap, VecDeque},
    hash::Hash,
};

/// The messages of a batch, whose tenants take turns, so that a tenant with many messages does not delay the others. Messages of one user are handled
/// one after another, in the order in which they arrived; users are handled side by side. The next turn goes to the tenant with the fewest messages
/// under way, and among equals to the one whose last turn is longest ago.
///
/// ```
/// use tenant_messages::Turns;
///
/// let batch = [("acme", "u1", 1), ("acme", "u2", 2), ("acme", "u1", 3), ("globex", "u9", 4)];
/// let mut turns = Turns::new(batch);
/// let (first, message) = turns.take().unwrap();
/// assert_eq!(message, 1);
/// assert_eq!(turns.take().map(|(_, message)| message), Some(4));
/// assert_eq!(turns.take().map(|(_, message)| message), Some(2));
/// // What is left is of the user whose first message is under way.
/// assert!(turns.take().is_none());
/// turns.done(first);
/// assert_eq!(turns.left().collect::<Vec<_>>(), [3]);
/// ```
#[derive(Debug)]
pub struct Turns<U, M> {
    tenants: Vec<Tenant<U, M>>,
    turns: u64,
}

#[derive(Debug)]
struct Tenant<U, M> {
    /// Users without a message under way, with their messages.
    users: VecDeque<(U, VecDeque<M>)>,
    under_way: usize,
    last_turn: u64,
}

/// The user whose message is under way. The user's other messages wait until it is [`done`](Turns::done).
#[derive(Debug)]
pub struct UnderWay<U, M> {
    tenant: usize,
    user: U,
    others: VecDeque<M>,
}

impl<U: Eq + Hash + Clone, M> Turns<U, M> {
    /// Takes messages in the order in which they arrived, each with its tenant and its user.
    pub fn new<T: Eq + Hash + Clone>(messages: impl IntoIterator<Item = (T, U, M)>) -> Self {
        let mut places: HashMap<T, usize> = HashMap::new();
        let mut lines: HashMap<(T, U), usize> = HashMap::new();
        let mut tenants: Vec<Tenant<U, M>> = Vec::new();
        for (tenant, user, message) in messages {
            let place = *places.entry(tenant.clone()).or_insert_with(|| {
                tenants.push(Tenant { users: VecDeque::new(), under_way: 0, last_turn: 0 });
                tenants.len() - 1
            });
            let Some(users) = tenants.get_mut(place).map(|tenant| &mut tenant.users) else { continue };
            let line = *lines.entry((tenant, user.clone())).or_insert_with(|| {
                users.push_back((user, VecDeque::new()));
                users.len() - 1
            });
            if let Some((_, line)) = users.get_mut(line) {
                line.push_back(message);
            }
        }
        Self { tenants, turns: 0 }
    }

    /// The message whose turn it is. There is none while every message left belongs to a user who has one under way.
    pub fn take(&mut self) -> Option<(UnderWay<U, M>, M)> {
        let waiting = self.tenants.iter_mut().enumerate().filter(|(_, tenant)| !tenant.users.is_empty());
        let (place, tenant) = waiting.min_by_key(|(_, tenant)| (tenant.under_way, tenant.last_turn))?;
        let (user, mut others) = tenant.users.pop_front()?;
        let message = others.pop_front()?;
        self.turns += 1;
        tenant.last_turn = self.turns;
        tenant.under_way += 1;
        Some((UnderWay { tenant: place, user, others }, message))
    }

    /// Marks a message as handled, so that its user's next message may have a turn.
    pub fn done(&mut self, handled: UnderWay<U, M>) {
        if let Some(tenant) = self.tenants.get_mut(handled.tenant) {
            tenant.under_way -= 1;
            if !handled.others.is_empty() {
                tenant.users.push_back((handled.user, handled.others));
            }
        }
    }

    /// All messages that have had no turn, for when the time is over.
    pub fn left(self) -> impl Iterator<Item = M> {
        self.tenants.into_iter().flat_map(|tenant| tenant.users).flat_map(|(_, messages)| messages)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Batch = Turns<&'static str, &'static str>;

    /// The order in which messages are handled, so many at once, the first begun being the first done.
    fn order(mut turns: Batch, at_once: usize) -> Vec<&'static str> {
        let (mut order, mut under_way) = (Vec::new(), VecDeque::new());
        loop {
            while under_way.len() < at_once {
                let Some((one, message)) = turns.take() else { break };
                under_way.push_back(one);
                order.push(message);
            }
            match under_way.pop_front() {
                Some(one) => turns.done(one),
                None => return order,
            }
        }
    }

    /// Nine messages of nine users of one tenant, and then one of each of two others.
    fn one_has_many() -> Batch {
        let many = ["n1", "n2", "n3", "n4", "n5", "n6", "n7", "n8", "n9"].map(|message| ("noisy", message, message));
        Turns::new(many.into_iter().chain([("quiet", "q", "q1"), ("calm", "c", "c1")]))
    }

    #[test]
    fn tenants_take_turns_whatever_the_order_of_arrival() {
        assert_eq!(order(one_has_many(), 1)[..3], ["n1", "q1", "c1"]);
        assert_eq!(order(one_has_many(), 4)[..4], ["n1", "q1", "c1", "n2"]);
        assert_eq!(order(one_has_many(), 4).len(), 11);
    }

    #[test]
    fn who_has_least_under_way_is_next() {
        let mut turns = Turns::new([("a", 1, "a1"), ("a", 2, "a2"), ("a", 3, "a3"), ("b", 4, "b1"), ("b", 5, "b2")]);
        let (a1, _) = turns.take().unwrap();
        let (_b1, _) = turns.take().unwrap();
        let (_a2, message) = turns.take().unwrap();
        assert_eq!(message, "a2");
        let (_b2, message) = turns.take().unwrap();
        assert_eq!(message, "b2");
        turns.done(a1);
        assert_eq!(turns.take().map(|(_, message)| message), Some("a3"));
    }

    #[test]
    fn messages_of_one_user_go_one_after_another() {
        let batch =
            || Turns::new([("a", "u", "1"), ("a", "u", "2"), ("a", "w", "3"), ("a", "u", "4"), ("b", "u", "5")]);
        assert_eq!(order(batch(), 1), ["1", "5", "3", "2", "4"]);
        let mut turns = batch();
        let begun: Vec<_> = std::iter::from_fn(|| turns.take()).collect();
        assert_eq!(begun.iter().map(|(_, message)| *message).collect::<Vec<_>>(), ["1", "5", "3"]);
        begun.into_iter().for_each(|(one, _)| turns.done(one));
        assert_eq!(turns.take().map(|(_, message)| message), Some("2"));
    }

    #[test]
    fn what_had_no_turn_is_left() {
        let mut turns = one_has_many();
        for _ in 0..3 {
            let (one, _) = turns.take().unwrap();
            turns.done(one);
        }
        assert_eq!(turns.left().collect::<Vec<_>>(), ["n2", "n3", "n4", "n5", "n6", "n7", "n8", "n9"]);
    }
}
