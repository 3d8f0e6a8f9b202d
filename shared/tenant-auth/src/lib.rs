//! From a request to a verified tenant that is served.
//!
//! | item | idea |
//! |---|---|
//! | [`AuthLayer`] | the Tower layer that lets only verified tenants through to a handler |
//! | [`Identify`], [`Identity`] | who sent a request, whoever says so |
//! | [`JwtVerifier`], [`JwtSettings`], [`SigningAlgorithm`] | a token of any issuer, Cognito a preset |
//! | [`VerifiedClaims`] | what else a verified token says |
//! | [`AuthorizerContext`] | the context that a Lambda authorizer gives a request; of HTTP APIs too with the feature `http-api` |
//! | [`ClaimNames`] | under which names a tenant, a tier and a user stand |
//! | `TenantRegistry`, `RegistrySettings` | which tenants there are, and whether they are served |
//! | `ApiFunction`, `ApiSettings` | all of it at once, as a function behind API Gateway starts |
//! | [`AuthError`], [`JwksError`], `NotStarted` | what can go wrong |
//!
//! ```no_run
//! use std::time::Duration;
//!
//! use http::{Response, StatusCode};
//! use lambda_http::{Body, Request};
//! use lambda_http_client::HttpClient;
//! use lambda_problem::{Problem, json};
//! use tenancy::{TenantContext, Tier};
//! use tenant_auth::{AuthLayer, ClaimNames, JwtSettings, JwtVerifier, SigningAlgorithm};
//! use tower::{Layer, service_fn};
//!
//! async fn hello(request: Request) -> Result<Response<Body>, Problem> {
//!     let tenant = request.extensions().get::<TenantContext>().ok_or_else(Problem::internal)?;
//!     json(StatusCode::OK, &serde_json::json!({ "hello": tenant.tenant_id }))
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), lambda_http::Error> {
//! let issuer = JwtSettings {
//!     issuer: "https://login.example/".to_owned(),
//!     audience: "https://api.example".to_owned(),
//!     jwks_url: "https://login.example/.well-known/jwks.json".to_owned(),
//!     algorithms: vec![SigningAlgorithm::Rs256],
//!     token_use: None,
//!     claims: ClaimNames {
//!         tenant_id: "org_id".to_owned(),
//!         tier: "plan".to_owned(),
//!         tier_if_absent: Some(Tier::named("free")),
//!         user_id: "sub".to_owned(),
//!         role: "role".to_owned(),
//!         tiers: [Tier::named("free"), Tier::named("pro")].into(),
//!     },
//! };
//! let auth = AuthLayer::new(JwtVerifier::new(issuer, HttpClient::new(Duration::from_secs(2))));
//! let handler = auth.layer(service_fn(hello));
//! # let _ = handler;
//! # Ok(())
//! # }
//! ```
//!
//! With spans and a runtime it is `examples/traced_function.rs`, and around an axum router `examples/axum_router.rs`.
//!
//! | feature | adds |
//! |---|---|
//! | `http-api` | Lambda authorizers and routes of HTTP APIs, besides those of REST APIs |
//! | `bench` | what benchmarks measure, and nobody else may call |
//! | `registry` | `TenantRegistry`, which `AuthLayer::asking` takes, and `ApiFunction`; with them the AWS SDK and its client of DynamoDB |
//!
//! # Errors
//!
//! [`AuthError`] becomes the [`Problem`] that a caller gets: 401 for a bad token, 403 for a tenant that cannot be served,
//! 503 while keys are out of reach. What exactly was wrong with a token is logged and not revealed to the caller. Mistakes in the environment are all
//! reported at the start ([`InvalidSettings`](function_settings::InvalidSettings)).
//!
//! # Guarantees
//!
//! - API Gateway's authorizer checked the token first; it is checked again here, because a function that trusts whoever invoked it is one
//!   misconfigured route away from serving the wrong tenant.
//! - A token is held to one issuer, one audience and the algorithms that you list. Keys come from the configured URL alone; URLs in a token's
//!   header are never followed.
//! - A handler runs with a verified [`TenantContext`], or not at all.
//! - A tenant's access lists are checked against the address that API Gateway reports, never against a header that a caller can set.
//! - The registry has the last word over the token, in status and tier. While it is away its last answer counts for five minutes; then the door is
//!   closed.

mod authorizer;
#[cfg(feature = "bench")]
pub mod bench;
mod caller;
mod claims;
mod header;
mod identify;
mod jwks;
mod jwt;
mod layer;
#[cfg(feature = "registry")]
mod registry;
#[cfg(feature = "registry")]
mod start;

pub use authorizer::AuthorizerContext;
pub use claims::{ClaimNames, VerifiedClaims};
pub use identify::{AuthError, Identify, Identity};
pub use jwks::JwksError;
pub use jwt::{JwtSettings, JwtVerifier, SigningAlgorithm};
pub use layer::{AuthLayer, AuthService};
#[cfg(feature = "registry")]
pub use registry::{RegistrySettings, TenantRegistry};
#[cfg(feature = "registry")]
pub use start::{ApiFunction, ApiSettings, NotStarted};
// What a function that has this layer needs beside it.
pub use lambda_problem::Problem;
pub use tenancy::{Role, TenantContext, Tier, Tiers};
