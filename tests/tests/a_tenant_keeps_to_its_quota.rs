//! A tenant is served as much as its quota gives, whoever serves it and whatever fails meanwhile; beyond that it is told so, and nobody
//! else notices.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use jiff::Timestamp;
use lambda_host::{
    aws::{Aws, Fault},
    function::{Function, Outcome},
    payloads,
    sink::{Behaviour, Sink},
};
use serde_json::{Value, json};
use testkit::{BookingApi, DEADLINE, Setup};

/// Requests that are sent at once.
const AT_ONCE: usize = 50;
/// Seconds.
const DAY: i64 = 24 * 60 * 60;

/// A function's answer.
#[derive(Debug)]
struct Answer {
    status: u64,
    problem: Value,
    headers: Value,
}

impl Answer {
    fn of(outcome: Outcome) -> Self {
        let (status, problem) = outcome.http();
        let whole: Value = serde_json::from_slice(&outcome.result.unwrap()).unwrap();
        Self { status, problem, headers: whole["multiValueHeaders"].clone() }
    }

    fn header(&self, name: &str) -> &str {
        self.headers[name][0].as_str().unwrap_or_default()
    }

    fn code(&self) -> &str {
        self.problem["code"].as_str().unwrap_or_default()
    }
}

async fn answer(function: &mut Function, event: String) -> Answer {
    Answer::of(function.invoke(event, DEADLINE).await.unwrap())
}

/// Of so many such requests, all sent at once.
async fn answers(function: &Function, event: &str, number: usize) -> Vec<Answer> {
    let asked = (0..number).map(|_| function.queue(event.to_owned().into(), DEADLINE, None));
    join_all(asked).await.into_iter().map(|outcome| Answer::of(outcome.unwrap())).collect()
}

fn lists(aws: &Aws, tenant: &str) -> String {
    payloads::get("/bookings", &format!("Bearer {}", aws.token(tenant, "basic", "user").unwrap()))
}

fn books(aws: &Aws) -> String {
    payloads::create_booking(&aws.token("acme", "basic", "user").unwrap(), &[])
}

fn books_once(aws: &Aws, key: &str) -> String {
    payloads::create_booking(&aws.token("acme", "basic", "user").unwrap(), &[("idempotency-key", key)])
}

/// Begins no test that books shortly before midnight in UTC, when bookings are counted anew.
async fn on_one_day() {
    let left = DAY - Timestamp::now().as_second() % DAY;
    if left < 120 {
        tokio::time::sleep(Duration::from_secs(left as u64 + 1)).await;
    }
}

fn every_second() -> Setup<'static> {
    Setup { env: vec![("TENANTS_CACHE_SECONDS", "1")], ..Setup::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn beyond_it_a_tenant_is_told_when_to_come_back_and_another_is_served() {
    let sink = Sink::otlp(Behaviour::Ok).await.unwrap();
    let url = sink.url();
    let env = vec![("OTEL_EXPORTER_OTLP_ENDPOINT", url.as_str())];
    let mut api = BookingApi::start(Setup { env, concurrency: Some(AT_ONCE as u32) }).await;
    api.aws.give_quota("acme", [1, 3, 100]);
    let (event, started) = (lists(&api.aws, "acme"), Instant::now());
    let first = answer(&mut api.function, event.clone()).await;
    assert_eq!((first.status, first.header("ratelimit-policy")), (200, "\"requests\";q=3;w=3"));
    assert_eq!(first.header("ratelimit"), "\"requests\";r=2");
    let answers = answers(&api.function, &event, AT_ONCE).await;
    let (served, refused): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 200);
    assert!((2..=3 + started.elapsed().as_secs()).contains(&(served.len() as u64)), "{answers:?}");
    let refusal = refused.last().expect("a refusal");
    assert_eq!((refusal.status, refusal.code()), (429, "requests_quota_exceeded"), "{refusal:?}");
    assert_eq!(refusal.problem["violated-policies"], json!(["requests"]));
    assert_eq!((refusal.header("retry-after"), refusal.header("ratelimit")), ("1", "\"requests\";r=0;t=1"));
    assert!(refusal.header("access-control-expose-headers").contains("ratelimit"), "{refusal:?}");

    let other = lists(&api.aws, "globex");
    assert_eq!(answer(&mut api.function, other).await.status, 200);

    let exceeded = |sink: &Sink| {
        let spans = sink.spans().into_iter();
        spans.filter(|span| span.attributes.contains_key("quota.exceeded")).collect::<Vec<_>>()
    };
    sink.wait_until(|sink| exceeded(sink).len() >= refused.len(), DEADLINE).await;
    let exceeded = exceeded(&sink);
    assert_eq!(exceeded.len(), refused.len());
    for span in exceeded {
        assert_eq!(span.attributes["quota.exceeded"], "true");
        assert_eq!(span.attributes["tenant.id"], "acme");
        assert!(!span.failed, "{span:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_that_ask_at_once_few_lease_for_all() {
    let api = BookingApi::start(Setup { concurrency: Some(AT_ONCE as u32), ..Setup::default() }).await;
    api.aws.give_quota("acme", [1_000, 1_000, 100]);
    let event = lists(&api.aws, "acme");
    for answer in answers(&api.function, &event, AT_ONCE).await {
        assert_eq!(answer.status, 200, "{answer:?}");
    }
    let leases = api.aws.calls("UpdateItem");
    assert!((1..=AT_ONCE / 3).contains(&leases), "{leases} leases for {AT_ONCE} requests");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_item_that_somebody_has_spoiled_is_replaced() {
    on_one_day().await;
    let mut api = BookingApi::start(Setup::default()).await;
    api.aws.give_quota("acme", [1_000, 1_000, 2]);
    let today = (Timestamp::now().as_second() / DAY).to_string();
    for (item, spoiled) in [
        ("QUOTA#REQUESTS", json!({ "tat": { "S": "soon" } })),
        ("QUOTA#BOOKINGS", json!({ "counted_day": { "N": today } })),
    ] {
        api.aws.write_item("reservations", "acme", item, spoiled.as_object().unwrap().clone());
    }
    for status in [201, 201, 429] {
        let booked = answer(&mut api.function, books(&api.aws)).await;
        assert_eq!(booked.status, status, "{booked:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn several_processes_share_it() {
    let aws = Aws::start(Duration::from_millis(1)).await.unwrap();
    aws.give_quota("acme", [1, 6, 100]);
    let mut api = BookingApi::start_with(aws, Setup::default()).await;
    let mut second = testkit::booking_api(&api.aws, Setup::default()).await;
    let (event, started) = (lists(&api.aws, "acme"), Instant::now());
    let mut served = 0;
    for _ in 0..15 {
        served += u64::from(answer(&mut api.function, event.clone()).await.status == 200);
        served += u64::from(answer(&mut second, event.clone()).await.status == 200);
    }
    assert!((6..=7 + started.elapsed().as_secs()).contains(&served), "{served}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_quota_takes_effect_with_what_else_the_registry_says() {
    let mut api = BookingApi::start(every_second()).await;
    api.aws.give_quota("acme", [1, 1, 100]);
    let event = lists(&api.aws, "acme");
    let first = answer(&mut api.function, event.clone()).await;
    assert_eq!(first.header("ratelimit-policy"), "\"requests\";q=1;w=1");
    api.aws.give_quota("acme", [1_000, 1_000, 100]);
    tokio::time::sleep(Duration::from_millis(1_600)).await;
    for _ in 0..20 {
        assert_eq!(answer(&mut api.function, event.clone()).await.status, 200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn where_the_registry_has_a_quota_that_is_none_the_tiers_holds() {
    let mut api = BookingApi::start(Setup::default()).await;
    api.aws.give_quota("acme", [0, 1, 1]);
    let event = lists(&api.aws, "acme");
    let served = answer(&mut api.function, event).await;
    assert_eq!(
        (served.status, served.header("ratelimit-policy").contains("\"requests\";q=")),
        (200, true),
        "{served:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn while_it_cannot_be_reached_a_process_serves_a_part_of_it() {
    for fault in [Fault::Throttle(1_000), Fault::Hang, Fault::LoseAnswer] {
        let mut api = BookingApi::start(Setup::default()).await;
        api.aws.give_quota("acme", [30, 30, 100]);
        api.aws.fail("UpdateItem", fault);
        let (event, started) = (lists(&api.aws, "acme"), Instant::now());
        let mut served = 0;
        for _ in 0..40 {
            let answer = answer(&mut api.function, event.clone()).await;
            match answer.status {
                200 => served += 1,
                _ => assert_eq!((answer.status, answer.code()), (503, "quota_unavailable"), "{fault:?}: {answer:?}"),
            }
        }
        // Three a second, and as many at once.
        assert!((3..=6 + 3 * started.elapsed().as_secs()).contains(&served), "{fault:?}: {served}");

        api.aws.mend("UpdateItem");
        let mut told = String::new();
        for _ in 0..300 {
            told = answer(&mut api.function, event.clone()).await.header("ratelimit").to_owned();
            if !told.is_empty() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        assert!(told.starts_with("\"requests\";r="), "{fault:?}: it is leased again");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn bookings_are_counted_by_the_day_whoever_takes_them() {
    on_one_day().await;
    let mut api = BookingApi::start(Setup::default()).await;
    api.aws.give_quota("acme", [1_000, 1_000, 2]);
    let mut second = testkit::booking_api(&api.aws, Setup::default()).await;
    let first = answer(&mut api.function, books(&api.aws)).await;
    assert_eq!(first.status, 201, "{first:?}");
    let told = first.headers["ratelimit"].as_array().unwrap();
    assert!(told.contains(&"\"bookings\";r=1".into()), "{first:?}");
    assert_eq!(answer(&mut second, books(&api.aws)).await.status, 201);
    for function in [&mut api.function, &mut second] {
        let refused = answer(function, books(&api.aws)).await;
        assert_eq!((refused.status, refused.code()), (429, "bookings_quota_exceeded"), "{refused:?}");
        let seconds: u32 = refused.header("retry-after").parse().unwrap();
        assert!((1..=86_460).contains(&seconds), "until a minute after midnight in UTC at most: {seconds}");
        assert_eq!(answer(function, lists(&api.aws, "acme")).await.status, 200, "its other requests are served");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_booking_that_is_not_made_does_not_use_up_the_day() {
    on_one_day().await;
    let mut api = BookingApi::start(Setup::default()).await;
    api.aws.give_quota("acme", [1_000, 1_000, 2]);
    api.aws.fail("TransactWriteItems", Fault::Throttle(1_000));
    assert_eq!(answer(&mut api.function, books(&api.aws)).await.code(), "reservations_unavailable");
    api.aws.mend("TransactWriteItems");
    let statuses = [
        answer(&mut api.function, books(&api.aws)).await.status,
        answer(&mut api.function, books(&api.aws)).await.status,
        answer(&mut api.function, books(&api.aws)).await.status,
    ];
    assert_eq!(statuses, [201, 201, 429]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_booking_that_is_repeated_on_a_day_that_is_used_up_is_found() {
    on_one_day().await;
    let mut api = BookingApi::start(Setup::default()).await;
    api.aws.give_quota("acme", [1_000, 1_000, 1]);
    let made = answer(&mut api.function, books_once(&api.aws, "once")).await;
    assert_eq!(made.status, 201, "{made:?}");
    let again = answer(&mut api.function, books_once(&api.aws, "once")).await;
    assert_eq!((again.status, again.header("location")), (200, made.header("location")), "{again:?}");
    for refused in [books_once(&api.aws, "another"), books(&api.aws)] {
        let refused = answer(&mut api.function, refused).await;
        assert_eq!((refused.status, refused.code()), (429, "bookings_quota_exceeded"), "{refused:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_booking_that_another_process_has_made_uses_up_nothing() {
    on_one_day().await;
    let mut api = BookingApi::start(Setup::default()).await;
    api.aws.give_quota("acme", [1_000, 1_000, 2]);
    let mut second = testkit::booking_api(&api.aws, Setup::default()).await;
    let made = answer(&mut api.function, books_once(&api.aws, "once")).await;
    assert_eq!(made.status, 201, "{made:?}");
    let again = answer(&mut second, books_once(&api.aws, "once")).await;
    assert_eq!((again.status, again.header("location")), (200, made.header("location")), "{again:?}");
    assert_eq!(answer(&mut api.function, books(&api.aws)).await.status, 201, "the second of two");
    assert_eq!(answer(&mut second, books(&api.aws)).await.status, 429);
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_days_count_cannot_be_reached_a_process_books_a_part_of_it() {
    on_one_day().await;
    let mut api = BookingApi::start(Setup::default()).await;
    api.aws.give_quota("acme", [1_000, 1_000, 10]);
    api.aws.fail("UpdateItem", Fault::Throttle(1_000));
    api.aws.fail("TransactWriteItems", Fault::Throttle(1_000));
    let failed = answer(&mut api.function, books(&api.aws)).await;
    assert_eq!((failed.status, failed.code()), (503, "reservations_unavailable"));
    api.aws.mend("TransactWriteItems");
    let made = answer(&mut api.function, books(&api.aws)).await;
    assert_eq!(made.status, 201, "what was not booked has used up nothing: {made:?}");
    let refused = answer(&mut api.function, books(&api.aws)).await;
    assert_eq!((refused.status, refused.code()), (503, "quota_unavailable"), "{refused:?}");
    assert_eq!(refused.header("retry-after"), "5");
    assert!(!refused.header("ratelimit").contains("bookings"), "{refused:?}");
}
