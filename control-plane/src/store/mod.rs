//! Spans in SQLite.
//!
//! One writer commits what several requests brought in one transaction, and answers each only then. Readers have
//! connections of their own, which the write-ahead log keeps out of the writer's way.

mod reader;
mod schema;
mod writer;

pub use reader::Reader;
pub use writer::{Row, Writer};

/// Why the store did not do what it was asked.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// More requests wait than may.
    #[error("too many requests are waiting to be stored")]
    Busy,
    /// SQLite failed.
    #[error("the store failed: {0}")]
    Failed(String),
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Failed(error.to_string())
    }
}
