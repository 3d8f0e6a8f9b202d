//! Verification of a Cognito ID token.

use http::StatusCode;
use jsonwebtoken::{Algorithm, Validation, decode, errors::ErrorKind};
use lambda_http_client::HttpClient;
use lambda_problem::Problem;
use serde::Deserialize;
use tenancy::{InvalidTenant, Role, TenantContext, TenantLabel};

use super::{Jwks, JwksError, header};

/// Seconds by which clocks may differ when `exp` and `nbf` are checked.
const LEEWAY_SECONDS: u64 = 5;

/// Why a token was not accepted.
#[derive(Debug, thiserror::Error)]
pub enum AuthError {
    /// No `Authorization` header with a bearer token.
    #[error("a bearer token is required")]
    MissingToken,
    /// The token is not one of this pool's valid ID tokens; the text says why, for the log.
    #[error("the token is not valid: {0}")]
    InvalidToken(String),
    /// The token is genuine but names no tenant that can be served.
    #[error("the token names no tenant: {0}")]
    NoTenant(#[from] InvalidTenant),
    /// The token cannot be judged because the signing keys are out of reach.
    #[error(transparent)]
    KeysUnavailable(#[from] JwksError),
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
        }
    }
}

/// The claims that say who is served. The names are the user pool's: change them here and in its template.
#[derive(Deserialize)]
struct Claims {
    sub: String,
    // One string (RFC 7519 §4.1.1). jsonwebtoken would be content with a list that has the pool in it; this is not.
    #[serde(rename = "iss")]
    _issuer: String,
    aud: Audience,
    token_use: String,
    #[serde(rename = "custom:tenant-id")]
    tenant_id: Option<String>,
    #[serde(rename = "custom:tier-level")]
    tier: Option<String>,
    #[serde(rename = "custom:role")]
    role: Option<String>,
}

/// Whom the token was made for: a string, or a list of them (RFC 7519 §4.1.3).
#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Several(Vec<String>),
}

impl Audience {
    /// Whether it is this client and no other. An ID token that an audience beside it may use, which is not trusted, must be refused
    /// (OpenID Connect Core §3.1.3.7, 3), and no other is trusted here.
    fn is(&self, client_id: &str) -> bool {
        match self {
            Audience::One(client) => client == client_id,
            Audience::Several(clients) => clients.len() == 1 && clients.iter().all(|client| client == client_id),
        }
    }
}

/// Who sent a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The user and their tenant.
    pub tenant: TenantContext,
    /// What they may do in it, as of the token's making.
    pub role: Role,
}

/// Verifies ID tokens of one Cognito user pool and client.
#[derive(Debug)]
pub struct TokenVerifier {
    jwks: Jwks,
    client_id: String,
    validation: Validation,
}

impl TokenVerifier {
    /// A verifier for the pool `user_pool_id` (`<region>_<id>`) and the app client `client_id`.
    ///
    /// `endpoint` is the identity provider's base URL where it is not AWS's own.
    pub fn new(user_pool_id: &str, client_id: &str, endpoint: Option<&str>, client: HttpClient) -> Self {
        let region = user_pool_id.split_once('_').map_or("us-east-1", |(region, _)| region);
        let issuer = format!("https://cognito-idp.{region}.amazonaws.com/{user_pool_id}");
        let keys_at = match endpoint {
            Some(base) => format!("{}/{user_pool_id}", base.trim_end_matches('/')),
            None => issuer.clone(),
        };
        let mut validation = Validation::new(Algorithm::RS256);
        validation.set_issuer(&[issuer]);
        validation.set_audience(&[client_id]);
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        validation.validate_nbf = true;
        validation.leeway = LEEWAY_SECONDS;
        let jwks = Jwks::new(format!("{keys_at}/.well-known/jwks.json"), client);
        Self { jwks, client_id: client_id.to_owned(), validation }
    }

    /// A verifier for the pool in `USER_POOL_ID` and the client in `USER_POOL_CLIENT_ID`. The keys come from AWS, or from
    /// `AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER` or `AWS_ENDPOINT_URL` where the SDKs' own variables say so.
    pub fn from_env(client: HttpClient) -> Result<Self, std::env::VarError> {
        let endpoint = ["AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER", "AWS_ENDPOINT_URL"]
            .into_iter()
            .find_map(|name| std::env::var(name).ok());
        let pool = std::env::var("USER_POOL_ID")?;
        let audience = std::env::var("USER_POOL_CLIENT_ID")?;
        Ok(Self::new(&pool, &audience, endpoint.as_deref(), client))
    }

    /// Fetches the signing keys, for the start of a function: await it beside what else the start waits for. A failure is
    /// logged and no more; the first token tries again.
    pub async fn prefetch_keys(&self) {
        if let Err(error) = self.jwks.prefetch().await {
            tracing::warn!(%error, "no signing keys at the start");
        }
    }

    /// Who sent this `Authorization` header value (`Bearer <token>` or the bare token, as API Gateway accepts both).
    pub async fn verify(&self, authorization: Option<&str>) -> Result<Identity, AuthError> {
        let token = authorization.map(str::trim).filter(|value| !value.is_empty()).ok_or(AuthError::MissingToken)?;
        let token = match token.split_once(' ') {
            Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => token.trim(),
            Some(_) => return Err(AuthError::MissingToken),
            None => token,
        };
        let kid = header::key_id(token).map_err(AuthError::InvalidToken)?;
        let key = self.jwks.key(&kid).await?.ok_or_else(|| AuthError::InvalidToken("unknown kid".into()))?;
        let claims = decode::<Claims>(token, &key, &self.validation).map_err(invalid)?.claims;
        if !claims.aud.is(&self.client_id) {
            return Err(AuthError::InvalidToken("made for others, or for others too".into()));
        }
        // An access token is signed by the same key but carries no tenant and was not made for this purpose.
        if claims.token_use != "id" {
            return Err(AuthError::InvalidToken("not an ID token".into()));
        }
        let tenant = TenantContext::vouched_by(
            "the ID token",
            TenantLabel {
                tenant_id: claims.tenant_id.unwrap_or_default().parse()?,
                tier: claims.tier.unwrap_or_default().parse()?,
                user_id: claims.sub.parse()?,
            },
        );
        Ok(Identity { tenant, role: Role::of_claim(claims.role.as_deref()) })
    }
}

fn invalid(error: jsonwebtoken::errors::Error) -> AuthError {
    AuthError::InvalidToken(match error.kind() {
        // The JSON error quotes the claim's value, which is the caller's to choose.
        ErrorKind::Json(_) => "claims of the wrong shape".into(),
        _ => error.to_string(),
    })
}
