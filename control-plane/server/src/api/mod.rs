//! The JSON API: everything the pages show. docs/control-plane.openapi.yaml describes it.
//!
//! | file | idea |
//! |---|---|
//! | `sources` | what all of it is read from |
//! | `query` | what a request asks for |
//! | `export` | traces in OTLP's JSON, as they were received |
//! | `find` | finding things by what people have in hand |
//! | `objectives` | objectives and alerts |
//! | `cockpit` | a tenant's users, failures and spending |
//! | `timeline` | a tenant over time, beside its tier and everybody |
//! | `cost` | who costs what, and why |
//! | `groups` | requests by the values of any attribute |
//! | `turned_away` | whose requests were refused, where and why |
//! | `unverified` | what was refused before anybody was known |
//! | `callers` | from where a tenant's requests came, and by whom |
//! | `investigations` | what operators investigate, and what matches now |
//! | `why` | what sets bad traces apart from good ones |
//! | `audit` | what operators did, and what was changed |
//! | `part` | a node or an edge of the map, over time and by tenant |
//! | `rows` | a trace's spans as its waterfall draws them, and those that have a text in them |
//! | `logs` | the log lines of a trace |
//! | `metrics` | metrics over time |
//! | `sign_in` | how a program on a user's own machine signs them in |

mod audit;
mod callers;
mod cockpit;
mod cost;
mod export;
mod find;
mod groups;
mod investigations;
mod logs;
mod metrics;
mod objectives;
mod part;
mod query;
mod rows;
mod sign_in;
mod sources;
mod throttled;
mod timeline;
mod turned_away;
mod unverified;
mod why;

use axum::{
    Json,
    extract::{FromRequestParts, Path},
    http::request::Parts,
    response::{IntoResponse, Response},
};
use control_plane_access::{May, Routes};
use control_plane_model::{
    map::ServiceMap,
    store::Facets,
    trace::{Ending, Stretch, Trace, Tree, critical_path, ending},
};
use serde::{Deserialize, Serialize};

pub(crate) use audit::AuditFilter;
pub use callers::CallersAnswer;
pub use cockpit::{FailedTraces, Registered, Spending, SpentDay, UsersSeen};
pub(crate) use cost::CostFilter;
pub use cost::{CostAnswer, Days, DearTenant};
pub(crate) use export::group;
pub use find::{FindAnswer, Hit, Largest, TracesHit, Tried};
pub(crate) use find::{FindQuery, Finding, find};
pub use groups::GroupsAnswer;
pub(crate) use groups::{GroupFilter, ORDERS};
pub use investigations::{InvestigationAnswer, MatchedRefusals, MatchedTraces, Matches};
pub(crate) use investigations::{InvestigationsQuery, listed};
pub(crate) use logs::MAX_LINES;
pub use metrics::MetricsAnswer;
pub(crate) use metrics::Steps;
pub use objectives::{ServiceLine, TenantAnswer};
pub(crate) use part::PartAnswer;
pub(crate) use query::{Conditions, MapFilter, Query, STATUSES, TraceFilter};
pub(crate) use rows::{Sender, senders, wanted};
pub(crate) use sign_in::routes as sign_in_routes;
pub(crate) use sources::{OpenedTraces, READERS, Sources, View, WATERFALLS};
pub use throttled::{Throttled, ThrottledPoint};
pub use timeline::{ComparedTenants, Deployed, Point};
pub(crate) use turned_away::RefusalFilter;
pub use turned_away::{TurnedAway, TurnedAwayAnswer};
pub(crate) use unverified::UnverifiedFilter;
pub use unverified::{Unverified, UnverifiedAnswer};
pub(crate) use why::{AGAINST, WhyFilter, is_of_outcomes};
pub use why::{SideAnswer, WhyAnswer, verdict};

pub(crate) use crate::window::WindowQuery;
use crate::{access::refuse, problem::Problem};
pub use crate::{
    evaluator::{SloAnswer, SloStatusLine},
    investigations::{Closed, Investigation, Note},
    tenants::TenantName,
    trace_links::TraceLink,
};

/// What is answered in JSON.
type Answer<T> = Result<Json<T>, Problem>;

/// The `{id}` of a path.
#[derive(Debug)]
pub(crate) struct Id(pub(crate) String);

impl<S: Send + Sync> FromRequestParts<S> for Id {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let Path(id) = Path::from_request_parts(parts, state).await?;
        Ok(Self(id))
    }
}

/// Paths of the API.
pub(crate) fn routes() -> Routes<Sources> {
    Routes::new(refuse)
        .get(May::SignedIn, "/api/map", map)
        .get(May::SignedIn, "/api/traces", traces)
        .get(May::SignedIn, "/api/traces/{id}", trace)
        .get(May::SignedIn, "/api/traces/{id}/rows", rows::rows)
        .get(May::SignedIn, "/api/traces/{id}/spans", rows::spans)
        .get(May::SignedIn, "/api/traces/{id}/logs", logs::logs)
        .get(May::SignedIn, "/api/find", find_anything)
        .get(May::SignedIn, "/api/groups", groups::groups)
        .get(May::SignedIn, "/api/why", why::why)
        .get(May::SignedIn, "/api/turned-away", turned_away::turned_away)
        .get(May::Staff, "/api/turned-away/unverified", unverified::unverified)
        .get(May::Staff, "/api/investigations", investigations::list)
        .get(May::Staff, "/api/investigations/{id}", investigations::one)
        .get(May::SignedIn, "/api/metrics", metrics::metrics)
        .get(May::SignedIn, "/api/facets", facets)
        .get(May::SignedIn, "/api/slo", objectives::slo)
        .get(May::SignedIn, "/api/tenants/{id}", objectives::tenant)
        .get(May::Staff, "/api/tenants/{id}/callers", callers::callers)
        .get(May::SignedIn, "/api/alerts", objectives::alerts)
        .get(May::SignedIn, "/api/cost", cost::cost)
        .get(May::Staff, "/api/audit", audit::audit)
}

/// The query of a search for traces.
#[derive(Debug, Default, Deserialize)]
struct TracesQuery {
    #[serde(flatten)]
    filter: TraceFilter,
    format: Option<String>,
}

/// The query of a trace: the format of the answer.
#[derive(Debug, Default, Deserialize)]
struct TraceQuery {
    format: Option<String>,
}

/// A trace, what it waited for, and where it ended.
#[derive(Debug, Serialize, Deserialize)]
pub struct TraceAnswer {
    /// Its spans.
    #[serde(flatten)]
    pub trace: Trace,
    /// What it waited for.
    pub critical_path: Vec<Stretch>,
    /// How the trace ended.
    pub ending: Ending,
    /// Other tools in which it is to be seen.
    #[serde(default)]
    pub trace_links: Vec<TraceLink>,
}

impl TraceAnswer {
    fn of(view: &View, trace: Trace) -> Self {
        let trace_links = view.trace_links(&trace);
        let tree = Tree::of(&trace);
        let (critical_path, ending) = (critical_path(&tree), ending(&tree));
        Self { trace, critical_path, ending, trace_links }
    }
}

/// `GET /api/map`
async fn map(view: View, Query(filter): Query<MapFilter>) -> Answer<ServiceMap> {
    view.map(&filter).await.map(Json)
}

/// `GET /api/traces`, as JSON of its own or OTLP's.
async fn traces(view: View, Query(asked): Query<TracesQuery>) -> Result<Response, Problem> {
    match export::is_asked_for(&asked.format)? {
        true => export::of_search(&view, &asked.filter).await,
        false => view.traces(&asked.filter).await.map(|found| Json(found).into_response()),
    }
}

/// `GET /api/traces/{id}`, the id in W3C or X-Ray form, as JSON of its own or OTLP's.
async fn trace(view: View, Id(id): Id, Query(asked): Query<TraceQuery>) -> Result<Response, Problem> {
    match export::is_asked_for(&asked.format)? {
        true => export::of_trace(&view, id.parse()?).await,
        false => Ok(Json(TraceAnswer::of(&view, view.trace(&id).await?)).into_response()),
    }
}

/// `GET /api/find`
async fn find_anything(view: View, Query(query): Query<FindQuery>) -> Answer<FindAnswer> {
    find(&view, &query).await.map(Json)
}

/// `GET /api/facets`
async fn facets(view: View) -> Answer<Facets> {
    view.facets().await.map(Json)
}
