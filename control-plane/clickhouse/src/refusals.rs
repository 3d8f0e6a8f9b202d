//! Reads refused requests.

use std::collections::BTreeMap;

use clickhouse::Row;
use control_plane_model::{
    otlp::Facts,
    refusals::{AS_DECIDED, MAX_LINES, RefusalLine, RefusalQuery, Refusals, TRACES, TRACES_AMONG},
    store::{Scope, StoreError},
    trace::TraceId,
};
use serde::{Deserialize, Serialize};

use crate::{
    database::{Database, all, failed},
    queue::received,
};

const NANOSECONDS: i64 = 1_000_000_000;

/// A row of `refusals`, its columns in their order.
#[derive(Row, Serialize)]
pub(crate) struct Refusal {
    start: i64,
    trace_id: [u8; 16],
    span_id: u64,
    rank: u64,
    tenant: String,
    user: String,
    account: String,
    service: String,
    operation: String,
    status: u16,
    reason: String,
    received: u32,
}

impl Refusal {
    /// Of a span of a trace that a batch of this rank brought first, or `None` for one that was not refused. The same span makes the same row however often.
    pub(crate) fn of(facts: &Facts, trace_id: [u8; 16], rank: u64) -> Option<Self> {
        let reason = facts.refused.as_deref()?.to_owned();
        Some(Self {
            start: facts.start_ns,
            trace_id,
            span_id: facts.id,
            rank,
            tenant: facts.tenant.as_deref().unwrap_or_default().to_owned(),
            user: facts.user.as_deref().unwrap_or_default().to_owned(),
            account: facts.account.as_deref().unwrap_or_default().to_owned(),
            service: facts.service.to_string(),
            operation: facts.operation.to_string(),
            status: facts.http_status,
            reason,
            received: received(u64::MAX - rank),
        })
    }
}

/// A row of the answer, whose columns are these one after the other.
#[derive(Row, Deserialize)]
struct Line {
    tenant: String,
    user: String,
    account: String,
    service: String,
    operation: String,
    status: u16,
    reason: String,
    requests: u64,
    first_ns: i64,
    last_ns: i64,
    trace_ids: Vec<[u8; 16]>,
    of_all: u64,
}

impl Line {
    fn refused(self) -> Result<RefusalLine, StoreError> {
        let named = |name: String| Some(name).filter(|name| !name.is_empty());
        let traces = self.trace_ids.iter().map(|id| TraceId::from_bytes(id).map_err(failed));
        Ok(RefusalLine {
            trace_ids: traces.collect::<Result<_, _>>()?,
            tenant: self.tenant,
            user: named(self.user),
            account: named(self.account),
            service: self.service,
            operation: self.operation,
            status: self.status,
            reason: self.reason,
            requests: self.requests,
            first_unix_ns: self.first_ns,
            last_unix_ns: self.last_ns,
        })
    }
}

/// Requests that were refused, by whom, where and why.
pub(crate) async fn refusals(database: &Database, scope: &Scope, query: &RefusalQuery) -> Result<Refusals, StoreError> {
    let Some(tenant) = query.tenant_filter(scope) else { return Ok(Refusals::default()) };
    let found = database
        .query(&include_str!("../sql/refusals.sql").replace("$among", &TRACES_AMONG.to_string()))
        .param("from", query.from.saturating_mul(NANOSECONDS))
        .param("to", query.to.saturating_mul(NANOSECONDS))
        .param("tenant", tenant)
        .param("user", query.user.as_deref())
        .param("service", query.service.as_deref())
        .param("reason", query.reason.as_deref())
        .param("traces", TRACES as u64)
        .with_setting("max_rows_to_group_by", MAX_LINES.to_string())
        .with_setting("group_by_overflow_mode", "any")
        .param("limit", query.limit as u64 + 1);
    let found: Vec<Line> = all(found).await?;
    let requests = found.first().map_or(0, |line| line.of_all);
    let lines = found.into_iter().map(Line::refused).collect::<Result<_, _>>()?;
    Ok(Refusals { requests, ..Refusals::first(query.limit, lines) })
}

/// How many requests of these tenants, or of all, were refused, but for those beyond a quota and those as decided.
pub(crate) async fn refused(
    database: &Database,
    scope: &Scope,
    (from, to): (i64, i64),
    tenants: &[String],
) -> Result<BTreeMap<String, u64>, StoreError> {
    let query = database
        .query(include_str!("../sql/refused.sql"))
        .param("from", from.saturating_mul(NANOSECONDS))
        .param("to", to.saturating_mul(NANOSECONDS))
        .param("eyes", scope.tenant())
        .param("tenants", tenants)
        .param("decided", &AS_DECIDED[..]);
    Ok(all::<(String, u64)>(query).await?.into_iter().collect())
}
