//! How X-Ray is reached, and why it was not.

use std::{fmt::Debug, future::Future, pin::Pin};

/// Why X-Ray could not be asked, in the transport's words.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct TransportError(pub String);

/// The body of an answer, once it is there.
pub type Answer<'a> = Pin<Box<dyn Future<Output = Result<Vec<u8>, TransportError>> + Send + 'a>>;

/// Posts JSON to X-Ray: through the daemon or collector, or signed.
pub trait Transport: Debug + Send + Sync {
    /// The body of a 200 answer to `POST <path>`.
    ///
    /// # Errors
    ///
    /// [`TransportError`] where there is no answer, or its status is not 200.
    fn post(&self, path: &'static str, body: Vec<u8>) -> Answer<'_>;
}

/// Why a poll did not do what was due. It is due again later.
#[derive(Debug, thiserror::Error)]
pub enum PollError {
    /// X-Ray cannot be reached.
    #[error("X-Ray is not reached: {0}")]
    Transport(#[from] TransportError),
    /// Its answer makes no sense.
    #[error("X-Ray's answer makes no sense: {0}")]
    Answer(#[from] serde_json::Error),
}
