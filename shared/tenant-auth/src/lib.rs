//! From a request to a verified tenant that is served.
//!
//! | module | idea |
//! |---|---|
//! | `layer` | the Tower layer that lets only verified tenants through to a handler |
//! | `identify` | who sent a request, whoever says so: a trait, and why nobody is known |
//! | `jwt`, `header`, `jwks` | a token of any issuer, Cognito first: what is accepted, JOSE header, signing keys |
//! | `authorizer` | the context that a Lambda authorizer gives a request |
//! | `claims` | under which names a tenant, a tier and a user stand |
//! | `settings` | what the environment must say |
//! | `registry` | which tenants there are, and whether they are served |
//! | `start` | all of it at once, as a function behind API Gateway starts |
//!
//! API Gateway's authorizer checked the token first; it is checked again here, because a function that trusts whoever
//! invoked it is one misconfigured route away from serving the wrong tenant.

mod authorizer;
mod claims;
mod header;
mod identify;
mod jwks;
mod jwt;
mod layer;
mod registry;
mod settings;
mod start;

pub use authorizer::AuthorizerContext;
pub use claims::ClaimNames;
pub use identify::{AuthError, Identify, Identity};
pub use jwks::JwksError;
pub use jwt::{JwtSettings, JwtVerifier, SigningAlgorithm};
pub use layer::{AuthLayer, AuthService};
pub use registry::{RegistryAway, Standing, TenantRegistry};
pub use settings::InvalidSettings;
pub use start::{ApiFunction, NotStarted};
// What a function that has this layer needs beside it.
pub use lambda_problem::Problem;
pub use tenancy::{Role, TenantContext, Tier, Tiers};
