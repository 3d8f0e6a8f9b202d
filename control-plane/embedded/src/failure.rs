//! Why something within the engine did not work.

use std::fmt::Display;

use control_plane_model::store::StoreError;

/// An error of the store's, which SQLite's own become.
#[derive(Debug, Clone, thiserror::Error)]
#[error(transparent)]
pub(crate) struct Failure(StoreError);

impl Failure {
    /// What failed, in its own words.
    pub(crate) fn of(error: impl Display) -> Self {
        Self(StoreError::Failed(error.to_string()))
    }
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        Self::of(error)
    }
}

impl From<Failure> for StoreError {
    fn from(failure: Failure) -> Self {
        failure.0
    }
}
