//! The service map: edges of a window, summed.

use std::collections::BTreeMap;

use clickhouse::Row;
use control_plane_model::{
    catalog::Node,
    map::{MapQuery, ServiceMap},
    rollup::Cell,
    store::{Scope, StoreError},
};
use serde::Deserialize;
use slo::Histogram;

use crate::{
    database::{Database, all, seconds},
    local::Local,
};

#[derive(Row, Deserialize)]
struct Edge {
    source_kind: String,
    source_account: String,
    source_name: String,
    target_kind: String,
    target_account: String,
    target_name: String,
    count: i64,
    errors: i64,
    faults: i64,
    throttles: i64,
    weight: f64,
    weighted_errors: f64,
    weighted_faults: f64,
    weighted_duration_ns: f64,
    estimated: i64,
    bins: Vec<(u16, f64)>,
}

/// Latencies as rows have them.
pub(crate) fn histogram(bins: Vec<(u16, f64)>) -> Histogram {
    let mut histogram = Histogram::new();
    bins.into_iter().for_each(|(bin, weight)| histogram.add_bin(bin, weight));
    histogram
}

pub(crate) async fn map(database: &Database, scope: &Scope, query: &MapQuery) -> Result<ServiceMap, StoreError> {
    let mut map = ServiceMap::of(query);
    let tenant = query.tenant.as_deref().or(scope.tenant());
    // The tenant '' is all together.
    if !scope.sees(tenant) || tenant == Some("") {
        return Ok(map);
    }
    let found = database
        .query(include_str!("../sql/map.sql"))
        .param("tenant", tenant.unwrap_or_default())
        .param("tier", query.tier.as_deref())
        .param("from", seconds(map.from))
        .param("to", seconds(map.to))
        .param("now", seconds(jiff::Timestamp::now().as_second()));
    let (mut local, mut edges) = (Local::default(), BTreeMap::new());
    for edge in all::<Edge>(found).await? {
        let source = Node { kind: edge.source_kind, account: edge.source_account, name: edge.source_name };
        let target = Node { kind: edge.target_kind, account: edge.target_account, name: edge.target_name };
        let cell = Cell {
            count: edge.count,
            errors: edge.errors,
            faults: edge.faults,
            throttles: edge.throttles,
            // Nothing is shown of it.
            duration_ns: 0,
            weight: edge.weight,
            weighted_errors: edge.weighted_errors,
            weighted_faults: edge.weighted_faults,
            weighted_duration_ns: edge.weighted_duration_ns,
            estimated: edge.estimated,
            histogram: histogram(edge.bins),
        };
        edges.insert((local.number(source), local.number(target)), cell);
    }
    map.draw(&edges, &local.catalog, query.account.as_deref());
    Ok(map)
}
