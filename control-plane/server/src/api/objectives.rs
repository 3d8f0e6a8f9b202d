//! Objectives and alerts.

use std::collections::HashMap;

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use control_plane_model::{
    listing::Search,
    search::quoted,
    store::{Scope, SpanStore},
    trace,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use slo::Summary;

use super::{
    Answer, Beside, Deployed, Id, Point, Query, View,
    timeline::{self, ServiceKey, Stretches},
};

use crate::{
    alerting::Alarm,
    evaluator::FareLine,
    problem::Problem,
    window::{Window, WindowQuery},
};

const SLOWEST: usize = 10;

/// A service as a tenant sees it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ServiceLine {
    /// `service.name`
    pub service: String,
    /// Name of its spans.
    pub operation: String,
    /// Its account.
    pub account: String,
    /// Its numbers.
    pub summary: Summary,
}

/// A tenant over time.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct TenantAnswer {
    /// How it fares now; none of a tenant that nothing is promised to, or that was not evaluated yet.
    pub now: Option<FareLine>,
    /// Where the window begins, Unix seconds.
    pub from: i64,
    /// And where it ends.
    pub to: i64,
    /// How long a stretch of the window is, in seconds.
    pub width: i64,
    /// The window, in equal stretches; those without requests are left out.
    pub points: Vec<Point>,
    /// The tenants of its tier together, and everybody, over the same stretches; a tenant's own users are told of neither.
    pub beside: Vec<Beside>,
    /// Versions that were first seen in the window, of services that served it, the latest last; likewise.
    pub versions: Vec<Deployed>,
    /// Its services in the window, the slowest first.
    pub services: Vec<ServiceLine>,
    /// The slowest traces of the window.
    pub slowest: Vec<trace::Summary>,
    /// Its alerts, the latest first.
    pub alerts: Vec<Alarm>,
}

#[derive(Debug, Clone, Default, Deserialize)]
pub(crate) struct AlertFilter {
    tenant: Option<String>,
}

/// `GET /api/slo`
pub(super) async fn slo(view: View) -> Response {
    Json(&*view.slo()).into_response()
}

/// `GET /api/tenants/{id}`
pub(super) async fn tenant(view: View, Id(id): Id, Query(window): Query<WindowQuery>) -> Answer<TenantAnswer> {
    view.tenant(&id, &window).await.map(Json)
}

/// `GET /api/alerts`
pub(super) async fn alerts(view: View, Query(filter): Query<AlertFilter>) -> Answer<Vec<Alarm>> {
    view.alerts(filter.tenant.as_deref()).await.map(Json)
}

/// What spans say of a tenant in a window: all but how it fares now, and its alerts.
pub(super) async fn over(
    spans: &dyn SpanStore,
    scope: &Scope,
    id: &str,
    window: Window,
) -> Result<TenantAnswer, Problem> {
    if !spans.knows_tenant(scope, id).await? {
        return Err(Problem::not_found("No span has named this tenant."));
    }
    let search = Search {
        from_ns: window.from_ns,
        to_ns: window.to_ns,
        expression: Some(format!("annotation[tenant.id] = {}", quoted(id)).parse()?),
        slowest_first: true,
        limit: SLOWEST,
    };
    let stretches = Stretches::of(window, Timestamp::now());
    let (from, to) = window.seconds();
    let found = async { Ok::<_, Problem>(spans.search(scope, search).await?) };
    let (own, together, versions, found) = tokio::try_join!(
        timeline::own(spans, scope, id, stretches),
        timeline::together(spans, scope, stretches),
        async { Ok(spans.versions(scope, from, to).await?) },
        found
    )?;
    Ok(TenantAnswer {
        from,
        to,
        width: stretches.width,
        beside: together.beside(own.tier.as_deref(), stretches),
        versions: own.deployed(versions),
        points: stretches.points(&own.over_time()),
        services: services(own.services),
        slowest: found.traces,
        ..TenantAnswer::default()
    })
}

/// The numbers of each service of a tenant, the slowest first.
fn services(cells: HashMap<ServiceKey, slo::Cell>) -> Vec<ServiceLine> {
    let line = |((service, operation, account), cell)| {
        let summary = Summary::of(&cell);
        ServiceLine { service, operation, account, summary }
    };
    let mut services: Vec<ServiceLine> = cells.into_iter().map(line).collect();
    let p99 = |line: &ServiceLine| line.summary.p99_ns.unwrap_or_default();
    services.sort_by(|a, b| p99(b).total_cmp(&p99(a)));
    services
}
