//! An investigation as it is kept; what it says, the server knows.

/// An investigation, whole, as of its last change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvestigationRecord {
    /// No two have the same, and a later one's is greater.
    pub id: String,
    /// From 1, one more with each change.
    pub version: u64,
    /// All of it, JSON.
    pub body: String,
}
