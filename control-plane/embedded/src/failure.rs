//! Why something within the engine did not work.

use control_plane_model::store::StoreError;

/// What any error becomes on its way out: its own words.
#[derive(Debug)]
pub(crate) struct Failure(pub(crate) String);

impl<E: std::error::Error> From<E> for Failure {
    fn from(error: E) -> Self {
        Self(error.to_string())
    }
}

impl From<Failure> for StoreError {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure.0)
    }
}
