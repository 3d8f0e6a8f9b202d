//! Spans in SQLite, and the sums over them.
//!
//! One writer commits what several requests brought in one transaction, spans and sums together, and answers each only then.
//! Readers have connections of their own, which the write-ahead log keeps out of the writer's way.
//!
//! | file | idea |
//! |---|---|
//! | `schema` | tables and connections |
//! | `incoming` | what a request brings, and the fragments it is stored as |
//! | `writer`, `lock` | group commit, by one process |
//! | `ingest` | what of it is new, where it hangs, what it adds to the sums |
//! | `trace_state` | a trace whose spans are still coming |
//! | `dictionary`, `catalog` | numbers for names, as the writer and as readers know them |
//! | `cells` | sums by bucket, tenant and series |
//! | `outline` | what a search looks at |
//! | `housekeeping` | retention and compaction |
//! | `evaluation`, `late` | what the evaluator reads and writes, and whose past changed since |
//! | `reader`, `listing`, `map` | reading: one trace, a search, the service map |

mod catalog;
mod cells;
mod dictionary;
mod evaluation;
mod housekeeping;
mod incoming;
mod ingest;
mod late;
mod listing;
mod lock;
mod map;
mod outline;
mod reader;
mod schema;
mod trace_state;
mod writer;

pub use housekeeping::Retention;
pub use incoming::{Incoming, IncomingSpan, Part, Sender};
pub use ingest::{MAX_SPANS_PER_TRACE, Stored};
pub use listing::{Found, LatencyBin, Search};
pub use map::{Health, MapEdge, MapNode, MapQuery, ServiceMap, Stats};
pub use reader::{Facets, Reader};
pub use writer::Writer;

pub(crate) use dictionary::NONE;
pub(crate) use evaluation::RequestRow;
pub(crate) use outline::{Outline, Service as OutlinedService};

/// Why the store did not do what it was asked.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// More requests wait than may.
    #[error("too many requests are waiting to be stored")]
    Busy,
    /// Somebody else writes to this folder.
    #[error("{0} holds this folder")]
    InUse(String),
    /// SQLite failed.
    #[error("the store failed: {0}")]
    Failed(String),
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Failed(error.to_string())
    }
}
