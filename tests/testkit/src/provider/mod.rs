//! An OpenID provider that is strict with its clients, and answers as badly as a test wants.
//!
//! Its users sign in without being asked: whoever is sent to its page comes back as the user that was set last.

mod endpoints;

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering::Relaxed},
    },
};

use aws_lc_rs::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode, jwk::Jwk};
use parking_lot::Mutex;
use serde_json::{Value, json};

use self::endpoints::AuthorizationRequest;

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
    /// The authorization request that each code was given for.
    codes: Mutex<HashMap<String, AuthorizationRequest>>,
    /// Refresh tokens that are good: each once.
    refresh: Mutex<Vec<String>>,
    /// No two codes or refresh tokens are the same.
    given: AtomicU64,
    /// For how long an ID token is good, seconds.
    lasts: AtomicI64,
    /// The path of each request that it got.
    paths: Mutex<Vec<String>>,
}

/// The provider; it serves until the runtime ends.
#[derive(Debug, Clone)]
pub struct Provider(Arc<Inner>);

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
            paths: Mutex::default(),
        }));
        let router = endpoints::router(provider.clone());
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

    /// The path of each request that it got up to now.
    pub fn requested_paths(&self) -> Vec<String> {
        self.0.paths.lock().clone()
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
