//! Numbers for the names of one trace or one answer.

use std::{collections::HashMap, convert::Infallible};

use control_plane_model::{
    catalog::{Catalog, NONE, Node, Numbers},
    topology::NodeId,
};

#[derive(Debug, Default)]
pub(crate) struct Local {
    pub(crate) catalog: Catalog,
    names: HashMap<String, u32>,
    nodes: HashMap<Node, NodeId>,
}

impl Local {
    pub(crate) fn number(&mut self, node: Node) -> NodeId {
        let next = self.catalog.next_node().max(1);
        *self.nodes.entry(node).or_insert_with_key(|node| {
            self.catalog.place_node(next, node.clone());
            next
        })
    }
}

impl Numbers for Local {
    type Error = Infallible;

    fn name(&mut self, text: Option<&str>) -> Result<u32, Infallible> {
        let Some(text) = text else { return Ok(NONE) };
        if let Some(id) = self.names.get(text) {
            return Ok(*id);
        }
        let next = self.catalog.next_name().max(NONE + 1);
        self.catalog.place_name(next, text.to_owned());
        self.names.insert(text.to_owned(), next);
        Ok(next)
    }

    fn node(&mut self, kind: &str, account: &str, name: &str) -> Result<NodeId, Infallible> {
        Ok(self.number(Node { kind: kind.to_owned(), account: account.to_owned(), name: name.to_owned() }))
    }
}
