//! What a process does with its tokens.

use super::*;

mod simulation;

const START: Nanos = 1_790_000_000 * SECOND;
const MILLISECOND: Nanos = SECOND / 1_000;

/// A quota of 100 a second and 200 at once.
fn bucket() -> Bucket {
    Bucket::new(100, SECOND, 200)
}

fn limits() -> Limits {
    Limits::of_requests("100/200/1000".parse().unwrap())
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
    let lease = Lease { tokens: 2, state: DayCount { day: 20_000, count: 2 }, until: noon };
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
    pool.leased(noon, 1, Lease { tokens: 0, state: DayCount { day: 20_000, count: 2 }, until: 20_001 * DAY }, &daily);
    assert!(matches!(pool.ask(noon, &limits), Answer::Refused { .. }));
    pool.returned(DayCount { day: 20_000, count: 1 });
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
