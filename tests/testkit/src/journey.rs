//! What the trace of a booking holds, and that of its cancellation: the tables of their spans and edges.

use control_plane_model::trace::{Span, Trace};
use local::outputs::User;

/// A span of the journey.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Step {
    /// `service.name`.
    pub service: &'static str,
    /// Span name.
    pub name: &'static str,
    /// Span kind.
    pub kind: &'static str,
    /// `cloud.account.id`.
    pub account: &'static str,
    /// Name of the parent, which is a span of the same trace.
    pub parent: Option<&'static str>,
}

const A: &str = "111111111111";
const B: &str = "222222222222";

/// From the request in account A to the ledger in account B. Names are unique but for the two writes, which their service
/// tells apart.
pub const JOURNEY: [Step; 6] = [
    Step { service: "booking-api", name: "POST /bookings", kind: "SERVER", account: A, parent: None },
    Step {
        service: "booking-api",
        name: "DynamoDB.TransactWriteItems",
        kind: "CLIENT",
        account: A,
        parent: Some("POST /bookings"),
    },
    Step {
        service: "booking-publisher",
        name: "process reservations-local",
        kind: "CONSUMER",
        account: A,
        parent: Some("POST /bookings"),
    },
    Step {
        service: "booking-publisher",
        name: "send booking-events-local",
        kind: "PRODUCER",
        account: A,
        parent: Some("process reservations-local"),
    },
    Step {
        service: "mileage-accrual",
        name: "process mileage-bookings-local",
        kind: "CONSUMER",
        account: B,
        parent: Some("send booking-events-local"),
    },
    Step {
        service: "mileage-accrual",
        name: "DynamoDB.TransactWriteItems",
        kind: "CLIENT",
        account: B,
        parent: Some("process mileage-bookings-local"),
    },
];

const CANCEL: &str = "POST /bookings/{number}/cancellation";

/// The same for a cancellation, whose reservation is read first, and then what it earned.
pub const CANCELLATION: [Step; 8] = [
    Step { service: "booking-api", name: CANCEL, kind: "SERVER", account: A, parent: None },
    Step { service: "booking-api", name: "DynamoDB.GetItem", kind: "CLIENT", account: A, parent: Some(CANCEL) },
    Step { parent: Some(CANCEL), ..JOURNEY[1] },
    Step { parent: Some(CANCEL), ..JOURNEY[2] },
    JOURNEY[3],
    JOURNEY[4],
    Step { name: "DynamoDB.GetItem", ..JOURNEY[5] },
    JOURNEY[5],
];

/// The spans of a trace but those that a request has now and then: one that leases tokens of the tenant's quota, and the start of the sandbox that
/// serves it.
pub fn of_any_request(trace: &Trace) -> impl Iterator<Item = &Span> {
    const NOW_AND_THEN: [&str; 2] = ["DynamoDB.UpdateItem", "Initialization"];
    trace.spans.iter().filter(|span| !NOW_AND_THEN.contains(&span.name.as_str()))
}

/// Whether so many steps have arrived.
pub fn has_steps(trace: &Trace, count: usize) -> bool {
    of_any_request(trace).count() >= count
}

/// Asserts that a trace is exactly the journey of a booking, and that each of its spans names this user and their tenant, and no other, and
/// the booking with this number.
pub fn assert_journey(trace: &Trace, user: &User, booking_number: &str) {
    assert_steps(trace, &JOURNEY, user, booking_number);
}

/// The same for another journey.
pub fn assert_steps(trace: &Trace, steps: &[Step], user: &User, booking_number: &str) {
    let mut expected: Vec<_> = steps
        .iter()
        .map(|step| {
            let parent = step.parent.map(str::to_owned);
            (step.service.to_owned(), step.name.to_owned(), step.kind.to_owned(), Some(step.account.to_owned()), parent)
        })
        .collect();
    let parent = |span: &Span| {
        let id = span.parent_span_id.as_ref()?;
        let parent = trace.spans.iter().find(|other| other.span_id == *id);
        Some(parent.map_or_else(|| format!("{id}, which is not in the trace"), |parent| parent.name.clone()))
    };
    let of =
        |span: &Span| (span.service.clone(), span.name.clone(), span.kind.clone(), span.account.clone(), parent(span));
    let mut actual: Vec<_> = of_any_request(trace).map(of).collect();
    expected.sort();
    actual.sort();
    assert_eq!(actual, expected, "trace {}", trace.trace_id);
    for span in &trace.spans {
        assert_about(span, user, booking_number);
    }
}

/// Asserts that a span says whom it served and what it was about, in its attributes and among the annotations X-Ray indexes.
fn assert_about(span: &Span, user: &User, booking_number: &str) {
    let case = format!("{} {}", span.service, span.name);
    assert_eq!(span.tenant.as_deref(), Some(user.tenant.as_str()), "{case}");
    assert_eq!(span.tier.as_deref(), Some(user.tier.as_str()), "{case}");
    assert!(span.attributes["enduser.id"].as_str().is_some_and(|id| !id.is_empty()), "{case}");
    assert_eq!(span.attributes["booking.number"], booking_number, "{case}");
    let annotations = serde_json::json!(["tenant.id", "tenant.tier", "booking.number"]);
    assert_eq!(span.attributes["aws.xray.annotations"], annotations, "{case}");
}
