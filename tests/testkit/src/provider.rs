//! An OpenID provider that is strict with its clients, and answers as badly as a test wants.
//!
//! Its users sign in without being asked: whoever is sent to its page comes back as the user that was set last.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use aws_lc_rs::{
    digest::{SHA256, digest},
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair},
};
use axum::{
    Form, Json, Router,
    extract::{Query, Request, State},
    http::StatusCode,
    middleware::{Next, from_fn_with_state},
    response::{IntoResponse, Redirect, Response},
    routing::{get, post},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode, jwk::Jwk};
use parking_lot::Mutex;
use serde_json::{Value, json};

/// The client that the provider knows.
pub const CLIENT: &str = "control-plane";
/// Another: a program on a user's machine, which browsers come back to on a port of loopback, and which gets refresh tokens.
pub const CLI_CLIENT: &str = "control-plane-cli";

/// What the provider does instead of what it should.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Misdeed {
    /// Nothing: it does what it should.
    #[default]
    None,
    /// It takes the code and answers nothing.
    Hangs,
    /// It answers what is no JSON.
    Rubbish,
    /// It answers 20 MB.
    Endless,
    /// It answers without an ID token.
    NoIdToken,
    /// It fails.
    Fails,
    /// The ID token is for another sign-in.
    OtherNonce,
    /// The ID token has no nonce.
    NoNonce,
    /// The ID token is for another client.
    OtherClient,
    /// The ID token is for another client besides.
    OtherClientBesides,
    /// The ID token is another issuer's.
    OtherIssuer,
    /// The ID token is signed by a key that is not the provider's.
    OtherKey,
    /// The ID token is not signed.
    Unsigned,
    /// The ID token is over.
    Expired,
    /// The ID token is an access token.
    AccessToken,
    /// It sends the browser back with an error.
    Denies,
    /// It sends the browser back in the name of another issuer.
    OtherIss,
    /// It gives a refreshed ID token of somebody else.
    OtherUser,
}

#[derive(Debug)]
struct Inner {
    url: String,
    key: EncodingKey,
    other_key: EncodingKey,
    /// Published beside the key that it signs with, until it signs with this one.
    next_key: EncodingKey,
    rotated: AtomicBool,
    misdeed: Mutex<Misdeed>,
    /// The same for its configuration, and for its keys.
    published: Mutex<(Misdeed, Misdeed)>,
    user: Mutex<Value>,
    /// What each code was given for.
    codes: Mutex<HashMap<String, Asked>>,
    /// Refresh tokens that are good: each once.
    refresh: Mutex<Vec<String>>,
    /// No two codes or refresh tokens are the same.
    given: AtomicU64,
    /// For how long an ID token is good, seconds.
    lasts: AtomicI64,
    /// What it was asked for: paths.
    asked: Mutex<Vec<String>>,
}

/// The provider; it serves until the runtime ends.
#[derive(Debug, Clone)]
pub struct Provider(Arc<Inner>);

#[derive(Debug, Clone, serde::Deserialize)]
struct Asked {
    response_type: String,
    client_id: String,
    redirect_uri: String,
    state: String,
    nonce: String,
    scope: String,
    code_challenge: String,
    code_challenge_method: String,
}

#[derive(Debug, serde::Deserialize)]
struct Exchange {
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

fn key() -> EncodingKey {
    let pair = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new()).unwrap();
    EncodingKey::from_ec_der(pair.as_ref())
}

fn published(key: &EncodingKey, kid: &str) -> Value {
    let mut jwk = Jwk::from_encoding_key(key, Algorithm::ES256).unwrap();
    jwk.common.key_id = Some(kid.into());
    serde_json::to_value(jwk).unwrap()
}

impl Provider {
    /// Serves on a free port of loopback.
    pub async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let provider = Self(Arc::new(Inner {
            url,
            key: key(),
            other_key: key(),
            next_key: key(),
            rotated: AtomicBool::new(false),
            misdeed: Mutex::default(),
            published: Mutex::default(),
            user: Mutex::default(),
            codes: Mutex::default(),
            refresh: Mutex::default(),
            given: AtomicU64::new(0),
            lasts: AtomicI64::new(3_600),
            asked: Mutex::default(),
        }));
        let router = Router::new()
            .route("/.well-known/openid-configuration", get(configuration))
            .route("/authorize", get(authorize))
            .route("/token", post(token))
            .route("/revoke", post(revoke))
            .route("/keys", get(keys))
            .layer(from_fn_with_state(provider.clone(), noted))
            .with_state(provider.clone());
        tokio::spawn(async { axum::serve(listener, router).await });
        provider
    }

    /// Its `iss`.
    pub fn issuer(&self) -> &str {
        &self.0.url
    }

    /// Who signs in from now on: claims besides those that every token has.
    pub fn user(&self, claims: Value) {
        *self.0.user.lock() = claims;
    }

    /// What the provider does from now on.
    pub fn does(&self, misdeed: Misdeed) {
        *self.0.misdeed.lock() = misdeed;
    }

    /// What it does from now on when it is asked for its configuration: hangs, fails, or answers rubbish or 20 MB.
    pub fn publishes(&self, misdeed: Misdeed) {
        self.0.published.lock().0 = misdeed;
    }

    /// The same when it is asked for its keys.
    pub fn publishes_keys(&self, misdeed: Misdeed) {
        self.0.published.lock().1 = misdeed;
    }

    /// For how long ID tokens are good that it gives from now on, seconds.
    pub fn tokens_last(&self, seconds: i64) {
        self.0.lasts.store(seconds, Relaxed);
    }

    /// What it was asked for up to now: paths.
    pub fn asked(&self) -> Vec<String> {
        self.0.asked.lock().clone()
    }

    /// The refresh tokens that are good.
    pub fn refresh_tokens(&self) -> Vec<String> {
        self.0.refresh.lock().clone()
    }

    /// A token with these claims besides those that every token has, good for an hour.
    pub fn token(&self, claims: &Value) -> String {
        self.signed(claims, Misdeed::None, None, CLIENT)
    }

    /// The same, with something wrong with it.
    pub fn wrong_token(&self, claims: &Value, misdeed: Misdeed) -> String {
        self.signed(claims, misdeed, None, CLIENT)
    }

    /// This header and these claims, as they stand, signed by the provider's key.
    pub fn sign(&self, header: &str, claims: &str) -> String {
        let message = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
        let signature = jsonwebtoken::crypto::sign(message.as_bytes(), &self.0.key, Algorithm::ES256).unwrap();
        format!("{message}.{signature}")
    }

    /// The public half of its key, as it publishes it.
    pub fn jwk(&self) -> Value {
        published(&self.0.key, "1")
    }

    /// From now on it signs with the next key, which it has published all along.
    pub fn rotates(&self) {
        self.0.rotated.store(true, Relaxed);
    }

    /// Something that was never given before.
    fn fresh(&self, kind: &str) -> String {
        format!("{kind}-{}", self.0.given.fetch_add(1, Relaxed))
    }

    fn signed(&self, own: &Value, misdeed: Misdeed, nonce: Option<&str>, client: &str) -> String {
        let now = jiff::Timestamp::now().as_second();
        let until = now + self.0.lasts.load(Relaxed);
        let mut claims = json!({ "iss": self.0.url, "aud": client, "iat": now, "exp": until });
        let members = claims.as_object_mut().unwrap();
        members.extend(nonce.map(|nonce| ("nonce".to_owned(), nonce.into())));
        members.extend(own.as_object().into_iter().flatten().map(|(name, value)| (name.clone(), value.clone())));
        match misdeed {
            Misdeed::OtherNonce => claims["nonce"] = "another".into(),
            Misdeed::NoNonce => drop(claims.as_object_mut().unwrap().remove("nonce")),
            Misdeed::OtherClient => claims["aud"] = "another".into(),
            Misdeed::OtherClientBesides => claims["aud"] = json!([client, "another"]),
            Misdeed::OtherIssuer => claims["iss"] = "https://another.example".into(),
            Misdeed::Expired => claims["exp"] = (now - 60).into(),
            Misdeed::AccessToken => claims["token_use"] = "access".into(),
            Misdeed::OtherUser => claims["sub"] = "another".into(),
            _ => {}
        }
        let mut header = Header::new(Algorithm::ES256);
        let (kid, key) = if self.0.rotated.load(Relaxed) { ("2", &self.0.next_key) } else { ("1", &self.0.key) };
        header.kid = Some(kid.into());
        let key = if misdeed == Misdeed::OtherKey { &self.0.other_key } else { key };
        let token = encode(&header, &claims, key).unwrap();
        if misdeed != Misdeed::Unsigned {
            return token;
        }
        let header = URL_SAFE_NO_PAD.encode(json!({ "alg": "none", "kid": "1" }).to_string());
        format!("{header}.{}.", token.split('.').nth(1).unwrap())
    }
}

async fn noted(State(Provider(provider)): State<Provider>, request: Request, next: Next) -> Response {
    provider.asked.lock().push(request.uri().path().to_owned());
    next.run(request).await
}

/// What a provider answers that answers nothing of use.
async fn nothing_of_use(misdeed: Misdeed) -> Option<Response> {
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
    if let Some(answer) = nothing_of_use(misdeed).await {
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
    match nothing_of_use(misdeed).await {
        Some(answer) => answer,
        None => Json(json!({ "keys": [own.jwk(), published(&own.0.next_key, "2")] })).into_response(),
    }
}

/// The section `[access]` of a control plane's configuration: operators are of the group `sre`, viewers of `support`, and users of tenants have
/// Cognito's claims.
pub fn access(staff: &Provider, tenants: &Provider) -> String {
    format!(
        r#"
        [access]
        url = "http://127.0.0.1:1"
        [access.staff]
        provider = {{ issuer = "{}", client_id = "{CLIENT}", cli_client_id = "{CLI_CLIENT}" }}
        role_claim = "groups"
        operators = ["sre"]
        viewers = ["support"]
        [access.tenants]
        provider = {{ issuer = "{}", client_id = "{CLIENT}", cli_client_id = "{CLI_CLIENT}" }}
        "#,
        staff.issuer(),
        tenants.issuer()
    )
}

/// RFC 6749 §4.1.1, RFC 7636 §4.3.
async fn authorize(State(Provider(provider)): State<Provider>, Query(asked): Query<Asked>) -> Response {
    let misdeed = *provider.misdeed.lock();
    let right = asked.response_type == "code"
        && asked.code_challenge_method == "S256"
        && asked.scope.split(' ').any(|scope| scope == "openid")
        && match asked.client_id.as_str() {
            CLIENT => asked.redirect_uri.ends_with("/sign-in/callback"),
            CLI_CLIENT => {
                let port = asked.redirect_uri.strip_prefix("http://localhost:");
                port.and_then(|port| port.strip_suffix("/callback")).is_some_and(|port| port.parse::<u16>().is_ok())
            }
            _ => false,
        };
    if !right {
        return (StatusCode::BAD_REQUEST, format!("not so: {asked:?}")).into_response();
    }
    let iss = if misdeed == Misdeed::OtherIss { "https://another.example" } else { &provider.url };
    if misdeed == Misdeed::Denies {
        let why = "error=access_denied&error_description=not%20%1b%5B31mtoday";
        return Redirect::to(&format!("{}?{why}&state={}&iss={iss}", asked.redirect_uri, asked.state)).into_response();
    }
    let code = Provider(provider.clone()).fresh("code");
    let to = format!("{}?code={code}&state={}&iss={iss}", asked.redirect_uri, asked.state);
    provider.codes.lock().insert(code, asked);
    Redirect::to(&to).into_response()
}

fn refused(why: &str) -> Response {
    (StatusCode::BAD_REQUEST, Json(json!({ "error": why }))).into_response()
}

/// RFC 6749 §4.1.3 and §6, RFC 7636 §4.6.
async fn token(State(own): State<Provider>, Form(exchange): Form<Exchange>) -> Response {
    let misdeed = *own.0.misdeed.lock();
    if let Some(answer) = nothing_of_use(misdeed).await {
        return answer;
    }
    let (client, nonce) = if exchange.grant_type == "refresh_token" {
        let mut good = own.0.refresh.lock();
        let Some(at) = good.iter().position(|token| *token == exchange.refresh_token) else {
            return refused("invalid_grant");
        };
        if exchange.client_id.as_deref() != Some(CLI_CLIENT) {
            return refused("invalid_client");
        }
        good.remove(at);
        (CLI_CLIENT.to_owned(), None)
    } else {
        let Some(asked) = own.0.codes.lock().remove(&exchange.code) else { return refused("invalid_grant") };
        let challenge = URL_SAFE_NO_PAD.encode(digest(&SHA256, exchange.code_verifier.as_bytes()));
        let right = exchange.grant_type == "authorization_code"
            && exchange.client_id.is_none_or(|client| client == asked.client_id)
            && exchange.redirect_uri == asked.redirect_uri
            && challenge == asked.code_challenge;
        if !right {
            return refused("invalid_grant");
        }
        (asked.client_id, Some(asked.nonce))
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

/// RFC 7009 §2.1.
async fn revoke(State(Provider(provider)): State<Provider>, Form(form): Form<HashMap<String, String>>) -> StatusCode {
    let token = form.get("token").cloned().unwrap_or_default();
    provider.refresh.lock().retain(|good| *good != token);
    StatusCode::OK
}
