//! From a bearer token to a verified tenant.
//!
//! API Gateway's authorizer checked the token first; it is checked again here, because a function that trusts whoever
//! invoked it is one misconfigured route away from serving the wrong tenant.

mod header;
mod jwks;
mod layer;
mod verifier;

pub use jwks::{Jwks, JwksError};
pub use layer::{AuthLayer, AuthService};
pub use verifier::{AuthError, Identity, TokenVerifier};
