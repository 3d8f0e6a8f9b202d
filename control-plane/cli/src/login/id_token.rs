//! What an ID token says.
//!
//! Its signature is the control plane's to verify, each time that it is sent there. Here it came straight from the provider's token endpoint, by
//! TLS: <https://openid.net/specs/openid-connect-core-1_0.html#IDTokenValidation>, step 6.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde::Deserialize;
use serde_json::Value;

/// The claims that matter to whoever keeps one.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Claims {
    iss: String,
    aud: Value,
    azp: Option<String>,
    pub(super) sub: String,
    pub(super) exp: i64,
    nonce: Option<String>,
    pub(super) email: Option<String>,
}

impl Claims {
    /// Reads the claims of a token. There are none if the text is no token.
    pub(super) fn of(token: &str) -> Option<Self> {
        let payload = BASE64_URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()?;
        serde_json::from_slice(&payload).ok()
    }

    /// Whether this issuer made it for this client and no other.
    pub(super) fn is_for(&self, issuer: &str, client: &str) -> bool {
        let audience = match &self.aud {
            Value::Array(list) if list.len() == 1 => list.first(),
            one => Some(one),
        };
        self.iss == issuer
            && audience.and_then(Value::as_str) == Some(client)
            && self.azp.as_deref().is_none_or(|azp| azp == client)
    }

    /// Whether it answers the sign-in with this nonce.
    pub(super) fn answers(&self, nonce: &str) -> bool {
        self.nonce.as_deref() == Some(nonce)
    }
}
