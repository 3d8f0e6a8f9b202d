//! One node or one edge of the service map, over time and by tenant.

use std::collections::{BTreeMap, HashSet};

use control_plane_model::{
    catalog::{NONE, Node},
    part::{PartQuery, PartSums},
    rollup::Cell,
    store::{Scope, StoreError},
};
use rusqlite::{Connection, OptionalExtension, params};

use crate::{
    catalog,
    cells::{self, EDGES},
    failure::Failure,
    reader::Reader,
};

impl Reader {
    /// Sums of a part of the map.
    pub(crate) fn part(&self, scope: &Scope, query: &PartQuery) -> Result<PartSums, StoreError> {
        let mut sums = PartSums::of(query);
        let tenant = query.tenant.as_deref().or(scope.tenant());
        if !scope.sees(tenant) {
            return Ok(sums);
        }
        self.read(|connection| {
            let number = |name: &str| catalog::number(connection, name);
            let (own, tier) = (tenant.map(number).transpose()?, query.tier.as_deref().map(number).transpose()?);
            if own == Some(None) || tier == Some(None) {
                return Ok(());
            }
            let drawn = drawn(connection, query, tier.flatten())?;
            if drawn.is_empty() {
                return Ok(());
            }
            let columns = cells::COLUMNS;
            let sql = format!("SELECT series, {columns} FROM {EDGES} WHERE bucket = ?1 AND tenant = ?2");
            let mut select = connection.prepare_cached(&sql)?;
            for bucket in cells::buckets(connection, EDGES, sums.from, sums.to)? {
                let mut rows = select.query(params![bucket, own.flatten().unwrap_or(NONE)])?;
                let mut all = Cell::default();
                while let Some(row) = rows.next()? {
                    if drawn.contains(&row.get(0)?) {
                        all.merge(&cells::read(row, 1)?);
                    }
                }
                sums.over_time.extend(Some((bucket, all)).filter(|(_, all)| all.count > 0));
            }
            if own.is_some() {
                return Ok(());
            }
            let known = self.catalog(connection)?;
            let sql = format!("SELECT series, tenant, {columns} FROM {EDGES} WHERE bucket = ?1 AND tenant > {NONE}");
            let mut select = connection.prepare_cached(&sql)?;
            let mut tenants: BTreeMap<String, Cell> = BTreeMap::new();
            for bucket in cells::buckets(connection, EDGES, sums.tenants_from, sums.to)? {
                let mut rows = select.query([bucket])?;
                while let Some(row) = rows.next()? {
                    if drawn.contains(&row.get(0)?) {
                        let tenant = known.name(row.get(1)?).to_owned();
                        tenants.entry(tenant).or_default().merge(&cells::read(row, 2)?);
                    }
                }
            }
            sums.list(tenants);
            Ok(())
        })?;
        Ok(sums)
    }
}

/// The edges that belong to the part.
fn drawn(connection: &Connection, query: &PartQuery, tier: Option<u32>) -> Result<HashSet<u32>, Failure> {
    let mut find = connection.prepare_cached("SELECT id FROM nodes WHERE kind = ?1 AND account = ?2 AND name = ?3")?;
    let mut number = |node: Option<&Node>| {
        let mut find = |Node { kind, account, name }: &Node| find.query_row([kind, account, name], |row| row.get(0));
        node.map(|node| find(node).optional()).transpose()
    };
    let (source, target) = query.of.ends();
    let (source, target): (Option<Option<u32>>, Option<Option<u32>>) = (number(source)?, number(target)?);
    if source == Some(None) || target == Some(None) {
        return Ok(HashSet::new());
    }
    let sql = "SELECT id FROM edges
               WHERE (?1 IS NULL OR source = ?1) AND (?2 IS NULL OR target = ?2) AND (?3 IS NULL OR tier = ?3)";
    let mut select = connection.prepare_cached(sql)?;
    let drawn = select.query_map(params![source.flatten(), target.flatten(), tier], |row| row.get(0))?;
    Ok(drawn.collect::<Result<_, _>>()?)
}
