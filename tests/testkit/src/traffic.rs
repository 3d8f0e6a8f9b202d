//! Requests of many tenants over hours or days, as the spans that senders send, some of them late and some again; and what they come to,
//! added up from the requests, not from the spans.

use std::collections::{BTreeMap, HashMap};

use opentelemetry_proto::tonic::trace::v1::{Span, Status};

use crate::control_plane::{number, text};

const SECOND: i64 = 1_000_000_000;
const TIERS: [&str; 3] = ["basic", "standard", "premium"];
/// Whose edges are counted by themselves too.
pub const WATCHED: &str = "tenant-0";

/// What is to be sent.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// The same spans for the same seed.
    pub seed: u64,
    /// How many tenants take part; the first ones have most of the requests.
    pub tenants: u32,
    /// How many traces there are, of 3.5 spans each.
    pub traces: u32,
    /// When the first begins, Unix seconds.
    pub from: i64,
    /// How long they go on.
    pub seconds: i64,
}

/// What requests came to.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Sum {
    /// Seen.
    pub requests: u64,
    /// Of those, failed.
    pub failed: u64,
    /// Nanoseconds.
    pub duration_ns: u128,
    /// What those seen stand for.
    pub weight: f64,
    /// Likewise, of those that failed.
    pub weighted_failed: f64,
    /// Likewise, nanoseconds.
    pub weighted_duration_ns: f64,
}

/// Tenant, tier, service, and the hour, Unix seconds.
pub type Series = (Option<String>, Option<&'static str>, &'static str, i64);

/// What all requests came to.
#[derive(Debug, Default)]
pub struct Recount {
    /// By tenant, tier, service and hour, Unix seconds; nobody's among them.
    pub hours: HashMap<Series, Sum>,
    /// Of all tenants together: by tier, service and minute, Unix seconds.
    pub minutes: HashMap<(Option<&'static str>, &'static str, i64), Sum>,
    /// Uses of edges, those that failed, and what they stand for, by the names of their ends.
    pub edges: BTreeMap<(&'static str, &'static str), (i64, i64, f64)>,
    /// Those of [`WATCHED`].
    pub watched: BTreeMap<(&'static str, &'static str), (i64, i64, f64)>,
}

/// Spans on their way. 1 % come an hour late, 5 % come again within two minutes.
#[derive(Debug)]
pub struct Traffic {
    plan: Plan,
    random: fastrand::Rng,
    next: u32,
    /// By when they are sent.
    later: BTreeMap<(i64, u64), (&'static str, Span)>,
    held: u64,
    /// Of what has been begun so far.
    pub recount: Recount,
}

struct Request<'a> {
    tenant: Option<&'a str>,
    tier: Option<&'static str>,
    weight: f64,
}

impl Traffic {
    /// Nothing sent yet.
    pub fn new(plan: Plan) -> Self {
        let random = fastrand::Rng::with_seed(plan.seed);
        Self { plan, random, next: 0, later: BTreeMap::new(), held: 0, recount: Recount::default() }
    }

    /// What is sent next: the spans of so many traces, and what was held back until now; nothing, once all is sent.
    pub fn batch(&mut self, traces: u32) -> Vec<(&'static str, Span)> {
        let mut batch = Vec::new();
        for _ in 0..traces.min(self.plan.traces - self.next) {
            self.trace(&mut batch);
        }
        let until = if self.next == self.plan.traces { i64::MAX } else { self.now() };
        let rest = self.later.split_off(&(until, u64::MAX));
        batch.extend(std::mem::replace(&mut self.later, rest).into_values());
        self.random.shuffle(&mut batch);
        batch
    }

    fn now(&self) -> i64 {
        self.plan.from * SECOND + self.plan.seconds * SECOND / i64::from(self.plan.traces) * i64::from(self.next)
    }

    fn trace(&mut self, batch: &mut Vec<(&'static str, Span)>) {
        let now = self.now();
        let random = &mut self.random;
        let share = random.f64();
        let tenant = (share * share * f64::from(self.plan.tenants)) as usize;
        let name = format!("tenant-{tenant}");
        let known = random.u8(..50) > 0;
        let weight = if random.u8(..4) == 0 { 4.0 } else { 1.0 };
        let whose = Request { tenant: known.then_some(&*name), tier: known.then_some(TIERS[tenant % 3]), weight };
        let took = 1_000_000_i64 << random.u8(..11);
        let mut took = || took + random.i64(0..1_000_000);
        let (all, call, answer, handled) = (took(), took(), took(), took());
        let (failed, refused, handles) = (random.u8(..50) == 0, random.u8(..80) == 0, random.bool());
        let ids = (self.next + 1, self.plan.seed);
        let http = |status| vec![text("faas.trigger", "http"), number("http.response.status_code", status)];
        let queue = || vec![text("messaging.system", "aws_sqs"), text("messaging.destination.name", "accrual")];
        let get = || vec![text("http.request.method", "GET"), text("server.address", "api-of-b.example.com")];
        let begun = now + random.i64(0..SECOND);
        let mut spans = vec![
            whose.span(ids, [1, 0], "POST /bookings", 2, [begun, all], http(if failed { 500 } else { 201 })),
            whose.span(ids, [2, 1], "GET", 3, [begun + 1_000, call], get()),
            whose.span(ids, [3, 2], "GET /miles", 2, [begun + 2_000, answer], http(if refused { 404 } else { 200 })),
        ];
        if handles {
            spans.push(whose.span(ids, [4, 1], "process accrual", 5, [begun + 90 * SECOND, handled], queue()));
            if failed {
                spans[3].1.status = Some(Status { code: 2, ..Status::default() });
            }
        }
        self.recount.request("booking-api", &whose, [begun, all], failed);
        self.recount.request("mileage-api", &whose, [begun + 2_000, answer], false);
        self.recount.edge("clients", "API Gateway of booking", &whose, failed);
        self.recount.edge("API Gateway of booking", "booking-api", &whose, failed);
        self.recount.edge("booking-api", "API Gateway of mileage", &whose, false);
        self.recount.edge("API Gateway of mileage", "mileage-api", &whose, false);
        if handles {
            self.recount.request("mileage-accrual", &whose, [begun + 90 * SECOND, handled], failed);
            self.recount.edge("accrual", "mileage-accrual", &whose, failed);
        }
        for span in spans {
            if self.random.u8(..20) == 0 {
                let until = now + self.random.i64(0..120) * SECOND;
                self.hold(until, span.clone());
            }
            if self.random.u8(..100) == 0 {
                self.hold(now + 3_600 * SECOND, span);
            } else {
                batch.push(span);
            }
        }
        self.next += 1;
    }

    fn hold(&mut self, until: i64, span: (&'static str, Span)) {
        self.held += 1;
        self.later.insert((until, self.held), span);
    }
}

impl Request<'_> {
    fn span(
        &self,
        (trace, seed): (u32, u64),
        [id, parent]: [u8; 2],
        name: &str,
        kind: i32,
        [start, took]: [i64; 2],
        mut attributes: Vec<opentelemetry_proto::tonic::common::v1::KeyValue>,
    ) -> (&'static str, Span) {
        let service = match id {
            1 | 2 => "booking-api",
            3 => "mileage-api",
            _ => "mileage-accrual",
        };
        let account = if id < 3 { "111111111111" } else { "222222222222" };
        attributes.push(text("cloud.account.id", account));
        attributes.extend(self.tenant.map(|tenant| text("tenant.id", tenant)));
        attributes.extend(self.tier.map(|tier| text("tenant.tier", tier)));
        let span_id = |id: u8| (u64::from(trace) * 8 + u64::from(id)).to_be_bytes().to_vec();
        let span = Span {
            trace_id: ((u128::from(seed) << 64) + u128::from(trace)).to_be_bytes().to_vec(),
            span_id: span_id(id),
            parent_span_id: if parent == 0 { Vec::new() } else { span_id(parent) },
            name: name.to_owned(),
            kind,
            start_time_unix_nano: start as u64,
            end_time_unix_nano: (start + took) as u64,
            // One in four was kept.
            trace_state: if self.weight > 1.0 { "ot=th:c".to_owned() } else { String::new() },
            attributes,
            ..Span::default()
        };
        (service, span)
    }
}

impl Recount {
    fn request(&mut self, service: &'static str, whose: &Request<'_>, [start, took]: [i64; 2], failed: bool) {
        let second = start / SECOND;
        let hour = (whose.tenant.map(str::to_owned), whose.tier, service, second / 3_600 * 3_600);
        self.hours.entry(hour).or_default().add(took, failed, whose.weight);
        self.minutes.entry((whose.tier, service, second / 60 * 60)).or_default().add(took, failed, whose.weight);
    }

    fn edge(&mut self, from: &'static str, to: &'static str, whose: &Request<'_>, failed: bool) {
        let watched = (whose.tenant == Some(WATCHED)).then_some(&mut self.watched);
        for edges in [Some(&mut self.edges), watched].into_iter().flatten() {
            let (count, faults, weight) = edges.entry((from, to)).or_default();
            (*count, *faults, *weight) = (*count + 1, *faults + i64::from(failed), *weight + whose.weight);
        }
    }
}

impl Sum {
    fn add(&mut self, took: i64, failed: bool, weight: f64) {
        self.requests += 1;
        self.failed += u64::from(failed);
        self.duration_ns += took as u128;
        self.weight += weight;
        self.weighted_failed += if failed { weight } else { 0.0 };
        self.weighted_duration_ns += weight * took as f64;
    }

    /// Adds another.
    pub fn merge(&mut self, other: &Self) {
        self.requests += other.requests;
        self.failed += other.failed;
        self.duration_ns += other.duration_ns;
        self.weight += other.weight;
        self.weighted_failed += other.weighted_failed;
        self.weighted_duration_ns += other.weighted_duration_ns;
    }

    /// Whether it is the other, but for the last digits of what was added up in another order.
    pub fn is(&self, other: &Self) -> bool {
        let close = |a: f64, b: f64| (a - b).abs() <= 1e-9 * a.abs().max(b.abs());
        (self.requests, self.failed, self.duration_ns) == (other.requests, other.failed, other.duration_ns)
            && close(self.weight, other.weight)
            && close(self.weighted_failed, other.weighted_failed)
            && close(self.weighted_duration_ns, other.weighted_duration_ns)
    }
}
