//! Names and nodes by number: numbers are an engine's own business, and mean something only together with its catalog.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

use crate::{
    search::{Names, NodeTest, normalized},
    topology::NodeId,
};

/// Begins the names of annotations, to tell them from tenants.
pub const ANNOTATION: &str = "@";
/// The name of nothing: no tenant, no tier.
pub const NONE: u32 = 0;

/// A node of the service map.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Node {
    /// `service`, `client`, `API Gateway`, `DynamoDB`, …
    pub kind: String,
    /// Its account; empty where that is not known.
    pub account: String,
    /// Service, table, topic, queue, host.
    pub name: String,
}

/// What gives a name or a node its number: the same one however often it is asked.
pub trait Numbers {
    /// Why it could not.
    type Error;
    /// The number of a name; [`NONE`] of no name.
    fn name(&mut self, text: Option<&str>) -> Result<u32, Self::Error>;
    /// The number of a node.
    fn node(&mut self, kind: &str, account: &str, name: &str) -> Result<NodeId, Self::Error>;
}

/// Names and nodes by number.
#[derive(Debug, Default)]
pub struct Catalog {
    names: Vec<String>,
    nodes: Vec<Node>,
    /// Numbers of annotations' names, and those names as X-Ray writes them.
    annotations: Vec<(u32, String)>,
}

impl Catalog {
    /// The first number that no name has.
    pub fn next_name(&self) -> u32 {
        next(&self.names)
    }

    /// The first number that no node has.
    pub fn next_node(&self) -> NodeId {
        next(&self.nodes)
    }

    /// Puts a name at its number, which is greater than those before.
    pub fn place_name(&mut self, id: u32, text: String) {
        if let Some(name) = text.strip_prefix(ANNOTATION) {
            self.annotations.push((id, normalized(name)));
        }
        self.names.resize_with(id as usize, String::default);
        self.names.push(text);
    }

    /// Puts a node at its number, which is greater than those before.
    pub fn place_node(&mut self, id: NodeId, node: Node) {
        self.nodes.resize_with(id as usize, Node::default);
        self.nodes.push(node);
    }

    /// A node; one without a name, if there is none.
    pub fn node(&self, id: NodeId) -> Node {
        self.nodes.get(id as usize).cloned().unwrap_or_default()
    }
}

fn next<T>(list: &[T]) -> u32 {
    u32::try_from(list.len()).unwrap_or(u32::MAX)
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
