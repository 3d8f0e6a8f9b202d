//! What keeps spans: what it says of what it was given, and why it may refuse.

/// The most spans a trace may have. X-Ray draws none with as many; a loop that never ends its trace must not slow others.
pub const MAX_SPANS_PER_TRACE: usize = 50_000;

/// What storing spans came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Stored {
    /// Spans that were new.
    pub spans: usize,
    /// Spans beyond [`MAX_SPANS_PER_TRACE`].
    pub beyond: usize,
}

/// Why the store did not do what it was asked.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// More requests wait than may.
    #[error("too many requests are waiting to be stored")]
    Busy,
    /// Somebody else writes to this folder.
    #[error("{0} holds this folder")]
    InUse(String),
    /// It failed.
    #[error("the store failed: {0}")]
    Failed(String),
}

/// What spans have named so far, by name.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Facets {
    /// `tenant.id`
    pub tenants: Vec<String>,
    /// `tenant.tier`
    pub tiers: Vec<String>,
    /// `cloud.account.id`
    pub accounts: Vec<String>,
    /// `service.name`
    pub services: Vec<String>,
}
