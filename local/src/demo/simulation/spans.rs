//! A request under way: what all its spans have in common, and the kinds of spans there are.

use std::ops::Range;

use fastrand::Rng;
use opentelemetry_proto::tonic::{
    common::v1::{KeyValue, any_value::Value},
    trace::v1::{Span, Status, span::SpanKind, status::StatusCode},
};

use super::{
    story::Moment,
    telling::{Sender, Service, SimulatedSpan, attribute, list, number, text},
};

pub(super) const MILLISECOND: u64 = 1_000_000;
pub(super) const SECOND: u64 = 1_000 * MILLISECOND;
/// One in this many requests finds a function that has just started.
const ONE_IS_COLD_OF: u32 = 400;

pub(super) type SpanId = [u8; 8];

/// Why a span failed.
#[derive(Clone)]
pub(super) struct Failure {
    pub(super) r#type: &'static str,
    pub(super) message: String,
}

/// A call, a message or a request.
pub(super) struct Done {
    pub(super) name: String,
    pub(super) kind: SpanKind,
    pub(super) start: u64,
    pub(super) took: u64,
    pub(super) failure: Option<Failure>,
    pub(super) attributes: Vec<KeyValue>,
}

/// A request under way.
pub(super) struct Request<'a> {
    pub(super) moment: &'a Moment,
    pub(super) rng: Rng,
    trace_id: [u8; 16],
    pub(super) region: &'static str,
    pub(super) user: String,
    /// With which status it is refused, and why.
    pub(super) refused: Option<(i64, &'static str)>,
    pub(super) booking: Option<String>,
    pub(super) told: Vec<SimulatedSpan>,
}

impl<'a> Request<'a> {
    pub(super) fn begin(moment: &'a Moment) -> Self {
        let mut rng = Rng::with_seed(moment.seed);
        let region = moment.tenant.region(&mut rng);
        let user = moment.tenant.user(&mut rng);
        // X-Ray's form, which begins with the time.
        let mut trace_id = fastrand::u128(..).to_be_bytes();
        trace_id[..4].copy_from_slice(&((moment.start / SECOND) as u32).to_be_bytes());
        Self { moment, rng, trace_id, region, user, refused: None, booking: None, told: Vec::new() }
    }

    pub(super) fn sender(&self, service: Service, version: &'static str) -> Sender {
        Sender { service, version, region: self.region }
    }

    pub(super) fn answer_by(
        &mut self,
        sender: Sender,
        name: &str,
        failure: Option<Failure>,
        calls: Vec<Done>,
    ) -> SpanId {
        let (method, route) = name.split_once(' ').unwrap_or((name, "/"));
        let cold = self.rng.u32(..ONE_IS_COLD_OF) == 0;
        let last = calls.iter().map(|call| call.start + call.took).max().unwrap_or(self.moment.start);
        let started = if cold { self.between(80..160) } else { 0 };
        let success = if method == "POST" { 201 } else { 200 };
        let status = self.refused.map_or(success, |(status, _)| status);
        let reason = self.refused.map(|(_, reason)| text("problem.code", reason));
        let path = match &self.booking {
            Some(booking) if route.contains('{') => format!("/bookings/{booking}"),
            _ => route.to_owned(),
        };
        let answered = Done {
            name: name.to_owned(),
            kind: SpanKind::Server,
            // The calls come after whatever had to start.
            start: self.moment.start - started,
            took: last - self.moment.start + started + self.between(1..4),
            // What the answer says of it; the reason is the call's.
            failure: failure.as_ref().map(|_| Failure { r#type: "500", message: String::new() }),
            attributes: vec![
                text("faas.trigger", "http"),
                attribute("faas.coldstart", Value::BoolValue(cold)),
                text("http.request.method", method),
                text("http.route", route),
                text("url.path", &path),
                number("http.response.status_code", if failure.is_some() { 500 } else { status }),
            ]
            .into_iter()
            .chain(reason)
            .collect(),
        };
        let id = self.record(sender, None, answered);
        for call in calls {
            self.record(sender, Some(id), call);
        }
        id
    }

    pub(super) fn dynamodb(&mut self, operation: &str, table: &str, start: u64, took: Range<u64>) -> Done {
        Done {
            name: format!("DynamoDB.{operation}"),
            kind: SpanKind::Client,
            start,
            took: self.between(took),
            failure: None,
            attributes: vec![
                text("rpc.system", "aws-api"),
                text("rpc.service", "DynamoDB"),
                text("rpc.method", &format!("DynamoDB/{operation}")),
                text("cloud.region", self.region),
                text("db.system.name", "aws.dynamodb"),
                list("aws.dynamodb.table_names", &[table]),
            ],
        }
    }

    pub(super) fn message(
        &mut self,
        system: &str,
        from: &str,
        start: u64,
        took: Range<u64>,
        failure: Option<Failure>,
    ) -> Done {
        Done {
            name: format!("process {from}"),
            kind: SpanKind::Consumer,
            start,
            took: self.between(took),
            failure,
            attributes: vec![
                text("messaging.system", system),
                text("messaging.operation.type", "process"),
                text("messaging.destination.name", from),
                text("aws.span.kind", "LOCAL_ROOT"),
            ],
        }
    }

    /// A random number of nanoseconds, from a range in milliseconds.
    pub(super) fn between(&mut self, milliseconds: Range<u64>) -> u64 {
        self.rng.u64(milliseconds.start * MILLISECOND..milliseconds.end * MILLISECOND)
    }

    /// Adds a span with what every span of the request says.
    pub(super) fn record(&mut self, sender: Sender, parent: Option<SpanId>, done: Done) -> SpanId {
        let id = fastrand::u64(1..).to_be_bytes();
        let mut attributes = vec![
            text("tenant.id", self.moment.tenant.id),
            text("tenant.tier", self.moment.tenant.tier),
            text("enduser.id", &self.user),
        ];
        let mut annotations = vec!["tenant.id", "tenant.tier"];
        if let Some(booking) = &self.booking {
            attributes.push(text("booking.number", booking));
            annotations.push("booking.number");
        }
        attributes.push(list("aws.xray.annotations", &annotations));
        attributes.extend(done.attributes);
        let status = done.failure.map(|Failure { r#type, message }| {
            attributes.push(text("error.type", r#type));
            Status { code: StatusCode::Error as i32, message }
        });
        let span = Span {
            trace_id: self.trace_id.to_vec(),
            span_id: id.to_vec(),
            parent_span_id: parent.map(Vec::from).unwrap_or_default(),
            name: done.name,
            kind: done.kind as i32,
            start_time_unix_nano: done.start,
            end_time_unix_nano: done.start + done.took,
            attributes,
            status,
            ..Span::default()
        };
        self.told.push(SimulatedSpan { sender, span });
        id
    }
}
