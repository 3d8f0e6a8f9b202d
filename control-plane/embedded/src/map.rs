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
    cells::{self, EDGES},
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
            // The number of all tenants together is 0. A name that no span has used has no edges.
            let number = |name: Option<&str>| name.map(|name| catalog::number(connection, name)).transpose();
            let (tenant, tier) = (number(tenant)?, number(query.tier.as_deref())?);
            if tenant == Some(None) || tier == Some(None) {
                return Ok(());
            }
            let (tenant, tier) = (tenant.flatten().unwrap_or(NONE), tier.flatten());
            let sql = format!(
                "SELECT e.source, e.target, {} FROM {EDGES} c JOIN edges e ON e.id = c.series
                 WHERE c.bucket = ?1 AND c.tenant = ?2 AND (?3 IS NULL OR e.tier = ?3)",
                cells::COLUMNS
            );
            let mut select = connection.prepare_cached(&sql)?;
            let mut edges: BTreeMap<(NodeId, NodeId), Cell> = BTreeMap::new();
            for bucket in cells::buckets(connection, EDGES, map.from, map.to)? {
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
