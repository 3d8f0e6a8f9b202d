//! The OpenID provider: its configuration, and what it gives for codes and refresh tokens.

use std::{io, time::Duration};

use anyhow::{Context, Result, anyhow, bail};
use oauth2::{
    AuthUrl, AuthorizationCode, ClientId, EndpointNotSet, EndpointSet, ExtraTokenFields, HttpRequest, HttpResponse,
    PkceCodeVerifier, RedirectUrl, RefreshToken, RequestTokenError, StandardRevocableToken, StandardTokenResponse,
    TokenResponse, TokenUrl,
    basic::{
        BasicErrorResponse, BasicErrorResponseType, BasicRevocationErrorResponse, BasicTokenIntrospectionResponse,
        BasicTokenType,
    },
};
use reqwest::{Method, Request, Response, Url, header};
use serde::{Deserialize, Serialize};

use super::{
    id_token::Claims,
    server::{client, is_private},
    tokens::StoredLogin,
};

/// How long a provider may take to answer.
const WITHIN: Duration = Duration::from_secs(10);
/// Bytes of an answer.
const MAX_ANSWER: usize = 256 * 1024;

/// Where the control plane lets one sign in.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Offered {
    /// `staff` or `tenants`.
    pub(super) name: String,
    pub(super) issuer: String,
    discovery_url: Url,
    pub(super) client_id: String,
}

/// A provider as it says of itself: <https://openid.net/specs/openid-connect-discovery-1_0.html#ProviderMetadata>.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Configuration {
    issuer: String,
    authorization_endpoint: Url,
    token_endpoint: Url,
    revocation_endpoint: Option<Url>,
    #[serde(default)]
    scopes_supported: Vec<String>,
    /// RFC 9207.
    #[serde(default)]
    authorization_response_iss_parameter_supported: bool,
}

/// A provider, and the client that a control plane named.
pub(super) struct Provider {
    pub(super) offered: Offered,
    found: Configuration,
}

/// What a provider answers besides an access token; a refreshed one need not come with an ID token.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct IdToken {
    id_token: Option<String>,
}

impl ExtraTokenFields for IdToken {}

pub(super) type Answer = StandardTokenResponse<IdToken, BasicTokenType>;
pub(super) type OauthClient<Authorization> = oauth2::Client<
    BasicErrorResponse,
    Answer,
    BasicTokenIntrospectionResponse,
    StandardRevocableToken,
    BasicRevocationErrorResponse,
    Authorization,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointSet,
>;

impl Provider {
    pub(super) async fn discover(offered: Offered) -> Result<Self> {
        let url = &offered.discovery_url;
        private(url)?;
        let text = exchange(Request::new(Method::GET, url.clone())).await?.into_body();
        let found: Configuration =
            serde_json::from_slice(&text).with_context(|| format!("the configuration at {url}"))?;
        if found.issuer != offered.issuer {
            bail!("{url} is the configuration of another issuer");
        }
        let endpoints =
            [Some(&found.authorization_endpoint), Some(&found.token_endpoint), found.revocation_endpoint.as_ref()];
        endpoints.into_iter().flatten().try_for_each(private)?;
        Ok(Self { offered, found })
    }

    /// The scopes to ask for: with `profile` Cognito tells attributes of a pool's own; a refresh token too, where the provider gives one on being asked.
    pub(super) fn scopes(&self) -> impl Iterator<Item = &'static str> {
        let offline = self.found.scopes_supported.iter().any(|scope| scope == "offline_access");
        ["openid", "email", "profile"].into_iter().chain(offline.then_some("offline_access"))
    }

    /// Whether an answer in the name of this issuer, or of none, is the provider's: RFC 9207.
    pub(super) fn is_answered_by(&self, said: Option<&str>) -> bool {
        match said {
            Some(said) => said == self.offered.issuer,
            None => !self.found.authorization_response_iss_parameter_supported,
        }
    }

    pub(super) fn client(&self, redirect: &str) -> Result<OauthClient<EndpointSet>> {
        Ok(oauth_client(&self.offered.client_id, &self.found.token_endpoint)?
            .set_auth_uri(AuthUrl::from_url(self.found.authorization_endpoint.clone()))
            .set_redirect_uri(RedirectUrl::new(redirect.to_owned())?))
    }

    /// What the provider gives for a code.
    pub(super) async fn redeem(
        &self,
        client: &OauthClient<EndpointSet>,
        code: &str,
        verifier: PkceCodeVerifier,
    ) -> Result<StoredLogin> {
        let asked = client.exchange_code(AuthorizationCode::new(code.to_owned())).set_pkce_verifier(verifier);
        let answer = asked.request_async(&send).await.map_err(|error| anyhow!(error_text(&error)))?;
        let id_token = answer.extra_fields().id_token.clone().context("the provider sent no ID token")?;
        Ok(StoredLogin {
            issuer: self.offered.issuer.clone(),
            client_id: self.offered.client_id.clone(),
            token_endpoint: self.found.token_endpoint.clone(),
            revocation_endpoint: self.found.revocation_endpoint.clone(),
            id_token,
            refresh_token: answer.refresh_token().map(|token| token.secret().clone()),
        })
    }
}

/// Fresh tokens for older ones: <https://openid.net/specs/openid-connect-core-1_0.html#RefreshTokens>. None, where the user has to sign in again.
pub(super) async fn refresh(old: &StoredLogin) -> Result<Option<StoredLogin>> {
    let (Some(token), Some(before)) = (&old.refresh_token, Claims::of(&old.id_token)) else { return Ok(None) };
    private(&old.token_endpoint)?;
    let client = oauth_client(&old.client_id, &old.token_endpoint)?;
    let answer = match client.exchange_refresh_token(&RefreshToken::new(token.clone())).request_async(&send).await {
        Ok(answer) => answer,
        Err(RequestTokenError::ServerResponse(error)) if *error.error() == BasicErrorResponseType::InvalidGrant => {
            return Ok(None);
        }
        Err(error) => bail!(error_text(&error)),
    };
    let Some(id_token) = answer.extra_fields().id_token.clone() else { return Ok(None) };
    let claims = Claims::of(&id_token).context("the provider sent no ID token that can be read")?;
    if !claims.is_for(&old.issuer, &old.client_id) || claims.sub != before.sub {
        bail!("the provider sent somebody else's token");
    }
    let refresh_token = answer.refresh_token().map(|token| token.secret().clone());
    Ok(Some(StoredLogin {
        id_token,
        refresh_token: refresh_token.or_else(|| old.refresh_token.clone()),
        ..old.clone()
    }))
}

/// Has the provider forget a refresh token, where it can: RFC 7009.
pub(super) async fn revoke(kept: &StoredLogin) -> Result<()> {
    let (Some(token), Some(url)) = (&kept.refresh_token, &kept.revocation_endpoint) else { return Ok(()) };
    private(url)?;
    let form = form_urlencoded::Serializer::new(String::new())
        .extend_pairs([("token", token.as_str()), ("token_type_hint", "refresh_token"), ("client_id", &kept.client_id)])
        .finish();
    let mut request = Request::new(Method::POST, url.clone());
    let content_type = header::HeaderValue::from_static("application/x-www-form-urlencoded");
    request.headers_mut().insert(header::CONTENT_TYPE, content_type);
    *request.body_mut() = Some(form.into());
    let answer = exchange(request).await?;
    if answer.status().is_success() { Ok(()) } else { bail!("it answered {}", answer.status()) }
}

fn private(url: &Url) -> Result<()> {
    if is_private(url) { Ok(()) } else { bail!("{url} is neither https nor on loopback") }
}

fn oauth_client(client_id: &str, token_endpoint: &Url) -> Result<OauthClient<EndpointNotSet>> {
    // A public client names itself in the form, and has no secret.
    Ok(oauth2::Client::new(ClientId::new(client_id.to_owned()))
        .set_token_uri(TokenUrl::from_url(token_endpoint.clone())))
}

async fn send(request: HttpRequest) -> Result<HttpResponse, io::Error> {
    let request = Request::try_from(request).map_err(io::Error::other)?;
    exchange(request).await.map_err(|error| io::Error::other(format!("{error:#}")))
}

/// Sends a request; an answer that is too long is none.
async fn exchange(request: Request) -> Result<HttpResponse> {
    let host = request.url().origin().ascii_serialization();
    let sent = client(request.url(), WITHIN)?.execute(request).await;
    let mut answer: Response =
        sent.map_err(reqwest::Error::without_url).with_context(|| format!("no answer from the provider at {host}"))?;
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(reqwest::Error::without_url)? {
        if body.len() + chunk.len() > MAX_ANSWER {
            bail!("the answer of the provider at {host} is too long");
        }
        body.extend_from_slice(&chunk);
    }
    let mut response = HttpResponse::new(body);
    *response.status_mut() = answer.status();
    *response.headers_mut() = answer.headers().clone();
    Ok(response)
}

/// Why there are no tokens, in the provider's words where it has any. An answer that cannot be read is not shown: it may hold some.
fn error_text(error: &RequestTokenError<io::Error, BasicErrorResponse>) -> String {
    match error {
        RequestTokenError::ServerResponse(answer) => format!("the provider refused: {answer}"),
        RequestTokenError::Request(error) => error.to_string(),
        RequestTokenError::Parse(..) | RequestTokenError::Other(_) => "the provider's answer cannot be read".to_owned(),
    }
}
