//! From a bearer token to a verified tenant that is served.
//!
//! | module | idea |
//! |---|---|
//! | `layer` | the Tower layer that lets only verified tenants through to a handler |
//! | `verifier`, `header`, `jwks` | an ID token of a Cognito user pool: claims, JOSE header, signing keys |
//! | `registry` | which tenants there are, and whether they are served |
//!
//! API Gateway's authorizer checked the token first; it is checked again here, because a function that trusts whoever
//! invoked it is one misconfigured route away from serving the wrong tenant.

mod header;
mod jwks;
mod layer;
mod registry;
mod verifier;

pub use jwks::{Jwks, JwksError};
pub use layer::{AuthLayer, AuthService};
pub use registry::{RegistryAway, Standing, TenantRegistry};
pub use verifier::{AuthError, Identity, TokenVerifier};
