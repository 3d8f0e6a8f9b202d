//! Bad input gets a clear answer, never a 5xx; bad trace context is ignored and the request served.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::sync::LazyLock;

use aws_sdk_cognitoidentityprovider::types::ExplicitAuthFlowsType;
use local::{ministack::sdk_config, outputs::User, users};
use reqwest::Method;
use serde_json::{Value, json};
use testkit::{Caller, Cloud, JOURNEY, a_booking, assert_journey, book, day};

static CLOUD: LazyLock<Cloud> = LazyLock::new(Cloud::start);

fn with(field: &str, value: Value) -> String {
    let mut body = a_booking("LHR", "JFK");
    body[field] = value;
    body.to_string()
}

fn without(field: &str) -> String {
    let mut body = a_booking("LHR", "JFK");
    body.as_object_mut().unwrap().remove(field);
    body.to_string()
}

#[tokio::test]
async fn each_bad_booking_names_its_field() {
    let caller = CLOUD.caller(0).await;
    let cases = [
        ("not JSON", "{".to_owned(), 400, None),
        ("empty", String::new(), 400, None),
        ("an array", "[]".to_owned(), 400, None),
        ("nested too deep", "[".repeat(10_000), 400, None),
        ("over 16 kB", with("passenger_name", "x".repeat(17_000).into()), 400, Some("")),
        ("wrong type", with("from_airport", 7.into()), 422, Some("/from_airport")),
        ("missing", without("to_airport"), 422, Some("/to_airport")),
        ("unknown airport", with("to_airport", "XXQ".into()), 422, Some("/to_airport")),
        ("same from and to", with("to_airport", "LHR".into()), 422, Some("/to_airport")),
        ("not a date", with("departure_date", "soon".into()), 422, Some("/departure_date")),
        ("no such day", with("departure_date", "2027-02-30".into()), 422, Some("/departure_date")),
        ("in the past", with("departure_date", day(-1).to_string().into()), 422, Some("/departure_date")),
        ("beyond 361 days", with("departure_date", day(362).to_string().into()), 422, Some("/departure_date")),
        ("empty name", with("passenger_name", "".into()), 422, Some("/passenger_name")),
        ("blank name", with("passenger_name", "  ".into()), 422, Some("/passenger_name")),
        ("long name", with("passenger_name", "x".repeat(101).into()), 422, Some("/passenger_name")),
        ("control character", with("passenger_name", "a\u{7}b".into()), 422, Some("/passenger_name")),
        ("unknown field", with("seat", "1A".into()), 422, Some("/seat")),
    ];
    for (case, body, status, field) in cases {
        let answer = caller.post(body).await;
        answer.assert_problem(status, case);
        if let Some(field) = field {
            assert_eq!(answer.body["errors"][0]["field"], field, "{case}: {}", answer.body);
        }
    }
}

#[tokio::test]
async fn bad_keys_numbers_and_queries_are_named() {
    let caller = CLOUD.caller(0).await;
    caller.post_with_key(&a_booking("LHR", "JFK"), &"k".repeat(256)).await.assert_problem(400, "a long key");
    for (path, status) in [
        ("/bookings/nonsense", 404),
        ("/bookings/00000000", 404),
        ("/quotes", 400),
        ("/quotes?from=LHR", 400),
        ("/quotes?from=LHR&to=XXQ", 422),
        ("/quotes?from=LHR&to=LHR", 422),
        ("/quotes?from=LHR&from=LHR&to=JFK", 400),
        ("/bookings?limit=1&limit=2", 400),
        ("/bookings?limit=1&limit=1", 400),
        ("/bookings?limit=1&cursor=x&cursor=y", 400),
        // API Gateway does not tell a missing route from a missing signature.
        ("/nowhere", 403),
    ] {
        caller.get(path).await.assert_problem(status, path);
    }
}

#[tokio::test]
async fn bad_tokens_are_refused() {
    let caller = CLOUD.caller(0).await;
    let parts: Vec<&str> = caller.token.split('.').collect();
    let foreign = CLOUD.caller(1).await;
    let foreign: Vec<&str> = foreign.token.split('.').collect();
    let cases = [
        ("none", String::new()),
        ("garbage", "garbage".to_owned()),
        ("two parts", format!("{}.{}", parts[0], parts[1])),
        ("no signature", format!("{}.{}.", parts[0], parts[1])),
        // {"alg":"none"}
        ("alg none", format!("eyJhbGciOiJub25lIn0.{}.", parts[1])),
        ("another token's claims", format!("{}.{}.{}", parts[0], foreign[1], parts[2])),
        ("10 kB", "x".repeat(10_000)),
    ];
    for (case, token) in cases {
        let caller = Caller::with_token(&CLOUD.outputs, caller.user.clone(), token);
        caller.get("/bookings").await.assert_problem(401, case);
        caller.get_mileage("/mileage").await.assert_problem(401, case);
        caller.post(a_booking("LHR", "JFK").to_string()).await.assert_problem(401, case);
    }
}

#[tokio::test]
async fn a_token_of_another_client_is_refused_by_the_function() {
    // API Gateway's authorizer takes any client of the pool.
    let config = sdk_config(&CLOUD.outputs.aws_endpoint_url, &CLOUD.outputs.booking_account).await;
    let cognito = aws_sdk_cognitoidentityprovider::Client::new(&config);
    let other = cognito
        .create_user_pool_client()
        .user_pool_id(&CLOUD.outputs.user_pool_id)
        .client_name("another")
        .explicit_auth_flows(ExplicitAuthFlowsType::AllowUserPasswordAuth)
        .send()
        .await
        .unwrap();
    let mut outputs = CLOUD.outputs.clone();
    outputs.user_pool_client_id = other.user_pool_client().unwrap().client_id().unwrap().to_owned();
    let caller = Caller::sign_in(&outputs, outputs.users[0].clone()).await;
    caller.get("/bookings").await.assert_problem(401, "another audience");
    caller.get_mileage("/mileage").await.assert_problem(401, "another audience");
}

#[tokio::test]
async fn a_user_without_a_servable_tenant_is_refused() {
    let config = sdk_config(&CLOUD.outputs.aws_endpoint_url, &CLOUD.outputs.booking_account).await;
    let cognito = aws_sdk_cognitoidentityprovider::Client::new(&config);
    let cases: [(&str, &[(&str, &str)]); 4] = [
        ("nobody", &[]),
        ("notier", &[("custom:tenant-id", "acme")]),
        ("gold", &[("custom:tenant-id", "acme"), ("custom:tier-level", "gold")]),
        ("spaced", &[("custom:tenant-id", "acme inc"), ("custom:tier-level", "basic")]),
    ];
    for (name, claims) in cases {
        let email = format!("{name}@example.test");
        let user: User = users::create_one(&cognito, &CLOUD.outputs.user_pool_id, &email, claims).await.unwrap();
        let caller = Caller::sign_in(&CLOUD.outputs, user).await;
        caller.get("/bookings").await.assert_problem(403, name);
        caller.get_mileage("/mileage").await.assert_problem(403, name);
    }
}

#[tokio::test]
async fn bad_trace_context_is_ignored() {
    let caller = CLOUD.caller(2).await;
    let zeros = "0".repeat(32);
    let cases = [
        ("traceparent", "garbage".to_owned()),
        ("traceparent", format!("00-{zeros}-b7ad6b7169203331-01")),
        ("traceparent", "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01".to_owned()),
        ("traceparent", "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".to_owned()),
        ("baggage", "x=".to_owned() + &"y".repeat(9_000)),
        ("baggage", "tenant.id=globex,tenant.tier=basic".to_owned()),
        ("x-amzn-trace-id", "Root=nonsense;Sampled=1".to_owned()),
    ];
    for (header, value) in cases {
        let case = format!("{header}: {:.60}", value);
        let request = caller.booking(Method::POST, "/bookings").header(header, value);
        let booked = caller.send(request.json(&a_booking("GRU", "LIS"))).await;
        assert_eq!(booked.status, 201, "{case}: {}", booked.body);
        let trace = CLOUD.trace(&booked.trace_id(), |trace| trace.spans.len() >= JOURNEY.len()).await;
        assert_journey(&trace, &caller.user, &booked.booking_number());
    }
}

#[tokio::test]
async fn what_belongs_to_another_user_is_not_found() {
    let (owner, other) = (CLOUD.caller(0).await, CLOUD.caller(1).await);
    let number = book(&owner, "DEL", "DXB").await.booking_number();
    owner.miles(&number).await;
    assert_eq!(owner.get(&format!("/bookings/{number}")).await.status, 200);

    let foreign = other.get(&format!("/bookings/{number}")).await;
    let unknown = other.get("/bookings/00000000").await;
    foreign.assert_problem(404, "another tenant's booking");
    assert_eq!(foreign.body, unknown.body, "the answer tells that the booking exists");

    let (foreign, unknown) = (other.cancel(&number).await, other.cancel("00000000").await);
    foreign.assert_problem(404, "another tenant's booking is cancelled");
    assert_eq!(foreign.body, unknown.body, "the answer tells that the booking exists");
    // Nor is it somebody else's of the same tenant.
    let config = sdk_config(&CLOUD.outputs.aws_endpoint_url, &CLOUD.outputs.booking_account).await;
    let cognito = aws_sdk_cognitoidentityprovider::Client::new(&config);
    let claims = [("custom:tenant-id", "acme"), ("custom:tier-level", "basic")];
    let colleague = users::create_one(&cognito, &CLOUD.outputs.user_pool_id, "colleague@acme.example", &claims).await;
    let colleague = Caller::sign_in(&CLOUD.outputs, colleague.unwrap()).await;
    for answer in [colleague.cancel(&number).await, colleague.get(&format!("/bookings/{number}")).await] {
        assert_eq!((answer.status, &answer.body), (404, &unknown.body), "a colleague's booking");
    }
    assert_eq!(owner.get(&format!("/bookings/{number}")).await.body["status"], "confirmed");

    // Not yet posted and not theirs look the same too.
    let foreign = other.get_mileage(&format!("/mileage/{number}")).await;
    let unknown = other.get_mileage("/mileage/00000000").await;
    assert_eq!(foreign.status, unknown.status);
    assert_eq!(foreign.body["status"], json!("pending"));
    assert!(!foreign.body.to_string().contains("DEL"), "{}", foreign.body);
}
