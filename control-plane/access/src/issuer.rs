//! An OpenID provider: where it is found, and whom its ID tokens make of their bearer.
//! <https://openid.net/specs/openid-connect-core-1_0.html>, <https://openid.net/specs/openid-connect-discovery-1_0.html>

use std::{
    fmt::Display,
    pin::Pin,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use control_plane_model::complain::complain;
use http::Request;
use lambda_http_client::{HttpClient, Roots};
use oauth2::{AsyncHttpClient, HttpRequest, HttpResponse};
use serde::Deserialize;
use tenancy::Tiers;
use tenant_auth::{AuthError, ClaimNames, JwtSettings, JwtVerifier, SigningAlgorithm, VerifiedClaims};
use tokio::sync::Mutex;

use crate::{AccessError, IssuerSettings, Principal, Role, StaffSettings, TenantsSettings, Vouched};

/// How long a provider may take to answer.
const WITHIN: Duration = Duration::from_secs(5);
/// How long a provider is not asked again after a failure, so that requests do not queue up for a provider that hangs.
const AGAIN_AFTER: Duration = Duration::from_secs(5);
/// Bytes of an answer.
pub(crate) const MAX_ANSWER: usize = 256 * 1024;

/// Whether a provider's users are staff or users of tenants, and which roles they have.
#[derive(Debug)]
enum Users {
    Staff { role_claim: String, operators: Vec<String>, viewers: Vec<String> },
    Tenants { tenant_claim: String, role_claim: String, roles: Vec<String> },
}

/// A provider, asked for its configuration when it is first needed.
#[derive(Debug)]
pub(crate) struct Issuer {
    settings: IssuerSettings,
    users: Users,
    client: HttpClient,
    known: Mutex<ProviderState>,
}

#[derive(Debug, Default)]
struct ProviderState {
    provider: Option<Arc<Provider>>,
    failed: Option<Instant>,
}

/// What a provider's configuration says.
#[derive(Debug)]
pub(crate) struct Provider {
    pub(crate) authorization_endpoint: String,
    pub(crate) token_endpoint: String,
    /// Of the client itself first, then of those whose tokens are taken besides.
    verifiers: Vec<JwtVerifier>,
}

#[derive(Debug, Deserialize)]
struct Configuration {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    jwks_uri: String,
}

impl Issuer {
    pub(crate) fn of_staff(settings: StaffSettings) -> Self {
        let StaffSettings { provider, role_claim, operators, viewers } = settings;
        Self::new(provider, Users::Staff { role_claim, operators, viewers })
    }

    pub(crate) fn of_tenants(settings: TenantsSettings) -> Self {
        let TenantsSettings { provider, tenant_claim, role_claim, roles } = settings;
        Self::new(provider, Users::Tenants { tenant_claim, role_claim, roles })
    }

    fn new(settings: IssuerSettings, users: Users) -> Self {
        let roots = Roots::default().for_url(&discovery_url(&settings));
        Self { users, client: HttpClient::trusting(roots, WITHIN), settings, known: Mutex::default() }
    }

    pub(crate) fn settings(&self) -> &IssuerSettings {
        &self.settings
    }

    /// The provider, by its configuration.
    pub(crate) async fn provider(&self) -> Result<Arc<Provider>, AccessError> {
        let mut known = self.known.lock().await;
        if let Some(provider) = &known.provider {
            return Ok(provider.clone());
        }
        let unavailable = AccessError::Unavailable("the identity provider does not answer as it should");
        if known.failed.is_some_and(|at| at.elapsed() < AGAIN_AFTER) {
            return Err(unavailable);
        }
        // The failure is noted before the call, since the request that makes it may be cancelled meanwhile.
        known.failed = Some(Instant::now() + WITHIN);
        match self.discover().await {
            Ok(provider) => {
                known.failed = None;
                Ok(known.provider.insert(Arc::new(provider)).clone())
            }
            Err(why) => {
                complain(format_args!("{}: {why}", self.settings.issuer));
                known.failed = Some(Instant::now());
                Err(unavailable)
            }
        }
    }

    async fn discover(&self) -> Result<Provider, String> {
        let url = discovery_url(&self.settings);
        let request = Request::get(&url).body(Bytes::new()).map_err(|error| error.to_string())?;
        let answer = self.send(request).await?;
        let found: Configuration = serde_json::from_slice(answer.body()).map_err(|error| format!("{url}: {error}"))?;
        if found.issuer != self.settings.issuer {
            return Err(format!("{url} is the configuration of another issuer"));
        }
        for url in [&found.authorization_endpoint, &found.token_endpoint, &found.jwks_uri] {
            if !is_private(url) {
                return Err("an endpoint is neither https nor on loopback".to_owned());
            }
        }
        let of_client = |client: &String| {
            let settings = JwtSettings {
                issuer: self.settings.issuer.clone(),
                audience: client.clone(),
                jwks_url: found.jwks_uri.clone(),
                algorithms: vec![
                    SigningAlgorithm::Rs256,
                    SigningAlgorithm::Ps256,
                    SigningAlgorithm::Es256,
                    SigningAlgorithm::EdDsa,
                ],
                token_use: None,
                claims: ClaimNames::plain(Tiers::from([])),
            };
            JwtVerifier::trusting(Roots::default(), settings)
        };
        let settings = &self.settings;
        let clients = std::iter::once(&settings.client_id).chain(&settings.bearer_client_ids);
        let clients = clients.chain(&settings.cli_client_id);
        Ok(Provider {
            verifiers: clients.map(of_client).collect(),
            authorization_endpoint: found.authorization_endpoint,
            token_endpoint: found.token_endpoint,
        })
    }

    /// Sends a request to the provider; an answer that is no success, or too long, is none.
    async fn send(&self, request: Request<Bytes>) -> Result<http::Response<Bytes>, String> {
        let answer = self.client.send(request).await.map_err(|error| error.to_string())?;
        if answer.body().len() > MAX_ANSWER {
            return Err("the answer is too long".to_owned());
        }
        if answer.status().is_success() { Ok(answer) } else { Err(format!("answered {}", answer.status())) }
    }

    /// Whom the bearer of a token is, whichever of the clients it was made for.
    pub(crate) async fn bearer(&self, token: &str) -> Result<Principal, AccessError> {
        let provider = self.provider().await?;
        let mut outcome = Err(AuthError::MissingToken);
        for verifier in &provider.verifiers {
            outcome = verifier.claims(Some(token)).await;
            if !matches!(outcome, Err(AuthError::InvalidToken(_))) {
                break;
            }
        }
        self.vouched(&outcome.map_err(not_believed)?)?.principal()
    }

    /// Whom an ID token is of that was made for this server in answer to a sign-in with this `nonce`.
    pub(crate) async fn signed_in(&self, token: &str, nonce: &str) -> Result<Vouched, AccessError> {
        let provider = self.provider().await?;
        let own = provider.verifiers.first().ok_or(AccessError::NotAuthenticated)?;
        let claims = own.claims(Some(token)).await.map_err(not_believed)?;
        if !claims.text("nonce").map_err(not_believed)?.is_some_and(|given| crate::secrets::same(&given, nonce)) {
            return Err(AccessError::SignIn("the provider answered to another one"));
        }
        self.vouched(&claims)
    }

    /// Whose verified claims these are, and what they make of their bearer.
    fn vouched(&self, claims: &VerifiedClaims) -> Result<Vouched, AccessError> {
        let text = |name: &str| claims.text(name).map_err(not_believed);
        // Cognito's word for what a token is for; others tell it by the audience alone.
        // Keycloak and Entra mark access tokens so, which may name this client too.
        let is_for_access = text("typ")?.is_some_and(|typ| typ != "ID") || text("scp")?.is_some();
        if is_for_access || text("token_use")?.is_some_and(|used| used != "id") {
            return Err(AccessError::NotAuthenticated);
        }
        let subject = text("sub")?.unwrap_or_default();
        let name = text(&self.settings.name_claim)?.unwrap_or_else(|| subject.clone());
        let issued_by = self.settings.issuer.clone();
        Ok(Vouched { name, subject, issued_by, role: self.role(claims), return_to: String::new() })
    }

    /// What verified claims let their bearer do.
    fn role(&self, claims: &VerifiedClaims) -> Result<Role, AccessError> {
        let text = |name: &str| claims.text(name).map_err(not_believed);
        match &self.users {
            Users::Staff { role_claim, operators, viewers } => {
                let groups = claims.texts(role_claim);
                let of = |list: &[String]| groups.iter().any(|group| list.contains(group));
                match (of(operators), of(viewers)) {
                    (true, _) => Ok(Role::Operator),
                    (_, true) => Ok(Role::Viewer),
                    _ => Err(AccessError::NotAllowed("Your account has no role in this control plane.")),
                }
            }
            Users::Tenants { tenant_claim, role_claim, roles } => {
                if !text(role_claim)?.is_some_and(|role| roles.contains(&role)) {
                    return Err(AccessError::NotAllowed("Your company's figures are for its admins."));
                }
                let tenant = text(tenant_claim)?.and_then(|tenant| tenant.parse().ok());
                tenant.map(Role::Tenant).ok_or(AccessError::NotAllowed("Your account belongs to no company."))
            }
        }
    }
}

/// The way to the endpoint where codes are exchanged, which says in its own way what went wrong.
impl<'c> AsyncHttpClient<'c> for Issuer {
    type Error = ProviderFailed;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, ProviderFailed>> + Send + 'c>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        let request = request.map(Bytes::from);
        Box::pin(async {
            let answer = self.client.send(request).await.map_err(|error| ProviderFailed(error.to_string()))?;
            if answer.body().len() > MAX_ANSWER {
                return Err(ProviderFailed("the answer is too long".to_owned()));
            }
            Ok(answer.map(|body| body.to_vec()))
        })
    }
}

/// Why a provider's answer is none.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct ProviderFailed(String);

pub(crate) fn discovery_url(settings: &IssuerSettings) -> String {
    let default = || format!("{}/.well-known/openid-configuration", settings.issuer.trim_end_matches('/'));
    settings.discovery_url.clone().unwrap_or_else(default)
}

/// Whether nobody on the way can read or change what is sent there.
pub(crate) fn is_private(url: &str) -> bool {
    let Ok(uri) = url.parse::<http::Uri>() else { return false };
    let loopback = matches!(uri.host(), Some("localhost" | "127.0.0.1" | "[::1]"));
    uri.scheme_str() == Some("https") || uri.scheme_str() == Some("http") && loopback
}

/// Writes at most a line a second: whoever sends bad tokens must not fill a disk.
fn complain_now_and_then(error: &dyn Display) {
    static LAST: parking_lot::Mutex<Option<Instant>> = parking_lot::Mutex::new(None);
    let mut last = LAST.lock();
    if last.is_none_or(|last| last.elapsed() >= Duration::from_secs(1)) {
        *last = Some(Instant::now());
        complain(format_args!("a token was refused: {error}"));
    }
}

/// What exactly was wrong with a token is for the log.
fn not_believed(error: AuthError) -> AccessError {
    match error {
        AuthError::KeysUnavailable(error) => {
            complain_now_and_then(&error);
            AccessError::Unavailable("the identity provider's keys cannot be had")
        }
        error => {
            complain_now_and_then(&error);
            AccessError::NotAuthenticated
        }
    }
}

#[cfg(test)]
mod tests {
    use super::is_private;

    #[test]
    fn endpoints_are_private_or_are_not_used() {
        for url in ["https://login.example/token", "http://127.0.0.1:4566/x", "http://localhost/", "http://[::1]:1/"] {
            assert!(is_private(url), "{url}");
        }
        for url in ["http://login.example/token", "ftp://localhost/", "http://localhost.example/", "", "//localhost"] {
            assert!(!is_private(url), "{url}");
        }
    }
}
