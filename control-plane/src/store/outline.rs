//! What a search looks at: the outline of a trace, small enough to scan all traces of an hour.

use serde::{Deserialize, Serialize};

use crate::{otlp::Flags, topology::NodeId};

/// Entries of each list; what goes beyond is found by nobody, and bounded for everybody.
pub(super) const MAX_ENTRIES: usize = 64;

/// The outline. Names and nodes are numbers of the dictionary.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Outline {
    /// Name of the first span; of the root, if that has come.
    pub(crate) root: u32,
    /// The service of that span.
    pub(crate) root_service: NodeId,
    /// What that span took, nanoseconds.
    pub(crate) response_ns: u64,
    /// Whether a span names a parent that has not come.
    pub(crate) partial: bool,
    /// Services, and how their spans went.
    pub(crate) services: Vec<Service>,
    /// Edges, and how their uses went.
    pub(crate) edges: Vec<(NodeId, NodeId, u8)>,
    /// HTTP statuses of its requests.
    pub(crate) statuses: Vec<u16>,
    /// HTTP methods of its requests.
    pub(crate) methods: Vec<String>,
    /// Their URLs or paths.
    pub(crate) urls: Vec<String>,
    /// Users served.
    pub(crate) users: Vec<String>,
    /// Tenants served.
    pub(crate) tenants: Vec<u32>,
    /// Annotations: names are numbers.
    pub(crate) annotations: Vec<(u32, String)>,
}

/// A service in a trace.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Service {
    pub(crate) node: NodeId,
    pub(crate) flags: u8,
    /// The longest of its spans, nanoseconds.
    pub(crate) longest_ns: u64,
    /// HTTP statuses of its requests.
    pub(crate) statuses: Vec<u16>,
}

impl Outline {
    pub(super) fn encode(&self) -> Vec<u8> {
        postcard::to_allocvec(self).unwrap_or_default()
    }

    pub(crate) fn decode(bytes: &[u8]) -> Self {
        postcard::from_bytes(bytes).unwrap_or_default()
    }

    pub(super) fn service(&mut self, node: NodeId, flags: Flags, duration_ns: u64, status: u16) {
        let known = self.services.iter().position(|service| service.node == node);
        let index = match known {
            Some(index) => index,
            None if self.services.len() < MAX_ENTRIES => {
                self.services.push(Service { node, flags: 0, longest_ns: 0, statuses: Vec::new() });
                self.services.len() - 1
            }
            None => return,
        };
        if let Some(service) = self.services.get_mut(index) {
            service.flags |= flags.bits();
            service.longest_ns = service.longest_ns.max(duration_ns);
            if status != 0 {
                remember(&mut service.statuses, status);
            }
        }
    }

    pub(super) fn edge(&mut self, from: NodeId, to: NodeId, flags: Flags) {
        let room = self.edges.len() < MAX_ENTRIES;
        match self.edges.iter_mut().find(|(a, b, _)| (*a, *b) == (from, to)) {
            Some((_, _, known)) => *known |= flags.bits(),
            None if room => self.edges.push((from, to, flags.bits())),
            None => {}
        }
    }
}

/// Adds what is not there yet, if there is room.
pub(super) fn remember<T: PartialEq>(list: &mut Vec<T>, value: T) {
    if list.len() < MAX_ENTRIES && !list.contains(&value) {
        list.push(value);
    }
}
