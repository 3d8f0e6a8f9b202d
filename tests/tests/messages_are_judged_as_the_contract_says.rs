//! What docs/events.asyncapi.yaml allows, this consumer takes, and nothing else: the document's schema and the code judge the same
//! messages, and must agree.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::{BTreeSet, HashMap};

use airline_events::{Booking, BookingCancelled, BookingConfirmed, TIERS};
use jsonschema::Validator;
use mileage::route::Route;
use serde_json::{Value, json};
use tenancy::{TenantId, UserId};
use tenant_messages::{TenantMessage, read};

/// The events, as the document names them, and what their `event_type` is.
const EVENTS: [(&str, &str); 2] =
    [("BookingConfirmed", BookingConfirmed::EVENT_TYPE), ("BookingCancelled", BookingCancelled::EVENT_TYPE)];

/// What the document's components are, as JSON.
fn components() -> Value {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/events.asyncapi.yaml");
    let document: Value = serde_saphyr::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    document["components"].clone()
}

/// A message: attributes and body.
#[derive(Clone)]
struct Message {
    headers: Value,
    payload: Value,
}

fn good(event_type: &str) -> Message {
    let mut good = Message {
        headers: json!({ "tenant_id": "acme", "tenant_tier": "basic", "event_type": event_type }),
        payload: json!({
            "version": 1,
            "booking_number": "7K3M9Q2X",
            "from_airport": "LHR",
            "to_airport": "JFK",
            "departure_date": "2027-01-31",
            "sub": "user-1",
            "Tier-level": "basic",
            "Tenant-id": "acme",
        }),
    };
    if event_type == BookingCancelled::EVENT_TYPE {
        good.payload["cancelled_at"] = "2027-01-30T08:00:00.000Z".into();
    }
    good
}

/// By the schema of the document, with the two rules that JSON Schema has no word for.
struct Schema {
    headers: Validator,
    payload: Validator,
    different: Vec<String>,
}

impl Schema {
    fn read(event: &str) -> Self {
        let components = components();
        let message = &components["messages"][event];
        let is_airport = |code: &str| code.parse().ok().and_then(iata_airports::find).is_some();
        let validator = |schema: &Value| {
            let options = jsonschema::options().should_validate_formats(true).should_ignore_unknown_formats(false);
            // Where its references lead.
            let mut schema = schema.clone();
            schema["components"] = components.clone();
            options.with_format("x-airport", is_airport).build(&schema).unwrap()
        };
        let different = components["schemas"]["Booking"]["x-different"].as_array().unwrap().iter();
        Self {
            headers: validator(&message["headers"]),
            payload: validator(&message["payload"]),
            different: different.map(|name| name.as_str().unwrap().to_owned()).collect(),
        }
    }

    fn allows(&self, message: &Message) -> bool {
        let values: Vec<&Value> = self.different.iter().map(|name| &message.payload[name]).collect();
        let distinct = values.iter().map(|value| value.to_string()).collect::<BTreeSet<_>>().len() == values.len();
        distinct && self.headers.is_valid(&message.headers) && self.payload.is_valid(&message.payload)
    }
}

/// By the code, as the event of this type.
fn judged(event_type: &str, message: &Message) -> Result<(), String> {
    let text = |(name, value): (&String, &Value)| Some((name.clone(), value.as_str()?.to_owned()));
    let attributes: HashMap<String, String> = message.headers.as_object().unwrap().iter().filter_map(text).collect();
    let body = message.payload.to_string();
    let booking: Result<Booking, _> = if event_type == BookingCancelled::EVENT_TYPE {
        read(&body, &attributes).map(|BookingCancelled { booking, .. }| booking)
    } else {
        read(&body, &attributes).map(|BookingConfirmed(booking)| booking)
    };
    let booking = booking.map_err(|error| error.to_string())?;
    Route::of(&booking).map(|_| ()).map_err(|error| error.to_string())
}

#[test]
fn patterns_and_enumerations_of_the_document_are_those_of_the_code() {
    let schemas = components()["schemas"].clone();
    let fields = &schemas["Booking"]["properties"];
    for (field, pattern) in [
        ("booking_number", Booking::NUMBER),
        ("from_airport", Booking::AIRPORT),
        ("to_airport", Booking::AIRPORT),
        ("sub", UserId::PATTERN),
        ("Tenant-id", TenantId::PATTERN),
    ] {
        assert_eq!(fields[field]["pattern"], pattern.regex(), "{field}");
    }
    assert_eq!(fields["version"]["const"], BookingConfirmed::VERSION);
    assert_eq!(fields["version"]["const"], BookingCancelled::VERSION);
    let tiers = json!(TIERS);
    assert_eq!(fields["Tier-level"]["enum"], tiers);
    let attributes = &schemas["Attributes"]["properties"];
    assert_eq!(attributes["tenant_tier"]["enum"], tiers);
    assert_eq!(attributes["tenant_id"]["pattern"], TenantId::PATTERN.regex());

    // Every event is there, and what is written of it has the document's fields, and only those.
    let names = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<BTreeSet<_>>();
    let messages = components()["messages"].clone();
    assert_eq!(names(&messages), EVENTS.map(|(event, _)| event.to_owned()).into());
    for (event, event_type) in EVENTS {
        assert_eq!(messages[event]["name"], event_type);
        assert_eq!(messages[event]["headers"]["properties"]["event_type"]["const"], event_type);
    }
    let confirmed: BookingConfirmed = serde_json::from_value(good("").payload).unwrap();
    let cancelled: BookingCancelled = serde_json::from_value(good(BookingCancelled::EVENT_TYPE).payload).unwrap();
    let both = &names(fields) | &names(&schemas["Cancellation"]["properties"]);
    for (written, fields) in [(confirmed.write(), names(fields)), (cancelled.write(), both)] {
        let body: Value = serde_json::from_str(&written.unwrap().body).unwrap();
        assert_eq!(names(&body), fields);
    }
    for schema in ["Booking", "Cancellation"] {
        let required = schemas[schema]["required"].as_array().unwrap();
        let required: BTreeSet<_> = required.iter().map(|name| name.as_str().unwrap().to_owned()).collect();
        assert_eq!(required, names(&schemas[schema]["properties"]));
    }
}

/// Values that a field may and may not have, whichever it is: the document decides.
fn values() -> Vec<Value> {
    let texts = [
        "",
        " ",
        "A",
        "A#B",
        "7K3M9Q2X",
        "7K3M9Q2",
        "7K3M9Q2XX",
        "7k3m9q2x",
        "7K3M9Q2I",
        "7K3M9Q2L",
        "7K3M9Q2O",
        "7K3M9Q2U",
        "7K3M9Q2 ",
        " 7K3M9Q2X",
        "7K3M9Q2X\n",
        "7K3M9Q2\u{e9}",
        "LHR",
        "JFK",
        "lhr",
        "LH",
        "LHRR",
        "XXQ",
        "LHR ",
        "LH1",
        "L\u{c4}R",
        "EGLL",
        "2027-01-31",
        "2026-99-99",
        "2027-02-29",
        "2028-02-29",
        "2027-02-30",
        "2027-00-10",
        "2027-1-31",
        "27-01-31",
        "2027-01-31T00:00:00Z",
        "2027-01-31T00:00:00.000Z",
        "2027-02-30T00:00:00.000Z",
        "2027-01-31T24:00:00.000Z",
        "2027-01-31T00:00:00.000+00:00",
        "2027-01-31t00:00:00.000z",
        "2027-01-31 ",
        "20270131",
        "2027-W04-7",
        "2027-031",
        "-2027-01-31",
        "+002027-01-31",
        "0000-01-01",
        "9999-12-31",
        "10000-01-01",
        "2027-01-31[u-ca=iso8601]",
        "2027\u{2010}01\u{2010}31",
        "user-1",
        "a#b",
        "acme",
        "a b",
        "ACME_2-x",
        "gold",
        "basic",
        "Basic",
        "standard",
        "premium",
        "booking.confirmed",
        "booking.cancelled",
        "\u{0}",
        "\u{661}",
    ];
    let mut values: Vec<Value> = texts.iter().map(|text| json!(text)).collect();
    values.extend([64, 65, 128, 129].map(|length| json!("x".repeat(length))));
    values.extend([
        json!(null),
        json!(true),
        json!(0),
        json!(1),
        json!(1.0),
        json!(1.5),
        json!(2),
        json!(-1),
        json!(4_294_967_297_u64),
    ]);
    values.extend([json!([]), json!(["LHR"]), json!({}), json!({ "S": "LHR" })]);
    values
}

#[test]
fn the_schema_and_the_code_judge_alike() {
    for (event, event_type) in EVENTS {
        judge_alike(&Schema::read(event), event_type);
    }
}

fn judge_alike(schema: &Schema, event_type: &str) {
    let good = || good(event_type);
    assert!(schema.allows(&good()));
    assert_eq!(judged(event_type, &good()), Ok(()));
    let (mut allowed, mut refused) = (0, 0);
    let mut compare = |case: &str, message: &Message| {
        let verdict = judged(event_type, message);
        assert_eq!(schema.allows(message), verdict.is_ok(), "{case}: the code says {verdict:?}");
        if verdict.is_ok() { allowed += 1 } else { refused += 1 }
    };
    for field in good().payload.as_object().unwrap().keys() {
        let mut message = good();
        message.payload.as_object_mut().unwrap().remove(field);
        compare(&format!("{field} is missing"), &message);
        for value in values() {
            let mut message = good();
            message.payload[field] = value.clone();
            // Attributes that agree, where attributes can.
            let attribute =
                [("Tenant-id", "tenant_id"), ("Tier-level", "tenant_tier")].into_iter().find(|(of, _)| of == field);
            if let Some((_, name)) = attribute {
                message.headers[name] = value.clone();
            }
            compare(&format!("{field}: {:.40}", value.to_string()), &message);
        }
    }
    for name in good().headers.as_object().unwrap().keys() {
        let mut message = good();
        message.headers.as_object_mut().unwrap().remove(name);
        compare(&format!("attribute {name} is missing"), &message);
    }
    for (name, value) in [
        ("event_type", "booking.confirmed"),
        ("event_type", "booking.cancelled"),
        ("event_type", ""),
        ("traceparent", "00-x"),
        ("tracestate", ""),
        ("x", "y"),
    ] {
        let mut message = good();
        message.headers[name] = value.into();
        compare(&format!("attribute {name}: {value}"), &message);
    }
    let mut message = good();
    message.payload["a_field_of_tomorrow"] = json!({ "deep": [1] });
    compare("a field that the document does not name", &message);
    for payload in [json!(null), json!([]), json!("x"), json!(1), json!({}), json!([good().payload])] {
        compare("a body that is no event", &Message { payload, ..good() });
    }
    assert!(allowed > 20 && refused > 400, "{allowed} allowed, {refused} refused");
}

/// Attributes and body say the same: the one rule that the document has in words alone.
#[test]
fn attributes_that_disagree_are_refused_though_each_is_allowed() {
    let schema = Schema::read("BookingConfirmed");
    for (name, value) in [("tenant_id", "globex"), ("tenant_tier", "premium")] {
        let mut message = good("booking.confirmed");
        message.headers[name] = value.into();
        assert!(schema.allows(&message));
        assert_eq!(judged("booking.confirmed", &message), Err(format!("attribute {name} and the body disagree")));
    }
}

#[test]
fn the_reason_names_the_field() {
    for (field, value, reason) in [
        ("booking_number", "A#B", "booking_number is not 8 characters of 0-9A-HJKMNP-TV-Z"),
        ("departure_date", "2026-99-99", "departure_date is not a date that exists: YYYY-MM-DD"),
        ("to_airport", "LHR", "from_airport and to_airport are the same"),
        ("to_airport", "XXQ", "XXQ is no airport"),
    ] {
        let mut message = good("booking.cancelled");
        message.payload[field] = value.into();
        assert_eq!(judged("booking.cancelled", &message), Err(reason.to_owned()));
    }
}
