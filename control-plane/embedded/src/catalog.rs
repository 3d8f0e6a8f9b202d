//! The dictionary as readers know it.

use std::collections::HashSet;

use control_plane_model::{
    search::{Names, NodeTest, normalized},
    topology::NodeId,
};
use rusqlite::Connection;

use crate::dictionary::ANNOTATION;

/// A node of the service map.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Node {
    pub(crate) kind: String,
    pub(crate) account: String,
    pub(crate) name: String,
}

/// Names and nodes by number.
#[derive(Debug, Default)]
pub(crate) struct Catalog {
    names: Vec<String>,
    nodes: Vec<Node>,
    /// Numbers of annotations' names, and those names as X-Ray writes them.
    annotations: Vec<(u32, String)>,
}

impl Catalog {
    /// Reads what was added since.
    pub(crate) fn refresh(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        let mut names = connection.prepare_cached("SELECT id, text FROM names WHERE id >= ?1")?;
        let mut rows = names.query([next(&self.names)])?;
        while let Some(row) = rows.next()? {
            let (id, text): (u32, String) = (row.get(0)?, row.get(1)?);
            if let Some(name) = text.strip_prefix(ANNOTATION) {
                self.annotations.push((id, normalized(name)));
            }
            place(&mut self.names, id, text);
        }
        let mut nodes = connection.prepare_cached("SELECT id, kind, account, name FROM nodes WHERE id >= ?1")?;
        let mut rows = nodes.query([next(&self.nodes)])?;
        while let Some(row) = rows.next()? {
            let node = Node { kind: row.get(1)?, account: row.get(2)?, name: row.get(3)? };
            place(&mut self.nodes, row.get(0)?, node);
        }
        Ok(())
    }

    /// A node; one without a name, if there is none.
    pub(crate) fn node(&self, id: NodeId) -> Node {
        self.nodes.get(id as usize).cloned().unwrap_or_default()
    }

    /// The number of a name; `None` if nothing has it.
    pub(crate) fn number(connection: &Connection, text: &str) -> rusqlite::Result<Option<u32>> {
        use rusqlite::OptionalExtension;
        connection
            .prepare_cached("SELECT id FROM names WHERE text = ?1")?
            .query_row([text], |row| row.get(0))
            .optional()
    }
}

/// The first number that is not known.
fn next<T>(list: &[T]) -> u32 {
    u32::try_from(list.len()).unwrap_or(u32::MAX)
}

fn place<T: Default>(list: &mut Vec<T>, id: u32, value: T) {
    let index = id as usize;
    if list.len() <= index {
        list.resize_with(index + 1, T::default);
    }
    if let Some(slot) = list.get_mut(index) {
        *slot = value;
    }
}

impl Names for Catalog {
    fn nodes(&self, test: &NodeTest) -> HashSet<NodeId> {
        let is = |wanted: &Option<String>, value: &str| wanted.as_deref().is_none_or(|wanted| wanted == value);
        let admitted = self.nodes.iter().zip(0..).filter(|(node, _)| {
            !node.kind.is_empty()
                && is(&test.name, &node.name)
                && is(&test.kind, &node.kind)
                && is(&test.account, &node.account)
        });
        admitted.map(|(_, id)| id).collect()
    }

    fn annotations(&self, normalized: &str) -> Vec<u32> {
        self.annotations.iter().filter(|(_, name)| name == normalized).map(|(id, _)| *id).collect()
    }

    fn name(&self, id: u32) -> &str {
        self.names.get(id as usize).map_or("", String::as_str)
    }
}
