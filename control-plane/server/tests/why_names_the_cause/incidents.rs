//! Windows of traffic made at random: in some one value of one attribute makes requests fail, in others nothing does. The same for the same seed.

use std::collections::BTreeSet;

use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest,
    common::v1::{AnyValue, ArrayValue, KeyValue, any_value::Value},
    resource::v1::Resource,
    trace::v1::{ResourceSpans, ScopeSpans, Span, Status, span},
};
use testkit::control_plane::{number, text};

const MILLISECOND: u64 = 1_000_000;
/// Requests of a window are so far from each other.
const APART: u64 = 250 * MILLISECOND;

/// What makes requests of a window fail, or take longer.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Cause {
    /// On the spans or the resource of this service.
    pub(crate) service: &'static str,
    pub(crate) key: &'static str,
    pub(crate) value: String,
    /// The share of the requests with this value that it harms.
    pub(crate) rate: f64,
}

/// A window.
pub(crate) struct Window {
    random: fastrand::Rng,
    pub(crate) causes: Vec<Cause>,
    /// Requests that fail for no reason that any attribute tells.
    background: f64,
    /// Whether causes make requests slow, and not fail.
    pub(crate) slows: bool,
    /// The service that has another version from so many requests on.
    pub(crate) deployed: Option<(&'static str, u64)>,
    /// Of each list of values, how often each of them is: some are rare.
    weights: Vec<Vec<f64>>,
    number: u64,
    started: u64,
    /// Requests that each cause has harmed.
    pub(crate) harmed: Vec<usize>,
}

/// Services that are called by the one before, or take what it sent; with the attributes of their own.
const SERVICES: [(&str, &[(&str, usize)]); 5] = [
    ("booking-api", &[("plan", 3), ("device", 6), ("flag.checkout", 2), ("http.route", 4)]),
    ("seat-api", &[("cabin", 3), ("aircraft", 12), ("http.route", 3)]),
    ("price-api", &[("fare.family", 5), ("currency", 9)]),
    ("booking-publisher", &[("batch.kind", 3)]),
    ("mileage-accrual", &[("partner", 8), ("status.level", 4)]),
];
/// What every service's resource says, and how many values of each there are.
const OF_RESOURCES: [(&str, usize); 4] =
    [("service.version", 3), ("cloud.region", 3), ("deployment.ring", 4), ("faas.instance", 40)];
const TABLES: usize = 6;
const HOSTS: usize = 10;

impl Window {
    /// An incident: one value of some attribute makes from 1 % to 30 % of its requests fail, others fail for other reasons. Of so many requests it harms
    /// one at least.
    pub(crate) fn incident(seed: u64, requests: usize) -> Self {
        Self::incidents(seed, requests, 1, 1)
    }

    /// Several of them at once, each with an attribute of its own, and in the service that comes first: who fails there comes to no other, where it could fail
    /// for another reason. Of so many requests each harms that many at least.
    pub(crate) fn incidents(seed: u64, requests: usize, causes: usize, at_least: usize) -> Self {
        let some = |attempt: u64| {
            let mut window = Self::quiet(seed * 1_000 + attempt);
            window.background = window.random.f64() * 0.01;
            window.causes = (0..causes).map(|_| window.some_cause()).collect();
            window.harmed = vec![0; causes];
            window
        };
        let is_meant = |attempt: &u64| {
            let causes = some(*attempt).causes;
            let keys: BTreeSet<_> = causes.iter().map(|cause| cause.key).collect();
            keys.len() == causes.len() && causes.iter().all(|cause| causes.len() == 1 || cause.service == SERVICES[0].0)
        };
        let harms = |attempt: &u64| {
            let mut window = some(*attempt);
            window.requests(requests);
            window.harmed.iter().all(|harmed| *harmed >= at_least)
        };
        some((0..).filter(is_meant).find(harms).unwrap())
    }

    /// From one in two hundred to one in twenty fails, whatever it says.
    pub(crate) fn quiet(seed: u64) -> Self {
        let mut random = fastrand::Rng::with_seed(seed);
        let some_weights =
            |random: &mut fastrand::Rng, values: usize| (0..values).map(|_| 0.15 + random.f64()).collect::<Vec<f64>>();
        let weights = (0..64).map(|values| some_weights(&mut random, values)).collect();
        let background = 0.005 + random.f64() * 0.045;
        Self {
            random,
            causes: Vec::new(),
            background,
            slows: false,
            deployed: None,
            weights,
            number: seed << 24,
            started: 0,
            harmed: Vec::new(),
        }
    }

    /// One that begins at this time, nanoseconds since 1970.
    pub(crate) fn starting(self, started: u64) -> Self {
        Self { started, ..self }
    }

    fn some_cause(&mut self) -> Cause {
        let (service, own) = SERVICES[self.random.usize(..SERVICES.len())];
        let of_resource = &OF_RESOURCES[..3];
        let (key, values) = match self.random.u8(..10) {
            0..4 => of_resource[self.random.usize(..of_resource.len())],
            4..8 => own[self.random.usize(..own.len())],
            8 => ("aws.dynamodb.table_names", TABLES),
            _ => ("faas.coldstart", 1),
        };
        let value = match key {
            "faas.coldstart" => "true".to_owned(),
            _ => format!("{key} {}", self.random.usize(..values)),
        };
        Cause { service, key, value, rate: 0.01 + self.random.f64() * 0.29 }
    }

    /// A value of a list, some more often than others.
    fn one_of(&mut self, key: &str, values: usize) -> String {
        let weights = &self.weights[values];
        let mut left = self.random.f64() * weights.iter().sum::<f64>();
        let at = weights.iter().position(|weight| {
            left -= weight;
            left < 0.0
        });
        format!("{key} {}", at.unwrap_or_default())
    }

    /// So many requests, as their senders send them.
    pub(crate) fn requests(&mut self, count: usize) -> Vec<ResourceSpans> {
        (0..count).flat_map(|_| self.request()).collect()
    }

    fn request(&mut self) -> Vec<ResourceSpans> {
        self.number += 1;
        let tenant = self.random.usize(..8);
        let region = self.one_of("cloud.region", 3);
        let mut parts: Vec<Part> = Vec::new();
        for (at, (service, own)) in SERVICES.into_iter().enumerate() {
            // Not every request comes everywhere.
            if at > 0 && at < 3 && self.random.u8(..4) == 0 {
                continue;
            }
            let part = self.part(service, own, tenant, &region);
            parts.push(part);
        }
        let mut by_cause = None;
        for (at, cause) in self.causes.iter().enumerate() {
            let place = parts.iter().position(|part| part.says(cause));
            if let Some(place) = place.filter(|_| by_cause.is_none() && self.random.f64() < cause.rate) {
                by_cause = Some(place);
                self.harmed[at] += 1;
            }
        }
        let by_chance = (self.random.f64() < self.background).then(|| self.random.usize(..parts.len()));
        let slowed = by_cause.filter(|_| self.slows);
        let failed = by_cause.filter(|_| !self.slows).or(by_chance);
        self.spans(parts, failed, slowed)
    }

    fn part(&mut self, service: &'static str, own: &[(&str, usize)], tenant: usize, region: &str) -> Part {
        let is_new = self.deployed.is_some_and(|(of, from)| of == service && self.number % (1 << 24) >= from);
        let of_resource = OF_RESOURCES.map(|(key, values)| match key {
            "cloud.region" => text(key, region),
            "service.version" if is_new => text(key, "the new one"),
            _ => text(key, &self.one_of(key, values)),
        });
        let mut resource = vec![text("service.name", service), text("faas.name", service)];
        resource.extend(of_resource);
        let mut served = vec![
            text("tenant.id", &format!("tenant-{tenant}")),
            text("tenant.tier", ["basic", "standard", "premium"][tenant % 3]),
            text("enduser.id", &format!("user-{tenant}-{}", self.random.u8(..60))),
            text("aws.request_id", &format!("{:032X}", self.random.u128(..))),
            attribute("faas.coldstart", Value::BoolValue(self.random.u8(..20) == 0)),
            attribute("duration.of.setup", Value::DoubleValue(self.random.f64())),
            number("seats.booked", self.random.i64(1..9)),
        ];
        served.extend(own.iter().map(|(key, values)| text(key, &self.one_of(key, *values))));
        let mut tables = vec![self.one_of("aws.dynamodb.table_names", TABLES)];
        if self.random.u8(..3) == 0 {
            tables.push(self.one_of("aws.dynamodb.table_names", TABLES));
        }
        let table = |name: &String| AnyValue { value: Some(Value::StringValue(name.clone())) };
        let called = vec![
            text("db.system.name", "aws.dynamodb"),
            text("server.address", &self.one_of("host", HOSTS)),
            attribute(
                "aws.dynamodb.table_names",
                Value::ArrayValue(ArrayValue { values: tables.iter().map(table).collect() }),
            ),
        ];
        Part { service, resource, served, called, tables }
    }

    /// Each service's span, within that of the one before while somebody waits, and its call of a table. Where one failed, the
    /// first failed too if it waited, none after it is reached, and some send the message to where dead letters go.
    fn spans(&mut self, parts: Vec<Part>, failed: Option<usize>, slowed: Option<usize>) -> Vec<ResourceSpans> {
        let trace_id = (u128::from(self.number) << 64 | u128::from(self.random.u64(..))).to_be_bytes().to_vec();
        let begun = self.started + self.number % (1 << 24) * APART;
        let (mut sent, mut parent) = (Vec::new(), Vec::new());
        let last = failed.unwrap_or(parts.len() - 1);
        let waits = |part: &Part| part.service.ends_with("-api");
        let failed_waiting = failed.and_then(|at| parts.get(at)).is_some_and(waits);
        let until = begun + (60 + self.random.u64(..90) + if slowed.is_some() { 900 } else { 0 }) * MILLISECOND;
        for (at, part) in parts.into_iter().enumerate().take(last + 1) {
            let is_first = failed == Some(at);
            let fails = is_first || (at == 0 && failed_waiting);
            let start =
                if waits(&part) { begun + at as u64 * 5 * MILLISECOND } else { until + at as u64 * 20 * MILLISECOND };
            let end = if waits(&part) { until - at as u64 * 5 * MILLISECOND } else { start + 15 * MILLISECOND };
            let kind = if waits(&part) { 2 } else { 5 };
            let mut served = self.span(&trace_id, &parent, &format!("{} handles", part.service), kind, (start, end));
            let mut called =
                self.span(&trace_id, &served.span_id, "DynamoDB.Query", 3, (start + MILLISECOND, end - MILLISECOND));
            (served.attributes, called.attributes) = (part.served, part.called);
            parent.clone_from(&served.span_id);
            let mut more = Vec::new();
            if fails {
                served.attributes.push(number("http.response.status_code", 500));
                served.status = Some(Status { code: 2, message: "it failed".to_owned() });
            }
            if is_first {
                fail(&mut called, self.random.u32(..));
                let letter = self.span(&trace_id, &served.span_id, "send dead-letter", 4, (end + 2, end + MILLISECOND));
                more.extend(Some(letter).filter(|_| self.random.bool()));
            } else if failed.is_none() {
                served.attributes.push(number("http.response.status_code", 200));
            }
            let spans = [served, called].into_iter().chain(more).collect();
            sent.push(ResourceSpans {
                resource: Some(Resource { attributes: part.resource, ..Resource::default() }),
                scope_spans: vec![ScopeSpans { spans, ..ScopeSpans::default() }],
                ..ResourceSpans::default()
            });
        }
        sent
    }

    fn span(&mut self, trace_id: &[u8], parent: &[u8], name: &str, kind: i32, (start, end): (u64, u64)) -> Span {
        Span {
            trace_id: trace_id.to_vec(),
            span_id: (self.random.u64(..) | 1).to_be_bytes().to_vec(),
            parent_span_id: parent.to_vec(),
            name: name.to_owned(),
            kind,
            start_time_unix_nano: start,
            end_time_unix_nano: end,
            ..Span::default()
        }
    }
}

/// What a service says in a request.
struct Part {
    service: &'static str,
    resource: Vec<KeyValue>,
    served: Vec<KeyValue>,
    called: Vec<KeyValue>,
    tables: Vec<String>,
}

impl Part {
    fn says(&self, cause: &Cause) -> bool {
        let wanted = match cause.key {
            "faas.coldstart" => attribute(cause.key, Value::BoolValue(true)),
            key => text(key, &cause.value),
        };
        let said = [&self.resource, &self.served].iter().any(|list| list.contains(&wanted));
        self.service == cause.service && (said || self.tables.contains(&cause.value))
    }
}

fn fail(span: &mut Span, id: u32) {
    let message = format!("request {id:08x} timed out after {} ms", id % 5_000);
    span.status = Some(Status { code: 2, message: String::new() });
    span.attributes.push(text("error.type", "TimeoutError"));
    span.events.push(span::Event {
        name: "exception".to_owned(),
        attributes: vec![text("exception.type", "TimeoutError"), text("exception.message", &message)],
        ..span::Event::default()
    });
}

fn attribute(key: &str, value: Value) -> KeyValue {
    KeyValue { key: key.to_owned(), value: Some(AnyValue { value: Some(value) }), ..KeyValue::default() }
}

/// Requests to the intake with all of these.
pub(crate) fn posted(parts: Vec<ResourceSpans>) -> impl Iterator<Item = ExportTraceServiceRequest> {
    let mut parts = parts.into_iter().peekable();
    std::iter::from_fn(move || {
        parts.peek()?;
        Some(ExportTraceServiceRequest { resource_spans: parts.by_ref().take(2_000).collect() })
    })
}
