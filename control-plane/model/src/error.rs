//! Why a store did not do what it was asked.

/// Why the store did not do what it was asked.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// More requests wait than may.
    #[error("too many requests are waiting to be stored")]
    Busy,
    /// Another process writes to this folder.
    #[error("{0} holds this folder")]
    InUse(String),
    /// Another server took the lease meanwhile.
    #[error("another server leads")]
    Superseded,
    /// The answer would be too large; what to ask for instead.
    #[error("{0}")]
    TooLarge(String),
    /// The store could not do what it was asked, for this reason.
    #[error("the store failed: {0}")]
    Failed(String),
}
