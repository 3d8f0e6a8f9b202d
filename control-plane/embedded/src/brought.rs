//! What a request brought, and what became of it.

use control_plane_model::{log_records::IncomingLog, metrics::IncomingPoints};

use crate::fragment::Compressed;

/// What a request brought.
pub(crate) enum Brought {
    Spans(Vec<Compressed>),
    Points(Vec<IncomingPoints>),
    Logs(Vec<IncomingLog>),
}

/// How many of a request were new, and how many beyond what may be.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Added {
    pub(crate) new: usize,
    pub(crate) beyond: usize,
}
