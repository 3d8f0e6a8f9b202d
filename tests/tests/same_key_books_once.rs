//! One idempotency key, one reservation.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::{collections::BTreeSet, sync::LazyLock};

use futures_util::future::join_all;
use testkit::{Cloud, a_booking};

static CLOUD: LazyLock<Cloud> = LazyLock::new(Cloud::start);

#[tokio::test]
async fn the_same_request_again_gets_the_same_booking() {
    let caller = CLOUD.caller(0).await;
    let first = caller.post_with_key(&a_booking("LHR", "JFK"), "again").await;
    let again = caller.post_with_key(&a_booking("LHR", "JFK"), "again").await;
    assert_eq!((first.status, again.status), (201, 200));
    assert_eq!(first.body, again.body);
    // Every span of either names the booking, those that ended before its number was known too.
    for answer in [first, again] {
        let trace = CLOUD.trace(&answer.trace_id(), |trace| trace.spans.len() >= 2).await;
        for span in trace.spans {
            assert_eq!(span.attributes["booking.number"], answer.booking_number(), "{} {}", answer.status, span.name);
        }
    }
}

/// The flight is not booked anew, and the answer does not say that the booking stands.
#[tokio::test]
async fn the_same_request_after_a_cancellation_gets_the_cancelled_booking() {
    let caller = CLOUD.caller(0).await;
    let first = caller.post_with_key(&a_booking("LHR", "JFK"), "cancelled-since").await;
    assert_eq!((first.status, &first.body["status"]), (201, &"confirmed".into()));
    let cancelled = caller.cancel(&first.booking_number()).await;
    let again = caller.post_with_key(&a_booking("LHR", "JFK"), "cancelled-since").await;
    assert_eq!((again.status, &again.body), (200, &cancelled.body));
    assert_eq!(again.body["status"], "cancelled");
}

#[tokio::test]
async fn another_request_with_the_same_key_is_refused() {
    let caller = CLOUD.caller(0).await;
    let first = caller.post_with_key(&a_booking("LHR", "JFK"), "other").await;
    assert_eq!(first.status, 201);
    caller.post_with_key(&a_booking("LHR", "SIN"), "other").await.assert_problem(422, "another body");
}

#[tokio::test]
async fn another_user_with_the_same_key_books_for_themselves() {
    let (one, other) = (CLOUD.caller(0).await, CLOUD.caller(1).await);
    let first = one.post_with_key(&a_booking("LHR", "JFK"), "shared").await;
    let second = other.post_with_key(&a_booking("LHR", "JFK"), "shared").await;
    assert_eq!((first.status, second.status), (201, 201));
    assert_ne!(first.booking_number(), second.booking_number());
}

#[tokio::test]
async fn eight_at_once_book_once() {
    let caller = CLOUD.caller(2).await;
    let body = a_booking("LHR", "JFK");
    let answers = join_all((0..8).map(|_| caller.post_with_key(&body, "at-once"))).await;
    let numbers: BTreeSet<_> = answers.iter().map(|answer| answer.booking_number()).collect();
    let statuses: Vec<_> = answers.iter().map(|answer| answer.status).collect();
    assert_eq!(numbers.len(), 1, "{statuses:?}");
    assert_eq!(statuses.iter().filter(|status| **status == 201).count(), 1, "{statuses:?}");
    let listed = caller.get("/bookings").await;
    assert_eq!(listed.body["bookings"].as_array().unwrap().len(), 1);
}
