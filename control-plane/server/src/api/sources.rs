//! What the API and the pages are read from.

use std::sync::Arc;

use control_plane_model::{
    listing::{Found, Search},
    map::{MapQuery, ServiceMap},
    store::{Facets, Scope, SpanStore, StateStore},
    trace::{Trace, TraceId},
};
use jiff::Timestamp;
use serde_json::Value;
use slo::{CostReport, Prices};

use super::{Logs, MapFilter, TenantAnswer, TraceFilter, WindowQuery, objectives};
use crate::{
    alerting::Alarm,
    evaluator::Evaluator,
    problem::{Problem, in_time},
};

const MAX_ALERTS: usize = 500;

/// Where answers come from, whatever engine is behind it.
#[derive(Debug, Clone)]
pub(crate) struct Sources {
    pub(crate) spans: Arc<dyn SpanStore>,
    pub(crate) states: Arc<dyn StateStore>,
    pub(crate) evaluator: Evaluator,
    pub(crate) prices: Option<Arc<Prices>>,
    pub(crate) logs: Option<Logs>,
}

impl Sources {
    pub(crate) async fn map(&self, filter: &MapFilter) -> Result<ServiceMap, Problem> {
        let (from, to) = filter.window.resolve(Timestamp::now())?.seconds();
        let MapFilter { tenant, tier, account, .. } = filter.clone();
        in_time(self.spans.map(&Scope::All, MapQuery { from, to, tenant, tier, account })).await
    }

    pub(crate) async fn traces(&self, filter: &TraceFilter) -> Result<Found, Problem> {
        let window = filter.window.resolve(Timestamp::now())?;
        let search = Search {
            from_ns: window.from_ns,
            to_ns: window.to_ns,
            expression: filter.conditions.expression()?.map(|text| text.parse()).transpose()?,
            slowest_first: filter.slowest_first()?,
            limit: filter.limit()?,
        };
        in_time(self.spans.search(&Scope::All, search)).await
    }

    pub(crate) async fn trace(&self, id: &str) -> Result<Trace, Problem> {
        let found = in_time(self.spans.trace(&Scope::All, id.parse()?)).await?;
        found.ok_or_else(|| Problem::not_found("No span of this trace has arrived."))
    }

    /// The log lines of a trace, or why there are none; `None` where nobody keeps any.
    pub(crate) async fn logs(&self, id: TraceId) -> Option<Result<Vec<Value>, String>> {
        Some(self.logs.as_ref()?.of(id).await)
    }

    pub(crate) async fn facets(&self) -> Result<Facets, Problem> {
        in_time(self.spans.facets(&Scope::All)).await
    }

    pub(crate) async fn tenant(&self, id: &str, window: &WindowQuery) -> Result<TenantAnswer, Problem> {
        let now = self.evaluator.snapshot().tenant(id).cloned();
        let window = window.resolve(Timestamp::now())?;
        let (over, alerts) =
            tokio::try_join!(in_time(objectives::over(&*self.spans, id, window)), self.alerts(Some(id)))?;
        Ok(TenantAnswer { now, alerts, ..over })
    }

    pub(crate) async fn alerts(&self, tenant: Option<&str>) -> Result<Vec<Alarm>, Problem> {
        let bodies = in_time(self.states.alerts(&Scope::All, tenant, MAX_ALERTS)).await?;
        Ok(bodies.iter().map(|body| Alarm::read(body)).collect::<Result<_, _>>()?)
    }

    pub(crate) async fn cost(&self, window: &WindowQuery) -> Result<CostReport, Problem> {
        let (from, to) = window.resolve(Timestamp::now())?.seconds();
        let rows = in_time(self.spans.costs(&Scope::All, from, to)).await?;
        Ok(CostReport::of(&rows, self.prices.as_deref()))
    }
}
