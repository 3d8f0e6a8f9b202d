//! One node or one edge of the service map, over time and by tenant.

use clickhouse::Row;
use control_plane_model::{
    catalog::Node,
    part::{LISTED, PartQuery, PartSums},
    rollup::Cell,
    store::{Scope, StoreError},
};
use serde::Deserialize;

use crate::database::{Database, all, seconds};

/// A row of an answer: whose sum it is, or of when, and its columns one after the other.
#[derive(Row, Deserialize)]
struct Sum<T> {
    of: T,
    cell: Cell,
}

pub(crate) async fn part(database: &Database, scope: &Scope, query: &PartQuery) -> Result<PartSums, StoreError> {
    let mut sums = PartSums::of(query);
    let tenant = query.tenant.as_deref().or(scope.tenant());
    // The tenant '' is all together.
    if !scope.sees(tenant) || tenant == Some("") {
        return Ok(sums);
    }
    let (source, target) = query.of.ends();
    let asked = |sql: &str, from: i64| {
        database
            .query(sql)
            .param("tier", query.tier.as_deref())
            .param("source", named(source))
            .param("target", named(target))
            .param("from", seconds(from))
            .param("to", seconds(sums.to))
            .param("now", seconds(jiff::Timestamp::now().as_second()))
    };
    let over_time = asked(include_str!("../sql/part_over_time.sql"), sums.from);
    let over_time = over_time.param("tenant", tenant.unwrap_or_default());
    let of_tenants = asked(include_str!("../sql/part_of_tenants.sql"), sums.tenants_from);
    let of_tenants = of_tenants.param("listed", LISTED as u64);
    let of_tenants = async { if tenant.is_none() { all::<Sum<String>>(of_tenants).await } else { Ok(Vec::new()) } };
    let (over_time, of_tenants) = tokio::try_join!(all::<Sum<i64>>(over_time), of_tenants)?;
    sums.over_time = over_time.into_iter().map(|Sum { of, cell }| (of, cell)).collect();
    sums.list(of_tenants.into_iter().map(|Sum { of, cell }| (of, cell)).collect());
    Ok(sums)
}

/// A node by its kind, account and name, or `None` where it may be any.
fn named(node: Option<&Node>) -> Vec<&str> {
    node.map(|Node { kind, account, name }| vec![kind.as_str(), account.as_str(), name.as_str()]).unwrap_or_default()
}
