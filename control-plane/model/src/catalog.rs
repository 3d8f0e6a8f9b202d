//! Names and nodes by number: numbers are an engine's own business, and mean something only together with its catalog.

use serde::{Deserialize, Serialize};

use crate::topology::NodeId;

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
#[derive(Debug, Clone, Default)]
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

    /// A name.
    pub fn name(&self, id: u32) -> &str {
        self.names.get(id as usize).map_or("", String::as_str)
    }

    /// A node; one without a name, if there is none.
    pub fn node(&self, id: NodeId) -> Node {
        self.nodes.get(id as usize).cloned().unwrap_or_default()
    }

    /// All nodes by number.
    pub fn nodes(&self) -> impl Iterator<Item = (NodeId, &Node)> {
        (0..).zip(&self.nodes).filter(|(_, node)| !node.kind.is_empty())
    }

    /// The numbers of annotations whose name, as X-Ray writes it, is that of this one.
    pub fn annotations(&self, name: &str) -> Vec<u32> {
        let name = normalized(name);
        self.annotations.iter().filter(|(_, known)| *known == name).map(|(id, _)| *id).collect()
    }
}

fn next<T>(list: &[T]) -> u32 {
    u32::try_from(list.len()).unwrap_or(u32::MAX)
}

/// X-Ray writes the names of annotations with `_` for whatever is no letter or digit.
pub fn normalized(key: &str) -> String {
    key.chars().map(|letter| if letter.is_ascii_alphanumeric() { letter } else { '_' }).collect()
}
