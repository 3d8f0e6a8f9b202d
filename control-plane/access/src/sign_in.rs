//! The code flow: to the provider, and back with a code that is exchanged for an ID token.
//! RFC 6749 §4.1, with PKCE (RFC 7636), `state` and `nonce`; <https://openid.net/specs/openid-connect-core-1_0.html#CodeFlowAuth>.
//!
//! A sign-in has one secret, which the browser keeps in a cookie. What is to be known when the browser comes back goes to the provider and back as
//! `state`, with a MAC by that secret; the PKCE verifier and the nonce follow from both. So nothing is stored for whoever only begins, and what
//! comes back is good only where it was begun. A code is exchanged once: the provider sees to that (RFC 6749 §4.1.2).

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use control_plane_model::complain::complain;
use jiff::Timestamp;
use oauth2::{
    AuthUrl, AuthorizationCode, ClientId, ClientSecret, CsrfToken, EndpointNotSet, EndpointSet, ExtraTokenFields,
    PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, Scope, StandardRevocableToken, StandardTokenResponse, TokenUrl,
    basic::{BasicErrorResponse, BasicRevocationErrorResponse, BasicTokenIntrospectionResponse, BasicTokenType},
};
use serde::{Deserialize, Serialize};

use crate::{
    AccessError, Principal, Role, Secret,
    issuer::{Issuer, Provider},
    secrets,
};

/// The cookie of a sign-in that has begun.
pub const SIGN_IN_COOKIE: &str = "control-plane-sign-in";
/// Seconds that somebody has for it at the provider.
pub(crate) const LASTS: i64 = 600;
/// Bytes of a code or a `state` that comes back.
const MAX_PARAMETER: usize = 4_096;
/// Bytes of a path to come back to.
const MAX_PATH: usize = 1_024;

/// A sign-in that has begun.
pub struct SignInStarted {
    /// Where the browser goes: the provider's page.
    pub location: String,
    /// What it takes along: the value of [`SIGN_IN_COOKIE`].
    pub cookie: String,
}

/// A user whom a provider has vouched for and who has no session yet.
#[derive(Debug, Clone)]
pub struct Vouched {
    /// The user's name: see [`Principal`].
    pub name: String,
    /// The `sub` of the token.
    pub subject: String,
    /// The issuer of the ID token.
    pub issued_by: String,
    /// What they may do, or why they may not come in.
    pub role: Result<Role, AccessError>,
    /// The page that the user came from.
    pub(crate) return_to: String,
}

impl Vouched {
    /// The user as a principal, if the user may sign in.
    pub(crate) fn principal(self) -> Result<Principal, AccessError> {
        let Self { name, subject, issued_by, role, .. } = self;
        Ok(Principal { name, subject, issued_by, role: role? })
    }
}

/// A sign-in that has succeeded.
pub struct SignedIn {
    /// The person who signed in.
    pub principal: Principal,
    /// The session's id: the value of the session's cookie.
    pub session: String,
    /// The page that the user came from, a path of this server.
    pub return_to: String,
}

/// The sign-in that a browser has begun, as `state` carries it.
#[derive(Debug, Serialize, Deserialize)]
struct PendingSignIn {
    /// `staff` or `tenants`.
    issuer: String,
    return_to: String,
    /// The first second at which it is not good any more, Unix seconds.
    until: i64,
    /// No two sign-ins of a browser are the same.
    id: String,
}

/// What a provider answers besides an access token.
#[derive(Debug, Serialize, Deserialize)]
struct IdToken {
    id_token: String,
}

impl ExtraTokenFields for IdToken {}

type Client = oauth2::Client<
    BasicErrorResponse,
    StandardTokenResponse<IdToken, BasicTokenType>,
    BasicTokenIntrospectionResponse,
    StandardRevocableToken,
    BasicRevocationErrorResponse,
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointSet,
>;

/// The way to the providers and back.
#[derive(Debug)]
pub(crate) struct SignIns {
    /// Where a provider sends the browser back to.
    pub(crate) redirect_url: String,
}

impl SignIns {
    /// Begins a sign-in at an issuer, after which the browser goes to `return_to`.
    pub(crate) async fn begin(
        &self,
        issuer: (&str, &Issuer),
        return_to: &str,
        now: Timestamp,
    ) -> Result<SignInStarted, AccessError> {
        let (name, issuer) = issuer;
        let provider = issuer.provider().await?;
        let browser = secrets::random()?;
        let begun = PendingSignIn {
            issuer: name.to_owned(),
            return_to: if is_own_path(return_to) { return_to.to_owned() } else { "/".to_owned() },
            until: now.as_second() + LASTS,
            id: secrets::random()?,
        };
        let begun = serde_json::to_vec(&begun).map_err(|_| AccessError::Unavailable("it cannot be written"))?;
        let begun = URL_SAFE_NO_PAD.encode(begun);
        let state = format!("{begun}.{}", mac(&browser, &begun));
        let challenge = PkceCodeChallenge::from_code_verifier_sha256(&verifier(&browser, &state));
        // Cognito puts custom attributes, such as a tenant's id, into ID tokens for `profile` alone.
        let (location, _) = self
            .client(issuer, &provider)?
            .authorize_url(|| CsrfToken::new(state.clone()))
            .add_scopes(["openid", "email", "profile"].map(|scope| Scope::new(scope.to_owned())))
            .add_extra_param("nonce", nonce(&browser, &state))
            .set_pkce_challenge(challenge)
            .url();
        Ok(SignInStarted { location: location.into(), cookie: browser })
    }

    /// Reads the issuer that a browser comes back from, and the page that it wanted.
    pub(crate) fn read(&self, state: &str, browser: &str, now: Timestamp) -> Result<(String, String), AccessError> {
        let (begun, given) = state.rsplit_once('.').unwrap_or_default();
        if state.len() > MAX_PARAMETER || !secrets::same(given, &mac(browser, begun)) {
            return Err(AccessError::SignIn("this browser did not begin it"));
        }
        let begun =
            URL_SAFE_NO_PAD.decode(begun).ok().and_then(|begun| serde_json::from_slice::<PendingSignIn>(&begun).ok());
        let begun = begun.ok_or(AccessError::SignIn("it cannot be read"))?;
        if now.as_second() >= begun.until {
            return Err(AccessError::SignIn("it took longer than ten minutes"));
        }
        Ok((begun.issuer, begun.return_to))
    }

    /// Exchanges the code that a browser came back with: who has signed in.
    pub(crate) async fn finish(
        &self,
        issuer: &Issuer,
        code: &str,
        state: &str,
        browser: &str,
    ) -> Result<Vouched, AccessError> {
        if code.is_empty() || code.len() > MAX_PARAMETER {
            return Err(AccessError::SignIn("the provider sent no code"));
        }
        let provider = issuer.provider().await?;
        let answer = self
            .client(issuer, &provider)?
            .exchange_code(AuthorizationCode::new(code.to_owned()))
            .set_pkce_verifier(verifier(browser, state))
            .request_async(issuer)
            .await
            .map_err(|error| {
                complain(format_args!("{}: a code was not exchanged: {error}", issuer.settings().issuer));
                AccessError::SignIn("the provider did not take the code")
            })?;
        issuer.signed_in(&answer.extra_fields().id_token, &nonce(browser, state)).await
    }

    fn client(&self, issuer: &Issuer, provider: &Provider) -> Result<Client, AccessError> {
        let broken = |_| AccessError::Unavailable("the identity provider's configuration names no URLs");
        let settings = issuer.settings();
        let mut client = oauth2::Client::new(ClientId::new(settings.client_id.clone()))
            .set_auth_uri(AuthUrl::new(provider.authorization_endpoint.clone()).map_err(broken)?)
            .set_token_uri(TokenUrl::new(provider.token_endpoint.clone()).map_err(broken)?)
            .set_redirect_uri(RedirectUrl::new(self.redirect_url.clone()).map_err(broken)?);
        if let Some(Secret(secret)) = &settings.client_secret {
            client = client.set_client_secret(ClientSecret::new(secret.clone()));
        }
        Ok(client)
    }
}

fn verifier(browser: &str, state: &str) -> PkceCodeVerifier {
    PkceCodeVerifier::new(secrets::mac(browser, &format!("pkce:{state}")))
}

fn nonce(browser: &str, state: &str) -> String {
    secrets::mac(browser, &format!("nonce:{state}"))
}

/// Shows that a browser's own sign-in said so. The secret is a key that is used for nothing else, and of fixed length.
fn mac(browser: &str, begun: &str) -> String {
    secrets::mac(browser, &format!("sign-in:{begun}"))
}

/// Whether this is a path of this server, however a browser reads it: `//host` and `/\host` are somebody else's.
fn is_own_path(path: &str) -> bool {
    let second = path.as_bytes().get(1);
    path.len() <= MAX_PATH
        && path.starts_with('/')
        && !matches!(second, Some(b'/' | b'\\'))
        && !path.chars().any(char::is_control)
}

#[cfg(test)]
mod tests {
    use super::is_own_path;

    #[test]
    fn a_sign_in_leads_back_to_this_server_alone() {
        for path in ["/", "/tenants", "/traces?filter=fault", "/tenant?id=a%2Fb"] {
            assert!(is_own_path(path), "{path}");
        }
        for path in [
            "",
            "tenants",
            "//evil.example",
            "/\\evil.example",
            "https://evil.example",
            "/\t/evil.example",
            "/x\r\nset-cookie: a=b",
            "javascript:alert(1)",
        ] {
            assert!(!is_own_path(path), "{path}");
        }
    }
}
