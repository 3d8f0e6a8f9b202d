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

use crate::{
    database::{Database, all, seconds},
    local::Local,
};

/// A row of the answer, whose columns are these one after the other.
#[derive(Row, Deserialize)]
struct Edge {
    source: Node,
    target: Node,
    cell: Cell,
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
        edges.insert((local.number(edge.source), local.number(edge.target)), edge.cell);
    }
    map.draw(&edges, &local.catalog, query.account.as_deref());
    Ok(map)
}
