//! The connection to X-Ray, which the user of this crate provides.

use std::{fmt::Debug, future::Future, pin::Pin};

/// Why a call of X-Ray failed, in the transport's words.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct TransportError(pub String);

/// A future of an answer's body.
pub type Answer<'a> = Pin<Box<dyn Future<Output = Result<Vec<u8>, TransportError>> + Send + 'a>>;

/// Posts JSON to X-Ray, through the daemon or a collector, or with a signature.
pub trait Transport: Debug + Send + Sync {
    /// Sends `POST <path>` and returns the body of a 200 answer.
    ///
    /// # Errors
    ///
    /// [`TransportError`] where there is no answer, or its status is not 200.
    fn post(&self, path: &'static str, body: Vec<u8>) -> Answer<'_>;
}

/// Why a poll failed. It is due again later.
#[derive(Debug, thiserror::Error)]
pub enum PollError {
    /// X-Ray was not reached.
    #[error("X-Ray is not reached: {0}")]
    Transport(#[from] TransportError),
    /// X-Ray's answer cannot be read.
    #[error("X-Ray's answer makes no sense: {0}")]
    Answer(#[from] serde_json::Error),
}
