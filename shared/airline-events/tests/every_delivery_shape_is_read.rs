//! A message reads the same however it was delivered, and a request as API Gateway sends it.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use airline_events::BookingConfirmed;
use lambda_http::request;
use lambda_problem::{required_query, route};
use tenant_messages::{IncomingMessage, receive};

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

    for message in [&wrapped, &raw, &direct, &bridged, &queued] {
        let (booking, tenant) = BookingConfirmed::accept(&message.body, &message.attributes).unwrap();
        assert_eq!(booking.booking_number, "7T42H7MK");
        assert_eq!(tenant.tenant_id.as_str(), "acme");
        let traceparent = "00-5759e988bd862e3fe1be46a994272793-53995c3f42cd8ad8-01";
        assert_eq!(message.attributes["traceparent"], traceparent);
    }
    assert_eq!((wrapped.system, wrapped.source.as_str()), ("aws_sqs", "mileage-bookings-dev"));
    assert_eq!((direct.system, direct.source.as_str()), ("aws.sns", "booking-events-dev"));
    assert_eq!(wrapped.message_id, "059f36b4-87a3-44ab-83d2-661975830a7d", "SQS's id: what a failure is reported by");
    assert_eq!(direct.message_id, "95df01b4-ee98-5cb9-9903-4c221d41eb5e");
    assert_eq!((bridged.system, bridged.source.as_str()), ("aws.eventbridge", "booking"));
    assert_eq!((queued.system, queued.source.as_str()), ("aws_sqs", "mileage-bookings-dev"));
    assert_eq!(queued.message_id, wrapped.message_id);
    assert!(raw.aws_trace_header.unwrap().starts_with("Root=1-5759e988-"));
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
