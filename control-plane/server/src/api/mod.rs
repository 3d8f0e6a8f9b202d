//! The JSON API: everything the pages show. docs/control-plane.openapi.yaml describes it.
//!
//! | file | idea |
//! |---|---|
//! | `sources` | what all of it is read from |
//! | `query` | what a request asks for |
//! | `objectives` | objectives and alerts |
//! | `timeline` | a tenant over time, beside its tier and everybody |
//! | `cost` | who costs what, and why |
//! | `groups` | requests by the values of any attribute |
//! | `why` | what sets bad traces apart from good ones |
//! | `audit` | what operators did, and what was changed |
//! | `logs` | the log lines of a trace, from wherever these are kept |
//! | `sign_in` | how a program on a user's own machine signs them in |

mod audit;
mod cost;
mod groups;
mod logs;
mod objectives;
mod query;
mod sign_in;
mod sources;
mod timeline;
mod why;

use axum::{
    Json,
    extract::{FromRequestParts, Path},
    http::{StatusCode, request::Parts},
};
use control_plane_access::{May, Routes};
use control_plane_model::{
    listing::Found,
    map::ServiceMap,
    store::Facets,
    trace::{Stretch, Trace, Tree, critical_path},
};
use serde::Serialize;

pub(crate) use audit::AuditFilter;
pub(crate) use cost::CostFilter;
pub use cost::{CostAnswer, Days, DearTenant};
pub use groups::GroupsAnswer;
pub(crate) use groups::{GroupFilter, ORDERS};
pub use logs::Logs;
pub use objectives::{ServiceLine, TenantAnswer};
pub(crate) use query::{Conditions, MapFilter, Query, STATUSES, TraceFilter};
pub(crate) use sign_in::routes as sign_in_routes;
pub(crate) use sources::{Sources, View};
pub use timeline::{Beside, Deployed, Point};
pub(crate) use why::{AGAINST, WhyFilter, is_of_outcomes};
pub use why::{SideAnswer, WhyAnswer, verdict};

pub use crate::evaluator::{FareLine, SloAnswer};
pub(crate) use crate::window::WindowQuery;
use crate::{access::refuse, problem::Problem};

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
        .get(May::Staff, "/api/traces/{id}/logs", trace_logs)
        .get(May::SignedIn, "/api/groups", groups::groups)
        .get(May::SignedIn, "/api/why", why::why)
        .get(May::SignedIn, "/api/facets", facets)
        .get(May::SignedIn, "/api/slo", objectives::slo)
        .get(May::SignedIn, "/api/tenants/{id}", objectives::tenant)
        .get(May::SignedIn, "/api/alerts", objectives::alerts)
        .get(May::SignedIn, "/api/cost", cost::cost)
        .get(May::Staff, "/api/audit", audit::audit)
}

/// A trace, and what it waited for.
#[derive(Debug, Serialize)]
pub(crate) struct TraceAnswer {
    #[serde(flatten)]
    trace: Trace,
    critical_path: Vec<Stretch>,
}

/// `GET /api/map`
async fn map(view: View, Query(filter): Query<MapFilter>) -> Answer<ServiceMap> {
    view.map(&filter).await.map(Json)
}

/// `GET /api/traces`
async fn traces(view: View, Query(filter): Query<TraceFilter>) -> Answer<Found> {
    view.traces(&filter).await.map(Json)
}

/// `GET /api/traces/{id}`, the id in W3C or X-Ray form.
async fn trace(view: View, Id(id): Id) -> Answer<TraceAnswer> {
    let trace = view.trace(&id).await?;
    let critical_path = critical_path(&Tree::of(&trace));
    Ok(Json(TraceAnswer { trace, critical_path }))
}

/// `GET /api/traces/{id}/logs`
async fn trace_logs(view: View, Id(id): Id) -> Answer<Vec<serde_json::Value>> {
    match view.logs(id.parse()?).await {
        Some(lines) => lines.map(Json).map_err(|error| Problem::new(StatusCode::BAD_GATEWAY, error)),
        None => Err(Problem::not_found("No place to ask for log lines is configured.")),
    }
}

/// `GET /api/facets`
async fn facets(view: View) -> Answer<Facets> {
    view.facets().await.map(Json)
}
