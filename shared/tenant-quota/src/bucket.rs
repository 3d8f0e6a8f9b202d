//! The bucket that requests are taken from, as one number: the generic cell rate algorithm.
//!
//! Virtual scheduling, ITU-T I.371 (03/2004), annex A.2, <https://www.itu.int/rec/T-REC-I.371>, with several cells at once: `tat`, the
//! theoretical arrival time, is when the bucket will be full again. A token makes it later by an interval, and it is never further ahead of now
//! than a whole burst. One addition takes tokens, and what the addition is conditional on needs no reading before it.
//!
//! As long as `tat` only grows, hosts whose clocks differ by `d` admit at most `d` × the rate once, and nothing in the long run. A clock that is
//! further ahead, or a quota that an operator has changed, leaves a `tat` that no bucket of this size can have. It is set back to an empty
//! bucket, so that nobody is locked out, but once a minute at most: while processes know different quotas, or a clock is ahead, each setting
//! back lets in another burst.

use std::ops::RangeInclusive;

use aws_sdk_dynamodb::{operation::update_item::builders::UpdateItemFluentBuilder, types::AttributeValue};
use tenancy::Quota;
use tenant_store::Item;

use crate::source::{Nanos, Plan, SECOND, Source, number_type, whole};

/// The attribute with the theoretical arrival time.
const TAT: &str = "tat";
const REPAIRED: &str = "repaired";
/// An item is repaired at most once in this time.
const REPAIRED_ONCE_IN: Nanos = 60 * SECOND;
/// A bucket that was full less than this ago is written as one that is not full, so that several processes that ask at once do not make each other's
/// conditions fail. It is at most an eighth of the time in which the bucket fills.
const A_MOMENT: Nanos = SECOND / 4;
/// How much further ahead than a whole burst a `tat` may be, for clocks that differ.
const CLOCKS_DIFFER_BY: Nanos = SECOND;
/// An item that gave less than was wanted is looked at again after so long, or when it is three quarters full if that is sooner: what comes
/// in meanwhile is then leased at once.
const PAUSE: Nanos = SECOND * 3 / 4;
/// How long leased tokens are good. A sandbox that was frozen with some must not add them later to what others use.
const LEASE_LASTS: Nanos = 5 * SECOND;

/// A token bucket: how many tokens a tenant has left, and since when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Bucket {
    interval: Nanos,
    depth: Nanos,
}

/// The state of an item: when the bucket will be full again, and when it was last repaired.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Schedule {
    pub(crate) tat: Nanos,
    pub(crate) repaired: Nanos,
}

/// A conditional write of the item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Write {
    /// Takes from a full bucket: sets `tat` to `to`, if `tat` is before `now`, missing or not a number.
    Restart { now: Nanos, to: Nanos },
    /// Takes from a bucket that is not full: adds `by` to `tat`, if `tat` is between `from` and `to`.
    Advance { by: Nanos, from: Nanos, to: Nanos },
    /// Repairs an impossible bucket: sets `tat` to `to`, if `tat` is after `beyond` and was not repaired within a minute of `now`.
    Repair { beyond: Nanos, to: Nanos, now: Nanos },
}

impl Bucket {
    /// A bucket that gives `number` tokens, at least 1, in this time in the long run, and `burst` at once.
    pub(crate) fn new(number: u32, within: Nanos, burst: u32) -> Self {
        let interval = within / Nanos::from(number.max(1));
        Self { interval, depth: interval * Nanos::from(burst) }
    }

    /// Takes one token of a bucket that only this process uses. The error is the time at which there will be one.
    pub(crate) fn take(&self, schedule: &mut Schedule, now: Nanos) -> Result<(), Nanos> {
        match self.plan(*schedule, now, 1) {
            Plan::Nothing { until } => Err(until),
            Plan::Take { write, .. } => {
                *schedule = Self::after(write, *schedule);
                Ok(())
            }
        }
    }

    /// Takes back a token that was not used.
    pub(crate) fn give_back(&self, schedule: &mut Schedule) {
        schedule.tat = schedule.tat.saturating_sub(self.interval);
    }

    fn full(&self) -> u32 {
        u32::try_from(self.depth / self.interval).unwrap_or(u32::MAX)
    }

    fn latest(&self, now: Nanos) -> Nanos {
        now + self.depth
    }

    fn a_moment_before(&self, now: Nanos) -> Nanos {
        now.saturating_sub(A_MOMENT.min(self.depth / 8))
    }
}

/// The time around `now` within which an item is not repaired again, whichever host's clock repaired it.
fn within_a_minute(now: Nanos) -> RangeInclusive<Nanos> {
    now.saturating_sub(REPAIRED_ONCE_IN)..=now + REPAIRED_ONCE_IN
}

impl From<Quota> for Bucket {
    fn from(quota: Quota) -> Self {
        Self::new(quota.requests_per_second(), SECOND, quota.burst())
    }
}

impl Source for Bucket {
    const SORT_KEY: &'static str = "QUOTA#REQUESTS";
    type State = Schedule;
    type Write = Write;

    fn plan(&self, schedule: Schedule, now: Nanos, wanted: u32) -> Plan<Write> {
        let Schedule { tat, repaired } = schedule;
        let (beyond, from) = (self.latest(now) + CLOCKS_DIFFER_BY, self.a_moment_before(now));
        if tat < from {
            let tokens = wanted.min(self.full());
            return Plan::Take { tokens, write: Write::Restart { now, to: now + Nanos::from(tokens) * self.interval } };
        }
        if tat > beyond && !within_a_minute(now).contains(&repaired) {
            let tokens = wanted.min(self.full());
            return Plan::Take { tokens, write: Write::Repair { beyond, to: self.latest(now), now } };
        }
        let tokens = wanted.min(self.holds(schedule, now));
        if tokens == 0 {
            let until = tat.saturating_add(self.interval) - self.depth;
            let repairable = repaired.saturating_add(REPAIRED_ONCE_IN);
            return Plan::Nothing { until: if tat > beyond { until.min(repairable) } else { until } };
        }
        let by = Nanos::from(tokens) * self.interval;
        Plan::Take { tokens, write: Write::Advance { by, from, to: self.latest(now) - by } }
    }

    fn holds(&self, schedule: Schedule, now: Nanos) -> u32 {
        let free = self.latest(now).saturating_sub(schedule.tat.max(now));
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
                .condition_expression("NOT attribute_type(tat, :number) OR tat < :now")
                .expression_attribute_values(":number", number_type())
                .expression_attribute_values(":now", number(now))
                .expression_attribute_values(":to", number(to)),
            Write::Advance { by, from, to } => update
                .update_expression("ADD tat :by")
                .condition_expression("tat BETWEEN :from AND :to")
                .expression_attribute_values(":by", number(by))
                .expression_attribute_values(":from", number(from))
                .expression_attribute_values(":to", number(to)),
            Write::Repair { beyond, to, now } => {
                let (since, until) = within_a_minute(now).into_inner();
                update
                    .update_expression("SET tat = :to, repaired = :now")
                    .condition_expression("tat > :beyond AND NOT (repaired BETWEEN :since AND :until)")
                    .expression_attribute_values(":beyond", number(beyond))
                    .expression_attribute_values(":to", number(to))
                    .expression_attribute_values(":now", number(now))
                    .expression_attribute_values(":since", number(since))
                    .expression_attribute_values(":until", number(until))
            }
        }
    }

    fn after(write: Write, schedule: Schedule) -> Schedule {
        match write {
            Write::Restart { to, .. } => Schedule { tat: to, ..schedule },
            Write::Advance { by, .. } => Schedule { tat: schedule.tat.saturating_add(by), ..schedule },
            Write::Repair { to, now, .. } => Schedule { tat: to, repaired: now },
        }
    }

    fn read(item: &Item) -> Option<Schedule> {
        Some(Schedule { tat: whole(item, TAT)?, repaired: whole(item, REPAIRED).unwrap_or_default() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Nanos = 1_790_000_000 * SECOND;

    fn quota() -> Bucket {
        Bucket::new(10, SECOND, 20)
    }

    fn full_at(tat: Nanos) -> Schedule {
        Schedule { tat, repaired: 0 }
    }

    fn taken(tat: Nanos, now: Nanos, wanted: u32) -> (u32, Nanos) {
        match quota().plan(full_at(tat), now, wanted) {
            Plan::Take { tokens, write } => (tokens, Bucket::after(write, full_at(tat)).tat),
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
        assert_eq!(quota().holds(full_at(tat), NOW + 10 * SECOND), 20, "and no more than the burst gathers");
    }

    #[test]
    fn what_is_written_is_conditional_on_there_being_so_many() {
        let tat = NOW + SECOND;
        let Plan::Take { tokens: 4, write: Write::Advance { by, from, to } } = quota().plan(full_at(tat), NOW, 4)
        else {
            panic!("4 of 10")
        };
        assert_eq!((by, from), (4 * SECOND / 10, NOW - SECOND / 4));
        assert_eq!(quota().holds(full_at(to), NOW), 4, "the latest state that still has four");
        assert_eq!(quota().holds(full_at(to + 1), NOW), 3);
    }

    #[test]
    fn a_time_that_no_bucket_can_have_locks_nobody_out() {
        let (hour, beyond) = (3_600 * SECOND, NOW + 3 * SECOND);
        assert_eq!(taken(NOW + hour, NOW, 3), (3, NOW + 2 * SECOND));
        assert_eq!(taken(beyond, NOW, 3).0, 0, "within what clocks may differ by, it waits");
        assert_eq!(taken(beyond + 1, NOW, 3).0, 3);
    }

    #[test]
    fn an_item_that_is_no_schedule_is_as_good_as_none() {
        let number = |text: &str| AttributeValue::N(text.to_owned());
        let read =
            |tat: AttributeValue| Bucket::read(&Item::from([(TAT.to_owned(), tat)])).map(|schedule| schedule.tat);
        assert_eq!(read(number("1790000000000000000")), Some(NOW));
        assert_eq!(
            [read(AttributeValue::S("soon".to_owned())), Bucket::read(&Item::new()).map(|of| of.tat)],
            [None; 2]
        );
        for (text, tat) in [("-5", 0), ("1.5", 1), ("1e30", u64::MAX), ("18446744073709551616", u64::MAX)] {
            assert_eq!(read(number(text)), Some(tat), "{text}");
            assert!(matches!(quota().plan(full_at(tat), NOW, 1), Plan::Take { tokens: 1, .. }), "{text}");
        }
    }

    #[test]
    fn it_is_set_back_once_a_minute_by_whatever_clock() {
        let hour = 3_600 * SECOND;
        let plan = |repaired| quota().plan(Schedule { tat: NOW + hour, repaired }, NOW, 3);
        for repaired in [NOW - 60 * SECOND, NOW - SECOND, NOW, NOW + 60 * SECOND] {
            assert!(matches!(plan(repaired), Plan::Nothing { until } if until == repaired + 60 * SECOND), "{repaired}");
        }
        for repaired in [0, NOW - 61 * SECOND, NOW + 61 * SECOND, Nanos::MAX] {
            let Plan::Take { tokens: 3, write } = plan(repaired) else { panic!("it is set back, after {repaired}") };
            let after = Bucket::after(write, Schedule { tat: NOW + hour, repaired });
            assert_eq!(after, Schedule { tat: NOW + 2 * SECOND, repaired: NOW });
        }
        let soon = Schedule { tat: NOW + 4 * SECOND, repaired: NOW };
        let until = NOW + 2 * SECOND + SECOND / 10;
        assert_eq!(quota().plan(soon, NOW, 3), Plan::Nothing { until }, "when there is one, if that is sooner");
    }

    #[test]
    fn many_that_find_it_full_at_once_are_not_in_each_others_way() {
        let (first, found) = (full_at(NOW + SECOND / 10), NOW + 2 * SECOND / 10);
        let Plan::Take { write: Write::Advance { from, to, .. }, .. } = quota().plan(first, found, 1) else {
            panic!("it is taken from as it was found")
        };
        for taken_meanwhile in 0..8 {
            assert!((from..=to).contains(&(first.tat + taken_meanwhile * SECOND / 10)), "{taken_meanwhile}");
        }
    }

    #[test]
    fn a_bucket_of_a_process_gives_one_by_one() {
        let (bucket, mut tat) = (Bucket::new(2, SECOND, 2), Schedule::default());
        assert_eq!(bucket.take(&mut tat, NOW), Ok(()));
        assert_eq!(bucket.take(&mut tat, NOW), Ok(()));
        assert_eq!(bucket.take(&mut tat, NOW), Err(NOW + SECOND / 2));
        assert_eq!(bucket.take(&mut tat, NOW + SECOND / 2), Ok(()));
        bucket.give_back(&mut tat);
        assert_eq!(bucket.take(&mut tat, NOW + SECOND / 2), Ok(()), "what was given back can be taken again");
    }
}
