//! An OpenID provider that is strict with its clients, and answers as badly as a test wants.
//!
//! Its users sign in without being asked: whoever is sent to its page comes back as the user that was set last.

use std::{collections::HashMap, sync::Arc, time::Duration};

use aws_lc_rs::{
    digest::{SHA256, digest},
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair},
};
use axum::{
    Form, Json, Router,
    extract::{Query, State},
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
    routing::{get, post},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode, jwk::Jwk};
use parking_lot::Mutex;
use serde_json::{Value, json};

/// The client that the provider knows.
pub const CLIENT: &str = "control-plane";

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
}

#[derive(Debug)]
struct Inner {
    url: String,
    key: EncodingKey,
    other_key: EncodingKey,
    misdeed: Mutex<Misdeed>,
    user: Mutex<Value>,
    /// What each code was given for.
    codes: Mutex<HashMap<String, Asked>>,
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
    code: String,
    redirect_uri: String,
    code_verifier: String,
    client_id: Option<String>,
}

fn key() -> EncodingKey {
    let pair = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new()).unwrap();
    EncodingKey::from_ec_der(pair.as_ref())
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
            misdeed: Mutex::default(),
            user: Mutex::default(),
            codes: Mutex::default(),
        }));
        let router = Router::new()
            .route("/.well-known/openid-configuration", get(configuration))
            .route("/authorize", get(authorize))
            .route("/token", post(token))
            .route("/keys", get(keys))
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

    /// A token with these claims besides those that every token has, good for an hour.
    pub fn token(&self, claims: &Value) -> String {
        self.signed(claims, Misdeed::None, None)
    }

    /// The same, with something wrong with it.
    pub fn wrong_token(&self, claims: &Value, misdeed: Misdeed) -> String {
        self.signed(claims, misdeed, None)
    }

    fn signed(&self, own: &Value, misdeed: Misdeed, nonce: Option<&str>) -> String {
        let now = jiff::Timestamp::now().as_second();
        let mut claims = json!({ "iss": self.0.url, "aud": CLIENT, "iat": now, "exp": now + 3_600 });
        let members = claims.as_object_mut().unwrap();
        members.extend(nonce.map(|nonce| ("nonce".to_owned(), nonce.into())));
        members.extend(own.as_object().into_iter().flatten().map(|(name, value)| (name.clone(), value.clone())));
        match misdeed {
            Misdeed::OtherNonce => claims["nonce"] = "another".into(),
            Misdeed::NoNonce => drop(claims.as_object_mut().unwrap().remove("nonce")),
            Misdeed::OtherClient => claims["aud"] = "another".into(),
            Misdeed::OtherClientBesides => claims["aud"] = json!([CLIENT, "another"]),
            Misdeed::OtherIssuer => claims["iss"] = "https://another.example".into(),
            Misdeed::Expired => claims["exp"] = (now - 60).into(),
            Misdeed::AccessToken => claims["token_use"] = "access".into(),
            _ => {}
        }
        let mut header = Header::new(Algorithm::ES256);
        header.kid = Some("1".into());
        let key = if misdeed == Misdeed::OtherKey { &self.0.other_key } else { &self.0.key };
        let token = encode(&header, &claims, key).unwrap();
        if misdeed != Misdeed::Unsigned {
            return token;
        }
        let header = URL_SAFE_NO_PAD.encode(json!({ "alg": "none", "kid": "1" }).to_string());
        format!("{header}.{}.", token.split('.').nth(1).unwrap())
    }
}

async fn configuration(State(Provider(provider)): State<Provider>) -> Json<Value> {
    let url = &provider.url;
    Json(json!({
        "issuer": url,
        "authorization_endpoint": format!("{url}/authorize"),
        "token_endpoint": format!("{url}/token"),
        "jwks_uri": format!("{url}/keys"),
    }))
}

async fn keys(State(Provider(provider)): State<Provider>) -> Json<Value> {
    let mut jwk = Jwk::from_encoding_key(&provider.key, Algorithm::ES256).unwrap();
    jwk.common.key_id = Some("1".into());
    Json(json!({ "keys": [jwk] }))
}

/// The section `[access]` of a control plane's configuration: operators are of the group `sre`, viewers of `support`, and users of tenants have
/// Cognito's claims.
pub fn access(staff: &Provider, tenants: &Provider) -> String {
    format!(
        r#"
        [access]
        url = "http://127.0.0.1:1"
        [access.staff]
        provider = {{ issuer = "{}", client_id = "{CLIENT}" }}
        role_claim = "groups"
        operators = ["sre"]
        viewers = ["support"]
        [access.tenants]
        provider = {{ issuer = "{}", client_id = "{CLIENT}" }}
        "#,
        staff.issuer(),
        tenants.issuer()
    )
}

/// RFC 6749 §4.1.1, RFC 7636 §4.3.
async fn authorize(State(Provider(provider)): State<Provider>, Query(asked): Query<Asked>) -> Response {
    let right = asked.response_type == "code"
        && asked.client_id == CLIENT
        && asked.code_challenge_method == "S256"
        && asked.scope.split(' ').any(|scope| scope == "openid")
        && asked.redirect_uri.ends_with("/sign-in/callback");
    if !right {
        return (StatusCode::BAD_REQUEST, format!("not so: {asked:?}")).into_response();
    }
    let code = format!("code-{}", provider.codes.lock().len());
    let to = format!("{}?code={code}&state={}&iss={}", asked.redirect_uri, asked.state, provider.url);
    provider.codes.lock().insert(code, asked);
    Redirect::to(&to).into_response()
}

/// RFC 6749 §4.1.3, RFC 7636 §4.6.
async fn token(State(own): State<Provider>, Form(exchange): Form<Exchange>) -> Response {
    let misdeed = *own.0.misdeed.lock();
    let refused = |why: &str| (StatusCode::BAD_REQUEST, Json(json!({ "error": why }))).into_response();
    match misdeed {
        Misdeed::Hangs => tokio::time::sleep(Duration::from_secs(60)).await,
        Misdeed::Rubbish => return "<html>not now</html>".into_response(),
        Misdeed::Endless => return vec![b' '; 20_000_000].into_response(),
        Misdeed::Fails => return StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        Misdeed::NoIdToken => return Json(json!({ "access_token": "a", "token_type": "Bearer" })).into_response(),
        _ => {}
    }
    let Some(asked) = own.0.codes.lock().remove(&exchange.code) else { return refused("invalid_grant") };
    let challenge = URL_SAFE_NO_PAD.encode(digest(&SHA256, exchange.code_verifier.as_bytes()));
    let right = exchange.grant_type == "authorization_code"
        && exchange.client_id.is_none_or(|client| client == CLIENT)
        && exchange.redirect_uri == asked.redirect_uri
        && challenge == asked.code_challenge;
    if !right {
        return refused("invalid_grant");
    }
    let user = own.0.user.lock().clone();
    let id_token = own.signed(&user, misdeed, Some(&asked.nonce));
    Json(json!({ "access_token": "a", "token_type": "Bearer", "expires_in": 3600, "id_token": id_token }))
        .into_response()
}
