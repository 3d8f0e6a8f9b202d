//! What tokens are leased from: an item of the tenant's own, which one conditional write takes them off.

use aws_sdk_dynamodb::{operation::update_item::builders::UpdateItemFluentBuilder, types::AttributeValue};
use tenant_store::Item;

/// A time, in nanoseconds since 1970. It is the wall clock's: an item is shared by hosts, and a sandbox that was frozen has not slept less.
pub(crate) type Nanos = u64;

/// Nanoseconds of a second.
pub(crate) const SECOND: Nanos = 1_000_000_000;

/// Nanoseconds of a day in UTC, which has no leap seconds as computers count.
pub(crate) const DAY: Nanos = 24 * 60 * 60 * SECOND;

/// What to do for tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Plan<W> {
    /// This write takes so many, if the item is as it was when last seen, or near it.
    Take { tokens: u32, write: W },
    /// There is none before this time.
    Nothing { until: Nanos },
}

/// A kind of item that holds tokens.
pub(crate) trait Source: Sync {
    /// The sort key of the item that holds the quota.
    const SORT_KEY: &'static str;
    /// What it says. The default is an item that is not there, which is full.
    type State: Copy + Default + Send + Sync + std::fmt::Debug;
    /// A conditional write of it.
    type Write: Copy + Send + Sync;

    /// How to take at most `wanted`, at least 1, of an item last seen so.
    fn plan(&self, state: Self::State, now: Nanos, wanted: u32) -> Plan<Self::Write>;

    /// Tokens of an item last seen so, if nobody has taken any since.
    fn holds(&self, state: Self::State, now: Nanos) -> u32;

    /// When to look again at an item that gives nothing before `until`.
    fn look_again(&self, until: Nanos, now: Nanos) -> Nanos;

    /// Until when tokens that are leased now are good.
    fn good_until(&self, now: Nanos) -> Nanos;

    /// Names update, condition and values.
    fn describe(write: Self::Write, update: UpdateItemFluentBuilder) -> UpdateItemFluentBuilder;

    /// What the item says after this write was done, by arithmetic.
    fn after(write: Self::Write, state: Self::State) -> Self::State;

    /// What an item says; nothing where an attribute is missing or no number. Such an item is as good as none: the first write of a full one
    /// replaces it.
    fn read(item: &Item) -> Option<Self::State>;
}

/// A number of an item, whoever wrote it: a part of a whole one is left out, and one that is too small or too large is the least or the greatest.
pub(crate) fn whole(item: &Item, name: &str) -> Option<u64> {
    let text = item.get(name)?.as_n().ok()?;
    text.parse().ok().or_else(|| text.parse::<f64>().ok().map(|number| number as u64))
}

/// What `attribute_type` calls a number.
pub(crate) fn number_type() -> AttributeValue {
    AttributeValue::S("N".to_owned())
}
