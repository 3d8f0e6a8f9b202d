//! When the simulated tenants ask: some hours of each of four days, the last two hours without a pause, and on from there.

use super::tenants::{STRANDED, TENANTS, Tenant};

/// Five minutes, as objectives are judged by, in seconds.
pub(super) const SLOT: u64 = 300;
const DAY: u64 = 86_400;
const HOUR: u64 = 3_600;
const DAYS: u64 = 4;
/// Requests of a tenant on each of the days before, and the seconds between two of them. With the messages they cause they are
/// more than the 200 that a day's p99 needs to be part of what is usual.
const PER_DAY: u64 = 140;
const APART: u64 = 120;
/// What goes on without a pause begins so long before the end, in seconds: the last hour has one before it that it can be held against.
const AT_LENGTH: u64 = 2 * HOUR;
/// Requests of a tenant in five minutes of the last hour, and from then on; half as many in the hour before.
const PER_SLOT: u64 = 80;
const MILLISECOND: u64 = 1_000_000;
const SECOND: u64 = 1_000 * MILLISECOND;
/// Between two requests of a tenant, nanoseconds.
const STEP: u64 = SLOT * SECOND / PER_SLOT;
/// How long before the end the booking was made that has no miles, in seconds.
const STRANDED_FOR: u64 = 40 * 60;

/// With this one each five minutes since the deployment have about as many failures.
const SEED: u64 = 3;

/// What happens when. Its end is the end of the last five minutes that closed when it began; it goes on beyond it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Story {
    /// Unix seconds.
    end: u64,
}

/// A request of a tenant.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moment {
    pub(super) tenant: &'static Tenant,
    /// Nanoseconds since 1970.
    pub(super) start: u64,
    /// Seconds since the story's end; negative before it.
    pub(super) since_end: i64,
    pub(super) days_ago: u64,
    /// What the request is like follows from it: the same in every run.
    pub(super) seed: u64,
    /// Whether it is every other request of its tenant.
    pub(super) is_even: bool,
    /// Whether it is the booking whose miles never came.
    pub(super) stranded: bool,
}

impl Story {
    /// That of somebody who begins now.
    pub(super) fn beginning(now: u64) -> Self {
        Self { end: now / SLOT * SLOT }
    }

    /// All there was until a moment in Unix seconds.
    pub(super) fn history(&self, until: u64) -> impl Iterator<Item = Moment> {
        let days = (1..=DAYS).flat_map(|day| (0..PER_DAY).map(move |number| (day, number)));
        let before = days.flat_map(move |(day, number)| {
            let start = (self.end - day * DAY - number * APART) * SECOND;
            TENANTS
                .iter()
                .enumerate()
                .map(move |(index, tenant)| self.moment(tenant, start, [index as u64, day, number]))
        });
        before.chain(self.between(self.end - AT_LENGTH, until))
    }

    /// What happens from one moment to another, both in Unix seconds; the first is in the last two hours or later.
    pub(super) fn between(&self, from: u64, to: u64) -> impl Iterator<Item = Moment> {
        let begin = (self.end - AT_LENGTH) * SECOND;
        let number = |seconds: u64| (seconds * SECOND).saturating_sub(begin).div_ceil(STEP);
        let stranded = (AT_LENGTH - STRANDED_FOR) * SECOND / STEP;
        let last_hour = (AT_LENGTH - HOUR) * SECOND / STEP;
        let numbers = (number(from)..number(to)).filter(move |number| *number >= last_hour || number % 2 == 0);
        numbers.flat_map(move |number| {
            TENANTS.iter().enumerate().map(move |(index, tenant)| {
                // Not all in the same moment.
                let start = begin + number * STEP + index as u64 * 100 * MILLISECOND;
                let moment = self.moment(tenant, start, [index as u64, 0, number]);
                Moment { stranded: tenant.id == STRANDED && number == stranded, ..moment }
            })
        })
    }

    fn moment(&self, tenant: &'static Tenant, start: u64, [index, day, number]: [u64; 3]) -> Moment {
        let since_end = (start / SECOND) as i64 - self.end as i64;
        Moment {
            tenant,
            start,
            since_end,
            days_ago: day,
            seed: SEED ^ (number << 8 | day << 4 | index),
            is_even: number % 2 == 0,
            stranded: false,
        }
    }
}
