//! Reading traces back.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use opentelemetry_proto::tonic::{
    common::v1::{AnyValue, KeyValue, any_value},
    resource::v1::Resource,
    trace::v1 as otlp,
};
use prost::Message;
use rusqlite::{Connection, params};
use serde_json::{Value, json};

use super::{StoreError, schema};
use crate::trace::{Event, Link, Span, Summary, Trace, TraceId};

/// Spans looked at for each trace that is listed, so that a list is a bounded read.
const SPANS_PER_LISTED_TRACE: usize = 40;

/// Reads from the database; each call has a connection of its own and blocks.
#[derive(Debug, Clone)]
pub struct Reader(PathBuf);

impl Reader {
    /// Reads from this file.
    pub fn new(path: &Path) -> Self {
        Self(path.to_owned())
    }

    /// A whole trace; `None` if no span of it is known.
    pub fn trace(&self, trace_id: TraceId) -> Result<Option<Trace>, StoreError> {
        let spans = spans(&schema::open_reader(&self.0)?, trace_id)?;
        Ok((!spans.is_empty()).then(|| Trace { trace_id, xray_trace_id: trace_id.xray(), spans }))
    }

    /// The traces that began last, of one tenant if one is named.
    pub fn recent(&self, tenant: Option<&str>, limit: usize) -> Result<Vec<Summary>, StoreError> {
        let connection = schema::open_reader(&self.0)?;
        let sql = match tenant {
            Some(_) => "SELECT trace_id FROM spans WHERE tenant = ?1 ORDER BY start_ns DESC LIMIT ?2",
            None => "SELECT trace_id FROM spans WHERE ?1 IS NULL ORDER BY start_ns DESC LIMIT ?2",
        };
        let mut statement = connection.prepare(sql)?;
        let mut rows = statement
            .query(params![tenant, i64::try_from(limit.saturating_mul(SPANS_PER_LISTED_TRACE)).unwrap_or(i64::MAX)])?;
        let mut seen = BTreeSet::new();
        let mut ids = Vec::new();
        while let Some(row) = rows.next()? {
            let id = TraceId::from_bytes(row.get_ref(0)?.as_blob().unwrap_or_default());
            if let Ok(id) = id
                && seen.insert(id)
            {
                ids.push(id);
                if ids.len() == limit {
                    break;
                }
            }
        }
        ids.into_iter().map(|id| Ok(summary(id, &spans(&connection, id)?))).collect()
    }

    /// The tenants that spans name.
    pub fn tenants(&self) -> Result<Vec<String>, StoreError> {
        let connection = schema::open_reader(&self.0)?;
        let mut statement =
            connection.prepare("SELECT DISTINCT tenant FROM spans WHERE tenant IS NOT NULL ORDER BY 1")?;
        let tenants = statement.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
        Ok(tenants)
    }
}

fn spans(connection: &Connection, trace_id: TraceId) -> Result<Vec<Span>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT account, tenant, tier, service, s.body, r.body FROM spans s JOIN resources r ON r.id = s.resource
         WHERE trace_id = ?1 ORDER BY start_ns",
    )?;
    let rows = statement.query_map(params![trace_id.as_bytes()], |row| {
        let body: Vec<u8> = row.get(4)?;
        let resource: Vec<u8> = row.get(5)?;
        Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, body, resource))
    })?;
    let mut spans = Vec::new();
    for row in rows {
        let (account, tenant, tier, service, body, resource) = row?;
        let failed = |error: prost::DecodeError| StoreError::Failed(error.to_string());
        let span = otlp::Span::decode(body.as_slice()).map_err(failed)?;
        let resource = Resource::decode(resource.as_slice()).map_err(failed)?;
        spans.push(Span { account, tenant, tier, service, resource: map(resource.attributes), ..of(span) });
    }
    Ok(spans)
}

fn of(span: otlp::Span) -> Span {
    let nanoseconds = |time: u64| i64::try_from(time).unwrap_or(i64::MAX);
    let (start, end) = (nanoseconds(span.start_time_unix_nano), nanoseconds(span.end_time_unix_nano));
    let kind = match span.kind() {
        otlp::span::SpanKind::Server => "SERVER",
        otlp::span::SpanKind::Client => "CLIENT",
        otlp::span::SpanKind::Producer => "PRODUCER",
        otlp::span::SpanKind::Consumer => "CONSUMER",
        otlp::span::SpanKind::Internal | otlp::span::SpanKind::Unspecified => "INTERNAL",
    };
    let status = span.status.clone().unwrap_or_default();
    let attributes = map(span.attributes);
    let (status, error) = match status.code() {
        otlp::status::StatusCode::Ok => ("OK", None),
        otlp::status::StatusCode::Unset => ("UNSET", None),
        otlp::status::StatusCode::Error => {
            let kind = attributes.get("error.type").and_then(Value::as_str).unwrap_or("error").to_owned();
            ("ERROR", Some(if status.message.is_empty() { kind } else { status.message }))
        }
    };
    Span {
        span_id: hex(&span.span_id),
        parent_span_id: (!span.parent_span_id.is_empty()).then(|| hex(&span.parent_span_id)),
        name: span.name,
        kind: kind.into(),
        start_unix_ns: start,
        end_unix_ns: end,
        duration_ns: end.saturating_sub(start),
        status: status.into(),
        error,
        attributes,
        links: span
            .links
            .iter()
            .map(|link| Link { trace_id: hex(&link.trace_id), span_id: hex(&link.span_id) })
            .collect(),
        events: span
            .events
            .into_iter()
            .map(|event| Event {
                name: event.name,
                time_unix_ns: nanoseconds(event.time_unix_nano),
                attributes: map(event.attributes),
            })
            .collect(),
        // These have columns: see `spans`.
        account: None,
        tenant: None,
        tier: None,
        service: String::new(),
        resource: BTreeMap::new(),
    }
}

fn summary(trace_id: TraceId, spans: &[Span]) -> Summary {
    let set = |value: fn(&Span) -> Option<&String>| -> Vec<String> {
        spans.iter().filter_map(value).cloned().collect::<BTreeSet<_>>().into_iter().collect()
    };
    let start = spans.first().map_or(0, |span| span.start_unix_ns);
    let end = spans.iter().map(|span| span.end_unix_ns).max().unwrap_or(start);
    Summary {
        trace_id,
        xray_trace_id: trace_id.xray(),
        root: spans.first().map(|span| span.name.clone()).unwrap_or_default(),
        services: set(|span| Some(&span.service)),
        accounts: set(|span| span.account.as_ref()),
        tenants: set(|span| span.tenant.as_ref()),
        spans: spans.len(),
        errors: spans.iter().filter(|span| span.status == "ERROR").count(),
        start_unix_ns: start,
        duration_ns: end.saturating_sub(start),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn map(attributes: Vec<KeyValue>) -> BTreeMap<String, Value> {
    attributes.into_iter().map(|attribute| (attribute.key, value(attribute.value))).collect()
}

fn value(any: Option<AnyValue>) -> Value {
    match any.and_then(|any| any.value) {
        None => Value::Null,
        Some(any_value::Value::StringValue(text)) => text.into(),
        Some(any_value::Value::BoolValue(truth)) => truth.into(),
        Some(any_value::Value::IntValue(number)) => number.into(),
        Some(any_value::Value::DoubleValue(number)) => json!(number),
        Some(any_value::Value::ArrayValue(array)) => array.values.into_iter().map(|any| value(Some(any))).collect(),
        Some(any_value::Value::KvlistValue(list)) => json!(map(list.values)),
        Some(any_value::Value::BytesValue(bytes)) => hex(&bytes).into(),
        #[allow(unreachable_patterns, reason = "the protocol may grow")]
        Some(_) => Value::Null,
    }
}
