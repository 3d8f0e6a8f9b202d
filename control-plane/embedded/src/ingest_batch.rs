//! The items of one request to the intake, and how many of them were stored.

use control_plane_model::{log_records::IncomingLog, metrics::IncomingPoints};

use crate::fragment::Compressed;

/// The items of one request, which are all of one signal.
pub(crate) enum IngestBatch {
    Spans(Vec<Compressed>),
    Points(Vec<IncomingPoints>),
    Logs(Vec<IncomingLog>),
}

impl IngestBatch {
    /// The number of the signal: 0, 1 or 2.
    pub(crate) fn signal(&self) -> usize {
        match self {
            Self::Spans(_) => 0,
            Self::Points(_) => 1,
            Self::Logs(_) => 2,
        }
    }
}

/// How many of a request were new, and how many beyond what may be.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Added {
    pub(crate) new: usize,
    pub(crate) beyond: usize,
}
