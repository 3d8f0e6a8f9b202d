//! The service map: edges of a window, summed.

use std::collections::BTreeMap;

use control_plane_model::{
    catalog::NONE,
    map::{MapQuery, ServiceMap},
    rollup::Cell,
    store::{Scope, StoreError},
    topology::NodeId,
};
use rusqlite::params;

use crate::{
    catalog,
    cells::{self, Table},
    reader::Reader,
};

impl Reader {
    /// The service map.
    pub(crate) fn map(&self, scope: &Scope, query: &MapQuery) -> Result<ServiceMap, StoreError> {
        let mut map = ServiceMap::of(query);
        let tenant = query.tenant.as_deref().or(scope.tenant());
        if !scope.sees(tenant) {
            return Ok(map);
        }
        self.read(|connection| {
            let known = self.catalog(connection)?;
            let Some(tenant) = number(connection, tenant)? else { return Ok(()) };
            let tier = match query.tier.as_deref() {
                None => None,
                Some(tier) => match catalog::number(connection, tier)? {
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
            for bucket in cells::buckets(connection, Table::Edges, map.from, map.to)? {
                let mut rows = select.query(params![bucket, tenant, tier])?;
                while let Some(row) = rows.next()? {
                    edges.entry((row.get(0)?, row.get(1)?)).or_default().merge(&cells::read(row, 2)?);
                }
            }
            map.draw(&edges, &known, query.account.as_deref());
            Ok(())
        })?;
        Ok(map)
    }
}

/// The number of a tenant: 0 of all, `None` of one that is not known.
fn number(connection: &rusqlite::Connection, tenant: Option<&str>) -> rusqlite::Result<Option<u32>> {
    tenant.map_or(Ok(Some(NONE)), |tenant| catalog::number(connection, tenant))
}
