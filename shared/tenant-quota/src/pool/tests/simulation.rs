//! Several processes that share a quota, and what goes wrong between them and its item.

use std::{
    future::ready,
    pin::pin,
    task::{Context, Poll, Waker},
};

use super::*;
use crate::{
    bucket::Write,
    lease::{WriteError, lease},
};

/// The item, as DynamoDB keeps it.
#[derive(Clone, Default)]
struct Item {
    schedule: Schedule,
    writes: u32,
    /// Writes that are still on their way, and when they arrive.
    late: Vec<(Nanos, Write)>,
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

    /// Leases as a process does. `fate` says what happens to each write.
    fn lease(
        &mut self,
        bucket: &Bucket,
        state: Schedule,
        now: Nanos,
        wanted: u32,
        mut fate: impl FnMut() -> Fate,
    ) -> Result<Lease<Schedule>, ()> {
        let write = |write, _| {
            let unheard = WriteError { error: (), is_answered: false };
            ready(match fate() {
                Fate::Done if self.write(write) => Ok(Ok(self.schedule)),
                Fate::Done => Ok(Err(self.schedule)),
                Fate::RequestLost => Err(unheard),
                Fate::AnswerLost => {
                    self.write(write);
                    Err(unheard)
                }
                Fate::Late => {
                    self.late.push((now + SECOND, write));
                    Err(unheard)
                }
                Fate::Refused => Err(WriteError { is_answered: true, ..unheard }),
            })
        };
        let leasing = pin!(lease(bucket, state, wanted, || now, write));
        match leasing.poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(leased) => leased,
            Poll::Pending => panic!("the item answers at once"),
        }
    }

    /// A process is asked, and leases what it needs for that.
    fn asked(
        &mut self,
        pool: &mut Pool<Bucket>,
        bucket: &Bucket,
        limits: &Limits,
        now: Nanos,
        mut fate: impl FnMut() -> Fate,
    ) -> Answer {
        for (_, write) in self.late.extract_if(.., |(arrives, _)| *arrives <= now).collect::<Vec<_>>() {
            self.write(write);
        }
        let mut lease = |pool: &mut Pool<Bucket>, wanted| match self.lease(bucket, pool.state(), now, wanted, &mut fate)
        {
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
        answer
    }
}

/// What happens to a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Done,
    RequestLost,
    AnswerLost,
    /// The process waits for it no longer, and it is done a second later.
    Late,
    /// As when DynamoDB throttles, fails with a 500 or 503, or finds a conflict.
    Refused,
}

fn is_admitted(answer: Answer) -> bool {
    matches!(answer, Answer::Admitted { .. } | Answer::AdmittedLocally)
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
        let fate = || if random.next() < faults.lost { Fate::AnswerLost } else { Fate::Done };
        admitted += u32::from(is_admitted(item.asked(pool, &bucket, &limits, now, fate)));
    }
}

/// Requests that were admitted, as a part of those that the quota had room for.
fn share(outcome: &Outcome) -> f64 {
    let room = 100 * SECONDS + 200;
    f64::from(outcome.admitted) / f64::from(outcome.asked.min(room))
}

/// Prints the table of README.md.
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

/// For a minute one write in five comes to nothing; ten processes are asked a thousand times a second together.
#[test]
fn under_every_fault_no_token_is_used_twice_and_nobody_is_locked_out() {
    const FAULTY: u64 = 60_000;
    for (what, fault, is_killed) in [
        ("a call is lost on its way", Fate::RequestLost, false),
        ("an answer is lost on its way", Fate::AnswerLost, false),
        ("a call is held, and done late", Fate::Late, false),
        ("a process is killed before a call", Fate::RequestLost, true),
        ("a process is killed after a call", Fate::AnswerLost, true),
        ("throttling, 500, 503, or a conflict", Fate::Refused, false),
    ] {
        let (mut random, mut item) = (Random(1), Item::default());
        let mut pools: [Pool<Bucket>; 10] = Default::default();
        let (mut by_token, mut locally, mut afterwards) = (0, 0, 0);
        for second in 0..70 {
            let mut served = 0;
            for request in second * 1_000..(second + 1) * 1_000 {
                let (pool, mut is_struck) = (&mut pools[(random.next() * 10.0) as usize], false);
                let fate = || {
                    let strikes = request < FAULTY && random.next() < 0.2;
                    is_struck |= strikes;
                    if strikes { fault } else { Fate::Done }
                };
                let answer = item.asked(pool, &bucket(), &limits(), START + request * MILLISECOND, fate);
                if is_struck && is_killed {
                    *pool = Pool::default();
                }
                by_token += u32::from(matches!(answer, Answer::Admitted { .. }));
                locally += u32::from(answer == Answer::AdmittedLocally);
                served += u32::from(is_admitted(answer));
                afterwards += u32::from(request >= FAULTY + 2_000 && is_admitted(answer));
            }
            assert!(served >= 10, "{what}: {served} in second {second}");
        }
        assert!(by_token <= 200 + 70 * 100, "{what}: {by_token} tokens of {}", 200 + 70 * 100);
        assert!(locally <= 10 * 10 * 61, "{what}: {locally} by processes alone, of which each may admit ten a second");
        assert!(afterwards >= 8 * 100 * 9 / 10, "{what}: {afterwards} in the last eight seconds, when nothing fails");
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
            admitted += u32::from(is_admitted(item.asked(&mut pool, &bucket(), &limits(), now, || Fate::Done)));
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
            item.asked(&mut other, &bucket(), &limits(), START + request * MILLISECOND, || Fate::Done);
        }
        let unleased = item.clone();
        (0..1_000).for_each(|_| dying.arrived(death));
        item.asked(&mut dying, &bucket(), &limits(), death, || Fate::Done);

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
