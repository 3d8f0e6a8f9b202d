//! A number of tokens for each day, as one count in an item.

use aws_sdk_dynamodb::{operation::update_item::builders::UpdateItemFluentBuilder, types::AttributeValue};
use tenant_store::Item;

use crate::source::{DAY, Nanos, Plan, SECOND, Source, number_type, whole};

/// The attribute with the day that is counted.
const ON: &str = "counted_day";
const COUNT: &str = "counted";
/// A day that is used up is looked at again after so long: a higher quota takes effect, and what another process gave back is found.
const LOOK_AGAIN_AFTER: Nanos = 10 * SECOND;

/// A quota of `most` tokens a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Daily {
    most: u32,
}

/// How many tokens were taken on a day. Days are counted from 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct DayCount {
    pub(crate) day: u64,
    pub(crate) count: u32,
}

/// A conditional write of the count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Write {
    /// Takes a day's first tokens, if the item is of an earlier day, missing or without a count.
    Begin { day: u64, tokens: u32 },
    /// Takes a day's first tokens, if the item is of a day after `beyond`: only a host whose clock is wrong can have written that.
    Repair { day: u64, tokens: u32, beyond: u64 },
    /// Takes further tokens, if the item is of this day and no more than `most` were taken.
    Add { day: u64, tokens: u32, most: u32 },
    /// Gives one token back, if the item is of this day and any were taken.
    GiveBack { day: u64 },
}

impl Daily {
    pub(crate) fn new(most: u32) -> Self {
        Self { most }
    }

    fn ends(now: Nanos) -> Nanos {
        (now / DAY + 1) * DAY
    }
}

impl Source for Daily {
    const SORT_KEY: &'static str = "QUOTA#BOOKINGS";
    type State = DayCount;
    type Write = Write;

    fn plan(&self, counted: DayCount, now: Nanos, wanted: u32) -> Plan<Write> {
        let today = now / DAY;
        let tokens = wanted.min(self.holds(counted, now));
        if tokens == 0 {
            return Plan::Nothing { until: (counted.day + 1) * DAY };
        }
        let write = if counted.day < today {
            Write::Begin { day: today, tokens }
        } else if counted.day > today + 1 {
            Write::Repair { day: today, tokens, beyond: today + 1 }
        } else {
            // Where another host's midnight came first, the day is that one's already.
            Write::Add { day: counted.day, tokens, most: self.most - tokens }
        };
        Plan::Take { tokens, write }
    }

    fn holds(&self, counted: DayCount, now: Nanos) -> u32 {
        let today = now / DAY;
        if (today..=today + 1).contains(&counted.day) { self.most.saturating_sub(counted.count) } else { self.most }
    }

    fn look_again(&self, until: Nanos, now: Nanos) -> Nanos {
        until.min(now + LOOK_AGAIN_AFTER)
    }

    fn good_until(&self, now: Nanos) -> Nanos {
        Self::ends(now)
    }

    fn describe(write: Write, update: UpdateItemFluentBuilder) -> UpdateItemFluentBuilder {
        let number = |value: u64| AttributeValue::N(value.to_string());
        match write {
            Write::Begin { day, tokens } => update
                .update_expression("SET counted_day = :day, counted = :tokens")
                .condition_expression(
                    "NOT attribute_type(counted_day, :number) OR NOT attribute_type(counted, :number) OR counted_day < :day",
                )
                .expression_attribute_values(":number", number_type())
                .expression_attribute_values(":day", number(day))
                .expression_attribute_values(":tokens", number(tokens.into())),
            Write::Repair { day, tokens, beyond } => update
                .update_expression("SET counted_day = :day, counted = :tokens")
                .condition_expression("counted_day > :beyond")
                .expression_attribute_values(":day", number(day))
                .expression_attribute_values(":tokens", number(tokens.into()))
                .expression_attribute_values(":beyond", number(beyond)),
            Write::Add { day, tokens, most } => update
                .update_expression("ADD counted :tokens")
                .condition_expression("counted_day = :day AND counted <= :most")
                .expression_attribute_values(":day", number(day))
                .expression_attribute_values(":tokens", number(tokens.into()))
                .expression_attribute_values(":most", number(most.into())),
            Write::GiveBack { day } => update
                .update_expression("ADD counted :minus_one")
                .condition_expression("counted_day = :day AND counted >= :one")
                .expression_attribute_values(":day", number(day))
                .expression_attribute_values(":one", number(1))
                .expression_attribute_values(":minus_one", AttributeValue::N("-1".to_owned())),
        }
    }

    fn after(write: Write, counted: DayCount) -> DayCount {
        match write {
            Write::Begin { day, tokens } | Write::Repair { day, tokens, .. } => DayCount { day, count: tokens },
            Write::Add { day, tokens, .. } => DayCount { day, count: counted.count.saturating_add(tokens) },
            Write::GiveBack { day } => DayCount { day, count: counted.count.saturating_sub(1) },
        }
    }

    fn read(item: &Item) -> Option<DayCount> {
        let count = u32::try_from(whole(item, COUNT)?).unwrap_or(u32::MAX);
        Some(DayCount { day: whole(item, ON)?, count })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: Nanos = 20_000 * DAY + DAY / 2;

    #[test]
    fn a_day_gives_so_many_and_the_next_as_many_again() {
        let of_three = Daily::new(3);
        assert_eq!(
            of_three.plan(DayCount::default(), NOON, 2),
            Plan::Take { tokens: 2, write: Write::Begin { day: 20_000, tokens: 2 } }
        );
        let counted = DayCount { day: 20_000, count: 2 };
        assert_eq!(
            of_three.plan(counted, NOON, 2),
            Plan::Take { tokens: 1, write: Write::Add { day: 20_000, tokens: 1, most: 2 } }
        );
        let midnight = Daily::ends(NOON);
        assert_eq!(of_three.plan(DayCount { count: 3, ..counted }, NOON, 2), Plan::Nothing { until: midnight });
        assert_eq!(
            of_three.plan(counted, midnight, 2),
            Plan::Take { tokens: 2, write: Write::Begin { day: 20_001, tokens: 2 } }
        );
    }

    #[test]
    fn a_host_whose_midnight_is_yet_to_come_counts_to_the_day_that_has_begun() {
        let counted = DayCount { day: 20_001, count: 2 };
        assert_eq!(
            Daily::new(3).plan(counted, NOON, 5),
            Plan::Take { tokens: 1, write: Write::Add { day: 20_001, tokens: 1, most: 2 } }
        );
    }

    #[test]
    fn a_day_that_is_yet_far_off_locks_nobody_out() {
        for day in [20_002, 213_504, u64::MAX] {
            assert_eq!(
                Daily::new(3).plan(DayCount { day, count: 3 }, NOON, 2),
                Plan::Take { tokens: 2, write: Write::Repair { day: 20_000, tokens: 2, beyond: 20_001 } }
            );
        }
    }

    #[test]
    fn an_item_that_is_no_count_is_as_good_as_none() {
        let number = |text: &str| AttributeValue::N(text.to_owned());
        let item = |count: Option<AttributeValue>| {
            Item::from_iter(
                [(ON.to_owned(), number("20000"))].into_iter().chain(count.map(|of| (COUNT.to_owned(), of))),
            )
        };
        assert_eq!(Daily::read(&item(Some(number("2")))), Some(DayCount { day: 20_000, count: 2 }));
        assert_eq!(Daily::read(&item(Some(number("1e30")))), Some(DayCount { day: 20_000, count: u32::MAX }));
        assert_eq!([Daily::read(&item(None)), Daily::read(&item(Some(AttributeValue::Bool(true))))], [None; 2]);
    }

    #[test]
    fn a_quota_that_was_lowered_below_what_is_used_gives_nothing_today() {
        let counted = DayCount { day: 20_000, count: 7 };
        assert_eq!(Daily::new(3).plan(counted, NOON, 1), Plan::Nothing { until: Daily::ends(NOON) });
    }
}
