//! The trait that identifies the sender of a request, and how that can fail.

use std::future::Future;

use http::StatusCode;
use lambda_http::Request;
use lambda_problem::Problem;
use tenancy::{InvalidTenant, Role, TenantContext};

use crate::JwksError;

/// The verified sender of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The tenant, and the user unless a machine sent the request.
    pub tenant: TenantContext,
    /// What the sender may do within the tenant.
    pub role: Role,
}

/// Identifies the sender of a request. [`JwtVerifier`](crate::JwtVerifier) verifies a token; [`AuthorizerContext`](crate::AuthorizerContext) believes
/// a Lambda authorizer. An implementation of your own makes its [`TenantContext`] with [`TenantContext::vouched_by`].
pub trait Identify: Send + Sync + 'static {
    /// Identifies the sender of this request.
    ///
    /// # Errors
    ///
    /// [`AuthError`] says why the sender is not known. It becomes the [`Problem`] that the caller gets.
    fn identify(&self, request: &Request) -> impl Future<Output = Result<Identity, AuthError>> + Send;
}

/// Why the sender of a request is not known.
#[derive(Debug, thiserror::Error)]
pub enum AuthError {
    /// No `Authorization` header with a bearer token.
    #[error("a bearer token is required")]
    MissingToken,
    /// The token is not a valid one of the issuer; the text says why, for the log.
    #[error("the token is not valid: {0}")]
    InvalidToken(String),
    /// The caller is genuine but of no tenant that can be served.
    #[error("no tenant is named: {0}")]
    NoTenant(#[from] InvalidTenant),
    /// The token cannot be judged because the signing keys are out of reach.
    #[error(transparent)]
    KeysUnavailable(#[from] JwksError),
    /// The request did not come through the authorizer that should have seen it.
    #[error("no authorizer has seen the request")]
    NotAuthorized,
}

impl From<AuthError> for Problem {
    /// 401 for a bad token, 403 for a missing tenant, 503 for unreachable keys. What exactly was wrong with a token is
    /// not told to its bearer.
    fn from(error: AuthError) -> Problem {
        match error {
            AuthError::MissingToken => {
                Problem::new(StatusCode::UNAUTHORIZED, "missing_token", "A bearer token is required.")
            }
            AuthError::InvalidToken(_) => {
                Problem::new(StatusCode::UNAUTHORIZED, "invalid_token", "The bearer token is not valid.")
            }
            AuthError::NoTenant(reason) => {
                Problem::new(StatusCode::FORBIDDEN, "no_tenant", format!("The token cannot be served: {reason}."))
            }
            AuthError::KeysUnavailable(_) => {
                Problem::unavailable("keys_unavailable", "The token cannot be verified at the moment.")
            }
            AuthError::NotAuthorized => {
                Problem::new(StatusCode::UNAUTHORIZED, "not_authorized", "The request is not authorized.")
            }
        }
    }
}
