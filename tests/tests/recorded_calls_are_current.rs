//! infra/iam/calls.json is what the functions really ask AWS for; infra/iam evaluates the templates' policies against it.
//! `RECORD_CALLS=1 cargo test -p end-to-end --test recorded_calls_are_current` writes it anew.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::{collections::BTreeSet, path::PathBuf};

use aws_sdk_dynamodb::types::AttributeValue::S;
use lambda_host::{
    function::{Config, Function},
    payloads,
};
use reqwest::Method;
use serde_json::{Value, json};
use testkit::{
    DEADLINE, FaultyCloud, Names, Proxy, RecordedCall, a_booking, book,
    insights::{Insights, Query, Sample, complete},
    program, send,
};

/// Where the evaluator runs.
const OBSERVABILITY: &str = "333333333333";

#[tokio::test(flavor = "multi_thread")]
async fn what_functions_ask_of_aws_is_what_is_recorded() {
    let cloud = FaultyCloud::start().await;
    let names = names(&cloud);
    bookings(&cloud).await;
    registrations(&cloud).await;
    a_record_is_parked(&cloud).await;
    let miles = miles_from_account_b(&cloud).await;
    the_registry_without_a_reader(&cloud).await;
    let evaluator = evaluator().await;

    let signed = [cloud.proxy.take_signed(), miles.take_signed(), evaluator.take_signed()].concat();
    let now: BTreeSet<RecordedCall> = signed.iter().flat_map(|signed| names.record(signed)).collect();
    compare(&now);
}

fn names(cloud: &FaultyCloud) -> Names {
    let outputs = &cloud.cloud.outputs;
    Names {
        accounts: vec![
            (outputs.booking_account.clone(), "<booking>"),
            (outputs.mileage_account.clone(), "<mileage>"),
            (OBSERVABILITY.to_owned(), "<observability>"),
        ],
        apis: vec![("/mileage", "<mileage>:<MileageApi>")],
        account_of: |function| match function {
            "mileage-accrual" | "mileage-api" => "<mileage>",
            "slo-evaluator" => "<observability>",
            _ => "<booking>",
        },
        stage: "local".to_owned(),
        region: outputs.region.clone(),
        tenant: cloud.callers[0].user.tenant.clone(),
    }
}

/// Books, once more with the same key, reads bookings and miles, and cancels.
async fn bookings(cloud: &FaultyCloud) {
    let acme = &cloud.callers[0];
    let booking_number = book(acme, "LHR", "JFK").await.booking_number();
    let twice = a_booking("CDG", "NRT");
    for status in [201, 200] {
        let answer = acme.post_with_key(&twice, "booked-twice").await;
        assert_eq!(answer.status, status, "{}", answer.body);
    }
    for path in ["/bookings".to_owned(), format!("/bookings/{booking_number}")] {
        let answer = acme.get(&path).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
    }
    assert!(acme.miles(&booking_number).await > 0);
    assert!(acme.balance().await.0 > 0);
    let answer = acme.cancel(&booking_number).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    cloud.settle().await;
}

/// A company, the same address again, and a colleague.
async fn registrations(cloud: &FaultyCloud) {
    let company = json!({ "company_name": "Hooli Air", "email": "ada@hooli.example" });
    for _ in 0..2 {
        let url = format!("{}/registrations", cloud.cloud.outputs.booking_url);
        let answer = send(reqwest::Client::new().post(url).json(&company)).await;
        assert_eq!(answer.status, 202, "{}", answer.body);
    }
    let admin = &cloud.callers[0];
    let invitation = admin.booking(Method::POST, "/invitations").json(&json!({ "email": "grace@acme.example" }));
    let answer = admin.send(invitation).await;
    assert_eq!(answer.status, 202, "{}", answer.body);
}

/// A reservation that nobody can read.
async fn a_record_is_parked(cloud: &FaultyCloud) {
    let outputs = &cloud.cloud.outputs;
    let dynamodb = aws_sdk_dynamodb::Client::from_conf(cloud.cloud.sdk(&outputs.booking_account).await.build());
    let put = dynamodb.put_item().table_name(&outputs.reservations_table);
    let put = put.item("pk", S("TENANT#acme#USER#1".to_owned())).item("sk", S("BOOKING#1".to_owned()));
    put.send().await.unwrap();
    testkit::eventually("a parked record", async || {
        let calls = cloud.proxy.seen("booking-publisher-local", "SendMessage");
        (calls > 0).then_some(())
    })
    .await;
}

/// A price, for which booking-api asks account B's API: here at the front door, by a proxy of its own. The door knows no keys of
/// a process that the cloud did not start, so there is no price; what is recorded is the request.
async fn miles_from_account_b(cloud: &FaultyCloud) -> Proxy {
    let outputs = &cloud.cloud.outputs;
    let proxy = Proxy::start().await;
    proxy.forward_to(&outputs.portal_url);
    let mileage = format!("{}/mileage", proxy.url);
    let env = [
        ("AWS_ACCESS_KEY_ID", outputs.booking_account.as_str()),
        ("RESERVATIONS_TABLE", &outputs.reservations_table),
        ("TENANT_ROLE_ARN", "arn:aws:iam::111111111111:role/booking-TenantRole-1"),
        ("TENANTS_TABLE", &outputs.tenants_table),
        ("MILEAGE_API_URL", &mileage),
    ];
    let query = json!({ "from": "LHR", "to": "JFK" });
    assert_eq!(served(cloud, "booking-api", &env, "/quotes", &query).await, 502);
    proxy
}

/// On AWS mileage-api reads account A's registry with its own role; the emulator refuses that, so it answers 503.
async fn the_registry_without_a_reader(cloud: &FaultyCloud) {
    let outputs = &cloud.cloud.outputs;
    let registry = format!("arn:aws:dynamodb:us-east-1:{}:table/{}", outputs.booking_account, outputs.tenants_table);
    let env = [
        ("AWS_ACCESS_KEY_ID", outputs.mileage_account.as_str()),
        ("LEDGER_TABLE", &outputs.ledger_table),
        ("TENANT_ROLE_ARN", "arn:aws:iam::222222222222:role/mileage-TenantRole-1"),
        ("TENANTS_TABLE", &registry),
    ];
    assert_eq!(served(cloud, "mileage-api", &env, "/mileage", &json!({})).await, 503);
}

/// The status with which a function that is told this answers acme's GET of a path.
async fn served(cloud: &FaultyCloud, name: &str, own: &[(&str, &str)], path: &str, query: &Value) -> u64 {
    let outputs = &cloud.cloud.outputs;
    let mut env = vec![
        ("AWS_ENDPOINT_URL", cloud.proxy.url.as_str()),
        ("OTEL_TRACES_EXPORTER", "none"),
        ("TIER_QUOTAS", "basic=10/20/1000,standard=10/20/1000,premium=10/20/1000"),
        ("USER_POOL_ID", &outputs.user_pool_id),
        ("USER_POOL_CLIENT_ID", &outputs.user_pool_client_id),
    ];
    env.extend(own);
    let event = payloads::get(path, &format!("Bearer {}", cloud.callers[0].token));
    let mut event: Value = serde_json::from_str(&event).unwrap();
    event["multiValueQueryStringParameters"] =
        query.as_object().unwrap().iter().map(|(name, value)| (name.clone(), json!([value]))).collect();
    let config = Config::new(program(name), &format!("{name}-local"), &env);
    let mut function = Function::start(&config).await.unwrap();
    function.invoke(event.to_string(), DEADLINE).await.unwrap().http().0
}

/// One pass over spans in which everything fails, so that somebody is told.
async fn evaluator() -> Proxy {
    let everything_fails =
        |query: &Query| vec![complete(&[Sample { slot: query.from, tenant: "acme", requests: 400, failed: 400 }])];
    let insights = Insights::start(everything_fails).await;
    let proxy = Proxy::start().await;
    proxy.forward_to(&insights.url);
    let (topic, accounts) = (format!("arn:aws:sns:us-east-1:{OBSERVABILITY}:pages-local"), "111111111111,222222222222");
    let env = [
        ("AWS_ENDPOINT_URL", proxy.url.as_str()),
        ("STATE_TABLE", "slo-state-local"),
        ("ALERT_TOPIC_ARN", &topic),
        ("SPANS_ACCOUNT_IDS", accounts),
        ("SPANS_LOG_GROUP", "aws/spans"),
        ("OTEL_TRACES_EXPORTER", "none"),
    ];
    let config = Config::new(program("slo-evaluator"), "slo-evaluator-local", &env);
    let mut function = Function::start(&config).await.unwrap();
    let outcome = function.invoke("{}".to_owned(), DEADLINE).await.unwrap();
    let report: Value = serde_json::from_slice(outcome.result.as_ref().unwrap()).unwrap();
    assert_eq!((&report["slots"], report["told"].as_u64() > Some(0)), (&json!(1), true), "{report}");
    proxy
}

fn compare(now: &BTreeSet<RecordedCall>) {
    let file = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../infra/iam/calls.json"));
    if std::env::var("RECORD_CALLS").is_ok() {
        std::fs::write(&file, serde_json::to_string_pretty(now).unwrap() + "\n").unwrap();
    }
    let recorded: BTreeSet<RecordedCall> = serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
    let added: Vec<_> = now.difference(&recorded).collect();
    let gone: Vec<_> = recorded.difference(now).collect();
    assert!(
        added.is_empty() && gone.is_empty(),
        "infra/iam/calls.json is not what functions do: they also call {added:#?}, they no longer call {gone:#?}. \
         RECORD_CALLS=1 writes it anew; infra/iam then tells whether policies allow it."
    );
}
