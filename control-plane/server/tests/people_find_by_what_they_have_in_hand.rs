//! The box at the head of each page leads from what people have in hand to what it is: a trace's id, a tenant's id, a filter expression, a number
//! that spans are annotated with, a user's id. What it is not is told. Companies' names are in `operators_change_tenants`, where a registry is.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use opentelemetry_proto::tonic::{
    common::v1::{AnyValue, ArrayValue, KeyValue, any_value::Value as Any},
    trace::v1::{Span, Status},
};
use reqwest::{Client, redirect::Policy};
use serde_json::Value;
use testkit::control_plane::{Server, journey, request_by_service, span, text};

/// The one whose miles never came.
const LOST: usize = 1;
const NUMBERS: [&str; 3] = ["7T42H7MK", "P1KR9N43", "0ZZZ9999"];

fn annotated(number: &str) -> [KeyValue; 2] {
    let names = ["tenant.id", "booking.number"].map(|name| text("", name).value.unwrap()).to_vec();
    let names = AnyValue { value: Some(Any::ArrayValue(ArrayValue { values: names })) };
    [
        text("booking.number", number),
        KeyValue { key: "aws.xray.annotations".into(), value: Some(names), ..KeyValue::default() },
    ]
}

/// Three bookings, each with its number on every span; the message of one was not taken, and somebody asked for its miles.
async fn three() -> (Server, tempfile::TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    for (n, number) in NUMBERS.iter().enumerate() {
        let mut spans = journey(n, false);
        spans.iter_mut().for_each(|(_, span)| span.attributes.extend(annotated(number)));
        if n == LOST {
            let (_, delivery) = &mut spans[7];
            delivery.status = Some(Status { code: 2, message: "no such airport".into() });
            spans.truncate(8);
        }
        let body = request_by_service(&spans);
        assert_eq!(server.post("application/x-protobuf", body).await.status(), 200);
    }
    let mut asked = Span { name: "GET /mileage/{number}".into(), ..span(77, 0) };
    asked.attributes.extend(annotated(NUMBERS[LOST]));
    asked.attributes.push(text("enduser.id", "anna"));
    assert_eq!(server.send(vec![asked]).await.unwrap().status(), 200);
    (server, dir)
}

async fn found(server: &Server, q: &str) -> Value {
    let answer = Client::new().get(format!("{}/api/find", server.url)).query(&[("q", q)]).send().await.unwrap();
    assert_eq!(answer.status(), 200, "{q}");
    answer.json().await.unwrap()
}

/// Where the page leads; its text, if it stays.
async fn page(server: &Server, q: &str) -> Result<String, String> {
    let client = Client::builder().redirect(Policy::none()).build().unwrap();
    let answer = client.get(format!("{}/find", server.url)).query(&[("q", q)]).send().await.unwrap();
    match answer.headers().get("location") {
        Some(location) => Ok(location.to_str().unwrap().to_owned()),
        None => Err(answer.text().await.unwrap()),
    }
}

#[tokio::test]
async fn one_thing_leads_straight_to_its_page() {
    let (server, _dir) = three().await;
    let id = "00000000000000000000000000000001";
    for (q, path) in [
        (id, "/traces/00000000000000000000000000000001"),
        ("1-00000000-000000000000000000000001", "/traces/00000000000000000000000000000001"),
        ("7T42H7MK", "/traces/00000000000000000000000000000001"),
        (" 7t42h7mk ", "/traces/00000000000000000000000000000001"),
        ("anna", "/traces/4d4d4d4d4d4d4d4d4d4d4d4d4d4d4d4d"),
        ("globex", "/tenant?id=globex"),
        ("fault AND duration > 8", "/traces?filter=fault+AND+duration+%3E+8"),
    ] {
        assert_eq!(page(&server, q).await, Ok(path.to_owned()), "{q:?}");
    }
    // The answer has the trace, as the API has it by its id.
    let by_number = found(&server, "7T42H7MK").await["found"]["trace"].clone();
    let by_id: Value = reqwest::get(format!("{}/api/traces/{id}", server.url)).await.unwrap().json().await.unwrap();
    assert_eq!(by_number, by_id);
    assert_eq!(by_id["ending"]["stopped"], Value::Null);
}

#[tokio::test]
async fn a_booking_without_miles_says_where_it_stopped() {
    let (server, _dir) = three().await;
    let traces = found(&server, "P1KR9N43").await["found"]["traces"].clone();
    assert_eq!(traces["traces"]["matched"], 2, "it and the request that asked for its miles: {traces}");
    let largest = &traces["largest"];
    assert_eq!(largest["trace_id"], "00000000000000000000000000000002");
    assert_eq!(largest["ending"]["stopped"]["why"], "undone");
    let text = page(&server, "P1KR9N43").await.unwrap_err();
    let said = "It reached “send booking-confirmed” of booking-publisher and stopped at “process accrual” of mileage-accrual: the message was \
                delivered once and failed: no such airport. If it is not delivered again, look in the dead-letter queue of accrual.";
    assert!(text.contains(said), "{text}");
    let trace = reqwest::get(format!("{}/traces/00000000000000000000000000000002", server.url)).await.unwrap();
    assert!(trace.text().await.unwrap().contains(said));
}

#[tokio::test]
async fn what_is_nothing_is_answered_with_what_was_tried() {
    let (server, _dir) = three().await;
    let answer = found(&server, "HTTP<b>").await;
    assert_eq!((&answer["found"], &answer["asked"]), (&Value::Null, &"HTTP<b>".into()));
    let tried = answer["tried"].as_array().unwrap();
    let what: Vec<_> = tried.iter().map(|tried| tried["what"].as_str().unwrap()).collect();
    let expected =
        ["a trace ID", "a tenant ID", "a company's name", "a filter expression", "booking.number", "a user ID"];
    assert_eq!(what, expected);
    assert_eq!(tried[2]["outcome"], "Names of companies are not known here.");
    assert_eq!(tried[4]["outcome"], "No trace has it; all that is kept, the last 7 days, was searched.");
    let text = page(&server, "HTTP<b>").await.unwrap_err();
    assert!(
        text.contains("Nothing was found for <strong>HTTP&lt;b&gt;</strong>") && text.contains("a user ID"),
        "{text}"
    );
    // Nobody's trace, which has the form of one.
    assert_eq!(found(&server, &"f".repeat(32)).await["tried"][0]["outcome"], "No span of such a trace is kept.");
    // No number and no id is so long; with its capitals beside it, it would be no filter expression either.
    let answer = found(&server, &"x".repeat(3_000)).await;
    let last = answer["tried"].as_array().unwrap().last().unwrap().clone();
    assert_eq!(last["what"], "a number or a user ID");
    assert_eq!(last["outcome"], "It is longer than 256 bytes.");
    for q in ["", " ", &"x".repeat(4_097)] {
        let answer = Client::new().get(format!("{}/api/find", server.url)).query(&[("q", q)]).send().await.unwrap();
        assert_eq!(answer.status(), 400, "{}", q.len());
    }
}
