//! Requests of a tenant that were refused because it asked for too much: those that its services answered with 429, as the map counts them.

use std::collections::BTreeMap;

use control_plane_model::{
    catalog::Node,
    map::{MapNode, MapQuery},
    part::{Part, PartQuery, PartSums},
    store::{Scope, SpanStore},
};
use futures_util::future::try_join_all;
use serde::{Deserialize, Serialize};

use super::timeline::Stretches;
use crate::{problem::Problem, window::Window};

/// Requests of a window that were answered with 429.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Throttled {
    /// How many spans tell of.
    pub requests: i64,
    /// The same by equal stretches of the window; those without any are left out.
    pub points: Vec<ThrottledPoint>,
}

/// The throttled requests of one stretch of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ThrottledPoint {
    /// Unix seconds.
    pub start: i64,
    /// How much of the stretch is in the window and over, in seconds.
    pub seconds: i64,
    /// How many spans tell of.
    pub requests: i64,
}

/// A tenant's. Only services that have any are looked at over time.
pub(super) async fn throttled(
    spans: &dyn SpanStore,
    scope: &Scope,
    id: &str,
    window: Window,
    stretches: Stretches,
) -> Result<Throttled, Problem> {
    let ((from, to), tenant) = (window.seconds(), Some(id.to_owned()));
    let map = spans.map(scope, MapQuery { from, to, tenant: tenant.clone(), tier: None, account: None }).await?;
    let over_time = map.nodes.into_iter().filter(|node| node.kind == "service" && node.stats.throttles > 0).map(
        |MapNode { kind, name, account, .. }| {
            let of = Part::Node(Node { kind, name, account: account.unwrap_or_default() });
            spans.part(scope, PartQuery { from, to, tenant: tenant.clone(), tier: None, of })
        },
    );
    Ok(Throttled::of(&try_join_all(over_time).await?, stretches))
}

impl Throttled {
    fn of(services: &[PartSums], stretches: Stretches) -> Self {
        let mut points: BTreeMap<i64, i64> = BTreeMap::new();
        for (time, cell) in
            services.iter().flat_map(|service| &service.over_time).filter(|(_, cell)| cell.throttles > 0)
        {
            *points.entry(stretches.start(*time)).or_default() += cell.throttles;
        }
        let point = |(start, requests)| ThrottledPoint { start, seconds: stretches.seconds(start), requests };
        Self { requests: points.values().sum(), points: points.into_iter().map(point).collect() }
    }
}
