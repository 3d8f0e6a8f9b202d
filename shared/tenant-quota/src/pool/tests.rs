//! What a process does with its tokens, and a simulation of several that share a quota.

use std::{
    future::ready,
    pin::pin,
    task::{Context, Poll, Waker},
};

use super::*;
use crate::{
    bucket::Write,
    lease::{Failed, lease},
};

const START: Nanos = 1_790_000_000 * SECOND;
const MILLISECOND: Nanos = SECOND / 1_000;

/// A quota of 100 a second and 200 at once.
fn bucket() -> Bucket {
    Bucket::new(100, SECOND, 200)
}

fn limits() -> Limits {
    Limits::of_requests("100/200/1000".parse().unwrap())
}

/// The item, as DynamoDB keeps it.
#[derive(Clone, Default)]
struct Item {
    schedule: Schedule,
    writes: u32,
}

impl Item {
    /// Does a write whose condition holds.
    fn write(&mut self, write: Write) -> bool {
        self.writes += 1;
        let holds = match write {
            Write::Restart { now, .. } => self.schedule.tat < now,
            Write::Advance { from, to, .. } => (from..=to).contains(&self.schedule.tat),
            Write::Repair { beyond, now, .. } => {
                self.schedule.tat > beyond && now.abs_diff(self.schedule.repaired) > 60 * SECOND
            }
        };
        if holds {
            self.schedule = Bucket::after(write, self.schedule);
        }
        holds
    }

    /// Leases as a process does. It hears nothing of the writes that `is_lost` says, which are done.
    fn lease(
        &mut self,
        bucket: &Bucket,
        state: Schedule,
        now: Nanos,
        wanted: u32,
        mut is_lost: impl FnMut() -> bool,
    ) -> Result<Lease<Schedule>, ()> {
        let write = |write, _| {
            let done = self.write(write);
            ready(match is_lost() {
                true => Err(Failed { error: (), is_answered: false }),
                false if done => Ok(Ok(self.schedule)),
                false => Ok(Err(self.schedule)),
            })
        };
        let leasing = pin!(lease(bucket, state, wanted, || now, write));
        match leasing.poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(leased) => leased,
            Poll::Pending => panic!("the item answers at once"),
        }
    }
}

impl Item {
    /// A process is asked, and leases what it needs for that. Whether it admits the request.
    fn asked(
        &mut self,
        pool: &mut Pool<Bucket>,
        bucket: &Bucket,
        limits: &Limits,
        now: Nanos,
        mut is_lost: impl FnMut() -> bool,
    ) -> bool {
        let mut lease =
            |pool: &mut Pool<Bucket>, wanted| match self.lease(bucket, pool.state(), now, wanted, &mut is_lost) {
                Err(()) => pool.failed(now),
                Ok(leased) => pool.leased(now, wanted, leased, bucket),
            };
        pool.arrived(now);
        let mut answer = pool.ask(now, limits);
        if let Answer::Lease(wanted) = answer {
            lease(pool, wanted);
            answer = pool.ask(now, limits);
        }
        if let Answer::Admitted { renew: Some(wanted) } = answer {
            lease(pool, wanted);
        }
        matches!(answer, Answer::Admitted { .. } | Answer::AdmittedLocally)
    }
}

/// Numbers from 0 to 1 that are the same each time: a linear congruential generator (Knuth, MMIX).
struct Random(u64);

impl Random {
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// What goes wrong.
#[derive(Clone, Copy, Default)]
struct Faults {
    /// The part of writes whose answer is lost.
    lost: f64,
    /// How often a second one of the ten processes dies.
    deaths: f64,
    /// How far clocks are off, at most.
    skew: Nanos,
    /// A quota that every second process knows instead.
    other: Option<&'static str>,
}

/// What processes made of requests that came at random to them, in uneven shares.
#[derive(Debug)]
struct Outcome {
    asked: u32,
    admitted: u32,
    writes: u32,
}

const SECONDS: u32 = 120;

fn processes(number: u32, per_second: f64, faults: Faults, seed: u64) -> Outcome {
    let mut random = Random(seed);
    let mut item = Item::default();
    let mut pools: Vec<Pool<Bucket>> = (0..number).map(|_| Pool::default()).collect();
    let (mut time, mut asked, mut admitted) = (0.0, 0, 0);
    loop {
        let gap = -(1.0 - random.next()).ln() / per_second;
        time += gap;
        if time > f64::from(SECONDS) {
            return Outcome { asked, admitted, writes: item.writes };
        }
        asked += 1;
        if random.next() < faults.deaths * gap {
            pools[(random.next() * f64::from(number)) as usize] = Pool::default();
        }
        // Of ten, the first gets a third of the requests and the last a twentieth.
        let process = (random.next().powi(2) * f64::from(number)) as usize;
        let ahead = 2 * faults.skew * process as u64 / u64::from(number);
        let now = START + (time * SECOND as f64) as Nanos + ahead - faults.skew;
        let other = faults.other.filter(|_| process % 2 == 1).map(|quota| quota.parse::<Quota>().unwrap());
        let bucket = other.map_or_else(bucket, Bucket::from);
        let limits = other.map_or_else(limits, Limits::of_requests);
        let pool = &mut pools[process];
        admitted += u32::from(item.asked(pool, &bucket, &limits, now, || random.next() < faults.lost));
    }
}

/// Requests that were admitted, as a part of those that the quota had room for.
fn share(outcome: &Outcome) -> f64 {
    let room = 100 * SECONDS + 200;
    f64::from(outcome.admitted) / f64::from(outcome.asked.min(room))
}

/// Prints the table of docs/reliability.md.
#[test]
fn ten_processes_together_admit_the_quota() {
    let skew = 50 * MILLISECOND;
    for (what, faults) in [
        ("nothing goes wrong", Faults::default()),
        ("clocks differ", Faults { skew, ..Faults::default() }),
        ("answers are lost", Faults { lost: 0.02, ..Faults::default() }),
        ("processes die", Faults { deaths: 0.2, ..Faults::default() }),
        ("all of it", Faults { lost: 0.01, deaths: 0.1, skew, other: None }),
    ] {
        let (mut least, mut most) = (f64::INFINITY, 0.0_f64);
        for per_second in [20.0, 80.0, 100.0, 150.0, 1_000.0] {
            for seed in 1..=3 {
                let outcome = processes(10, per_second, faults, seed);
                let share = share(&outcome);
                assert!((0.9..=1.1).contains(&share), "{what}, {per_second} a second: {share} of {outcome:?}");
                (least, most) = (least.min(share), most.max(share));
            }
        }
        eprintln!("| {what} | {:.1} % | {:.1} % |", least * 100.0, most * 100.0);
    }
}

/// Each time that the bucket is set back, once a minute, lets in another burst at most, and what the clocks differ by.
#[test]
fn neither_two_quotas_nor_a_clock_that_is_ahead_open_the_bucket() {
    let times = SECONDS / 60 + 1;
    for (what, faults, burst, once) in [
        ("clocks", Faults { skew: 2 * SECOND, ..Faults::default() }, 200, 400),
        ("a quota that was changed", Faults { other: Some("100/1000/1000"), ..Faults::default() }, 1_000, 0),
    ] {
        for seed in 1..=3 {
            let outcome = processes(10, 1_000.0, faults, seed);
            let most = 100 * SECONDS + (1 + times) * (burst + once);
            assert!((100 * SECONDS..=most).contains(&outcome.admitted), "{what}: {most}, {outcome:?}");
        }
    }
}

/// Requests that a process admits by the end of each hundredth of a second, asked so often a second.
fn admitted_by(mut item: Item, pool: &Pool<Bucket>, from: Nanos, per_second: u64) -> Vec<u32> {
    let (mut pool, mut admitted) = (pool.clone(), 0);
    let hundredth = |hundredth: u64| {
        for request in 0..per_second / 100 {
            let now = from + hundredth * SECOND / 100 + request * SECOND / per_second;
            admitted += u32::from(item.asked(&mut pool, &bucket(), &limits(), now, || false));
        }
        admitted
    };
    (0..1_000).map(hundredth).collect()
}

/// Another process, compared with one beside which nobody has leased anything, is at most a second's requests behind, and at most the time of a
/// lease and of a pause late.
#[test]
fn what_a_process_that_dies_has_leased_is_a_seconds_and_there_again_soon() {
    for (drained_for, per_second) in [0, 3_000, 3_250, 3_500, 3_750].into_iter().flat_map(|ms| [(ms, 200), (ms, 1_000)])
    {
        let (mut item, mut dying, mut other) = (Item::default(), Pool::default(), Pool::default());
        let death = START + drained_for * MILLISECOND;
        for request in 0..drained_for {
            item.asked(&mut other, &bucket(), &limits(), START + request * MILLISECOND, || false);
        }
        let unleased = item.clone();
        (0..1_000).for_each(|_| dying.arrived(death));
        item.asked(&mut dying, &bucket(), &limits(), death, || false);

        let what = format!("drained for {drained_for} ms, {per_second} requests a second");
        let [behind, ahead] = [item, unleased].map(|item| admitted_by(item, &other, death, per_second));
        assert!(behind.last().zip(ahead.last()).is_some_and(|(behind, ahead)| behind + 100 >= *ahead), "{what}");
        for (late, on_time) in behind.iter().skip(175).zip(&ahead) {
            assert!(late >= on_time, "{what}: {late} rather than {on_time}");
        }
    }
}

#[test]
fn one_process_writes_for_one_request_in_fifty() {
    for per_second in [100.0, 1_000.0] {
        let outcome = processes(1, per_second, Faults::default(), 1);
        assert!(outcome.writes * 50 <= outcome.asked, "{outcome:?}");
    }
}

#[test]
fn a_clock_that_is_set_back_keeps_nobody_waiting() {
    let (mut pool, now) = (Pool::<Bucket>::default(), START);
    pool.arrived(now);
    pool.leased(now, 1, Lease { tokens: 0, state: Schedule::default(), until: now + SECOND / 100 }, &bucket());
    pool.arrived(now - SECOND);
    assert!(
        matches!(pool.ask(now - SECOND, &limits()), Answer::Refused { .. }),
        "clocks are set by a little all the time"
    );
    pool.arrived(now - 3_600 * SECOND);
    assert_eq!(pool.ask(now - 3_600 * SECOND, &limits()), Answer::Lease(1));
}

#[test]
fn a_refusal_is_remembered() {
    let (mut pool, now) = (Pool::<Bucket>::default(), START);
    let empty = Lease { tokens: 0, state: Schedule { tat: now + 2 * SECOND, repaired: 0 }, until: now + SECOND / 100 };
    pool.leased(now, 1, empty, &bucket());
    assert!(matches!(pool.ask(now + SECOND * 3 / 4 - 1, &limits()), Answer::Refused { .. }));
    assert_eq!(pool.ask(now + SECOND * 3 / 4, &limits()), Answer::Lease(1));
}

#[test]
fn without_the_store_a_tenth_is_admitted_and_after_five_minutes_one_a_second() {
    let (mut pool, start) = (Pool::<Bucket>::default(), START);
    let mut admitted_in_second = |second: u64| {
        let admitted = (0..1_000).filter(|millisecond| {
            let now = start + second * SECOND + millisecond * MILLISECOND;
            pool.arrived(now);
            match pool.ask(now, &limits()) {
                Answer::Lease(wanted) => {
                    assert!(second == 0 || wanted == 1, "an attempt risks one token");
                    pool.failed(now);
                    pool.ask(now, &limits()) == Answer::AdmittedLocally
                }
                answer => answer == Answer::AdmittedLocally,
            }
        });
        admitted.count()
    };
    admitted_in_second(0);
    assert_eq!(admitted_in_second(1), 10);
    admitted_in_second(298);
    assert_eq!(admitted_in_second(299), 10);
    admitted_in_second(300);
    assert_eq!(admitted_in_second(301), 1);
}

#[test]
fn tokens_of_a_process_that_was_frozen_are_void() {
    let (mut pool, now) = (Pool::<Bucket>::default(), START);
    pool.leased(now, 1, Lease { tokens: 5, state: Schedule { tat: now, repaired: 0 }, until: now }, &bucket());
    assert!(matches!(pool.ask(now + 5 * SECOND - 1, &limits()), Answer::Admitted { .. }));
    assert_eq!(pool.ask(now + 5 * SECOND, &limits()), Answer::Lease(1));
}

#[test]
fn a_lease_follows_the_rate_and_never_takes_more_than_a_second_gives() {
    let mut pool = Pool::<Bucket>::default();
    pool.arrived(START);
    assert_eq!(pool.ask(START, &limits()), Answer::Lease(1));
    for request in 0..10_000 {
        pool.arrived(START + request * MILLISECOND);
    }
    assert_eq!(pool.ask(START + 10 * SECOND, &limits()), Answer::Lease(100));
}

#[test]
fn a_booking_that_is_kept_is_for_the_day_it_was_taken_of() {
    let (daily, limits) = (Daily::new(100), Limits::of_bookings("100/200/100".parse().unwrap()));
    let (noon, midnight) = (20_000 * DAY + DAY / 2, 20_001 * DAY);
    let mut pool = Pool::<Daily>::default();
    let lease = Lease { tokens: 2, state: Counted { day: 20_000, count: 2 }, until: noon };
    pool.leased(noon, 2, lease, &daily);
    assert!(matches!(pool.ask(noon, &limits), Answer::Admitted { .. }));
    pool.keep(noon, 20_000);
    assert!(matches!(pool.ask(noon, &limits), Answer::Admitted { .. }));
    pool.keep(noon, 19_999);
    assert!(matches!(pool.ask(noon, &limits), Answer::Admitted { .. }));
    assert_eq!(pool.ask(noon, &limits), Answer::Lease(1), "nothing of another day's");

    pool.leased(noon, 2, lease, &daily);
    assert!(matches!(pool.ask(noon, &limits), Answer::Admitted { .. }));
    pool.keep(midnight, 20_000);
    assert_eq!(pool.ask(midnight, &limits), Answer::Lease(1), "of yesterday's lease nothing is left");
}

#[test]
fn a_booking_that_the_item_has_back_can_be_asked_for_at_once() {
    let (daily, limits) = (Daily::new(2), Limits::of_bookings("100/200/2".parse().unwrap()));
    let noon = 20_000 * DAY + DAY / 2;
    let mut pool = Pool::<Daily>::default();
    pool.leased(noon, 1, Lease { tokens: 0, state: Counted { day: 20_000, count: 2 }, until: 20_001 * DAY }, &daily);
    assert!(matches!(pool.ask(noon, &limits), Answer::Refused { .. }));
    pool.returned(Counted { day: 20_000, count: 1 });
    assert_eq!(pool.ask(noon, &limits), Answer::Lease(1));
}

#[test]
fn a_booking_that_a_process_admitted_by_itself_can_be_given_back() {
    let limits = Limits::of_bookings("100/200/10".parse().unwrap());
    let mut pool = Pool::<Daily>::default();
    pool.failed(START);
    assert_eq!(pool.ask(START, &limits), Answer::AdmittedLocally);
    assert!(matches!(pool.ask(START, &limits), Answer::RefusedLocally { .. }));
    pool.give_back_locally(&limits);
    assert_eq!(pool.ask(START, &limits), Answer::AdmittedLocally);
}
