//! The bucket that requests are taken from, as one number: the generic cell rate algorithm.
//!
//! Virtual scheduling, ITU-T I.371 (03/2004), annex A.2, <https://www.itu.int/rec/T-REC-I.371>, with several cells at once: `tat`, the
//! theoretical arrival time, is when the bucket will be full again. A token brings it forward by an interval, and it is never further ahead of now
//! than a whole burst. One addition takes tokens, and what the addition is conditional on needs no reading before it.
//!
//! `tat` only grows, whoever writes it and by whatever clock: hosts whose clocks differ by `d` admit at most `d` × the rate once, and nothing in the
//! long run. One that runs ahead without bounds, or a quota that an operator has raised, leaves a `tat` that no bucket of this size can have: it
//! is set back to an empty bucket, so that nobody is locked out by it.

use aws_sdk_dynamodb::{operation::update_item::builders::UpdateItemFluentBuilder, types::AttributeValue};
use tenancy::Quota;
use tenant_store::Item;

use crate::source::{Nanos, Plan, SECOND, Source};

/// The attribute of the item.
const TAT: &str = "tat";
/// How much further ahead than a whole burst a `tat` may be, for clocks that differ.
const CLOCKS_DIFFER_BY: Nanos = SECOND;
/// An item that gave less than was wanted is looked at again after so long, or when it is three quarters full if that is sooner: what comes in meanwhile is
/// then leased at once.
const PAUSE: Nanos = SECOND * 3 / 4;
/// Leased tokens are good for so long. A sandbox that was frozen with some does not add them to what others use by then.
const LEASE_LASTS: Nanos = 5 * SECOND;

/// A bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Bucket {
    interval: Nanos,
    depth: Nanos,
}

/// A conditional write of `tat`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Write {
    /// Of a bucket that is full: `to`, where it is before `now` or not there.
    Restart { now: Nanos, to: Nanos },
    /// Of one that is not: further by `by`, where it is between `from` and `to`.
    Advance { by: Nanos, from: Nanos, to: Nanos },
    /// Of one that cannot be: `to`, where it is after `beyond`.
    Repair { beyond: Nanos, to: Nanos },
}

impl Bucket {
    /// One that gives `number`, at least 1, in this time in the long run, and `burst` at once.
    pub(crate) fn new(number: u32, within: Nanos, burst: u32) -> Self {
        let interval = within / Nanos::from(number.max(1));
        Self { interval, depth: interval * Nanos::from(burst) }
    }

    /// Takes one token of a bucket that is this process's alone; the time of the next one where there is none.
    pub(crate) fn take(&self, tat: &mut Nanos, now: Nanos) -> Result<(), Nanos> {
        match self.plan(*tat, now, 1) {
            Plan::Nothing { until } => Err(until),
            Plan::Take { write, .. } => {
                *tat = Self::after(write, *tat);
                Ok(())
            }
        }
    }

    /// Takes back a token that was not used.
    pub(crate) fn give_back(&self, tat: &mut Nanos) {
        *tat = tat.saturating_sub(self.interval);
    }

    fn full(&self) -> u32 {
        u32::try_from(self.depth / self.interval).unwrap_or(u32::MAX)
    }

    fn latest(&self, now: Nanos) -> Nanos {
        now + self.depth
    }
}

impl From<Quota> for Bucket {
    fn from(quota: Quota) -> Self {
        Self::new(quota.requests_per_second(), SECOND, quota.burst())
    }
}

impl Source for Bucket {
    const SORT_KEY: &'static str = "QUOTA#REQUESTS";
    type State = Nanos;
    type Write = Write;

    fn plan(&self, tat: Nanos, now: Nanos, wanted: u32) -> Plan<Write> {
        let beyond = self.latest(now) + CLOCKS_DIFFER_BY;
        if tat < now {
            let tokens = wanted.min(self.full());
            return Plan::Take { tokens, write: Write::Restart { now, to: now + Nanos::from(tokens) * self.interval } };
        }
        if tat > beyond {
            let tokens = wanted.min(self.full());
            return Plan::Take { tokens, write: Write::Repair { beyond, to: self.latest(now) } };
        }
        let tokens = wanted.min(self.holds(tat, now));
        if tokens == 0 {
            return Plan::Nothing { until: tat + self.interval - self.depth };
        }
        let by = Nanos::from(tokens) * self.interval;
        Plan::Take { tokens, write: Write::Advance { by, from: now, to: self.latest(now) - by } }
    }

    fn holds(&self, tat: Nanos, now: Nanos) -> u32 {
        let free = self.latest(now).saturating_sub(tat.max(now));
        u32::try_from(free / self.interval).unwrap_or(u32::MAX)
    }

    fn look_again(&self, until: Nanos, now: Nanos) -> Nanos {
        until.max(now + PAUSE.min(self.depth / 4 * 3))
    }

    fn good_until(&self, now: Nanos) -> Nanos {
        now + LEASE_LASTS
    }

    fn describe(write: Write, update: UpdateItemFluentBuilder) -> UpdateItemFluentBuilder {
        let number = |nanos: Nanos| AttributeValue::N(nanos.to_string());
        match write {
            Write::Restart { now, to } => update
                .update_expression("SET tat = :to")
                .condition_expression("attribute_not_exists(tat) OR tat < :now")
                .expression_attribute_values(":now", number(now))
                .expression_attribute_values(":to", number(to)),
            Write::Advance { by, from, to } => update
                .update_expression("ADD tat :by")
                .condition_expression("tat BETWEEN :from AND :to")
                .expression_attribute_values(":by", number(by))
                .expression_attribute_values(":from", number(from))
                .expression_attribute_values(":to", number(to)),
            Write::Repair { beyond, to } => update
                .update_expression("SET tat = :to")
                .condition_expression("tat > :beyond")
                .expression_attribute_values(":beyond", number(beyond))
                .expression_attribute_values(":to", number(to)),
        }
    }

    fn after(write: Write, tat: Nanos) -> Nanos {
        match write {
            Write::Restart { to, .. } | Write::Repair { to, .. } => to,
            Write::Advance { by, .. } => tat + by,
        }
    }

    fn read(item: &Item) -> Option<Nanos> {
        item.get(TAT)?.as_n().ok()?.parse().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Nanos = 1_790_000_000 * SECOND;

    fn quota() -> Bucket {
        Bucket::new(10, SECOND, 20)
    }

    fn taken(tat: Nanos, now: Nanos, wanted: u32) -> (u32, Nanos) {
        match quota().plan(tat, now, wanted) {
            Plan::Take { tokens, write } => (tokens, Bucket::after(write, tat)),
            Plan::Nothing { until } => (0, until),
        }
    }

    #[test]
    fn a_full_bucket_gives_its_burst_and_then_its_rate() {
        let (tokens, tat) = taken(0, NOW, 50);
        assert_eq!((tokens, tat), (20, NOW + 2 * SECOND));
        assert_eq!(taken(tat, NOW, 1), (0, NOW + SECOND / 10), "the next one comes after an interval");
        assert_eq!(taken(tat, NOW + SECOND / 10, 5), (1, tat + SECOND / 10));
        assert_eq!(taken(tat, NOW + SECOND, 50), (10, tat + SECOND), "a second gives ten");
        assert_eq!(quota().holds(tat, NOW + 10 * SECOND), 20, "and no more than the burst gathers");
    }

    #[test]
    fn what_is_written_is_conditional_on_there_being_so_many() {
        let tat = NOW + SECOND;
        let Plan::Take { tokens: 4, write: Write::Advance { by, from, to } } = quota().plan(tat, NOW, 4) else {
            panic!("4 of 10")
        };
        assert_eq!((by, from), (4 * SECOND / 10, NOW));
        assert_eq!(quota().holds(to, NOW), 4, "the latest state that still has four");
        assert_eq!(quota().holds(to + 1, NOW), 3);
    }

    #[test]
    fn a_time_that_no_bucket_can_have_locks_nobody_out() {
        let (hour, beyond) = (3_600 * SECOND, NOW + 3 * SECOND);
        assert_eq!(taken(NOW + hour, NOW, 3), (3, NOW + 2 * SECOND));
        assert_eq!(taken(beyond, NOW, 3).0, 0, "within what clocks may differ by, it waits");
        assert_eq!(taken(beyond + 1, NOW, 3).0, 3);
    }

    #[test]
    fn a_bucket_of_a_process_gives_one_by_one() {
        let (bucket, mut tat) = (Bucket::new(2, SECOND, 2), 0);
        assert_eq!(bucket.take(&mut tat, NOW), Ok(()));
        assert_eq!(bucket.take(&mut tat, NOW), Ok(()));
        assert_eq!(bucket.take(&mut tat, NOW), Err(NOW + SECOND / 2));
        assert_eq!(bucket.take(&mut tat, NOW + SECOND / 2), Ok(()));
        bucket.give_back(&mut tat);
        assert_eq!(bucket.take(&mut tat, NOW + SECOND / 2), Ok(()), "what was given back can be taken again");
    }
}
