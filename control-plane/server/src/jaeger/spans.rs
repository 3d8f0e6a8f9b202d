//! A trace in Jaeger's own JSON, as its page and Grafana read it: spans as they were received, in the form into which Jaeger's collector and query service
//! translate OTLP (`pkg/translator/jaeger` of the OpenTelemetry collector, `internal/uimodel` of Jaeger).

use std::{
    borrow::Cow,
    collections::{BTreeMap, HashSet},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use control_plane_model::{otlp, trace::TraceId};
use opentelemetry_proto::tonic::{
    common::v1::{AnyValue, InstrumentationScope, KeyValue, any_value::Value as Any},
    trace::v1::{
        ResourceSpans, Span as Sent,
        span::{Event, Link as SentLink, SpanKind},
        status::StatusCode,
    },
};
use serde::Serialize;
use serde_json::{Value, json};

/// The largest whole number that JavaScript holds exactly; beyond it, Jaeger writes numbers as text.
const LARGEST_IN_JAVASCRIPT: u64 = (1 << 53) - 1;

/// A trace, as Jaeger's query API answers it.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Trace {
    #[serde(rename = "traceID")]
    trace_id: String,
    pub(super) spans: Vec<Span>,
    /// The senders, by the id that spans refer to.
    processes: BTreeMap<String, Process>,
    /// Nothing is adjusted here that a reader should be warned of.
    warnings: Option<Vec<String>>,
}

/// A span, as Jaeger's query API answers it.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Span {
    #[serde(rename = "traceID")]
    trace_id: String,
    #[serde(rename = "spanID")]
    span_id: String,
    pub(super) operation_name: String,
    references: Vec<Reference>,
    /// Microseconds since 1970.
    pub(super) start_time: u64,
    /// How long the span took, in microseconds.
    duration: u64,
    pub(super) tags: Vec<Tag>,
    logs: Vec<Log>,
    #[serde(rename = "processID")]
    process_id: String,
    warnings: Option<Vec<String>>,
    /// What a search looks at.
    #[serde(skip)]
    pub(super) service: String,
    #[serde(skip)]
    pub(super) duration_ns: u64,
}

/// A sender of spans.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Process {
    service_name: String,
    tags: Vec<Tag>,
}

/// A reference to another span, and its kind.
#[derive(Debug, Clone, PartialEq, Serialize)]
struct Reference {
    #[serde(rename = "refType")]
    kind: &'static str,
    #[serde(rename = "traceID")]
    trace_id: String,
    #[serde(rename = "spanID")]
    span_id: String,
}

/// An attribute, as Jaeger's query API answers it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Tag {
    key: String,
    #[serde(rename = "type")]
    kind: &'static str,
    value: Value,
}

/// An event.
#[derive(Debug, Clone, PartialEq, Serialize)]
struct Log {
    /// Microseconds since 1970.
    timestamp: u64,
    fields: Vec<Tag>,
}

impl Tag {
    fn text(key: &str, text: impl Into<String>) -> Self {
        Self { key: key.to_owned(), kind: "string", value: Value::String(text.into()) }
    }

    fn of(attribute: &KeyValue) -> Self {
        let (kind, value) = match attribute.value.as_ref().and_then(|value| value.value.as_ref()) {
            Some(Any::BoolValue(truth)) => ("bool", json!(truth)),
            Some(Any::IntValue(number)) if number.unsigned_abs() > LARGEST_IN_JAVASCRIPT => {
                ("int64", json!(number.to_string()))
            }
            Some(Any::IntValue(number)) => ("int64", json!(number)),
            Some(Any::DoubleValue(number)) if !number.is_finite() => ("float64", json!(number.to_string())),
            Some(Any::DoubleValue(number)) => ("float64", json!(number)),
            Some(Any::BytesValue(bytes)) => ("binary", json!(STANDARD.encode(bytes))),
            Some(Any::StringValue(text)) => ("string", json!(text)),
            Some(Any::ArrayValue(_) | Any::KvlistValue(_)) => {
                ("string", json!(attribute.value.as_ref().map(plain).unwrap_or_default().to_string()))
            }
            Some(_) | None => ("string", json!("")),
        };
        Self { key: attribute.key.clone(), kind, value }
    }

    /// Whether it says this, as text.
    fn says(&self, key: &str, value: &str) -> bool {
        self.key == key && self.value.as_str().map_or_else(|| self.value.to_string().into(), Cow::Borrowed) == value
    }
}

/// A list or an object as plain JSON, as Jaeger writes it into a text.
fn plain(value: &AnyValue) -> Value {
    match &value.value {
        Some(Any::StringValue(text)) => json!(text),
        Some(Any::BoolValue(truth)) => json!(truth),
        Some(Any::IntValue(number)) => json!(number),
        Some(Any::DoubleValue(number)) => json!(number),
        Some(Any::BytesValue(bytes)) => json!(STANDARD.encode(bytes)),
        Some(Any::ArrayValue(list)) => list.values.iter().map(plain).collect(),
        Some(Any::KvlistValue(list)) => {
            let pair = |pair: &KeyValue| (pair.key.clone(), pair.value.as_ref().map(plain).unwrap_or_default());
            Value::Object(list.values.iter().map(pair).collect())
        }
        Some(_) | None => Value::Null,
    }
}

/// Attributes; of one that is there twice, the first counts.
fn tags<'a>(attributes: impl IntoIterator<Item = &'a KeyValue>) -> Vec<Tag> {
    let mut seen = HashSet::new();
    attributes.into_iter().filter(|attribute| seen.insert(attribute.key.as_str())).map(Tag::of).collect()
}

impl Trace {
    /// Makes a trace of its spans, which come by sender and scope.
    pub(super) fn of(trace_id: TraceId, groups: &[ResourceSpans]) -> Self {
        let (mut processes, mut spans): (Vec<Process>, Vec<Span>) = Default::default();
        for group in groups {
            let process = Process::of(group);
            let number = processes.iter().position(|known| *known == process).unwrap_or(processes.len());
            let (service, name) = (process.service_name.clone(), format!("p{}", number + 1));
            if number == processes.len() {
                processes.push(process);
            }
            for part in &group.scope_spans {
                spans.extend(part.spans.iter().map(|sent| Span::of(sent, part.scope.as_ref(), &service, &name)));
            }
        }
        spans.sort_by_key(|span| span.start_time);
        let processes = (1..).zip(processes).map(|(number, process)| (format!("p{number}"), process)).collect();
        Self { trace_id: digits(trace_id.as_bytes()), spans, processes, warnings: None }
    }

    /// Whether a span says this of itself, of an event or of its sender.
    pub(super) fn span_says(&self, span: &Span, key: &str, value: &str) -> bool {
        let sender = self.processes.get(&span.process_id).into_iter().flat_map(|process| &process.tags);
        let events = span.logs.iter().flat_map(|log| &log.fields);
        span.tags.iter().chain(events).chain(sender).any(|tag| tag.says(key, value))
    }
}

impl Process {
    fn of(group: &ResourceSpans) -> Self {
        let resource = group.resource.clone().unwrap_or_default();
        let service_name = otlp::Resource::of(&resource).service.to_string();
        let others = resource.attributes.iter().filter(|attribute| attribute.key != "service.name");
        Self { service_name, tags: tags(others) }
    }
}

impl Span {
    fn of(sent: &Sent, scope: Option<&InstrumentationScope>, service: &str, process_id: &str) -> Self {
        let duration_ns = sent.end_time_unix_nano.saturating_sub(sent.start_time_unix_nano);
        Self {
            trace_id: digits(&sent.trace_id),
            span_id: hex::encode(&sent.span_id),
            operation_name: sent.name.clone(),
            references: references(sent),
            start_time: sent.start_time_unix_nano / 1_000,
            duration: duration_ns / 1_000,
            tags: span_tags(sent, scope),
            logs: sent.events.iter().map(log).collect(),
            process_id: process_id.to_owned(),
            warnings: None,
            service: service.to_owned(),
            duration_ns,
        }
    }
}

/// A trace's id, as Jaeger writes it: one whose first half is zeros, without them.
pub(super) fn digits(trace_id: &[u8]) -> String {
    let digits = hex::encode(trace_id);
    digits.strip_prefix("0000000000000000").map(str::to_owned).unwrap_or(digits)
}

/// The parent first, which a link to it may say to be no parent; then what else it is linked to.
fn references(sent: &Sent) -> Vec<Reference> {
    let kind = |link: &SentLink| {
        let named = link.attributes.iter().find(|attribute| attribute.key == "opentracing.ref_type");
        let is_child = named.is_some_and(|named| Tag::of(named).value == "child_of");
        if is_child { "CHILD_OF" } else { "FOLLOWS_FROM" }
    };
    let of = |kind, trace_id: &[u8], span_id: &[u8]| Reference {
        kind,
        trace_id: digits(trace_id),
        span_id: hex::encode(span_id),
    };
    let parent = Some(&sent.parent_span_id).filter(|id| id.iter().any(|byte| *byte != 0) && **id != sent.span_id);
    let is_parent = |link: &&SentLink| link.trace_id == sent.trace_id && parent == Some(&link.span_id);
    let parents = parent.map(|id| {
        let kind = sent.links.iter().rfind(is_parent).map_or("CHILD_OF", kind);
        of(kind, &sent.trace_id, id)
    });
    // One without a trace leads nowhere.
    let others = sent.links.iter().filter(|link| !is_parent(link) && link.trace_id.iter().any(|byte| *byte != 0));
    parents.into_iter().chain(others.map(|link| of(kind(link), &link.trace_id, &link.span_id))).collect()
}

/// Its attributes, and among them what Jaeger has no place of its own for.
fn span_tags(sent: &Sent, scope: Option<&InstrumentationScope>) -> Vec<Tag> {
    let said = |key: &str, text: &str| (!text.is_empty()).then(|| Tag::text(key, text));
    let kind = match sent.kind() {
        SpanKind::Unspecified => None,
        SpanKind::Internal => Some("internal"),
        SpanKind::Server => Some("server"),
        SpanKind::Client => Some("client"),
        SpanKind::Producer => Some("producer"),
        SpanKind::Consumer => Some("consumer"),
    };
    let status = sent.status.as_ref();
    let (code, failed) = match status.map(|status| status.code()) {
        Some(StatusCode::Error) => (Some("ERROR"), true),
        Some(StatusCode::Ok) => (Some("OK"), false),
        Some(StatusCode::Unset) | None => (None, false),
    };
    let error = failed.then(|| Tag { key: "error".to_owned(), kind: "bool", value: json!(true) });
    let scope = scope.into_iter().flat_map(|scope| {
        [said("otel.scope.name", &scope.name), said("otel.scope.version", &scope.version)].into_iter().flatten()
    });
    scope
        .chain(tags(&sent.attributes))
        .chain(kind.map(|kind| Tag::text("span.kind", kind)))
        .chain(code.map(|code| Tag::text("otel.status_code", code)))
        .chain(error)
        .chain(status.and_then(|status| said("otel.status_description", &status.message)))
        .chain(said("w3c.tracestate", &sent.trace_state))
        .collect()
}

fn log(event: &Event) -> Log {
    let fields = tags(&event.attributes);
    let is_named = fields.iter().any(|field| field.key == "event");
    let name = (!event.name.is_empty() && !is_named).then(|| Tag::text("event", event.name.clone()));
    Log { timestamp: event.time_unix_nano / 1_000, fields: name.into_iter().chain(fields).collect() }
}
