//! What the API and the pages are read from, narrowed to who asks.

mod measured;
mod opened;
mod staff_only;
mod traces;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use axum::{
    extract::FromRequestParts,
    http::{StatusCode, request::Parts},
};
use control_plane_access::{AccessError, Visitor};
use control_plane_audit::Audit;
use control_plane_model::{
    complain::complain,
    listing::{Search, SearchResult},
    log_records::LogStore,
    map::{MapQuery, ServiceMap},
    metrics::MetricStore,
    part::{Part, PartQuery},
    sample::{Sample, SampleQuery},
    store::{Facets, Scope, SpanStore, StateStore, Version},
};
use jiff::Timestamp;
use slo::{Prices, Reader, Row};
use tenant_registry::Tenant;
use tokio::{
    sync::{AcquireError, Semaphore},
    time::timeout,
};

use super::{
    CostAnswer, Days, Finding, GroupFilter, GroupsAnswer, MapFilter, PartAnswer, SloAnswer, TenantAnswer, TraceFilter,
    WhyAnswer, WhyFilter,
    cockpit::{self, UsersSeen},
    groups, objectives, why,
};
pub(crate) use opened::OpenedTraces;
pub(super) use traces::NO_SPAN;

use crate::{
    alerting::Alarm,
    evaluator::Evaluator,
    investigations::Investigations,
    problem::{Problem, in_time},
    tenants::{NamesState, TenantName, Tenants},
    trace_links::TraceLinks,
    window::{Place, Window, WindowQuery},
};

const MAX_ALERTS: usize = 500;
/// Seconds.
const LATELY: i64 = 2 * 86_400;
/// Requests that read traces whole at once; others wait.
pub(crate) const READERS: usize = 4;
/// Waterfalls that are made at once, each of one trace, which may have 50,000 spans; others wait.
pub(crate) const WATERFALLS: usize = 8;
/// How long a tenant's page waits for the count of its users.
const USERS_WITHIN: Duration = Duration::from_secs(3);

/// Where answers come from, whatever engine is behind it.
#[derive(Debug, Clone)]
pub(crate) struct Sources {
    pub(crate) spans: Arc<dyn SpanStore>,
    pub(crate) metrics: Arc<dyn MetricStore>,
    pub(crate) log_records: Arc<dyn LogStore>,
    pub(crate) states: Arc<dyn StateStore>,
    pub(crate) audit: Audit,
    pub(crate) investigations: Investigations,
    pub(crate) evaluator: Evaluator,
    pub(crate) prices: Option<Arc<Prices>>,
    pub(crate) tenants: Option<Tenants>,
    pub(crate) finding: Finding,
    pub(crate) trace_links: Arc<TraceLinks>,
    /// What accounts are called, by their ids.
    pub(crate) accounts: Arc<BTreeMap<String, String>>,
    /// Limits how many requests at once read whole traces, which takes memory.
    pub(crate) readers: Arc<Semaphore>,
    /// Those who make a waterfall of a trace. They are apart from the readers, so that opening a trace waits for no search.
    pub(crate) waterfalls: Arc<Semaphore>,
    /// Traces whose pages were opened lately.
    pub(crate) opened: OpenedTraces,
}

/// What somebody sees of it: the one way from a request to what is kept.
#[derive(Debug, Clone)]
pub(crate) struct View {
    sources: Sources,
    scope: Scope,
    pub(crate) visitor: Visitor,
    pub(crate) place: Place,
}

impl FromRequestParts<Sources> for View {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, sources: &Sources) -> Result<Self, Problem> {
        let visitor = parts.extensions.get::<Visitor>().ok_or(AccessError::NotAuthenticated)?.clone();
        Ok(Self { sources: sources.clone(), scope: visitor.scope(), visitor, place: Place::of(&parts.uri) })
    }
}

impl View {
    /// How tenants fare: a tenant sees itself, and neither how many others there are nor how they do together.
    pub(crate) fn slo(&self) -> Arc<SloAnswer> {
        let all = self.sources.evaluator.snapshot();
        match self.scope.tenant() {
            None => all,
            Some(own) => {
                let tenants = all.tenant(own).cloned().into_iter().collect();
                Arc::new(SloAnswer { at: all.at, tenants, ..SloAnswer::default() })
            }
        }
    }

    pub(crate) async fn map(&self, filter: &MapFilter) -> Result<ServiceMap, Problem> {
        let (from, to) = filter.window.resolve(Timestamp::now())?.seconds();
        let MapFilter { tenant, tier, account, .. } = filter.clone();
        in_time(self.sources.spans.map(&self.scope, MapQuery { from, to, tenant, tier, account })).await
    }

    /// A node or an edge of the map, over time and by tenant.
    pub(crate) async fn part(&self, of: Part, filter: &MapFilter) -> Result<PartAnswer, Problem> {
        let now = Timestamp::now();
        let (from, to) = filter.window.resolve(now)?.seconds();
        let MapFilter { tenant, tier, .. } = filter.clone();
        let query = PartQuery { from, to, tenant, tier, of };
        Ok(PartAnswer::of(in_time(self.sources.spans.part(&self.scope, query)).await?, now.as_second()))
    }

    /// Versions that were first seen in the window; none for a tenant.
    pub(crate) async fn versions(&self, window: &WindowQuery) -> Result<Vec<Version>, Problem> {
        let (from, to) = window.resolve(Timestamp::now())?.seconds();
        in_time(self.sources.spans.versions(&self.scope, from, to)).await
    }

    /// What an account is called, where the configuration says so.
    pub(crate) fn account_name(&self, id: &str) -> Option<&str> {
        self.sources.accounts.get(id).map(String::as_str)
    }

    /// What an account is called, with its id.
    pub(crate) fn account(&self, id: &str) -> String {
        self.account_name(id).map_or_else(|| id.to_owned(), |name| format!("{name} · {id}"))
    }

    pub(crate) async fn traces(&self, filter: &TraceFilter) -> Result<SearchResult, Problem> {
        let window = filter.window.resolve(Timestamp::now())?;
        let search = Search {
            from_ns: window.from_ns,
            to_ns: window.to_ns,
            expression: filter.conditions.expression()?.map(|text| text.parse()).transpose()?,
            order: filter.order()?,
            limit: filter.limit()?,
        };
        self.search(search).await
    }

    pub(crate) async fn search(&self, search: Search) -> Result<SearchResult, Problem> {
        in_time(self.sources.spans.search(&self.scope, search)).await
    }

    pub(crate) async fn groups(&self, filter: &GroupFilter) -> Result<GroupsAnswer, Problem> {
        let window = filter.window.resolve(Timestamp::now())?;
        self.in_turn(groups::over(&*self.sources.spans, &self.scope, filter, window)).await
    }

    /// What sets the traces that are asked about apart from those that they are set against.
    pub(crate) async fn why(&self, filter: &WhyFilter) -> Result<WhyAnswer, Problem> {
        self.in_turn(why::compared(&*self.sources.spans, &self.scope, &self.slo(), filter)).await
    }

    /// How things are found.
    pub(crate) fn finding(&self) -> &Finding {
        &self.sources.finding
    }

    /// Traces that match, whole; they are read [in turn](Self::in_turn).
    pub(crate) async fn sample(&self, query: SampleQuery) -> Result<Sample, Problem> {
        Ok(self.sources.spans.sample(&self.scope, query).await?)
    }

    /// What comes of reading traces whole, once few enough others do so, and if that is soon.
    pub(crate) async fn in_turn<T>(&self, reading: impl Future<Output = Result<T, Problem>>) -> Result<T, Problem> {
        in_time(async {
            let _turn = self.sources.readers.acquire().await.map_err(closed)?;
            reading.await
        })
        .await
    }

    pub(crate) async fn facets(&self) -> Result<Facets, Problem> {
        in_time(self.sources.spans.facets(&self.scope)).await
    }

    pub(crate) async fn tenant(&self, id: &str, window: &WindowQuery) -> Result<TenantAnswer, Problem> {
        let Sources { spans, evaluator, prices, .. } = &self.sources;
        // Only for a tenant that the scope may see: there is no line about others.
        let now = self.slo().tenant(id).cloned();
        let reader = if self.scope.tenant().is_none() { Reader::Staff } else { Reader::Tenant };
        let conditions = now.as_ref().map(|_| evaluator.distances(id, reader)).unwrap_or_default();
        let window = window.resolve(Timestamp::now())?;
        let (over, alerts, users) = tokio::try_join!(
            in_time(objectives::over(&**spans, &self.scope, id, window, prices.as_deref(), now.as_ref())),
            self.alerts(Some(id)),
            async { Ok(self.users(id, window).await) },
        )?;
        Ok(TenantAnswer { now, alerts, conditions, users, ..over })
    }

    /// The users of a tenant, or `None` where they cannot be counted soon: there is more to show.
    async fn users(&self, id: &str, window: Window) -> Option<UsersSeen> {
        let counted = self.in_turn(cockpit::users(&*self.sources.spans, &self.scope, id, window));
        match timeout(USERS_WITHIN, counted).await.ok()? {
            Ok(users) => Some(users),
            Err(problem) => {
                complain(format_args!("users were not counted: {}", problem.detail));
                None
            }
        }
    }

    /// The registry, where one is configured.
    pub(crate) fn tenants(&self) -> Option<&Tenants> {
        self.sources.tenants.as_ref()
    }

    /// Whether a span, or a name of the registry's, is of this tenant.
    pub(crate) async fn knows_tenant(&self, id: &str) -> Result<bool, Problem> {
        let known = self.scope.sees(Some(id)) && in_time(self.sources.spans.knows_tenant(&self.scope, id)).await?;
        Ok(known || self.name_of(id).is_some())
    }

    /// The name of a tenant's company, or `None` where it is not known or the scope may not see it.
    pub(crate) fn name_of(&self, id: &str) -> Option<String> {
        self.tenants().filter(|_| self.scope.sees(Some(id)))?.name_of(id)
    }

    /// The tenants whose company is called so, or whose name begins so.
    pub(crate) fn called(&self, name: &str) -> Vec<TenantName> {
        self.tenants().map(|tenants| tenants.called(&self.scope, name)).unwrap_or_default()
    }

    /// How much of the companies' names is known, or `None` for a tenant: when they were read, and how many there are, tells of others.
    pub(crate) fn names_known(&self) -> Option<NamesState> {
        let is_of_all = self.scope.tenant().is_none();
        is_of_all.then(|| self.tenants().map_or(NamesState::Nothing, Tenants::names_known))
    }

    /// Has the companies' names read again soon, as nothing was found. What a tenant looks for moves nothing that others could see.
    pub(crate) fn want_names(&self) {
        if let Some(tenants) = self.tenants().filter(|_| self.scope.tenant().is_none()) {
            tenants.want_names();
        }
    }

    /// A tenant as the registry has it, or `None` where there is no registry or the scope may not see the tenant.
    pub(crate) async fn registered(&self, id: &str) -> Option<Result<Tenant, Problem>> {
        let tenants = self.tenants().filter(|_| self.scope.sees(Some(id)))?;
        Some(tenants.get(id).await)
    }

    pub(crate) async fn alerts(&self, tenant: Option<&str>) -> Result<Vec<Alarm>, Problem> {
        let bodies = in_time(self.sources.states.alerts(&self.scope, tenant, MAX_ALERTS)).await?;
        Ok(bodies.iter().map(|body| Alarm::read(body)).collect::<Result<_, _>>()?)
    }

    pub(crate) async fn cost(&self, window: &WindowQuery) -> Result<CostAnswer, Problem> {
        let now = Timestamp::now();
        let days = Days::of(window.resolve(now)?);
        let Sources { spans, prices, .. } = &self.sources;
        let (is_of_all, prices) = (self.scope.tenant().is_none(), prices.as_deref());
        let of = |from, to| in_time(spans.costs(&self.scope, from, to));
        // Nobody is held against the days before where there is but one to be seen.
        let before = async { if is_of_all { of(days.before, days.from - 1).await } else { Ok(Vec::new()) } };
        let (rows, before) = tokio::try_join!(of(days.from, days.to - 1), before)?;
        let answer = CostAnswer::of(days, (&rows, &before), prices, is_of_all, now.as_second());
        let told = self.scope.tenant().map_or_else(|| answer.told_daily(), |own| vec![own.to_owned()]);
        let uses = in_time(spans.daily_costs(&self.scope, days.from, days.to - 1, &told)).await?;
        Ok(answer.with_days(&uses, prices))
    }

    /// The sums of requests and handled messages of today and the days before it, a row for each operation.
    pub(crate) async fn requests_lately(&self) -> Result<Vec<Row>, Problem> {
        let now = Timestamp::now().as_second();
        in_time(self.sources.spans.costs(&self.scope, now - LATELY, now)).await
    }
}

/// No turn comes any more: the server stops.
fn closed(error: AcquireError) -> Problem {
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, error.to_string())
}
