//! Whatever fails between the functions and AWS: a booking that was acknowledged is reserved once, earns its miles once, and
//! does so in its own trace; one that was cancelled loses them once, in the trace of that.
//!
//! Each test makes calls fail, books as a careful client does, waits until `operator reconcile` finds no difference, and adds a
//! row to target/reliability.json.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod cancellations;

use std::{
    collections::HashMap,
    sync::LazyLock,
    time::{Duration, Instant},
};

use aws_sdk_dynamodb::types::AttributeValue;
use operator::reconcile::Difference;
use serde_json::{Value, json};
use testkit::{AnsweredBooking, Armed, Call, Fault, FaultyCloud, Plan, Refusal, eventually, struck};
use tokio::{
    runtime::Runtime,
    sync::{Mutex, MutexGuard, OnceCell},
};

const API: &str = "booking-api-local";
const PUBLISHER: &str = "booking-publisher-local";
const ACCRUAL: &str = "mileage-accrual-local";
const FUNCTIONS: [&str; 3] = [API, PUBLISHER, ACCRUAL];
const STRIKES_WITHIN: Duration = Duration::from_secs(60);

/// Connections and the proxy outlive a single test.
static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().unwrap());

/// One cloud for all tests, one test at a time: faults of one are not another's.
async fn cloud() -> MutexGuard<'static, FaultyCloud> {
    static CLOUD: OnceCell<Mutex<FaultyCloud>> = OnceCell::const_new();
    let start = || async {
        let faulty = FaultyCloud::start().await;
        for caller in &faulty.callers {
            faulty.book_until_answered(caller, "LHR", "JFK").await;
        }
        faulty.settle().await;
        Mutex::new(faulty)
    };
    CLOUD.get_or_init(start).await.lock().await
}

/// What one kind of fault came to, as its cases go by.
#[derive(Default)]
struct Case {
    injected: usize,
    bookings: Vec<AnsweredBooking>,
    recovery: Duration,
}

impl Case {
    /// Books under each plan, one after another, and waits until all agrees.
    async fn under(&mut self, cloud: &FaultyCloud, plans: impl IntoIterator<Item = Plan>) {
        for (index, plan) in plans.into_iter().enumerate() {
            let caller = &cloud.callers[index % cloud.callers.len()];
            let times = plan.times;
            let what = format!("{plan:?}");
            let armed = cloud.proxy.arm(plan);
            let started = Instant::now();
            self.bookings.push(cloud.book_until_answered(caller, "FRA", "SIN").await);
            assert!(struck(&armed, times, STRIKES_WITHIN).await, "struck {} times: {what}", armed.injected());
            cloud.settle().await;
            self.recovery = self.recovery.max(started.elapsed());
            self.injected += armed.injected();
        }
    }
}

fn once(function: &'static str, skip: usize, fault: Fault) -> Plan {
    Plan { function, action: None, skip, times: 1, fault }
}

/// How many calls each function makes for one booking, when nothing fails.
async fn calls_of_a_booking(cloud: &FaultyCloud) -> Vec<(&'static str, usize)> {
    cloud.proxy.take_calls();
    cloud.book_until_answered(&cloud.callers[0], "LHR", "JFK").await;
    cloud.settle().await;
    counted(&cloud.proxy.take_calls())
}

/// How many each booking makes at least: one of a few may read the registry anew, or try a call twice on a machine that does much else.
async fn calls_of_any_booking(cloud: &FaultyCloud) -> Vec<(&'static str, usize)> {
    let mut fewest = calls_of_a_booking(cloud).await;
    for _ in 0..2 {
        for ((_, fewest), (_, calls)) in fewest.iter_mut().zip(calls_of_a_booking(cloud).await) {
            *fewest = calls.min(*fewest);
        }
    }
    fewest
}

/// How many calls each function has made, without the leases of quotas: a request makes one of these now and then, so no fault can count on it.
fn counted(calls: &[Call]) -> Vec<(&'static str, usize)> {
    let counts = |call: &&Call, function| call.function == function && call.action != "UpdateItem";
    FUNCTIONS.map(|function| (function, calls.iter().filter(|call| counts(call, function)).count())).to_vec()
}

/// The same fault at every call of a booking.
async fn everywhere(name: &str, fault: Fault) {
    let cloud = cloud().await;
    let calls = calls_of_any_booking(&cloud).await;
    assert!(calls.iter().all(|(_, count)| *count > 0), "a function that calls nothing: {calls:?}");
    let before = cloud.reservations().await;
    let mut case = Case::default();
    let plans = calls.iter().flat_map(|(function, count)| (0..*count).map(|skip| once(function, skip, fault)));
    case.under(&cloud, plans).await;
    cloud.judge(name, case.injected, &before, &case.bookings, case.recovery).await;
}

#[test]
fn a_function_killed_before_any_call() {
    RUNTIME.block_on(async {
        everywhere("a function is killed before a call, each call of each function", Fault::KillBefore).await;
    });
}

#[test]
fn a_function_killed_after_any_call() {
    RUNTIME.block_on(async {
        everywhere(
            "a function is killed after a call, before its answer, each call of each function",
            Fault::KillAfter,
        )
        .await;
    });
}

#[test]
fn a_call_lost_on_its_way() {
    RUNTIME.block_on(async {
        everywhere("a call is lost on its way, each call of each function", Fault::LoseRequest).await;
    });
}

#[test]
fn an_answer_lost_on_its_way() {
    RUNTIME.block_on(async {
        everywhere("an answer is lost on its way, each call of each function", Fault::LoseAnswer).await;
    });
}

/// Functions that have just been started ask for more: registry, sessions.
#[test]
#[ignore = "minutes: `make test-long`"]
fn every_kind_of_fault_at_every_call_of_functions_that_have_just_started() {
    const LONG: Duration = Duration::from_millis(1500);
    let refused = |refusal| (Fault::Refuse(refusal), 4);
    let kinds = [
        ("a function is killed before a call", (Fault::KillBefore, 1)),
        ("a function is killed after a call", (Fault::KillAfter, 1)),
        ("a call is lost on its way", (Fault::LoseRequest, 1)),
        ("an answer is lost on its way", (Fault::LoseAnswer, 1)),
        ("a call is held", (Fault::HoldRequest(LONG), 1)),
        ("an answer is held", (Fault::HoldAnswer(LONG), 1)),
        ("throttling, four times in a row", refused(Refusal::Throttled)),
        ("500, four times in a row", refused(Refusal::Broken(500))),
        ("503, four times in a row", refused(Refusal::Broken(503))),
    ];
    RUNTIME.block_on(async {
        let cloud = cloud().await;
        let usual = calls_of_a_booking(&cloud).await;
        cloud.proxy.end_functions().await;
        let calls = calls_of_a_booking(&cloud).await;
        let more = |(started, usual): (&(_, usize), &(_, usize))| started.1 > usual.1;
        assert!(
            calls.iter().zip(&usual).any(more),
            "{calls:?} of functions that have just started, {usual:?} of others"
        );
        for (name, (fault, times)) in kinds {
            let before = cloud.reservations().await;
            let mut case = Case::default();
            for (function, count) in &calls {
                for skip in 0..*count {
                    cloud.proxy.end_functions().await;
                    case.under(&cloud, [Plan { times, ..once(function, skip, fault) }]).await;
                }
            }
            let name = format!("{name}, each call of each function that has just started");
            cloud.judge(&name, case.injected, &before, &case.bookings, case.recovery).await;
        }
    });
}

/// Of a process that has just started, and has no tokens. Nobody is locked out by it.
#[test]
fn a_quota_whose_lease_fails() {
    const LONG: Duration = Duration::from_millis(1500);
    let refused =
        [Refusal::Throttled, Refusal::Conflict, Refusal::Broken(500), Refusal::Broken(503)].map(Fault::Refuse);
    let unheard = [Fault::LoseRequest, Fault::LoseAnswer, Fault::HoldRequest(LONG), Fault::HoldAnswer(LONG)];
    RUNTIME.block_on(async {
        let cloud = cloud().await;
        let before = cloud.reservations().await;
        let mut case = Case::default();
        for fault in [Fault::KillBefore, Fault::KillAfter].into_iter().chain(unheard).chain(refused) {
            cloud.proxy.end_functions().await;
            case.under(&cloud, [Plan { action: Some("UpdateItem"), ..once(API, 0, fault) }]).await;
        }
        let name = "the lease of a quota fails, in every way";
        cloud.judge(name, case.injected, &before, &case.bookings, case.recovery).await;
    });
}

/// So often that the SDK's own three attempts are not enough.
async fn refused(name: &str, calls: &[(&'static str, &'static str, Refusal)]) {
    let cloud = cloud().await;
    let before = cloud.reservations().await;
    let mut case = Case::default();
    let plans = calls.iter().map(|(function, action, refusal)| Plan {
        function,
        action: Some(action),
        skip: 0,
        times: 4,
        fault: Fault::Refuse(*refusal),
    });
    case.under(&cloud, plans).await;
    cloud.judge(name, case.injected, &before, &case.bookings, case.recovery).await;
}

const WRITES: [(&str, &str); 2] = [(API, "TransactWriteItems"), (ACCRUAL, "TransactWriteItems")];
const SENDS: [(&str, &str); 3] = [WRITES[0], (PUBLISHER, "PublishBatch"), WRITES[1]];

#[test]
fn throttling() {
    let calls = SENDS.map(|(function, action)| (function, action, Refusal::Throttled));
    RUNTIME.block_on(refused("throttling, four times in a row", &calls));
}

#[test]
fn conflicts() {
    let calls = WRITES.map(|(function, action)| (function, action, Refusal::Conflict));
    RUNTIME.block_on(refused("a conflict with another transaction, four times in a row", &calls));
}

#[test]
fn errors_of_aws() {
    let [api, publisher, accrual] = SENDS;
    let of = |(function, action), status| (function, action, Refusal::Broken(status));
    let calls = [of(api, 500), of(publisher, 503), of(accrual, 500), of(api, 503)];
    RUNTIME.block_on(refused("500 or 503, four times in a row", &calls));
}

/// Without an idempotency key a client must not repeat its request; the function's own repetitions must not book twice.
#[test]
fn a_booking_without_a_key_whose_answers_are_lost() {
    RUNTIME.block_on(async {
        let cloud = cloud().await;
        let before = cloud.reservations().await;
        let caller = &cloud.callers[0];
        let (function, action) = WRITES[0];
        let armed =
            cloud.proxy.arm(Plan { function, action: Some(action), skip: 0, times: 4, fault: Fault::LoseAnswer });
        let started = Instant::now();
        let answer = testkit::book(caller, "CDG", "NRT").await;
        cloud.settle().await;
        let tenant = caller.user.tenant.clone();
        let booking =
            AnsweredBooking { booking_number: answer.booking_number(), tenant, attempts: 1, cancelled: false };
        let name = "four answers to one write are lost, and there is no idempotency key";
        cloud.judge(name, armed.injected(), &before, &[booking], started.elapsed()).await;
    });
}

/// A minute of SNS refusing, scaled to seconds: the stream waits, and nothing is given up.
#[test]
fn sns_refuses_for_a_while() {
    RUNTIME.block_on(async {
        const WHILE: Duration = Duration::from_secs(6);
        let cloud = cloud().await;
        let before = cloud.reservations().await;
        let fault = Fault::Refuse(Refusal::Broken(503));
        let armed = cloud.proxy.arm(Plan {
            function: PUBLISHER,
            action: Some("PublishBatch"),
            skip: 0,
            times: usize::MAX,
            fault,
        });
        let started = Instant::now();
        let mut bookings = Vec::new();
        while started.elapsed() < WHILE || armed.injected() == 0 {
            assert!(started.elapsed() < STRIKES_WITHIN, "SNS did not refuse");
            for caller in &cloud.callers {
                bookings.push(cloud.book_until_answered(caller, "SYD", "SCL").await);
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
        let injected = armed.injected();
        assert!(!cloud.differences().await.is_empty(), "what SNS refused has arrived");
        drop(armed);
        let recovers = Instant::now();
        cloud.settle().await;
        cloud.judge("SNS refuses for 6 s (a minute, scaled)", injected, &before, &bookings, recovers.elapsed()).await;
    });
}

/// Lambda ends a function whose write is under way; the write is done nevertheless, at once or late.
#[test]
fn a_function_out_of_time_in_mid_transaction() {
    RUNTIME.block_on(async {
        const LONG: Duration = Duration::from_millis(1500);
        let cloud = cloud().await;
        let outputs = &cloud.cloud.outputs;
        let of = |function| if function == ACCRUAL { &outputs.mileage_account } else { &outputs.booking_account };
        for function in FUNCTIONS {
            cloud.set_timeout(of(function), function, 1).await;
        }
        let before = cloud.reservations().await;
        let mut case = Case::default();
        let plans = SENDS.iter().flat_map(|(function, action)| {
            [Fault::HoldAnswer(LONG), Fault::HoldRequest(LONG)].map(|fault| Plan {
                function,
                action: Some(action),
                skip: 0,
                times: 1,
                fault,
            })
        });
        case.under(&cloud, plans).await;
        // What was held arrives now, if it has not yet; and spans leave before the change ends the processes.
        tokio::time::sleep(LONG).await;
        cloud.settle().await;
        for function in FUNCTIONS {
            cloud.set_timeout(of(function), function, if function == ACCRUAL { 30 } else { 10 }).await;
        }
        let name = "a function runs out of time in mid-transaction, its write done at once or late";
        cloud.judge(name, case.injected, &before, &case.bookings, case.recovery).await;
    });
}

/// Holds back the publisher until it is let go.
fn hold_publisher(cloud: &FaultyCloud) -> Armed {
    let fault = Fault::Refuse(Refusal::Broken(503));
    cloud.proxy.arm(Plan { function: PUBLISHER, action: Some("PublishBatch"), skip: 0, times: usize::MAX, fault })
}

/// Lets it go, and waits until it has published.
async fn let_go(cloud: &FaultyCloud, held: Armed) {
    drop(held);
    cloud.proxy.take_calls();
    let published = async || cloud.proxy.take_calls().iter().any(|call| call.function == PUBLISHER).then_some(());
    eventually("the publisher's messages", published).await;
}

type Item = HashMap<String, AttributeValue>;

/// What SNS puts into the queue for a reservation or a cancellation.
fn message(item: &Item) -> String {
    let text = |name: &str| item[name].as_s().unwrap().clone();
    let cancelled = text("sk").starts_with("CANCELLATION#");
    let event = if cancelled { "booking.cancelled" } else { "booking.confirmed" };
    let mut body = json!({
        "version": 1,
        "booking_number": text("booking_number"),
        "from_airport": text("from_airport"),
        "to_airport": text("to_airport"),
        "departure_date": text("departure_date"),
        "sub": text("sub"),
        "Tier-level": text("tier"),
        "Tenant-id": text("tenant_id"),
    });
    if cancelled {
        body["cancelled_at"] = text("cancelled_at").into();
    }
    let attribute = |value: &str| json!({ "Type": "String", "Value": value });
    json!({
        "Type": "Notification",
        "Message": body.to_string(),
        "MessageAttributes": {
            "traceparent": attribute(item["trace"].as_m().unwrap()["traceparent"].as_s().unwrap()),
            "tenant_id": attribute(&text("tenant_id")),
            "tenant_tier": attribute(&text("tier")),
            "event_type": attribute(event),
        },
    })
    .to_string()
}

/// The bodies, in SNS's envelope, of what the topic sends for some bookings.
async fn bodies(cloud: &FaultyCloud, queue: &str, count: usize) -> Vec<String> {
    let messages = cloud.cloud.drain(queue, count).await;
    messages.into_iter().map(|message| message.body().unwrap().to_owned()).collect()
}

async fn dead(cloud: &FaultyCloud) -> u64 {
    let count = |difference: &Difference| match difference {
        Difference::Messages { place: "dead", count } => Some(*count),
        _ => None,
    };
    cloud.differences().await.iter().find_map(count).unwrap_or_default()
}

#[test]
fn messages_twice_out_of_order_and_late_and_a_poison_among_them() {
    RUNTIME.block_on(async {
        let cloud = cloud().await;
        let outputs = &cloud.cloud.outputs;
        let before = cloud.reservations().await;
        let copies = cloud.cloud.eavesdrop("nothing-is-lost").await;
        let mut bookings = Vec::new();
        for index in 0..9 {
            bookings.push(cloud.book_until_answered(&cloud.callers[index % 3], "GRU", "LIS").await);
        }
        let mut genuine = bodies(&cloud, &copies, 9).await;
        cloud.settle().await;
        let started = Instant::now();
        genuine.reverse();
        cloud.send(&genuine).await;
        cloud.send(&genuine).await;
        cloud.settle().await;
        let name = "every message three times, the copies late and in reverse";
        cloud.judge(name, 18, &before, &bookings, started.elapsed()).await;

        // The publisher is held: these nine come to the queue only with the poison between them, and once more when it is let go.
        let before = cloud.reservations().await;
        let held = hold_publisher(&cloud);
        let mut bookings = Vec::new();
        for index in 0..9 {
            bookings.push(cloud.book_until_answered(&cloud.callers[index % 3], "OSL", "TOS").await);
        }
        let started = Instant::now();
        let items = cloud.cloud.items(&outputs.booking_account, &outputs.reservations_table).await;
        let text =
            |item: &Item, name: &str| item.get(name).and_then(|value| value.as_s().ok()).cloned().unwrap_or_default();
        let mut batch: Vec<String> = items
            .iter()
            .filter(|item| bookings.iter().any(|booking| booking.booking_number == text(item, "booking_number")))
            .map(message)
            .collect();
        batch.insert(4, "{".to_owned());
        cloud.send(&batch).await;
        eventually("the poison in the dead-letter queue", async || (dead(&cloud).await == 1).then_some(())).await;
        let poison = [Difference::Messages { place: "dead", count: 1 }];
        eventually("the nine alone", async || (cloud.differences().await == poison).then_some(())).await;
        let recovery = started.elapsed();
        cloud.cloud.drain(&cloud.cloud.outputs.dead_letters_url, 1).await;
        let_go(&cloud, held).await;
        cloud.settle().await;
        cloud.judge("a poison message in a batch of ten", 1, &before, &bookings, recovery).await;
    });
}

#[test]
fn a_redrive_from_the_dead_letter_queue() {
    RUNTIME.block_on(async {
        let cloud = cloud().await;
        let before = cloud.reservations().await;
        let (function, action) = WRITES[1];
        let fault = Fault::Refuse(Refusal::Denied);
        let armed = cloud.proxy.arm(Plan { function, action: Some(action), skip: 0, times: usize::MAX, fault });
        let mut bookings = Vec::new();
        for caller in &cloud.callers {
            bookings.push(cloud.book_until_answered(caller, "DEL", "DXB").await);
        }
        eventually("three messages in the dead-letter queue", async || (dead(&cloud).await == 3).then_some(())).await;
        let injected = armed.injected();
        drop(armed);
        let started = Instant::now();
        cloud.redrive(3).await;
        cloud.settle().await;
        let name = "the ledger denies, messages go to the dead-letter queue, and are redriven";
        cloud.judge(name, injected, &before, &bookings, started.elapsed()).await;
    });
}

/// On AWS the stream gives a record up after eleven tries and puts it into a bucket; the local cloud tries for ever, which
/// stands for it here: the records that are not published are published from the table.
#[test]
fn reservations_whose_stream_records_were_given_up() {
    RUNTIME.block_on(async {
        let cloud = cloud().await;
        let before = cloud.reservations().await;
        let held = hold_publisher(&cloud);
        let mut bookings = Vec::new();
        for caller in &cloud.callers {
            bookings.push(cloud.book_until_answered(caller, "JNB", "NBO").await);
        }
        cloud.cancel(&cloud.callers[0], &mut bookings[0]).await;
        assert!(struck(&held, 1, STRIKES_WITHIN).await, "SNS did not refuse");
        let file = std::env::temp_dir().join(format!("outputs-{}.json", std::process::id()));
        std::fs::write(&file, serde_json::to_string(&cloud.cloud.outputs).unwrap()).unwrap();
        let reconcile = |more: &[&str]| {
            let mut command = std::process::Command::new(testkit::program("operator"));
            let output = command.args(["reconcile", "--json", "--outputs"]).arg(&file).args(more).output().unwrap();
            (output.status.success(), serde_json::from_slice::<Value>(&output.stdout).unwrap())
        };
        let (agrees, told) = reconcile(&[]);
        assert!(!agrees, "{told}");
        let of_kind =
            |kind| told["differences"].as_array().unwrap().iter().filter(|found| found["difference"] == kind).count();
        let counts = (of_kind("not_posted"), of_kind("not_taken_back"), told["differences"].as_array().unwrap().len());
        assert_eq!(counts, (3, 1, 4), "{told}");
        let started = Instant::now();
        let (agrees, told) = reconcile(&["--republish"]);
        assert!(agrees && told["republished"] == 4, "{told}");
        let recovery = started.elapsed();
        let injected = held.injected();
        // The records come after all: the messages are there twice.
        let_go(&cloud, held).await;
        cloud.settle().await;
        let (agrees, told) = reconcile(&[]);
        assert!(agrees, "{told}");
        std::fs::remove_file(&file).unwrap();
        cloud
            .judge(
                "stream records are given up, and reconcile --republish follows",
                injected,
                &before,
                &bookings,
                recovery,
            )
            .await;
    });
}
