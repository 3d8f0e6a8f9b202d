//! What the API answers about objectives and alerts.

use std::collections::HashMap;

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use control_plane_model::{
    rollup,
    store::{Detail, Scope, SpanStore},
    trace,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use slo::{Burning, Distance, Prices, Summary, burndown};

use super::{
    Answer, ComparedTenants, Deployed, Id, Point, Query, View,
    cockpit::{self, FailedTraces, Registered, Spending, UsersSeen},
    throttled::{self, Throttled},
    timeline::{self, ServiceKey, Stretches},
};

use crate::{
    alerting::Alarm,
    evaluator::SloStatusLine,
    problem::Problem,
    window::{Window, WindowQuery},
};

/// A service as a tenant sees it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ServiceLine {
    /// `service.name`
    pub service: String,
    /// Name of its spans.
    pub operation: String,
    /// The account that the service runs in.
    pub account: String,
    /// The figures of the service.
    pub summary: Summary,
}

/// A tenant over time.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct TenantAnswer {
    /// How it fares now, or `None` for a tenant that nothing is promised to, or that was not evaluated yet.
    pub now: Option<SloStatusLine>,
    /// The beginning of the window, in Unix seconds.
    pub from: i64,
    /// The end of the window, in Unix seconds.
    pub to: i64,
    /// How long a stretch of the window is, in seconds.
    pub width: i64,
    /// The window, in equal stretches; those without requests are left out.
    pub points: Vec<Point>,
    /// The tenants of its tier together, and everybody, over the same stretches; a tenant's own users are told of neither.
    pub beside: Vec<ComparedTenants>,
    /// Versions that were first seen in the window, of services that served it, the latest last; likewise.
    pub versions: Vec<Deployed>,
    /// Its services in the window, the slowest first.
    pub services: Vec<ServiceLine>,
    /// The traces of the window in which something failed.
    pub failed: FailedTraces,
    /// The requests of the window that were refused because it asked for too much, which are nobody's failure.
    pub throttled: Throttled,
    /// The slowest traces of the window.
    pub slowest: Vec<trace::Summary>,
    /// Its alerts, the latest first.
    pub alerts: Vec<Alarm>,
    /// How far it is from each alert, and why those are not open that are not.
    pub conditions: Vec<Distance>,
    /// Its users in the window, or `None` where they could not be counted.
    pub users: Option<UsersSeen>,
    /// What the tenant costs.
    pub spending: Spending,
    /// How its budget was used up over the last 30 days, every six hours, whatever the window; none of a tenant that nothing is promised to.
    pub burndown: Vec<Burning>,
    /// What the registry says of it, or `None` where there is no registry, or it did not answer.
    pub registered: Option<Registered>,
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
    let (answer, registered) = tokio::join!(view.tenant(&id, &window), view.registered(&id));
    let registered = registered.and_then(Result::ok).map(|tenant| Registered::from(&tenant));
    Ok(Json(TenantAnswer { registered, ..answer? }))
}

/// `GET /api/alerts`
pub(super) async fn alerts(view: View, Query(filter): Query<AlertFilter>) -> Answer<Vec<Alarm>> {
    view.alerts(filter.tenant.as_deref()).await.map(Json)
}

/// What spans say of a tenant in a window: all but how it fares now, its alerts and its users. `status` is how it fares now.
pub(super) async fn over(
    spans: &dyn SpanStore,
    scope: &Scope,
    id: &str,
    window: Window,
    prices: Option<&Prices>,
    status: Option<&SloStatusLine>,
) -> Result<TenantAnswer, Problem> {
    let now = Timestamp::now();
    let stretches = Stretches::of(window, now);
    let (from, to) = window.seconds();
    let (is_known, own, earlier, together, versions, slowest, failed, throttled, month) = tokio::try_join!(
        async { Ok(spans.knows_tenant(scope, id).await?) },
        timeline::own(spans, scope, id, stretches, Detail::Latencies),
        async {
            let Some(before) = cockpit::before(window, now) else { return Ok(None) };
            timeline::own(spans, scope, id, Stretches::of(before, now), Detail::Counts).await.map(Some)
        },
        timeline::together(spans, scope, stretches),
        // Of what was there before sightings are kept, each version would seem to be new when they begin.
        async { Ok(spans.versions(scope, from.max(now.as_second() - rollup::KEPT), to).await?) },
        cockpit::slowest(spans, scope, id, window),
        cockpit::failed(spans, scope, id, window),
        throttled::throttled(spans, scope, id, window, stretches),
        cockpit::month(spans, scope, id, now),
    )?;
    if !is_known {
        return Err(Problem::not_found("No span has named this tenant."));
    }
    let services_before = earlier.as_ref().map(|earlier| &earlier.services);
    let spending = Spending::of(window, now, (&own.services, services_before), prices);
    Ok(TenantAnswer {
        from,
        to,
        width: stretches.width,
        beside: together.compared_tenants(own.tier.as_deref(), stretches),
        versions: own.deployed(versions),
        points: stretches.points(&own.over_time()),
        spending: Spending { days: cockpit::days(&month, now, prices), ..spending },
        services: services(own.services),
        failed,
        throttled,
        slowest,
        burndown: status
            .map(|status| burndown(month.cells().map(|(_, start, cell)| (start, cell)), &status.status.evaluation))
            .unwrap_or_default(),
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
