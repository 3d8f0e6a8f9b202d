//! An investigation as it is kept; what it says, the server knows.

/// An investigation, whole, as of its last change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvestigationRecord {
    /// No two have the same, and a later one's is greater.
    pub id: String,
    /// The record's version, from 1 and one more with each change.
    pub version: u64,
    /// The whole investigation, JSON.
    pub body: String,
}
