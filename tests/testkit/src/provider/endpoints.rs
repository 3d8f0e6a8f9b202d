//! The endpoints of the provider: what OpenID Connect Discovery, RFC 6749 and RFC 7009 say of them, as strictly as they say it.

use std::{collections::HashMap, time::Duration};

use aws_lc_rs::digest::{SHA256, digest};
use axum::{
    Form, Json, Router,
    extract::{Query, Request, State},
    http::StatusCode,
    middleware::{Next, from_fn_with_state},
    response::{IntoResponse, Redirect, Response},
    routing::{get, post},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::json;

use super::{CLI_CLIENT, CLIENT, Misdeed, Provider, published};

/// What a browser brings to the authorization endpoint.
#[derive(Debug, Clone, serde::Deserialize)]
pub(super) struct AuthorizationRequest {
    response_type: String,
    client_id: String,
    redirect_uri: String,
    state: String,
    nonce: String,
    scope: String,
    code_challenge: String,
    code_challenge_method: String,
}

/// What a client sends to the token endpoint.
#[derive(Debug, serde::Deserialize)]
struct TokenRequest {
    grant_type: String,
    #[serde(default)]
    code: String,
    #[serde(default)]
    redirect_uri: String,
    #[serde(default)]
    code_verifier: String,
    #[serde(default)]
    refresh_token: String,
    client_id: Option<String>,
}

/// The routes of the provider.
pub(super) fn router(provider: Provider) -> Router {
    Router::new()
        .route("/.well-known/openid-configuration", get(configuration))
        .route("/authorize", get(authorize))
        .route("/token", post(token))
        .route("/revoke", post(revoke))
        .route("/keys", get(keys))
        .layer(from_fn_with_state(provider.clone(), record_path))
        .with_state(provider)
}

/// Records each path that is asked for, before it is answered.
async fn record_path(State(Provider(provider)): State<Provider>, request: Request, next: Next) -> Response {
    provider.paths.lock().push(request.uri().path().to_owned());
    next.run(request).await
}

/// The answer of a provider that fails, hangs or answers rubbish, or `None` if it should answer properly.
async fn useless_answer(misdeed: Misdeed) -> Option<Response> {
    match misdeed {
        Misdeed::Hangs => {
            tokio::time::sleep(Duration::from_secs(60)).await;
            None
        }
        Misdeed::Rubbish => Some("<html>not now</html>".into_response()),
        Misdeed::Endless => Some(vec![b' '; 20_000_000].into_response()),
        Misdeed::Fails => Some(StatusCode::INTERNAL_SERVER_ERROR.into_response()),
        _ => None,
    }
}

async fn configuration(State(Provider(provider)): State<Provider>) -> Response {
    let misdeed = provider.published.lock().0;
    if let Some(answer) = useless_answer(misdeed).await {
        return answer;
    }
    let url = &provider.url;
    Json(json!({
        "issuer": url,
        "authorization_endpoint": format!("{url}/authorize"),
        "token_endpoint": format!("{url}/token"),
        "revocation_endpoint": format!("{url}/revoke"),
        "jwks_uri": format!("{url}/keys"),
        "scopes_supported": ["openid", "email", "offline_access"],
        "authorization_response_iss_parameter_supported": true,
    }))
    .into_response()
}

async fn keys(State(own): State<Provider>) -> Response {
    let misdeed = own.0.published.lock().1;
    match useless_answer(misdeed).await {
        Some(answer) => answer,
        None => Json(json!({ "keys": [own.jwk(), published(&own.0.next_key, "2")] })).into_response(),
    }
}

/// The authorization endpoint: RFC 6749 §4.1.1, RFC 7636 §4.3.
async fn authorize(
    State(Provider(provider)): State<Provider>,
    Query(request): Query<AuthorizationRequest>,
) -> Response {
    let misdeed = *provider.misdeed.lock();
    let right = request.response_type == "code"
        && request.code_challenge_method == "S256"
        && request.scope.split(' ').any(|scope| scope == "openid")
        && match request.client_id.as_str() {
            CLIENT => request.redirect_uri.ends_with("/sign-in/callback"),
            CLI_CLIENT => {
                let port = request.redirect_uri.strip_prefix("http://localhost:");
                port.and_then(|port| port.strip_suffix("/callback")).is_some_and(|port| port.parse::<u16>().is_ok())
            }
            _ => false,
        };
    if !right {
        return (StatusCode::BAD_REQUEST, format!("not so: {request:?}")).into_response();
    }
    let iss = if misdeed == Misdeed::OtherIss { "https://another.example" } else { &provider.url };
    if misdeed == Misdeed::Denies {
        let why = "error=access_denied&error_description=not%20%1b%5B31mtoday";
        return Redirect::to(&format!("{}?{why}&state={}&iss={iss}", request.redirect_uri, request.state))
            .into_response();
    }
    let code = Provider(provider.clone()).fresh("code");
    let to = format!("{}?code={code}&state={}&iss={iss}", request.redirect_uri, request.state);
    provider.codes.lock().insert(code, request);
    Redirect::to(&to).into_response()
}

fn refused(why: &str) -> Response {
    (StatusCode::BAD_REQUEST, Json(json!({ "error": why }))).into_response()
}

/// The token endpoint: RFC 6749 §4.1.3 and §6, RFC 7636 §4.6.
async fn token(State(own): State<Provider>, Form(request): Form<TokenRequest>) -> Response {
    let misdeed = *own.0.misdeed.lock();
    if let Some(answer) = useless_answer(misdeed).await {
        return answer;
    }
    let (client, nonce) = if request.grant_type == "refresh_token" {
        let mut good = own.0.refresh.lock();
        let Some(at) = good.iter().position(|token| *token == request.refresh_token) else {
            return refused("invalid_grant");
        };
        if request.client_id.as_deref() != Some(CLI_CLIENT) {
            return refused("invalid_client");
        }
        good.remove(at);
        (CLI_CLIENT.to_owned(), None)
    } else {
        let Some(authorized) = own.0.codes.lock().remove(&request.code) else { return refused("invalid_grant") };
        let challenge = URL_SAFE_NO_PAD.encode(digest(&SHA256, request.code_verifier.as_bytes()));
        let right = request.grant_type == "authorization_code"
            && request.client_id.is_none_or(|client| client == authorized.client_id)
            && request.redirect_uri == authorized.redirect_uri
            && challenge == authorized.code_challenge;
        if !right {
            return refused("invalid_grant");
        }
        (authorized.client_id, Some(authorized.nonce))
    };
    let mut answer = json!({ "access_token": "a", "token_type": "Bearer", "expires_in": 3600 });
    if misdeed != Misdeed::NoIdToken {
        let user = own.0.user.lock().clone();
        answer["id_token"] = own.signed(&user, misdeed, nonce.as_deref(), &client).into();
    }
    if client == CLI_CLIENT {
        let refresh = own.fresh("refresh");
        own.0.refresh.lock().push(refresh.clone());
        answer["refresh_token"] = refresh.into();
    }
    Json(answer).into_response()
}

/// The revocation endpoint: RFC 7009 §2.1.
async fn revoke(State(Provider(provider)): State<Provider>, Form(form): Form<HashMap<String, String>>) -> StatusCode {
    let token = form.get("token").cloned().unwrap_or_default();
    provider.refresh.lock().retain(|good| *good != token);
    StatusCode::OK
}
