//! A booking that is cancelled.

use futures_util::future::join_all;
use local::outputs::Outputs;
use reqwest::{Method, RequestBuilder};
use testkit::Caller;

use super::*;

/// Whatever happened: what a user has is the sum of their entries, and that of the bookings that stand.
async fn assert_balance(cloud: &FaultyCloud, caller: &Caller) {
    let standing: Vec<String> = all(cloud, |page| caller.booking(Method::GET, &format!("/bookings{page}")), "bookings")
        .await
        .into_iter()
        .filter(|booking| booking["status"] == "confirmed")
        .map(|booking| booking["booking_number"].as_str().unwrap().to_owned())
        .collect();
    let history = all(cloud, |page| caller.mileage(&format!("/mileage{page}")), "history").await;
    let miles = |entries: Vec<&Value>| entries.iter().map(|entry| entry["miles"].as_i64().unwrap()).sum::<i64>();
    let of_standing = |entry: &&Value| standing.iter().any(|number| entry["booking_number"] == number.as_str());
    let (balance, bookings) = balance(cloud, caller).await;
    assert_eq!(balance, miles(history.iter().collect()), "the sum of the entries");
    assert_eq!(balance, miles(history.iter().filter(of_standing).collect()), "the sum of what stands");
    assert_eq!(usize::try_from(bookings), Ok(standing.len()));
}

/// A user's miles, and the number of bookings that stand.
async fn balance(cloud: &FaultyCloud, caller: &Caller) -> (i64, i64) {
    let answer = cloud.read(|| caller.mileage("/mileage?limit=1")).await;
    (answer["miles"].as_i64().unwrap(), answer["bookings"].as_i64().unwrap())
}

/// Every item of a list, page by page.
async fn all(cloud: &FaultyCloud, request: impl Fn(&str) -> RequestBuilder, name: &str) -> Vec<Value> {
    let (mut items, mut cursor) = (Vec::new(), String::new());
    loop {
        let answer = cloud.read(|| request(&format!("?limit=7{cursor}"))).await;
        items.extend(answer[name].as_array().unwrap().iter().cloned());
        match answer["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return items,
        }
    }
}

/// So late that all others have been answered.
const LATE: Duration = Duration::from_millis(1500);

/// How many calls each function makes for one cancellation, when nothing fails.
async fn calls_of_a_cancellation(cloud: &FaultyCloud) -> Vec<(&'static str, usize)> {
    let caller = &cloud.callers[0];
    let mut booking = cloud.book_until_answered(caller, "LHR", "JFK").await;
    cloud.settle().await;
    cloud.proxy.take_calls();
    cloud.cancel(caller, &mut booking).await;
    cloud.settle().await;
    counted(&cloud.proxy.take_calls())
}

/// Cancels under each plan, one after another, and waits until all agrees.
async fn under(cloud: &FaultyCloud, name: &str, plans: impl IntoIterator<Item = Plan>) {
    let before = cloud.reservations().await;
    let (mut injected, mut bookings, mut recovery) = (0, Vec::new(), Duration::ZERO);
    for (index, plan) in plans.into_iter().enumerate() {
        let caller = &cloud.callers[index % cloud.callers.len()];
        let mut booking = cloud.book_until_answered(caller, "FRA", "SIN").await;
        cloud.settle().await;
        let (what, times) = (format!("{plan:?}"), plan.times);
        let armed = cloud.proxy.arm(plan);
        let started = Instant::now();
        cloud.cancel(caller, &mut booking).await;
        assert!(struck(&armed, times, STRIKES_WITHIN).await, "struck {} times: {what}", armed.injected());
        cloud.settle().await;
        recovery = recovery.max(started.elapsed());
        injected += armed.injected();
        bookings.push(booking);
    }
    cloud.judge(name, injected, &before, &bookings, recovery).await;
    for caller in &cloud.callers {
        assert_balance(cloud, caller).await;
    }
}

/// The same fault at every call of a cancellation.
async fn everywhere(name: &str, fault: Fault) {
    let cloud = cloud().await;
    let calls = calls_of_a_cancellation(&cloud).await;
    assert!(calls.iter().all(|(_, count)| *count > 0), "a function that calls nothing: {calls:?}");
    let plans = calls.iter().flat_map(|(function, count)| (0..*count).map(|skip| once(function, skip, fault)));
    under(&cloud, name, plans).await;
}

/// So often that the SDK's own three attempts are not enough.
#[test]
fn a_cancellation_that_aws_refuses_or_does_not_answer_four_times() {
    RUNTIME.block_on(async {
        let cloud = cloud().await;
        let plan = |(function, action): (&'static str, &'static str), fault| Plan {
            function,
            action: Some(action),
            skip: 0,
            times: 4,
            fault,
        };
        let throttled = SENDS.map(|call| plan(call, Fault::Refuse(Refusal::Throttled)));
        under(&cloud, "a cancellation: throttling, four times in a row", throttled).await;
        let conflicts = WRITES.map(|call| plan(call, Fault::Refuse(Refusal::Conflict)));
        under(&cloud, "a cancellation: a conflict with another transaction, four times in a row", conflicts).await;
        let lost = WRITES.map(|call| plan(call, Fault::LoseAnswer));
        under(&cloud, "a cancellation: four answers to one write are lost", lost).await;
    });
}

#[test]
fn a_cancellation_under_a_fault_at_any_call() {
    RUNTIME.block_on(async {
        for (name, fault) in [
            ("a cancellation: a function is killed before a call, each call of each function", Fault::KillBefore),
            ("a cancellation: a function is killed after a call, each call of each function", Fault::KillAfter),
            ("a cancellation: a call is lost on its way, each call of each function", Fault::LoseRequest),
            ("a cancellation: an answer is lost on its way, each call of each function", Fault::LoseAnswer),
        ] {
            everywhere(name, fault).await;
        }
    });
}

/// In each order, one message after another, the fault at another one of them each time; then all four at once; and at the end those of the
/// publisher once more.
#[test]
fn cancelled_and_confirmed_in_any_order_and_twice() {
    const EARNED: bool = false;
    const CANCELLED: bool = true;
    let (function, action) = WRITES[1];
    let orders = [
        ([EARNED, CANCELLED, EARNED, CANCELLED], 0, Fault::KillAfter),
        ([CANCELLED, EARNED, CANCELLED, EARNED], 1, Fault::LoseAnswer),
        ([CANCELLED, CANCELLED, EARNED, EARNED], 2, Fault::KillBefore),
        ([EARNED, EARNED, CANCELLED, CANCELLED], 2, Fault::Refuse(Refusal::Conflict)),
        ([EARNED, CANCELLED, CANCELLED, EARNED], 1, Fault::LoseRequest),
        ([CANCELLED, EARNED, EARNED, CANCELLED], 0, Fault::KillAfter),
    ];
    RUNTIME.block_on(async {
        let cloud = cloud().await;
        let outputs = &cloud.cloud.outputs;
        let caller = &cloud.callers[0];
        let before = cloud.reservations().await;
        let started = Instant::now();
        let held = hold_publisher(&cloud);
        let (mut injected, mut bookings) = (0, Vec::new());
        let arm = |skip, fault| cloud.proxy.arm(Plan { function, action: Some(action), skip, times: 1, fault });
        for (order, skip, fault) in orders {
            let (miles, count) = balance(&cloud, caller).await;
            let (booking, [earned_message, cancelled_message]) = booked_and_cancelled(&cloud, outputs, caller).await;
            let armed = arm(skip, fault);
            let (mut earned, mut cancelled) = (0, 0);
            for kind in order {
                if kind == CANCELLED {
                    cancelled = 1;
                    cloud.send(std::slice::from_ref(&cancelled_message)).await;
                } else {
                    earned = 1;
                    cloud.send(std::slice::from_ref(&earned_message)).await;
                }
                // 6,049 miles from Paris to Tokyo, once, and once taken back.
                let expected = (miles + 6_049 * (earned - cancelled), count + earned - cancelled);
                let arrived = async || (balance(&cloud, caller).await == expected).then_some(());
                eventually(&format!("{expected:?} after {order:?}"), arrived).await;
                let posting = cloud.read(|| caller.mileage(&format!("/mileage/{}", booking.booking_number))).await;
                let status = if cancelled == 1 { ("cancelled", 0) } else { ("posted", 6_049) };
                assert_eq!((posting["status"].as_str(), posting["miles"].as_i64()), (Some(status.0), Some(status.1)));
            }
            assert!(struck(&armed, 1, STRIKES_WITHIN).await, "{fault:?} did not strike");
            injected += armed.injected();
            bookings.push(booking);
        }
        let (booking, [earned, cancelled]) = booked_and_cancelled(&cloud, outputs, caller).await;
        let armed = arm(1, Fault::LoseAnswer);
        cloud.send(&[cancelled.clone(), earned.clone(), earned, cancelled]).await;
        assert!(struck(&armed, 1, STRIKES_WITHIN).await, "no answer was lost of four messages at once");
        injected += armed.injected();
        bookings.push(booking);
        let_go(&cloud, held).await;
        cloud.settle().await;
        let name = "confirmed and cancelled in every order and twice, under a fault each";
        cloud.judge(name, injected, &before, &bookings, started.elapsed()).await;
        assert_balance(&cloud, caller).await;
    });
}

/// A booking that was cancelled at once, and what SNS would put into the queue for both.
async fn booked_and_cancelled(
    cloud: &FaultyCloud,
    outputs: &Outputs,
    caller: &Caller,
) -> (AnsweredBooking, [String; 2]) {
    let mut booking = cloud.book_until_answered(caller, "CDG", "NRT").await;
    cloud.cancel(caller, &mut booking).await;
    let items = cloud.cloud.items(&outputs.booking_account, &outputs.reservations_table).await;
    let messages = ["BOOKING", "CANCELLATION"].map(|kind| {
        let sort_key = AttributeValue::S(format!("{kind}#{}", booking.booking_number));
        message(items.iter().find(|item| item["sk"] == sort_key).unwrap())
    });
    (booking, messages)
}

/// However often, and however many at once, one of them held up on its way to the table: one cancellation.
#[test]
fn eight_at_once_cancel_once() {
    RUNTIME.block_on(async {
        let cloud = cloud().await;
        let caller = &cloud.callers[1];
        let booking = cloud.book_until_answered(caller, "AKL", "DOH").await;
        let cancel = || async { cloud.cancel(caller, &mut booking.clone()).await };
        let held = cloud.proxy.arm(Plan { action: Some(WRITES[0].1), ..once(API, 0, Fault::HoldRequest(LATE)) });
        let mut answers = join_all((0..8).map(|_| cancel())).await;
        assert_eq!(held.injected(), 1, "none was held");
        answers.push(cancel().await);
        assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:#?}");
        cloud.settle().await;
        assert_balance(&cloud, caller).await;
    });
}
