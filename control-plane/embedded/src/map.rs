//! The service map: edges of a window, summed.

use std::collections::BTreeMap;

use control_plane_model::{
    map::{MapEdge, MapNode, MapQuery, ServiceMap, Stats},
    rollup::Cell,
    store::{Scope, StoreError},
    topology::NodeId,
};
use rusqlite::params;

use crate::{
    catalog::Catalog,
    cells::{self, Table},
    dictionary::NONE,
    reader::Reader,
};

impl Reader {
    /// The service map.
    pub(crate) fn map(&self, scope: &Scope, query: &MapQuery) -> Result<ServiceMap, StoreError> {
        let minute = |time: i64| time.div_euclid(60) * 60;
        // The minute under way is part of it.
        let (from, to) = (minute(query.from), minute(query.to) + 60);
        let mut map = ServiceMap { from, to, nodes: Vec::new(), edges: Vec::new() };
        let tenant = query.tenant.as_deref().or(scope.tenant());
        if !scope.sees(tenant) {
            return Ok(map);
        }
        self.read(|connection| {
            let catalog = self.catalog(connection)?;
            let Some(tenant) = number(connection, tenant)? else { return Ok(()) };
            let tier = match query.tier.as_deref() {
                None => None,
                Some(tier) => match Catalog::number(connection, tier)? {
                    Some(tier) => Some(tier),
                    None => return Ok(()),
                },
            };
            let sql = format!(
                "SELECT e.source, e.target, {} FROM {} c JOIN edges e ON e.id = c.series
                 WHERE c.bucket = ?1 AND c.tenant = ?2 AND (?3 IS NULL OR e.tier = ?3)",
                cells::COLUMNS,
                Table::Edges.name(),
            );
            let mut select = connection.prepare_cached(&sql)?;
            let mut edges: BTreeMap<(NodeId, NodeId), Cell> = BTreeMap::new();
            for bucket in cells::buckets(connection, Table::Edges, from, to)? {
                let mut rows = select.query(params![bucket, tenant, tier])?;
                while let Some(row) = rows.next()? {
                    edges.entry((row.get(0)?, row.get(1)?)).or_default().merge(&cells::read(row, 2)?);
                }
            }
            draw(&mut map, &edges, &catalog, query.account.as_deref());
            Ok(())
        })?;
        Ok(map)
    }
}

/// The number of a tenant: 0 of all, `None` of one that is not known.
fn number(connection: &rusqlite::Connection, tenant: Option<&str>) -> rusqlite::Result<Option<u32>> {
    tenant.map_or(Ok(Some(NONE)), |tenant| Catalog::number(connection, tenant))
}

fn draw(map: &mut ServiceMap, edges: &BTreeMap<(NodeId, NodeId), Cell>, catalog: &Catalog, account: Option<&str>) {
    let seconds = map.to - map.from;
    let mut nodes: BTreeMap<NodeId, Cell> = BTreeMap::new();
    for ((source, target), cell) in edges {
        let within = |id: NodeId| account.is_none_or(|account| catalog.node(id).account == account);
        if !within(*source) && !within(*target) {
            continue;
        }
        let is_client = catalog.node(*source).kind == "client";
        let outside = nodes.entry(*source).or_default();
        if is_client {
            outside.merge(cell);
        }
        nodes.entry(*target).or_default().merge(cell);
        map.edges.push(MapEdge { source: *source, target: *target, stats: Stats::of(cell, seconds) });
    }
    map.nodes.extend(nodes.into_iter().map(|(id, cell)| {
        let node = catalog.node(id);
        MapNode {
            id,
            kind: node.kind,
            name: node.name,
            account: Some(node.account).filter(|account| !account.is_empty()),
            stats: Stats::of(&cell, seconds),
        }
    }));
}
