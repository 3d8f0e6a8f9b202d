//! A trace as read back: its spans, its ids, its tree.

mod critical_path;
mod ending;
mod ids;
mod occurrence;
mod tree;

pub use critical_path::{Stretch, critical_path, waited_for};
pub use ending::{Ending, Step, Stop, ending};
pub use ids::{InvalidTraceId, TraceId};
pub use occurrence::Wanted;
pub use tree::{Node, Tree};

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::scope::Scope;

/// The most spans a trace may have. X-Ray draws none with as many; a loop that never ends its trace must not slow others.
pub const MAX_SPANS_PER_TRACE: usize = 50_000;

/// Whether a function's process started for this invocation.
pub(crate) const COLD_START: &str = "faas.coldstart";
/// Which phase of a function's life a span is of, where it is of none that serves a request: `init`.
pub(crate) const PHASE: &str = "lambda.phase";
/// <https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html>
pub(crate) const INIT: &str = "init";

/// A whole trace.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Trace {
    /// W3C form: 32 hex digits.
    pub trace_id: TraceId,
    /// X-Ray form: `1-<8 hex>-<24 hex>`.
    pub xray_trace_id: String,
    /// Its spans by start time.
    pub spans: Vec<Span>,
    /// Whether it also has spans of others, which the scope may not see.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub others: bool,
}

impl Trace {
    /// The trace as the scope sees it, or `None` if it may see no span of it.
    pub fn seen_by(scope: &Scope, trace_id: TraceId, mut spans: Vec<Span>) -> Option<Self> {
        let all = spans.len();
        spans.retain(|span| scope.sees(span.tenant.as_deref()));
        spans.sort_by_key(|span| (span.start_unix_ns, span.end_unix_ns));
        let others = spans.len() < all;
        (!spans.is_empty()).then(|| Self { trace_id, xray_trace_id: trace_id.xray(), spans, others })
    }
}

/// A span of a trace, as it is shown.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Span {
    /// 16 hex digits.
    pub span_id: String,
    /// 16 hex digits, or `None` for a root.
    pub parent_span_id: Option<String>,
    /// Its name.
    pub name: String,
    /// `SERVER`, `CLIENT`, `PRODUCER`, `CONSUMER` or `INTERNAL`.
    pub kind: String,
    /// `service.name`.
    pub service: String,
    /// `cloud.account.id`.
    pub account: Option<String>,
    /// `tenant.id`.
    pub tenant: Option<String>,
    /// `tenant.tier`.
    pub tier: Option<String>,
    /// Nanoseconds since 1970.
    pub start_unix_ns: i64,
    /// Nanoseconds since 1970.
    pub end_unix_ns: i64,
    /// How long the span took, in nanoseconds.
    pub duration_ns: i64,
    /// `UNSET`, `OK` or `ERROR`.
    pub status: String,
    /// What went wrong: the status description, else `error.type`.
    pub error: Option<String>,
    /// The span's own attributes.
    pub attributes: BTreeMap<String, serde_json::Value>,
    /// The sender's resource attributes.
    pub resource: BTreeMap<String, serde_json::Value>,
    /// Spans of other traces it refers to.
    pub links: Vec<Link>,
    /// What happened during it.
    pub events: Vec<Event>,
}

impl Span {
    /// Whether it is the first invocation of a function in its process, which started for it.
    pub fn is_cold_start(&self) -> bool {
        let said = self.attributes.get(COLD_START);
        said.is_some_and(|value| value == &serde_json::Value::Bool(true) || value == "true")
    }

    /// Whether it is a function's start, before the request that it started for.
    pub fn is_init(&self) -> bool {
        self.kind == "INTERNAL" && self.attributes.get(PHASE).is_some_and(|phase| phase == INIT)
    }
}

/// A reference to another span.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Link {
    /// The id of the linked trace.
    pub trace_id: String,
    /// The id of the linked span.
    pub span_id: String,
    /// What the link says of why it is there.
    pub attributes: BTreeMap<String, serde_json::Value>,
}

/// Something that happened during a span.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// What happened.
    pub name: String,
    /// Nanoseconds since 1970.
    pub time_unix_ns: i64,
    /// The attributes of the event.
    pub attributes: BTreeMap<String, serde_json::Value>,
}

/// A line of the list of traces.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// W3C form.
    pub trace_id: TraceId,
    /// X-Ray form.
    pub xray_trace_id: String,
    /// Name of its root span, or of the first that came.
    pub root: String,
    /// The service of that span.
    pub root_service: String,
    /// Services that took part.
    pub services: Vec<String>,
    /// Accounts that took part.
    pub accounts: Vec<String>,
    /// Tenants served.
    pub tenants: Vec<String>,
    /// Number of spans.
    pub spans: usize,
    /// Some span was at fault: a 5xx, or failed otherwise.
    pub fault: bool,
    /// Some span had a 4xx.
    pub error: bool,
    /// Some span had a 429.
    pub throttle: bool,
    /// A function started for it: some span has `faas.coldstart`.
    pub cold_start: bool,
    /// Nanoseconds since 1970.
    pub start_unix_ns: i64,
    /// The time from the first start to the last end, in nanoseconds.
    pub duration_ns: i64,
}

impl Summary {
    /// How it went, in one word: `fault`, `throttled`, `error` or `ok`.
    pub fn status(&self) -> &'static str {
        match self {
            Self { fault: true, .. } => "fault",
            Self { throttle: true, .. } => "throttled",
            Self { error: true, .. } => "error",
            _ => "ok",
        }
    }
}
