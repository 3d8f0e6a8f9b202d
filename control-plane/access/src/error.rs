//! Why somebody is not let in.

use control_plane_model::{complain::complain, store::StoreError};

/// Why a request is not answered. Its text is for whoever sent it, and names nobody else.
#[derive(Debug, Clone, thiserror::Error)]
pub enum AccessError {
    /// Nobody is known to have sent it: 401. What exactly is wrong with a token is logged, and not told to its bearer.
    #[error("Sign in, or send a token or a service key that is valid.")]
    NotAuthenticated,
    /// The sign-in cannot go on: 400, and begin again.
    #[error("This sign-in cannot continue: {0}. Start again.")]
    SignIn(&'static str),
    /// The sender is known and may not do this: 403.
    #[error("{0}")]
    NotAllowed(&'static str),
    /// The request comes from a page of somebody else, or to a name that is not this server's: 403.
    #[error("{0}")]
    Foreign(&'static str),
    /// It cannot be judged at the moment: 503.
    #[error("Your identity cannot be verified at the moment: {0}")]
    Unavailable(&'static str),
}

impl From<StoreError> for AccessError {
    fn from(error: StoreError) -> Self {
        complain(format_args!("who somebody is cannot be verified: {error}"));
        Self::Unavailable("the store does not answer")
    }
}
