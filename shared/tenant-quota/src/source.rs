//! What tokens are leased from: an item of the tenant's own, from which one conditional write takes them.

use aws_sdk_dynamodb::{operation::update_item::builders::UpdateItemFluentBuilder, types::AttributeValue};
use tenant_store::Item;

/// A time, in nanoseconds since 1970. It is the wall clock's: an item is shared by hosts, and a sandbox that was frozen has not slept less.
pub(crate) type Nanos = u64;

/// A second in nanoseconds.
pub(crate) const SECOND: Nanos = 1_000_000_000;

/// Nanoseconds of a day in UTC, which has no leap seconds as computers count.
pub(crate) const DAY: Nanos = 24 * 60 * 60 * SECOND;

/// How to get tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Plan<W> {
    /// The write takes this many tokens, if the item's state is still as it was seen, or near that.
    Take { tokens: u32, write: W },
    /// There are no tokens before this time.
    Nothing { until: Nanos },
}

/// A kind of item that holds tokens.
pub(crate) trait Source: Sync {
    /// The sort key of the item that holds the quota.
    const SORT_KEY: &'static str;
    /// The item's state. The default is that of a missing item, which is full.
    type State: Copy + Default + Send + Sync + std::fmt::Debug;
    /// A conditional write of the item.
    type Write: Copy + Send + Sync;

    /// How to take at most `wanted` tokens, at least 1, of an item in this state.
    fn plan(&self, state: Self::State, now: Nanos, wanted: u32) -> Plan<Self::Write>;

    /// How many tokens an item in this state has, if nobody has taken any since.
    fn holds(&self, state: Self::State, now: Nanos) -> u32;

    /// When to look again at an item that gives nothing before `until`.
    fn look_again(&self, until: Nanos, now: Nanos) -> Nanos;

    /// Until when tokens that are leased now are good.
    fn good_until(&self, now: Nanos) -> Nanos;

    /// Adds the update, its condition and its values to a request.
    fn describe(write: Self::Write, update: UpdateItemFluentBuilder) -> UpdateItemFluentBuilder;

    /// The item's state after this write.
    fn after(write: Self::Write, state: Self::State) -> Self::State;

    /// Reads an item's state. There is none where an attribute is missing or not a number; such an item counts as missing, and the first write
    /// replaces it.
    fn read(item: &Item) -> Option<Self::State>;
}

/// A whole number of an item, whoever wrote it. A fraction is cut off, and a number out of range becomes the least or the greatest.
pub(crate) fn whole(item: &Item, name: &str) -> Option<u64> {
    let text = item.get(name)?.as_n().ok()?;
    text.parse().ok().or_else(|| text.parse::<f64>().ok().map(|number| number as u64))
}

/// The name of the number type in `attribute_type`.
pub(crate) fn number_type() -> AttributeValue {
    AttributeValue::S("N".to_owned())
}
