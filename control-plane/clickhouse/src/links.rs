//! Spans that refer to a trace by a link.

use clickhouse::Row;
use control_plane_model::{
    links::{LinkedFrom, LinkingSpan},
    store::{Scope, StoreError},
    trace::TraceId,
};
use serde::{Deserialize, Serialize};

use crate::database::{Database, all, failed};

/// Spans that are looked at for one trace: whoever links to one from more does not look for them one by one.
const LOOKED_AT: u64 = 10_000;

/// A row of `links`.
#[derive(Row, Serialize)]
pub(crate) struct Linking<'a> {
    pub(crate) linked: [u8; 16],
    pub(crate) start: i64,
    pub(crate) trace_id: [u8; 16],
    pub(crate) span_id: u64,
    pub(crate) rank: u64,
    pub(crate) tenant: &'a str,
    pub(crate) received: u32,
}

/// A row of the answer.
#[derive(Row, Deserialize)]
struct LinkingSpanRow {
    trace_id: [u8; 16],
    span_id: u64,
    name: String,
    service: String,
    tenant: String,
    start_ns: i64,
    /// Whether there were more to look at than are.
    cut: bool,
}

/// The spans that refer to a trace, the newest first, `limit` of them at most.
pub(crate) async fn linked_from(
    database: &Database,
    scope: &Scope,
    trace_id: TraceId,
    limit: usize,
) -> Result<LinkedFrom, StoreError> {
    // The tenant '' is nobody.
    if scope.tenant() == Some("") {
        return Ok(LinkedFrom::default());
    }
    let query = database
        .query(include_str!("../sql/linked_from.sql"))
        .param("trace_id", trace_id.to_string())
        .param("looked_at", LOOKED_AT)
        .param("own", scope.tenant())
        .param("limit", limit as u64 + 1);
    let found = all::<LinkingSpanRow>(query).await?;
    let cut = found.first().is_some_and(|first| first.cut);
    let span = |LinkingSpanRow { trace_id, span_id, name, service, tenant, start_ns, .. }| {
        Ok(LinkingSpan {
            trace_id: TraceId::from_bytes(&trace_id).map_err(failed)?,
            span_id: format!("{span_id:016x}"),
            name,
            service,
            tenant: Some(tenant).filter(|tenant| !tenant.is_empty()),
            start_unix_ns: start_ns,
        })
    };
    let spans = found.into_iter().map(span).collect::<Result<_, StoreError>>()?;
    let LinkedFrom { spans, more } = LinkedFrom::first(limit, spans);
    Ok(LinkedFrom { spans, more: more || cut })
}
