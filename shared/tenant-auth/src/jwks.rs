//! An issuer's signing keys (JWKS, RFC 7517), fetched at the start or when first needed, and refreshed for an unknown `kid`.

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use http::Request;
use jsonwebtoken::{
    Algorithm, DecodingKey,
    jwk::{Jwk, JwkSet},
};
use lambda_http_client::HttpClient;
use parking_lot::RwLock;
use tokio::sync::Mutex;

/// An unknown `kid` makes the keys be fetched again at most this often, so that invented key ids cannot turn this
/// function into a load generator against the identity provider.
const REFRESH_INTERVAL: Duration = Duration::from_secs(60);

/// Why the keys could not be fetched.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the signing keys cannot be fetched: {0}")]
pub struct JwksError(String);

type Keys = HashMap<String, Arc<SigningKey>>;

/// The public half of a key pair that signs tokens.
#[derive(Debug)]
pub(crate) struct SigningKey {
    decoding: DecodingKey,
    /// The algorithm that its owner names for it (`alg`).
    algorithm: Option<Algorithm>,
}

impl SigningKey {
    fn of(jwk: &Jwk) -> Option<Self> {
        let algorithm = match jwk.common.key_algorithm {
            // One that tokens are not signed with here: the key is of no use.
            Some(named) => Some(named.to_string().parse().ok()?),
            None => None,
        };
        Some(Self { decoding: DecodingKey::from_jwk(jwk).ok()?, algorithm })
    }

    /// Whether a token may be signed with this key and algorithm. A key is for one algorithm (RFC 8725 §3.1), which its owner names or its kind
    /// implies.
    pub(crate) fn is_for(&self, algorithm: Algorithm) -> bool {
        self.decoding.family() == algorithm.family() && self.algorithm.is_none_or(|own| own == algorithm)
    }

    pub(crate) fn decoding(&self) -> &DecodingKey {
        &self.decoding
    }
}

/// The key set of one issuer.
#[derive(Debug)]
pub(crate) struct Jwks {
    url: String,
    client: HttpClient,
    keys: RwLock<Arc<Keys>>,
    tried: Mutex<Tried>,
}

/// When keys were fetched last, and when a fetch last failed.
#[derive(Debug, Default)]
struct Tried {
    fetched: Option<Instant>,
    failed: Option<(Instant, JwksError)>,
}

impl Jwks {
    /// A key set that will be read from `url`; nothing is fetched yet.
    pub(crate) fn new(url: impl Into<String>, client: HttpClient) -> Self {
        Self { url: url.into(), client, keys: RwLock::default(), tried: Mutex::default() }
    }

    /// The key with this id, or `None` if the issuer has no such key.
    pub(crate) async fn key(&self, kid: &str) -> Result<Option<Arc<SigningKey>>, JwksError> {
        if let Some(key) = self.cached(kid) {
            return Ok(Some(key));
        }
        // One fetch at a time: whoever waited here finds the answer in the cache, or that there was none.
        let asked = Instant::now();
        let mut tried = self.tried.lock().await;
        if let Some(key) = self.cached(kid) {
            return Ok(Some(key));
        }
        if tried.fetched.is_some_and(|at| at.elapsed() < REFRESH_INTERVAL) {
            return Ok(None);
        }
        if let Some((at, error)) = &tried.failed
            && *at > asked
        {
            return Err(error.clone());
        }
        self.refresh(&mut tried).await?;
        Ok(self.cached(kid))
    }

    /// Fetches the keys now, unless they have been fetched before.
    pub(crate) async fn prefetch(&self) -> Result<(), JwksError> {
        let mut tried = self.tried.lock().await;
        if tried.fetched.is_some() { Ok(()) } else { self.refresh(&mut tried).await }
    }

    async fn refresh(&self, tried: &mut Tried) -> Result<(), JwksError> {
        let keys = self.fetch().await.inspect_err(|error| tried.failed = Some((Instant::now(), error.clone())))?;
        *self.keys.write() = Arc::new(keys);
        tried.fetched = Some(Instant::now());
        Ok(())
    }

    fn cached(&self, kid: &str) -> Option<Arc<SigningKey>> {
        self.keys.read().get(kid).cloned()
    }

    async fn fetch(&self) -> Result<Keys, JwksError> {
        let request = Request::get(&self.url).body(Bytes::new()).map_err(|error| JwksError(error.to_string()))?;
        let response = self.client.send(request).await.map_err(|error| JwksError(error.to_string()))?;
        if !response.status().is_success() {
            return Err(JwksError(format!("{} answered {}", self.url, response.status())));
        }
        let set: JwkSet =
            serde_json::from_slice(response.body()).map_err(|error| JwksError(format!("{}: {error}", self.url)))?;
        Ok(set
            .keys
            .iter()
            .filter_map(|jwk| Some((jwk.common.key_id.clone()?, Arc::new(SigningKey::of(jwk)?))))
            .collect())
    }
}
