//! Numbers for what is said again and again: names, nodes, resources, series, edges.
//!
//! The writer holds every number in memory. What senders can invent is bounded: past a bound, names are counted together.

use std::{
    collections::{HashMap, HashSet},
    hash::Hash,
};

use control_plane_model::{
    catalog::{NONE, Numbers},
    incoming::Sender,
    topology::NodeId,
};
use rusqlite::{Connection, params};

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
        let mut dictionary = Self::default();
        let mut names = connection.prepare("SELECT text, id FROM names")?;
        for row in names.query_map([], |row| Ok((row.get::<_, String>(0)?, row.get(1)?)))? {
            let (text, id) = row?;
            dictionary.names.insert(text.into(), id);
        }
        let mut nodes = connection.prepare("SELECT kind, account, name, id FROM nodes")?;
        let mut rows = nodes.query([])?;
        while let Some(row) = rows.next()? {
            let text = |index| Ok::<_, rusqlite::Error>(row.get_ref(index)?.as_str()?);
            dictionary.remember_node(text(0)?, text(1)?, text(2)?, row.get(3)?);
        }
        let mut series = connection.prepare("SELECT service, operation, kind, tier, id FROM series")?;
        for row in
            series.query_map([], |row| Ok(((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?), row.get(4)?)))?
        {
            let (key, id) = row?;
            dictionary.series.insert(key, id);
        }
        let mut edges = connection.prepare("SELECT source, target, tier, id FROM edges")?;
        for row in edges.query_map([], |row| Ok(((row.get(0)?, row.get(1)?, row.get(2)?), row.get(3)?)))? {
            let (key, id) = row?;
            dictionary.edges.insert(key, id);
        }
        Ok(dictionary)
    }

    fn name(&mut self, connection: &Connection, text: Option<&str>) -> rusqlite::Result<u32> {
        let Some(text) = text else { return Ok(NONE) };
        if let Some(id) = self.names.get(text) {
            return Ok(*id);
        }
        let text = if self.names.len() < MAX_NAMES { text } else { OTHER };
        if let Some(id) = self.names.get(text) {
            return Ok(*id);
        }
        connection.prepare_cached("INSERT INTO names (text) VALUES (?1)")?.execute([text])?;
        let id = last_id(connection);
        self.names.insert(text.into(), id);
        Ok(id)
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
        insert.execute([kind, account, name])?;
        let id = last_id(connection);
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
        let coarser = (key.0, NONE, key.2, key.3);
        number(&mut self.series, key, coarser, |(service, operation, kind, tier)| {
            let sql = "INSERT INTO series (service, operation, kind, tier) VALUES (?1, ?2, ?3, ?4)";
            connection.prepare_cached(sql)?.execute(params![service, operation, kind, tier])?;
            Ok(last_id(connection))
        })
    }

    pub(crate) fn edge(&mut self, connection: &Connection, key: EdgeKey) -> rusqlite::Result<u32> {
        let coarser = (key.0, key.1, NONE);
        number(&mut self.edges, key, coarser, |(source, target, tier)| {
            let sql = "INSERT INTO edges (source, target, tier) VALUES (?1, ?2, ?3)";
            connection.prepare_cached(sql)?.execute(params![source, target, tier])?;
            Ok(last_id(connection))
        })
    }
}

/// The dictionary, where it is written to.
pub(crate) struct Writing<'a>(pub(crate) &'a mut Dictionary, pub(crate) &'a Connection);

impl Numbers for Writing<'_> {
    type Error = rusqlite::Error;

    fn name(&mut self, text: Option<&str>) -> rusqlite::Result<u32> {
        self.0.name(self.1, text)
    }

    fn node(&mut self, kind: &str, account: &str, name: &str) -> rusqlite::Result<NodeId> {
        self.0.node(self.1, kind, account, name)
    }
}

/// The number of `key`; past the bound that of `coarser`.
fn number<K: Hash + Eq + Copy>(
    known: &mut HashMap<K, u32>,
    key: K,
    coarser: K,
    add: impl FnOnce(K) -> rusqlite::Result<u32>,
) -> rusqlite::Result<u32> {
    if let Some(id) = known.get(&key) {
        return Ok(*id);
    }
    let key = if known.len() < MAX_SERIES { key } else { coarser };
    if let Some(id) = known.get(&key) {
        return Ok(*id);
    }
    let id = add(key)?;
    known.insert(key, id);
    Ok(id)
}

fn last_id(connection: &Connection) -> u32 {
    u32::try_from(connection.last_insert_rowid()).unwrap_or(u32::MAX)
}
