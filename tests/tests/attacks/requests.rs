//! Requests of globex, whose token is good, for what is acme's. In paths and headers, `{number}` is a booking of acme's and
//! `{cursor}` where its list goes on.

use serde_json::{Value, json};
use testkit::a_booking;

/// Where it goes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Door {
    Booking,
    Mileage,
}

/// A request and the status it must get.
pub(crate) struct Attack {
    pub(crate) door: Door,
    pub(crate) method: &'static str,
    pub(crate) path: &'static str,
    pub(crate) headers: &'static [(&'static str, &'static str)],
    pub(crate) status: u16,
}

const fn at(door: Door, method: &'static str, path: &'static str, status: u16) -> Attack {
    Attack { door, method, path, headers: &[], status }
}

const fn with(path: &'static str, headers: &'static [(&'static str, &'static str)], status: u16) -> Attack {
    Attack { door: Door::Booking, method: "GET", path, headers, status }
}

use Door::{Booking, Mileage};

/// Without a body: reads, and what would cancel a booking. A route that does not exist answers 403, as API Gateway answers one that takes signed requests only.
pub(crate) const READS: &[Attack] = &[
    at(Booking, "GET", "/bookings/{number}", 404),
    at(Booking, "GET", "/bookings/{number}/", 404),
    at(Booking, "GET", "/bookings/{number}%20", 404),
    at(Booking, "GET", "/bookings/{number}%00", 404),
    at(Booking, "GET", "/bookings/{number}%0d%0aX-Amz-Tenant-Id:%20acme", 404),
    at(Booking, "GET", "/bookings/{number}%23", 404),
    at(Booking, "GET", "/bookings/{number};tenant=acme", 404),
    at(Booking, "GET", "/bookings/{number}?tenant=acme", 404),
    at(Booking, "GET", "/bookings/{number}?custom:tenant-id=acme", 404),
    at(Booking, "GET", "/bookings/TENANT%23acme%23USER%23x", 404),
    at(Booking, "GET", "/bookings/..%2f..%2fetc%2fpasswd", 403),
    at(Booking, "GET", "/bookings/%2e%2e%2f%2e%2e", 403),
    at(Booking, "GET", "/bookings/%252e%252e", 404),
    at(Booking, "GET", "/bookings/%c0%ae%c0%ae", 404),
    at(Booking, "GET", "/bookings/*", 404),
    at(Booking, "GET", "/bookings/%25", 404),
    at(Booking, "GET", "/bookings/IDEM%23abc", 404),
    at(Booking, "GET", "/bookings/BALANCE", 404),
    at(Booking, "GET", "/bookings/'%20OR%201=1--", 404),
    at(Booking, "POST", "/bookings/{number}/cancellation", 404),
    at(Booking, "POST", "/bookings/{number}/cancellation?tenant=acme", 404),
    at(Booking, "POST", "/bookings/CANCELLATION%23{number}/cancellation", 404),
    at(Booking, "GET", "/bookings/{number}/cancellation", 403),
    at(Booking, "DELETE", "/bookings/{number}/cancellation", 403),
    at(Booking, "GET", "/bookings/CANCELLATION%23{number}", 404),
    at(Booking, "GET", "/BOOKINGS", 403),
    at(Booking, "GET", "/admin", 403),
    at(Booking, "PUT", "/bookings/{number}", 403),
    at(Booking, "PATCH", "/bookings/{number}", 403),
    at(Booking, "DELETE", "/bookings/{number}", 403),
    at(Booking, "DELETE", "/bookings", 403),
    at(Booking, "GET", "/bookings?limit=0", 400),
    at(Booking, "GET", "/bookings?limit=-1", 400),
    at(Booking, "GET", "/bookings?limit=101", 400),
    at(Booking, "GET", "/bookings?limit=256", 400),
    at(Booking, "GET", "/bookings?limit=99999999999999999999", 400),
    at(Booking, "GET", "/bookings?limit=1.5", 400),
    at(Booking, "GET", "/bookings?limit=all", 400),
    at(Booking, "GET", "/bookings?cursor=", 400),
    at(Booking, "GET", "/bookings?cursor=TENANT%23acme~AAAAAAA1", 400),
    at(Booking, "GET", "/bookings?cursor=2026-01-01T00:00:00Z~BALANCE", 400),
    at(Booking, "GET", "/bookings?cursor=2026-01-01T00:00:00Z", 400),
    // A place in a list is a time and a number, and the list is the caller's own.
    at(Booking, "GET", "/bookings?cursor={cursor}", 200),
    at(Booking, "GET", "/quotes?from=LHR&to=%00", 422),
    at(Booking, "GET", "/quotes?from=LHR%26to=JFK&to=JFK", 422),
    at(Booking, "GET", "/quotes?from=../../x&to=JFK", 422),
    at(Booking, "GET", "/quotes?from=%22%3E%3Cscript%3E&to=JFK", 422),
    at(Mileage, "GET", "/mileage/{number}", 200),
    at(Mileage, "GET", "/mileage/{number}%23", 404),
    at(Mileage, "GET", "/mileage/BOOKING%23{number}", 404),
    at(Mileage, "GET", "/mileage/CANCELLATION%23{number}", 404),
    at(Mileage, "GET", "/mileage/{number}-taken-back", 404),
    at(Mileage, "GET", "/mileage/..%2f..", 403),
    at(Mileage, "GET", "/mileage?limit=0", 400),
    at(Mileage, "GET", "/mileage?limit=1000", 400),
    at(Mileage, "GET", "/mileage?cursor=nonsense", 400),
    at(Mileage, "GET", "/mileage?cursor={cursor}", 200),
    at(Mileage, "DELETE", "/mileage/{number}", 403),
    at(Mileage, "POST", "/mileage", 403),
    // For account A's function alone.
    at(Mileage, "GET", "/miles?from=LHR&to=JFK", 403),
    with("/bookings/{number}", &[("x-amz-tenant-id", "acme")], 404),
    with("/bookings/{number}", &[("X-Amz-Tenant-Id", "acme"), ("x-amz-tenant-id", "acme")], 404),
    with("/bookings/{number}", &[("X-AMZ-TENANT-ID", "acme")], 404),
    with("/bookings/{number}", &[("x-amz-tenant-id", "globex,acme")], 404),
    with("/bookings/{number}", &[("x-tenant-id", "acme"), ("tenant", "acme")], 404),
    with("/bookings/{number}", &[("x-forwarded-user", "acme"), ("x-forwarded-for", "127.0.0.1")], 404),
    with("/bookings/{number}", &[("x-amzn-oidc-identity", "acme"), ("x-amzn-requestcontext", "{}")], 404),
    with("/bookings/{number}", &[("x-original-url", "/bookings"), ("x-rewrite-url", "/bookings")], 404),
    with("/bookings/{number}", &[("x-http-method-override", "DELETE")], 404),
    with("/bookings", &[("x-http-method-override", "DELETE")], 200),
    with("/bookings", &[("x-method-override", "PUT"), ("x-http-method", "PUT")], 200),
    with("/bookings", &[("x-amz-tenant-id", "acme")], 200),
    with("/bookings", &[("baggage", "tenant.id=acme,tenant.tier=premium")], 200),
    with("/bookings", &[("baggage", "tenant.id=acme"), ("baggage", "enduser.id=ada")], 200),
    with("/bookings", &[("tracestate", "tenant=acme,tenant.id=acme")], 200),
    with(
        "/bookings",
        &[("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"), ("tracestate", "x=y")],
        200,
    ),
    with("/bookings", &[("x-amzn-trace-id", "Root=1-5759e988-bd862e3fe1be46a994272793;Tenant=acme")], 200),
    with("/bookings", &[("cookie", "tenant=acme"), ("host", "acme.example")], 200),
];

/// Bodies of `POST /bookings`.
pub(crate) fn bodies() -> Vec<(&'static str, Vec<u8>, u16)> {
    let with = |field: &str, value: Value| {
        let mut body = a_booking("LHR", "JFK");
        body[field] = value;
        body.to_string().into_bytes()
    };
    let good = a_booking("LHR", "JFK").to_string();
    let put = |text: &str| good.replacen('{', text, 1).into_bytes();
    vec![
        ("a list 100,000 deep", "[".repeat(100_000).into_bytes(), 400),
        ("a list 10,000 deep", "[".repeat(10_000).into_bytes(), 400),
        ("objects 3,000 deep", "{\"a\":".repeat(3_000).into_bytes(), 400),
        ("a field nested 500 deep", put(&format!("{{\"x\":{}{},", "[".repeat(500), "]".repeat(500))), 400),
        ("a number without end", put("{\"x\":1e999,"), 400),
        ("a number of 10,000 digits", put(&format!("{{\"x\":{},", "9".repeat(10_000))), 400),
        ("10 MB of spaces", vec![b' '; 10 * 1024 * 1024 - 1], 400),
        ("beyond 10 MB", vec![b' '; 10 * 1024 * 1024 + 1], 413),
        ("a name of 10 MB", with("passenger_name", "x".repeat(10_000_000).into()), 400),
        ("16 kB and one", vec![b' '; 16 * 1024 + 1], 400),
        ("no UTF-8", vec![0xff, 0xfe, 0x00], 400),
        ("UTF-16", good.encode_utf16().flat_map(u16::to_le_bytes).collect(), 400),
        ("a byte order mark", [b"\xef\xbb\xbf".as_slice(), good.as_bytes()].concat(), 400),
        ("two documents", format!("{good}{good}").into_bytes(), 400),
        ("a comment", put("/* */{"), 400),
        ("NaN", put("{\"x\":NaN,"), 400),
        ("a zero byte", put("{\u{0}"), 400),
        ("a form", b"from_airport=LHR&to_airport=JFK".to_vec(), 400),
        ("XML that expands", b"<!DOCTYPE x [<!ENTITY a \"a\">]><x>&a;</x>".to_vec(), 400),
        ("null", b"null".to_vec(), 400),
        ("true", b"true".to_vec(), 400),
        ("a tenant of one's choice", with("tenant_id", "acme".into()), 422),
        ("a tenant as the message has it", with("Tenant-id", "acme".into()), 422),
        ("a user of one's choice", with("sub", "ada".into()), 422),
        ("a booking number of one's choice", with("booking_number", "AAAAAAA1".into()), 422),
        ("a key of one's choice", with("pk", "TENANT#acme#USER#ada".into()), 422),
        ("a prototype", with("__proto__", json!({ "tenant_id": "acme" })), 422),
        ("a list for an airport", with("from_airport", json!(["LHR"])), 422),
        ("an object for an airport", with("from_airport", json!({ "$ne": "" })), 422),
        ("a number for a name", with("passenger_name", json!(1)), 422),
        ("null for a date", with("departure_date", Value::Null), 422),
        ("an airport with a zero byte", with("to_airport", "JF\u{0}".into()), 422),
        ("an airport in full width", with("to_airport", "ＪＦＫ".into()), 422),
        ("a date far away", with("departure_date", "9999-12-31".into()), 422),
        ("a date before time", with("departure_date", "-0001-01-01".into()), 422),
        ("a name that overrides its direction, with a line break", with("passenger_name", "\u{202e}a\n".into()), 422),
    ]
}
