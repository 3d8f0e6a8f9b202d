//! From where a tenant's requests of the last day came, and by whom: what a change of its access lists is held against.

use axum::Json;
use control_plane_analysis::Callers;
use control_plane_model::{
    sample::SampleQuery,
    search::quoted,
    store::{Scope, SpanStore},
};
use futures_util::StreamExt;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use tenant_registry::Caller;

use super::{Answer, Id, View};
use crate::problem::{Problem, off_thread};

/// Traces that are looked at: enough to tell a share within two in a hundred.
const SAMPLED: usize = 3_000;
const DAY: SignedDuration = SignedDuration::from_hours(24);

/// Requests of a tenant by who sent them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallersAnswer {
    /// Unix seconds.
    pub from: i64,
    /// Unix seconds.
    pub to: i64,
    /// Traces of the tenant in this time.
    pub traces: usize,
    /// Of these, how many were looked at: all, or so many at random.
    pub looked_at: usize,
    /// Who sent their requests, those with the most first.
    pub callers: Vec<Caller>,
}

/// `GET /api/tenants/{id}/callers`
pub(super) async fn callers(view: View, Id(id): Id) -> Answer<CallersAnswer> {
    view.callers(&id).await.map(Json)
}

/// Those of the last 24 hours.
pub(in crate::api) async fn of_the_last_day(
    spans: &dyn SpanStore,
    scope: &Scope,
    id: &str,
) -> Result<CallersAnswer, Problem> {
    let now = Timestamp::now();
    let from = now.checked_sub(DAY).map_err(|error| Problem::bad_request(error.to_string()))?;
    let ns = |time: Timestamp| i64::try_from(time.as_nanosecond()).unwrap_or(i64::MAX);
    let expression = Some(format!("annotation[tenant.id] = {}", quoted(id)).parse()?);
    let query = SampleQuery { from_ns: ns(from), to_ns: ns(now), expression, limit: SAMPLED };
    let mut sample = spans.sample(scope, query).await?;
    let (mut callers, mut looked_at) = (Callers::of_tenant(id), 0);
    while let Some(batch) = sample.traces.next().await {
        let batch = batch?;
        looked_at += batch.len();
        callers = off_thread(move || {
            batch.iter().for_each(|trace| callers.add(trace));
            callers
        })
        .await?;
    }
    let told = |(caller, requests): (Option<(String, Option<String>)>, u64)| {
        let (network, user) = caller.map_or((None, None), |(network, user)| (Some(network), user));
        Caller { network, user, requests }
    };
    Ok(CallersAnswer {
        from: from.as_second(),
        to: now.as_second(),
        traces: sample.matched,
        looked_at,
        callers: callers.by_requests().into_iter().map(told).collect(),
    })
}
