//! The tokens that a process holds for one tenant, and what it does where it holds none.

use tenancy::Quota;

use crate::{
    bucket::{Bucket, Schedule},
    day::{Daily, DayCount},
    rate::Rate,
    source::{DAY, Nanos, SECOND, Source},
};

/// A lease is for as many tokens as this process needs in this time, by the rate that it sees, so that a process that dies loses no more.
const LEASE_IS_FOR: f64 = 1.0;
/// A lease is renewed when no more than one in this many of its tokens is left. A lease of fewer tokens than this is not renewed early, which would
/// save nothing.
const RENEWED_AT: u32 = 8;
/// How long a store that did not answer is not asked again.
const LEFT_ALONE_FOR: Nanos = SECOND;
/// A clock that is set back by more than this is noticed.
const SET_BACK_BY: Nanos = SECOND;
/// How long a process without the store admits its part of the quota. After that it admits what the last resort gives.
const LOCAL_FOR: Nanos = 300 * SECOND;

/// The limits of one process.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// The most tokens that it leases at once.
    pub(crate) lease: u32,
    /// What it admits by itself while the store does not answer.
    pub(crate) local: Bucket,
    /// What it admits by itself when that lasts.
    pub(crate) last_resort: Bucket,
}

/// The part of a quota that a process admits by itself.
const LOCAL_PART: u32 = 10;

impl Limits {
    /// The limits of a quota's requests.
    pub(crate) fn of_requests(quota: Quota) -> Self {
        let local = (quota.requests_per_second() / LOCAL_PART).max(1);
        Self {
            lease: quota.requests_per_second(),
            local: Bucket::new(local, SECOND, local),
            last_resort: Bucket::new(1, SECOND, 1),
        }
    }

    /// The limits of a quota's bookings. At most a fiftieth of a day's bookings is leased at once, since what a process does not use is lost for the
    /// day.
    pub(crate) fn of_bookings(quota: Quota) -> Self {
        let local = (quota.bookings_per_day() / LOCAL_PART).max(1);
        let local = Bucket::new(local, DAY, local);
        Self { lease: (quota.bookings_per_day() / 50).max(1), local, last_resort: local }
    }
}

/// What a process decides about a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    /// The request has its token. `renew` says how many more tokens to lease while it is served, if any.
    Admitted { renew: Option<u32> },
    /// There is no token. This process does not ask for one before `until`.
    Refused { until: Nanos },
    /// The local limit admits the request, because the store does not answer.
    AdmittedLocally,
    /// The local limit refuses the request.
    RefusedLocally { until: Nanos },
    /// This many tokens have to be leased before the request is decided.
    Lease(u32),
}

/// The tokens that a process has leased.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Lease<S> {
    /// How many tokens were leased; it can be none.
    pub(crate) tokens: u32,
    /// The item's new state.
    pub(crate) state: S,
    /// When the item may have more tokens.
    pub(crate) until: Nanos,
}

/// The tokens of one tenant in one process.
#[derive(Debug, Clone)]
pub(crate) struct Pool<S: Source> {
    state: S::State,
    tokens: u32,
    good_until: Nanos,
    asked: Rate,
    /// The latest time at which the pool was asked.
    clock: Nanos,
    /// Why the pool does not ask: the item had no token and has none before `until`. It is looked at again at `closed_until`.
    until: Nanos,
    closed_until: Nanos,
    away: Option<Away>,
    local: Schedule,
}

#[derive(Debug, Clone, Copy)]
struct Away {
    since: Nanos,
    again_at: Nanos,
}

impl<S: Source> Default for Pool<S> {
    fn default() -> Self {
        let (state, asked) = (S::State::default(), Rate::default());
        Self {
            state,
            tokens: 0,
            good_until: 0,
            asked,
            clock: 0,
            until: 0,
            closed_until: 0,
            away: None,
            local: Schedule::default(),
        }
    }
}

impl<S: Source> Pool<S> {
    /// Counts a request; call it once for each. If the clock was set back, the pool forgets what it remembers of times that are yet to come.
    pub(crate) fn arrived(&mut self, now: Nanos) {
        if now.saturating_add(SET_BACK_BY) < self.clock {
            *self = Self::default();
        }
        self.clock = self.clock.max(now);
        self.asked.count(now);
    }

    /// Decides about a request, and takes its token if there is one.
    pub(crate) fn ask(&mut self, now: Nanos, limits: &Limits) -> Answer {
        if now >= self.good_until {
            self.tokens = 0;
        }
        if self.tokens > 0 {
            self.tokens -= 1;
            return Answer::Admitted { renew: self.renew(now, limits) };
        }
        if now < self.closed_until {
            return Answer::Refused { until: self.until.max(now) };
        }
        match self.away {
            Some(away) if now < away.again_at => self.ask_locally(now, away, limits),
            _ => Answer::Lease(self.wanted(now, limits)),
        }
    }

    /// Takes in a lease, of which `wanted` tokens were wanted.
    pub(crate) fn leased(&mut self, now: Nanos, wanted: u32, lease: Lease<S::State>, source: &S) {
        self.away = None;
        self.state = lease.state;
        if lease.tokens > 0 {
            self.tokens += lease.tokens;
            self.good_until = source.good_until(now);
        }
        if lease.tokens < wanted {
            self.until = lease.until;
            self.closed_until = source.look_again(lease.until, now);
        }
    }

    /// Notes that the store did not answer. The tokens that the write may have taken are lost, so the next attempt is for one token only.
    pub(crate) fn failed(&mut self, now: Nanos) {
        let since = self.away.map_or(now, |away| away.since);
        self.away = Some(Away { since, again_at: now + LEFT_ALONE_FOR });
    }

    /// Takes back a token that this process admitted by itself and that was not used.
    pub(crate) fn give_back_locally(&mut self, limits: &Limits) {
        limits.local.give_back(&mut self.local);
    }

    /// The item's state when it was last seen.
    pub(crate) fn state(&self) -> S::State {
        self.state
    }

    /// Tokens that are left, here and in the item as last seen.
    pub(crate) fn left(&self, now: Nanos, source: &S) -> u32 {
        self.tokens.saturating_add(source.holds(self.state, now))
    }

    fn wanted(&self, now: Nanos, limits: &Limits) -> u32 {
        if self.away.is_some() {
            return 1;
        }
        let wanted = (self.asked.at(now) * LEASE_IS_FOR).ceil();
        (wanted as u32).clamp(1, limits.lease.max(1))
    }

    /// How many more tokens to lease while a request is served, if any.
    pub(crate) fn renew(&self, now: Nanos, limits: &Limits) -> Option<u32> {
        let wanted = self.wanted(now, limits);
        let is_due = wanted >= RENEWED_AT && self.tokens <= wanted / RENEWED_AT && now >= self.closed_until;
        (is_due && self.away.is_none()).then(|| wanted - self.tokens)
    }

    fn ask_locally(&mut self, now: Nanos, away: Away, limits: &Limits) -> Answer {
        let is_new = now.saturating_sub(away.since) < LOCAL_FOR;
        let bucket = if is_new { limits.local } else { limits.last_resort };
        match bucket.take(&mut self.local, now) {
            Ok(()) => Answer::AdmittedLocally,
            Err(until) => Answer::RefusedLocally { until },
        }
    }
}

impl Pool<Daily> {
    /// Takes in the item's state after a token was given back, whether or not the item took it.
    pub(crate) fn returned(&mut self, counted: DayCount) {
        self.state = counted;
        self.closed_until = 0;
    }

    /// Keeps a token of this day that the item did not take back. A token of an earlier day is void.
    pub(crate) fn keep(&mut self, now: Nanos, day: u64) {
        if now >= self.good_until {
            self.tokens = 0;
        } else if self.state.day == day {
            self.tokens += 1;
        }
    }
}

#[cfg(test)]
mod tests;
