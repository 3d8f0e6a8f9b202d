//! Numbers for the names of one trace or one answer, and outlines that bring their names along.

use std::{collections::HashMap, convert::Infallible};

use control_plane_model::{
    catalog::{Catalog, NONE, Node, Numbers},
    search::{Names, Outline},
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

/// What an outline names, and nothing else of its trace.
struct Kept<'a> {
    catalog: &'a Catalog,
    names: Vec<String>,
    nodes: Vec<Node>,
}

impl Kept<'_> {
    fn name(&mut self, id: &mut u32) {
        *id = place(&mut self.names, self.catalog.name(*id).to_owned());
    }

    fn node(&mut self, id: &mut NodeId) {
        *id = place(&mut self.nodes, self.catalog.node(*id));
    }
}

fn place<T: PartialEq>(list: &mut Vec<T>, value: T) -> u32 {
    let at = list.iter().position(|known| *known == value).unwrap_or_else(|| {
        list.push(value);
        list.len() - 1
    });
    u32::try_from(at).unwrap_or(u32::MAX)
}

/// An outline as bytes, and the names of its services and of what they call.
pub(crate) fn encode(mut outline: Outline, catalog: &Catalog) -> (Vec<u8>, Vec<String>) {
    let mut kept = Kept { catalog, names: vec![String::new()], nodes: vec![Node::default()] };
    kept.name(&mut outline.root);
    kept.node(&mut outline.root_service);
    outline.services.iter_mut().for_each(|service| kept.node(&mut service.node));
    for (from, to, _) in &mut outline.edges {
        kept.node(from);
        kept.node(to);
    }
    outline.tenants.iter_mut().for_each(|tenant| kept.name(tenant));
    outline.annotations.iter_mut().for_each(|(name, _)| kept.name(name));
    let mut names: Vec<String> = kept.nodes.iter().skip(1).map(|node| node.name.clone()).collect();
    names.sort();
    names.dedup();
    (postcard::to_allocvec(&(kept.names, kept.nodes, outline)).unwrap_or_default(), names)
}

/// What [`encode`] made; nothing, of other bytes.
pub(crate) fn decode(bytes: &[u8]) -> (Catalog, Outline) {
    let (names, nodes, outline): (Vec<String>, Vec<Node>, Outline) = postcard::from_bytes(bytes).unwrap_or_default();
    let mut catalog = Catalog::default();
    (0..).zip(names).for_each(|(id, name)| catalog.place_name(id, name));
    (0..).zip(nodes).for_each(|(id, node)| catalog.place_node(id, node));
    (catalog, outline)
}
