//! What a search looks at: the outline of a trace, small enough to scan all traces of an hour.

use serde::{Deserialize, Serialize};

use crate::{otlp::Flags, topology::NodeId};

/// The most entries of each list. Entries beyond that are not kept, so no search finds them; the limit keeps outlines small.
pub const MAX_ENTRIES: usize = 64;

/// The outline. Names and nodes are numbers, which a [`Catalog`](crate::catalog::Catalog) tells the meaning of.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Outline {
    /// Name of the first span; of the root, if that has come.
    pub root: u32,
    /// The service of that span.
    pub root_service: NodeId,
    /// What that span took, nanoseconds.
    pub response_ns: u64,
    /// Whether a span names a parent that has not come.
    pub partial: bool,
    /// Services, and how their spans went.
    pub services: Vec<Service>,
    /// Edges, and how their uses went.
    pub edges: Vec<(NodeId, NodeId, u8)>,
    /// HTTP statuses of its requests.
    pub statuses: Vec<u16>,
    /// HTTP methods of its requests.
    pub methods: Vec<String>,
    /// Their URLs or paths.
    pub urls: Vec<String>,
    /// Users served.
    pub users: Vec<String>,
    /// Tenants served.
    pub tenants: Vec<u32>,
    /// Annotations: names are numbers.
    pub annotations: Vec<(u32, String)>,
}

/// A service in a trace.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Service {
    pub node: NodeId,
    pub flags: u8,
    /// The longest of its spans, nanoseconds.
    pub longest_ns: u64,
    /// HTTP statuses of its requests.
    pub statuses: Vec<u16>,
}

impl Outline {
    pub fn service(&mut self, node: NodeId, flags: Flags, duration_ns: u64, status: u16) {
        let is_new = !self.services.iter().any(|service| service.node == node);
        if is_new && self.services.len() < MAX_ENTRIES {
            self.services.push(Service { node, flags: 0, longest_ns: 0, statuses: Vec::new() });
        }
        let Some(service) = self.services.iter_mut().find(|service| service.node == node) else { return };
        service.flags |= flags.bits();
        service.longest_ns = service.longest_ns.max(duration_ns);
        if status != 0 {
            remember(&mut service.statuses, status);
        }
    }

    pub fn edge(&mut self, from: NodeId, to: NodeId, flags: Flags) {
        let room = self.edges.len() < MAX_ENTRIES;
        match self.edges.iter_mut().find(|(a, b, _)| (*a, *b) == (from, to)) {
            Some((_, _, known)) => *known |= flags.bits(),
            None if room => self.edges.push((from, to, flags.bits())),
            None => {}
        }
    }
}

/// Adds what is not there yet, if there is room.
pub fn remember<T: PartialEq>(list: &mut Vec<T>, value: T) {
    if list.len() < MAX_ENTRIES && !list.contains(&value) {
        list.push(value);
    }
}
