//! Spans as the functions make them: bookings of a thousand tenants, in requests as a collector sends them.

use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest,
    common::v1::{AnyValue, ArrayValue, KeyValue, any_value::Value},
    resource::v1::Resource,
    trace::v1::{ResourceSpans, ScopeSpans, Span, Status, span::SpanKind},
};
use prost::Message;

/// Spans of one booking.
pub(super) const SPANS_PER_TRACE: usize = 6;
/// Spans in a request: as many as the Collector's batch processor is often told to send.
pub(super) const SPANS_PER_REQUEST: usize = 500;
pub(super) const TENANTS: u64 = 1_000;

const BOOKING: &str = "111111111111";
const MILEAGE: &str = "222222222222";
const TIERS: [&str; 3] = ["basic", "standard", "premium"];

/// Pseudo-random numbers (xorshift64*), the same in every run.
pub(super) struct Random(u64);

impl Random {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    pub(super) fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    /// A number from 0 to 1, without 1.
    fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Around `median`, with a tail.
    fn duration(&mut self, median_ns: f64) -> u64 {
        let normal: f64 = (0..6).map(|_| self.unit()).sum::<f64>() - 3.0;
        (median_ns * (normal * 0.9).exp()) as u64
    }
}

fn attribute(key: &str, value: Value) -> KeyValue {
    KeyValue { key: key.to_owned(), value: Some(AnyValue { value: Some(value) }), ..KeyValue::default() }
}

pub(super) fn text(key: &str, value: &str) -> KeyValue {
    attribute(key, Value::StringValue(value.to_owned()))
}

/// The tenant with this number.
pub(super) fn tenant(number: u64) -> String {
    format!("tenant-{number:04}")
}

fn common(tenant_number: u64, account: &str) -> Vec<KeyValue> {
    let tier = TIERS.get((tenant_number % 3) as usize).copied().unwrap_or_default();
    let named = ["tenant.id", "tenant.tier"].map(|name| AnyValue { value: Some(Value::StringValue(name.to_owned())) });
    vec![
        text("tenant.id", &tenant(tenant_number)),
        text("tenant.tier", tier),
        text("enduser.id", &format!("user-{}", tenant_number * 7)),
        attribute("aws.xray.annotations", Value::ArrayValue(ArrayValue { values: named.into() })),
        text("cloud.account.id", account),
    ]
}

/// The booking that began at `start_ns`: a span of each kind, by the sender it belongs to.
fn booking(random: &mut Random, start_ns: u64) -> [(usize, Span); SPANS_PER_TRACE] {
    let tenant_number = random.next() % TENANTS;
    let trace_id = [random.next().to_be_bytes(), random.next().to_be_bytes()].concat();
    let ids: [Vec<u8>; SPANS_PER_TRACE] = std::array::from_fn(|_| (random.next() | 1).to_be_bytes().to_vec());
    let outcome = random.next() % 200;
    let fails = outcome == 0;
    let write = random.duration(6e6);
    let api = write + random.duration(3e6);
    let handled = start_ns + api + random.duration(40e6);
    let publish = random.duration(8e6);
    let accrued = handled + publish + random.duration(60e6);
    let ledger = random.duration(7e6);
    let [api_id, write_id, publisher_id, send_id, accrual_id, ledger_id] = ids;
    let span =
        |id: &Vec<u8>, parent: &[u8], name: &str, kind: SpanKind, account, start, duration, more: Vec<KeyValue>| {
            let mut attributes = common(tenant_number, account);
            attributes.extend(more);
            Span {
                trace_id: trace_id.clone(),
                span_id: id.clone(),
                parent_span_id: parent.to_vec(),
                name: name.to_owned(),
                kind: kind as i32,
                start_time_unix_nano: start,
                end_time_unix_nano: start + duration,
                attributes,
                flags: 1,
                ..Span::default()
            }
        };
    let status = match outcome {
        0 => 500,
        1 | 2 => 422,
        _ => 201,
    };
    let mut served = span(
        &api_id,
        &[],
        "POST /bookings",
        SpanKind::Server,
        BOOKING,
        start_ns,
        api,
        vec![
            text("faas.trigger", "http"),
            text("faas.invocation_id", "8f507cfc-1f2e-4b6c-9f0e-5a1f2c3d4e5f"),
            text("http.request.method", "POST"),
            text("http.route", "/bookings"),
            text("url.path", "/bookings"),
            attribute("http.response.status_code", Value::IntValue(status)),
        ],
    );
    // One request in a hundred is turned away, of whom each tenant has some.
    if status == 422 {
        served.attributes.push(text("problem.code", if outcome == 1 { "invalid_booking" } else { "unknown_airport" }));
    }
    if fails {
        served.status = Some(Status { code: 2, ..Status::default() });
    }
    let dynamodb = |table: &str| {
        vec![
            text("rpc.system", "aws-api"),
            text("rpc.service", "DynamoDB"),
            text("rpc.method", "DynamoDB/TransactWriteItems"),
            text("db.system.name", "aws.dynamodb"),
            attribute(
                "aws.dynamodb.table_names",
                Value::ArrayValue(ArrayValue {
                    values: vec![AnyValue { value: Some(Value::StringValue(table.into())) }],
                }),
            ),
            text("aws.request_id", "QK5V2I3O8HPNN4V4B9CD1MQK7JVV4KQNSO5AEMVJF66Q9ASUAAJG"),
        ]
    };
    let message = |system: &str, destination: &str, operation: &str| {
        vec![
            text("messaging.system", system),
            text("messaging.destination.name", destination),
            text("messaging.operation.type", operation),
            text("messaging.message.id", "5f1a6d0c-2f9c-5a0e-8c5b-30d5b1d7c9aa"),
        ]
    };
    let write_span = span(
        &write_id,
        &api_id,
        "DynamoDB.TransactWriteItems",
        SpanKind::Client,
        BOOKING,
        start_ns + 1_000_000,
        write,
        dynamodb("reservations"),
    );
    let publisher = span(
        &publisher_id,
        &api_id,
        "process reservations",
        SpanKind::Consumer,
        BOOKING,
        handled,
        publish + 1_000_000,
        message("aws.dynamodb", "reservations", "process"),
    );
    let send = span(
        &send_id,
        &publisher_id,
        "send booking-confirmed",
        SpanKind::Producer,
        BOOKING,
        handled + 500_000,
        publish,
        message("aws.sns", "booking-confirmed", "send"),
    );
    let accrual = span(
        &accrual_id,
        &send_id,
        "process accrual",
        SpanKind::Consumer,
        MILEAGE,
        accrued,
        ledger + 1_000_000,
        message("aws_sqs", "accrual", "process"),
    );
    let ledger_span = span(
        &ledger_id,
        &accrual_id,
        "DynamoDB.TransactWriteItems",
        SpanKind::Client,
        MILEAGE,
        accrued + 500_000,
        ledger,
        dynamodb("ledger"),
    );
    [(0, served), (0, write_span), (1, publisher), (1, send), (2, accrual), (2, ledger_span)]
}

/// A request with bookings that began at these times, and the trace ids in it.
pub(super) fn request(random: &mut Random, starts_ns: impl Iterator<Item = u64>) -> (Vec<u8>, Vec<[u8; 16]>) {
    let mut by_sender: [Vec<Span>; 3] = Default::default();
    let mut trace_ids = Vec::new();
    for start_ns in starts_ns {
        for (sender, span) in booking(random, start_ns) {
            if let (0, Ok(id)) = (sender, span.trace_id.as_slice().try_into())
                && span.parent_span_id.is_empty()
            {
                trace_ids.push(id);
            }
            if let Some(spans) = by_sender.get_mut(sender) {
                spans.push(span);
            }
        }
    }
    let senders = [("booking-api", BOOKING), ("booking-publisher", BOOKING), ("mileage-accrual", MILEAGE)];
    let groups = by_sender.into_iter().zip(senders).map(|(spans, (service, account))| ResourceSpans {
        resource: Some(Resource {
            attributes: vec![
                text("service.name", service),
                text("cloud.account.id", account),
                text("cloud.region", "us-east-1"),
                text("faas.name", service),
            ],
            ..Resource::default()
        }),
        scope_spans: vec![ScopeSpans { spans, ..ScopeSpans::default() }],
        ..ResourceSpans::default()
    });
    (ExportTraceServiceRequest { resource_spans: groups.collect() }.encode_to_vec(), trace_ids)
}
