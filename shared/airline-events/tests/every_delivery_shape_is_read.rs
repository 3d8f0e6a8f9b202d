//! A message reads the same however it was delivered, and a request as API Gateway sends it.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use airline_events::BookingConfirmed;
use lambda_http::request;
use lambda_problem::{required_query, route};
use tenant_messages::{BelievedSources, IncomingMessage, InvalidMessage, receive};

const QUEUE: &str = "arn:aws:sqs:us-east-1:222222222222:mileage-bookings-dev";
const TOPIC: &str = "arn:aws:sns:us-east-1:111111111111:booking-events-dev";
const BUS: &str = "arn:aws:events:us-east-1:111111111111:event-bus/default";
const BELIEVED: [&str; 3] = [QUEUE, TOPIC, BUS];

fn one(payload: &str) -> IncomingMessage {
    let mut messages = receive(serde_json::from_str(payload).unwrap()).unwrap();
    assert_eq!(messages.len(), 1);
    messages.remove(0)
}

#[test]
fn wrapped_raw_direct_and_bridged_messages_read_the_same() {
    let wrapped = one(include_str!("payloads/sqs-with-sns-envelope.json"));
    let raw = one(include_str!("payloads/sqs-raw-delivery.json"));
    let direct = one(include_str!("payloads/sns-direct.json"));

    let bridged = one(include_str!("payloads/eventbridge.json"));
    let queued = one(include_str!("payloads/sqs-with-eventbridge-event.json"));

    let believed: BelievedSources = BELIEVED.map(str::to_owned).into_iter().collect();
    for message in [&wrapped, &raw, &direct, &bridged, &queued] {
        let (BookingConfirmed(booking), tenant) = message.accept::<BookingConfirmed>(&believed).unwrap();
        assert_eq!(booking.booking_number, "7T42H7MK");
        assert_eq!(tenant.tenant_id.as_str(), "acme");
        let traceparent = "00-5759e988bd862e3fe1be46a994272793-53995c3f42cd8ad8-01";
        assert_eq!(message.attributes()["traceparent"], traceparent);
    }
    assert_eq!((wrapped.system, wrapped.source.as_str()), ("aws_sqs", "mileage-bookings-dev"));
    assert_eq!((direct.system, direct.source.as_str()), ("aws.sns", "booking-events-dev"));
    assert_eq!(wrapped.message_id, "059f36b4-87a3-44ab-83d2-661975830a7d", "SQS's id: what a failure is reported by");
    assert_eq!(direct.message_id, "95df01b4-ee98-5cb9-9903-4c221d41eb5e");
    assert_eq!((bridged.system, bridged.source.as_str()), ("aws.eventbridge", "booking"));
    assert_eq!((queued.system, queued.source.as_str()), ("aws_sqs", "mileage-bookings-dev"));
    assert_eq!(queued.message_id, wrapped.message_id);
    assert_eq!(queued.aws_trace_header, None, "this one has none; a queue's header is kept whatever its body is");
    assert!(raw.aws_trace_header.unwrap().starts_with("Root=1-5759e988-"));
}

/// A message makes a tenant's items open, so who might have sent it counts.
#[test]
fn a_message_that_came_another_way_speaks_for_no_tenant() {
    let stranger = "arn:aws:sns:us-east-1:666666666666:booking-events-dev";
    for (payload, carriers) in [
        (include_str!("payloads/sqs-with-sns-envelope.json"), &[QUEUE, TOPIC][..]),
        (include_str!("payloads/sqs-raw-delivery.json"), &[QUEUE]),
        (include_str!("payloads/sns-direct.json"), &[TOPIC]),
        (include_str!("payloads/eventbridge.json"), &[BUS]),
        (include_str!("payloads/sqs-with-eventbridge-event.json"), &[QUEUE, BUS]),
    ] {
        let message = one(payload);
        for missing in carriers {
            let others: BelievedSources =
                BELIEVED.into_iter().filter(|arn| arn != missing).chain([stranger]).map(str::to_owned).collect();
            let refused = message.accept::<BookingConfirmed>(&others);
            assert!(matches!(refused, Err(InvalidMessage::Unbelieved(_))), "{missing}: {refused:?}");
        }
    }
    let believed: BelievedSources = BELIEVED.map(str::to_owned).into_iter().collect();
    let refused = IncomingMessage::default().accept::<BookingConfirmed>(&believed);
    assert_eq!(refused.err(), Some(InvalidMessage::Unbelieved("nowhere".to_owned())));
}

/// Made by somebody who does not know of `metadata` and `data`.
#[test]
fn a_plain_event_of_eventbridge_is_all_body() {
    let mut event: serde_json::Value = serde_json::from_str(include_str!("payloads/eventbridge.json")).unwrap();
    event["detail"] = serde_json::json!({ "order": 7 });
    let message = one(&event.to_string());
    assert_eq!((message.body(), message.attributes().len()), (r#"{"order":7}"#, 0));
    assert_eq!(message.event_type(), None);
}

#[test]
fn an_event_of_another_source_is_refused() {
    for payload in ["null", "{}", r#"{"Records":7}"#, r#"{"Records":[{"eventSource":"aws:s3"}]}"#] {
        assert!(receive(serde_json::from_str(payload).unwrap()).is_err(), "{payload}");
    }
}

#[test]
fn a_request_names_its_route_and_parameters() {
    let request = request::from_str(include_str!("payloads/api-gateway.json")).unwrap();
    assert_eq!(route(&request), "/bookings/{number}");
    assert_eq!(required_query(&request, "from").unwrap(), "LHR");
    assert_eq!(required_query(&request, "to").unwrap_err().status(), 400);
}
