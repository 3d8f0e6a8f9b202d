//! Numbers for what is said again and again: names, nodes, resources, series, edges.
//!
//! The writer holds every number in memory. What senders can invent is bounded: past a bound, names are counted together.

use std::{
    borrow::Borrow,
    collections::{HashMap, HashSet},
    hash::Hash,
};

use control_plane_model::{
    catalog::{NONE, Numbers},
    incoming::Sender,
    topology::NodeId,
};
use rusqlite::{Connection, Row, params};

/// Names and nodes that are told apart: tenants, tiers, operations; services, tables, topics.
const MAX_NAMES: usize = 200_000;
const MAX_NODES: usize = 20_000;
const MAX_SERIES: usize = 200_000;
/// What stands for all names past the bound.
const OTHER: &str = "(other)";
/// Resources whose numbers are remembered.
const MAX_RESOURCES: usize = 10_000;

/// service, operation, kind, tier.
pub(crate) type SeriesKey = (NodeId, u32, u8, u32);
/// from, to, tier.
pub(crate) type EdgeKey = (NodeId, NodeId, u32);

type ByText<T> = HashMap<Box<str>, T>;

#[derive(Debug, Default)]
pub(crate) struct Dictionary {
    names: HashMap<Box<str>, u32>,
    /// By kind, account, name.
    nodes: ByText<ByText<ByText<NodeId>>>,
    node_count: usize,
    resources: HashSet<i64>,
    series: HashMap<SeriesKey, u32>,
    edges: HashMap<EdgeKey, u32>,
}

impl Dictionary {
    pub(crate) fn load(connection: &Connection) -> rusqlite::Result<Self> {
        let mut dictionary = Self {
            names: load(connection, "SELECT text, id FROM names", |row| Ok((row.get(0)?, row.get(1)?)))?,
            series: load(connection, "SELECT service, operation, kind, tier, id FROM series", |row| {
                Ok(((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?), row.get(4)?))
            })?,
            edges: load(connection, "SELECT source, target, tier, id FROM edges", |row| {
                Ok(((row.get(0)?, row.get(1)?, row.get(2)?), row.get(3)?))
            })?,
            ..Self::default()
        };
        let mut nodes = connection.prepare("SELECT kind, account, name, id FROM nodes")?;
        let mut rows = nodes.query([])?;
        while let Some(row) = rows.next()? {
            let text = |index| Ok::<_, rusqlite::Error>(row.get_ref(index)?.as_str()?);
            dictionary.remember_node(text(0)?, text(1)?, text(2)?, row.get(3)?);
        }
        Ok(dictionary)
    }

    fn node(&mut self, connection: &Connection, kind: &str, account: &str, name: &str) -> rusqlite::Result<NodeId> {
        if let Some(id) = self.known_node(kind, account, name) {
            return Ok(id);
        }
        let (account, name) = if self.node_count < MAX_NODES { (account, name) } else { ("", OTHER) };
        if let Some(id) = self.known_node(kind, account, name) {
            return Ok(id);
        }
        let mut insert = connection.prepare_cached("INSERT INTO nodes (kind, account, name) VALUES (?1, ?2, ?3)")?;
        let id = as_number(insert.insert([kind, account, name])?);
        self.remember_node(kind, account, name, id);
        Ok(id)
    }

    fn known_node(&self, kind: &str, account: &str, name: &str) -> Option<NodeId> {
        self.nodes.get(kind)?.get(account)?.get(name).copied()
    }

    fn remember_node(&mut self, kind: &str, account: &str, name: &str, id: NodeId) {
        self.node_count += 1;
        let of_kind = self.nodes.entry(kind.into()).or_default();
        of_kind.entry(account.into()).or_default().insert(name.into(), id);
    }

    /// Makes sure that a sender's resource is stored.
    pub(crate) fn resource(&mut self, connection: &Connection, sender: &Sender) -> rusqlite::Result<()> {
        if self.resources.contains(&sender.id) {
            return Ok(());
        }
        let mut insert = connection.prepare_cached("INSERT OR IGNORE INTO resources (id, body) VALUES (?1, ?2)")?;
        insert.execute(params![sender.id, sender.body])?;
        if self.resources.len() >= MAX_RESOURCES {
            self.resources.clear();
        }
        self.resources.insert(sender.id);
        Ok(())
    }

    pub(crate) fn series(&mut self, connection: &Connection, key: SeriesKey) -> rusqlite::Result<u32> {
        let sql = "INSERT INTO series (service, operation, kind, tier) VALUES (?1, ?2, ?3, ?4)";
        let coarser = (key.0, NONE, key.2, key.3);
        number(&mut self.series, MAX_SERIES, &key, &coarser, |key| connection.prepare_cached(sql)?.insert(*key))
    }

    pub(crate) fn edge(&mut self, connection: &Connection, key: EdgeKey) -> rusqlite::Result<u32> {
        let sql = "INSERT INTO edges (source, target, tier) VALUES (?1, ?2, ?3)";
        let coarser = (key.0, key.1, NONE);
        number(&mut self.edges, MAX_SERIES, &key, &coarser, |key| connection.prepare_cached(sql)?.insert(*key))
    }
}

/// The dictionary, where it is written to.
pub(crate) struct Writing<'a>(pub(crate) &'a mut Dictionary, pub(crate) &'a Connection);

impl Numbers for Writing<'_> {
    type Error = rusqlite::Error;

    fn name(&mut self, text: Option<&str>) -> rusqlite::Result<u32> {
        let Some(text) = text else { return Ok(NONE) };
        let sql = "INSERT INTO names (text) VALUES (?1)";
        number(&mut self.0.names, MAX_NAMES, text, OTHER, |text| self.1.prepare_cached(sql)?.insert([text]))
    }

    fn node(&mut self, kind: &str, account: &str, name: &str) -> rusqlite::Result<NodeId> {
        self.0.node(self.1, kind, account, name)
    }
}

fn load<K: Hash + Eq>(
    connection: &Connection,
    sql: &str,
    read: impl FnMut(&Row<'_>) -> rusqlite::Result<(K, u32)>,
) -> rusqlite::Result<HashMap<K, u32>> {
    connection.prepare(sql)?.query_map([], read)?.collect()
}

/// The number of `key`; past the bound that of `coarser`.
fn number<K: Hash + Eq + Borrow<Q>, Q: Hash + Eq + ToOwned<Owned: Into<K>> + ?Sized>(
    known: &mut HashMap<K, u32>,
    most: usize,
    key: &Q,
    coarser: &Q,
    insert: impl FnOnce(&Q) -> rusqlite::Result<i64>,
) -> rusqlite::Result<u32> {
    if let Some(id) = known.get(key) {
        return Ok(*id);
    }
    let key = if known.len() < most { key } else { coarser };
    if let Some(id) = known.get(key) {
        return Ok(*id);
    }
    let id = as_number(insert(key)?);
    known.insert(key.to_owned().into(), id);
    Ok(id)
}

fn as_number(row: i64) -> u32 {
    u32::try_from(row).unwrap_or(u32::MAX)
}
