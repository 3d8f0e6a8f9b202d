//! The events a function is invoked with.

use serde_json::{Value, json};

/// `POST /bookings` as API Gateway hands it on, with these headers besides the token.
pub fn create_booking(token: &str, headers: &[(&str, &str)]) -> String {
    let departure = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(24 * 30);
    let body = json!({
        "from_airport": "LHR",
        "to_airport": "JFK",
        "departure_date": departure.strftime("%Y-%m-%d").to_string(),
        "passenger_name": "Amelia Earhart",
    });
    let authorization = format!("Bearer {token}");
    let all = headers.iter().copied().chain([("authorization", authorization.as_str())]);
    let multi: serde_json::Map<String, Value> = all.map(|(name, value)| (name.to_owned(), json!([value]))).collect();
    json!({
        "resource": "/bookings",
        "path": "/bookings",
        "httpMethod": "POST",
        "headers": {},
        "multiValueHeaders": multi,
        "requestContext": {
            "accountId": "111111111111",
            "resourcePath": "/bookings",
            "httpMethod": "POST",
            "path": "/dev/bookings",
            "requestId": "request-1",
            "stage": "dev",
            "identity": {},
        },
        "body": body.to_string(),
        "isBase64Encoded": false,
    })
    .to_string()
}

/// `GET` of a resource without a body as API Gateway hands it on, with this `Authorization`.
pub fn get(resource: &str, authorization: &str) -> String {
    json!({
        "resource": resource,
        "path": resource,
        "httpMethod": "GET",
        "headers": {},
        "multiValueHeaders": { "authorization": [authorization] },
        "requestContext": {
            "accountId": "111111111111",
            "resourcePath": resource,
            "httpMethod": "GET",
            "path": resource,
            "requestId": "request-1",
            "stage": "dev",
            "identity": {},
        },
        "body": null,
        "isBase64Encoded": false,
    })
    .to_string()
}

/// A message of a queue that a topic feeds.
#[derive(Debug, Clone, Copy)]
pub struct Message<'a> {
    /// The booking.
    pub booking_number: &'a str,
    /// Its tenant.
    pub tenant: &'a str,
    /// The tenant's tier.
    pub tier: &'a str,
    /// The trace it was sent in.
    pub traceparent: &'a str,
}

/// A batch from SQS, each message in SNS's envelope.
pub fn bookings_confirmed(messages: &[Message<'_>]) -> String {
    let records: Vec<Value> = messages.iter().enumerate().map(|(index, message)| record(index, message)).collect();
    json!({ "Records": records }).to_string()
}

fn record(index: usize, message: &Message<'_>) -> Value {
    let body = json!({
        "version": 1,
        "booking_number": message.booking_number,
        "from_airport": "LHR",
        "to_airport": "JFK",
        "departure_date": "2027-01-01",
        "sub": format!("user-of-{}", message.tenant),
        "Tier-level": message.tier,
        "Tenant-id": message.tenant,
    });
    let attribute = |value: &str| json!({ "Type": "String", "Value": value });
    let envelope = json!({
        "Type": "Notification",
        "MessageId": format!("notification-{index}"),
        "TopicArn": "arn:aws:sns:us-east-1:111111111111:booking-events-dev",
        "Message": body.to_string(),
        "Timestamp": "2026-11-21T05:10:06.207Z",
        "MessageAttributes": {
            "traceparent": attribute(message.traceparent),
            "tenant_id": attribute(message.tenant),
            "tenant_tier": attribute(message.tier),
            "event_type": attribute("booking.confirmed"),
        },
    });
    json!({
        "messageId": format!("message-{index}-{}", message.booking_number),
        "receiptHandle": "receipt",
        "body": envelope.to_string(),
        "attributes": {},
        "messageAttributes": {},
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:us-east-1:222222222222:mileage-bookings-dev",
        "awsRegion": "us-east-1",
    })
}
