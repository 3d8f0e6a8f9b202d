//! Numbers for what is said again and again: names, nodes, resources, series, edges.
//!
//! The writer holds every number in memory. What senders can invent is bounded: past a bound, names are counted together.

use std::{
    borrow::Borrow,
    collections::{HashMap, HashSet},
    hash::Hash,
};

use control_plane_model::{
    catalog::{NONE, Node, Numbers},
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

#[derive(Debug, Default)]
pub(crate) struct Dictionary {
    names: HashMap<Box<str>, u32>,
    nodes: HashMap<Node, NodeId>,
    /// The node that is looked up: made again of the text of the last one, so that looking up allocates nothing.
    sought: Node,
    resources: HashSet<i64>,
    series: HashMap<SeriesKey, u32>,
    edges: HashMap<EdgeKey, u32>,
}

impl Dictionary {
    pub(crate) fn load(connection: &Connection) -> rusqlite::Result<Self> {
        Ok(Self {
            names: load(connection, "SELECT text, id FROM names", |row| Ok((row.get(0)?, row.get(1)?)))?,
            nodes: load(connection, "SELECT kind, account, name, id FROM nodes", |row| {
                Ok((Node { kind: row.get(0)?, account: row.get(1)?, name: row.get(2)? }, row.get(3)?))
            })?,
            series: load(connection, "SELECT service, operation, kind, tier, id FROM series", |row| {
                Ok(((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?), row.get(4)?))
            })?,
            edges: load(connection, "SELECT source, target, tier, id FROM edges", |row| {
                Ok(((row.get(0)?, row.get(1)?, row.get(2)?), row.get(3)?))
            })?,
            ..Self::default()
        })
    }

    fn node(&mut self, connection: &Connection, kind: &str, account: &str, name: &str) -> rusqlite::Result<NodeId> {
        kind.clone_into(&mut self.sought.kind);
        account.clone_into(&mut self.sought.account);
        name.clone_into(&mut self.sought.name);
        if let Some(id) = self.nodes.get(&self.sought) {
            return Ok(*id);
        }
        let coarser = Node { kind: kind.to_owned(), name: OTHER.to_owned(), ..Node::default() };
        let sql = "INSERT INTO nodes (kind, account, name) VALUES (?1, ?2, ?3)";
        number(&mut self.nodes, MAX_NODES, &self.sought, &coarser, |Node { kind, account, name }| {
            connection.prepare_cached(sql)?.insert([kind, account, name])
        })
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
    let id = u32::try_from(insert(key)?).unwrap_or(u32::MAX);
    known.insert(key.to_owned().into(), id);
    Ok(id)
}
