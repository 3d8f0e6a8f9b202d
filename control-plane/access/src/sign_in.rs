//! The code flow: to the provider, and back with a code that is exchanged for an ID token.
//! RFC 6749 §4.1, with PKCE (RFC 7636), `state` and `nonce`; <https://openid.net/specs/openid-connect-core-1_0.html#CodeFlowAuth>.
//!
//! A sign-in has one secret that the browser keeps in a cookie, and one that goes to the provider and back as `state`. The PKCE verifier and the
//! nonce follow from both: what is stored can be used by nobody, and what comes back is good only where it was begun.

use std::sync::Arc;

use control_plane_model::store::{Entry, StateStore};
use jiff::Timestamp;
use oauth2::{
    AuthUrl, AuthorizationCode, ClientId, ClientSecret, CsrfToken, EndpointNotSet, EndpointSet, ExtraTokenFields,
    PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, Scope, StandardRevocableToken, StandardTokenResponse, TokenUrl,
    basic::{BasicErrorResponse, BasicRevocationErrorResponse, BasicTokenIntrospectionResponse, BasicTokenType},
};
use serde::{Deserialize, Serialize};

use crate::{
    AccessError, Principal,
    issuer::{Issuer, Provider},
    secrets,
};

/// The cookie of a sign-in that has begun.
pub const SIGN_IN_COOKIE: &str = "control-plane-sign-in";
/// Seconds that somebody has for it at the provider.
pub(crate) const LASTS: i64 = 600;
/// Bytes of a code or a `state` that comes back.
const MAX_PARAMETER: usize = 4_096;

/// A sign-in that has begun.
#[derive(Debug)]
pub struct SignInStarted {
    /// Where the browser goes: the provider's page.
    pub location: String,
    /// What it takes along: the value of [`SIGN_IN_COOKIE`].
    pub cookie: String,
}

/// A sign-in that has succeeded.
#[derive(Debug)]
pub struct SignedIn {
    /// Who it is.
    pub principal: Principal,
    /// The session's id: the value of the session's cookie.
    pub session: String,
    /// The page that the user came from, a path of this server.
    pub return_to: String,
}

/// What is kept of a sign-in under the hash of its `state`.
#[derive(Debug, Serialize, Deserialize)]
struct Begun {
    /// `staff` or `tenants`.
    issuer: String,
    /// Hash of the browser's secret.
    browser: String,
    return_to: String,
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

/// The sign-ins that are under way.
#[derive(Debug)]
pub(crate) struct SignIns {
    pub(crate) states: Arc<dyn StateStore>,
    /// Where the provider sends the browser back to.
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
        let (browser, state) = (secrets::random()?, secrets::random()?);
        let begun = Begun {
            issuer: name.to_owned(),
            browser: secrets::hash(&browser),
            return_to: if is_own_path(return_to) { return_to.to_owned() } else { "/".to_owned() },
        };
        let body = serde_json::to_string(&begun).map_err(|_| AccessError::Unavailable("it cannot be written"))?;
        self.states.add_entry(Entry { name: entry(&state), body, until: now.as_second() + LASTS }).await?;
        let challenge = PkceCodeChallenge::from_code_verifier_sha256(&verifier(&browser, &state));
        let (location, _) = self
            .client(issuer, &provider)?
            .authorize_url(|| CsrfToken::new(state.clone()))
            .add_scopes(["openid", "email"].map(|scope| Scope::new(scope.to_owned())))
            .add_extra_param("nonce", nonce(&browser, &state))
            .set_pkce_challenge(challenge)
            .url();
        Ok(SignInStarted { location: location.into(), cookie: browser })
    }

    /// Which issuer a browser comes back from, and where it wanted to go. Nobody comes back with the same `state` again.
    pub(crate) async fn take(&self, state: &str, browser: Option<&str>) -> Result<(String, String), AccessError> {
        let unknown = AccessError::SignIn("it is not known here, took longer than ten minutes, or is done");
        if state.is_empty() || state.len() > MAX_PARAMETER {
            return Err(unknown);
        }
        let body = self.states.take_entry(&entry(state)).await?.ok_or(unknown)?;
        let begun: Begun = serde_json::from_str(&body).map_err(|_| AccessError::SignIn("it cannot be read"))?;
        if !browser.is_some_and(|browser| secrets::same(&secrets::hash(browser), &begun.browser)) {
            return Err(AccessError::SignIn("another browser began it"));
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
    ) -> Result<Principal, AccessError> {
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
            .map_err(|_| AccessError::SignIn("the provider did not take the code"))?;
        issuer.signed_in(&answer.extra_fields().id_token, &nonce(browser, state)).await
    }

    fn client(&self, issuer: &Issuer, provider: &Provider) -> Result<Client, AccessError> {
        let broken = |_| AccessError::Unavailable("the identity provider's configuration names no URLs");
        let settings = issuer.settings();
        let mut client = oauth2::Client::new(ClientId::new(settings.client_id.clone()))
            .set_auth_uri(AuthUrl::new(provider.authorization_endpoint.clone()).map_err(broken)?)
            .set_token_uri(TokenUrl::new(provider.token_endpoint.clone()).map_err(broken)?)
            .set_redirect_uri(RedirectUrl::new(self.redirect_url.clone()).map_err(broken)?);
        if let Some(secret) = &settings.client_secret {
            client = client.set_client_secret(ClientSecret::new(secret.clone()));
        }
        Ok(client)
    }
}

fn verifier(browser: &str, state: &str) -> PkceCodeVerifier {
    PkceCodeVerifier::new(secrets::derived("pkce", &format!("{browser}:{state}")))
}

fn nonce(browser: &str, state: &str) -> String {
    secrets::derived("nonce", &format!("{browser}:{state}"))
}

fn entry(state: &str) -> String {
    format!("sign-in/{}", secrets::hash(state))
}

/// Whether this is a path of this server, however a browser reads it: `//host` and `/\host` are somebody else's.
fn is_own_path(path: &str) -> bool {
    let second = path.as_bytes().get(1);
    path.len() <= MAX_PARAMETER
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
