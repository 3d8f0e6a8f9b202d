//! Spans that no sender would send, the same for the same seed.

use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest,
    common::v1::{AnyValue, ArrayValue, InstrumentationScope, KeyValue, any_value::Value},
    resource::v1::Resource,
    trace::v1::{ResourceSpans, ScopeSpans, Span, Status, span},
};
use testkit::control_plane::{now_ns, number, text};

const SECOND: i64 = 1_000_000_000;
const DAY: i64 = 86_400 * SECOND;

/// As they are, they end strings, statements, lines and rows.
pub(crate) const TENANTS: [&str; 7] = [
    "acme",
    "globex",
    "x' OR 1=1; DROP TABLE spans; --",
    "a\tb\n\\N\0",
    "{tenant:String}",
    "\"ü€\u{1f6eb}\"",
    "@tenant.id",
];
const SERVICES: [&str; 4] = ["booking-api", "mileage-api", "a`b", "it's"];

/// An OTLP request with these spans, each of its own sender and scope.
pub(crate) fn request(spans: &[(&'static str, Span)]) -> ExportTraceServiceRequest {
    let groups = spans.iter().map(|(service, span)| {
        let mut attributes = vec![text("service.name", service)];
        // Some senders speak of themselves.
        if span.span_id.last().is_some_and(|last| last % 4 == 0) {
            attributes.extend([text("cloud.account.id", "333333333333"), text("tenant.id", "sender's")]);
        }
        let version = span.span_id.last().copied().unwrap_or_default() % 5;
        let versions: &[KeyValue] = &match version {
            0 => vec![],
            1 => vec![number("service.version", 7), text("faas.version", "$LATEST")],
            2 => vec![text("faas.version", TENANTS[3])],
            _ => vec![text("service.version", &format!("1.{version}")), text("faas.version", "")],
        };
        attributes.extend_from_slice(versions);
        let scope = InstrumentationScope { name: format!("of {service}"), ..InstrumentationScope::default() };
        ResourceSpans {
            resource: Some(Resource { attributes, ..Resource::default() }),
            scope_spans: vec![ScopeSpans {
                scope: Some(scope),
                spans: vec![span.clone()],
                schema_url: "https://opentelemetry.io/schemas/1.42.0".into(),
            }],
            ..ResourceSpans::default()
        }
    });
    ExportTraceServiceRequest { resource_spans: groups.collect() }
}

fn value(value: Value) -> Option<AnyValue> {
    Some(AnyValue { value: Some(value) })
}

fn attribute(key: &str, value_of: Value) -> KeyValue {
    KeyValue { key: key.to_owned(), value: value(value_of), ..KeyValue::default() }
}

fn names(list: &[&str]) -> Value {
    Value::ArrayValue(ArrayValue {
        values: list.iter().filter_map(|name| value(Value::StringValue((*name).to_owned()))).collect(),
    })
}

/// A link to the first of [these traces](odd).
pub(crate) fn link_to_the_first() -> span::Link {
    span::Link { trace_id: vec![1; 16], span_id: vec![2; 8], ..span::Link::default() }
}

/// So many traces.
pub(crate) fn odd(random: &mut fastrand::Rng, traces: u8) -> Vec<(&'static str, Span)> {
    let now = now_ns();
    let mut spans = Vec::new();
    for trace in 1..=traces {
        // Not so near to where buckets widen that a slow test would see it.
        let age = [0, 0, 0, 3 * DAY, 6 * DAY, 10 * DAY, 30 * DAY, 40 * DAY, now][random.usize(..9)];
        // Nor so near to now that a quick one would see what is yet to come.
        let mut begun = now - age - random.i64(120..1_800) * SECOND;
        if random.bool() {
            // Across a border of minutes, five minutes and perhaps hours.
            begun = (begun.div_euclid(300 * SECOND) * 300 * SECOND - random.i64(0..2 * SECOND)).max(0);
        }
        let mut tenant = random.choice(TENANTS).unwrap();
        for index in 0..random.u8(1..=12) {
            if random.u8(..) < 40 {
                tenant = random.choice(TENANTS).unwrap();
            }
            spans.push((SERVICES[random.usize(..4)], one(random, trace, index, begun.max(0), tenant)));
        }
    }
    spans
}

fn one(random: &mut fastrand::Rng, trace: u8, index: u8, begun: i64, tenant: &str) -> Span {
    let id = |index: u8| vec![9, 0, 0, 0, 0, 0, trace, index + 1];
    let start = begun + random.i64(0..90 * SECOND);
    let mut attributes = Vec::new();
    let mut chance = fastrand::Rng::with_seed(random.u64(..));
    let mut maybe = |one_in: u8, made: KeyValue| {
        if chance.u8(..one_in) == 0 {
            attributes.push(made);
        }
    };
    if random.u8(..8) > 0 {
        maybe(1, text("tenant.id", tenant));
    }
    maybe(12, number("tenant.id", 42));
    maybe(2, text("tenant.tier", ["basic", "premium", "it's"][random.usize(..3)]));
    maybe(2, text("cloud.account.id", ["111111111111", "222222222222"][random.usize(..2)]));
    maybe(2, number("http.response.status_code", [200, 201, 404, 429, 500, 503, 99_999][random.usize(..7)]));
    maybe(3, text("http.request.method", ["GET", "POST", "PO'ST"][random.usize(..3)]));
    maybe(3, text("url.path", ["/bookings", "/a?b=\"c\"", "/\\"][random.usize(..3)]));
    maybe(3, text("faas.trigger", ["http", "pubsub", "timer"][random.usize(..3)]));
    maybe(3, text("server.address", ["api.example.com", "it's.example.com"][random.usize(..2)]));
    maybe(4, text("db.system.name", "aws.dynamodb"));
    maybe(5, attribute("aws.dynamodb.table_names", names(&["reservations"])));
    maybe(3, text("messaging.system", ["aws_sqs", "aws.sns", "kafka"][random.usize(..3)]));
    maybe(2, text("messaging.destination.name", ["accrual", "booking-confirmed"][random.usize(..2)]));
    maybe(5, text("peer.service", "legacy"));
    maybe(4, text("enduser.id", ["anna", "o'neil"][random.usize(..2)]));
    maybe(4, attribute("sampling.adjusted_count", Value::DoubleValue([2.5, 4.0, 64.0][random.usize(..3)])));
    maybe(9, attribute("sampling.estimated", Value::BoolValue(true)));
    maybe(3, attribute("aws.xray.annotations", names(&["plan", "seats.booked"])));
    maybe(2, text("plan", ["gold", "\"gold\""][random.usize(..2)]));
    maybe(2, number("seats.booked", random.i64(1..9)));
    maybe(6, attribute("bytes", Value::BytesValue(vec![0, 255, 10])));
    maybe(6, attribute("nan", Value::DoubleValue(f64::INFINITY)));
    maybe(3, text("problem.code", "it's_refused"));
    maybe(8, attribute("faas.coldstart", Value::BoolValue(index.is_multiple_of(2))));
    let event = || span::Event {
        name: "exception".into(),
        time_unix_nano: 7,
        attributes: vec![text("exception.message", "\u{0}\n'")],
        ..span::Event::default()
    };
    let mut linked = fastrand::Rng::with_seed(random.u64(..));
    // To some trace, to one that is not there, and nowhere.
    let mut link = || span::Link {
        trace_id: [vec![linked.u8(1..=trace); 16], vec![1; 16], vec![0xee; 16], vec![0; 16]][linked.usize(..4)].clone(),
        ..link_to_the_first()
    };
    Span {
        trace_id: vec![trace; 16],
        span_id: id(index),
        // An earlier one, one that has not come, itself, or none.
        parent_span_id: match random.u8(..8) {
            0 => Vec::new(),
            1 => id(200),
            2 => id(index),
            _ => id(random.u8(..=index)),
        },
        name: ["GET /bookings", "process accrual", "\\'\"{}?", ""][random.usize(..4)].into(),
        kind: random.i32(0..=6),
        start_time_unix_nano: u64::try_from(start).unwrap(),
        // Some end before they begin.
        end_time_unix_nano: u64::try_from((start + random.i64(-SECOND..5 * SECOND)).max(0)).unwrap(),
        trace_state: ["", "ot=th:c", "ot=th:8;rv:1"][random.usize(..3)].into(),
        status: random.bool().then(|| Status { code: random.i32(0..=2), message: "it's".into() }),
        events: (0..random.u8(..3)).map(|_| event()).collect(),
        links: (0..random.u8(..3)).map(|_| link()).collect(),
        attributes,
        ..Span::default()
    }
}
