//! Bearer keys: which account a sender may speak for.

use std::collections::BTreeMap;

use aws_lc_rs::digest::{SHA256, digest};
use axum::http::{HeaderMap, HeaderName, Method, header};
use control_plane_access::Browser;

/// Where Firehose sends the key that it was given.
const FIREHOSE_KEY: HeaderName = HeaderName::from_static("x-amz-firehose-access-key");

/// Keys by account; anybody may send for any account where there are none.
#[derive(Debug, Clone, Default)]
pub struct Keys(Vec<(String, Vec<u8>)>);

impl Keys {
    /// From account ids and their keys. Only hashes are kept.
    pub fn new(keys: &BTreeMap<String, String>) -> Self {
        Self(keys.iter().map(|(account, key)| (account.clone(), hash(key))).collect())
    }

    /// Whether nobody needs one.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The account that the sender's key is for; `None` if no keys are asked for.
    pub(super) fn account(&self, headers: &HeaderMap) -> Result<Option<String>, &'static str> {
        if self.0.is_empty() {
            // A page that makes a name of its own point here could send spans of anybody.
            let own_name = Browser::on_loopback().check(&Method::GET, headers);
            return own_name.map(|()| None).map_err(|_| "without keys, spans are taken at localhost alone");
        }
        let given = |name| headers.get(name).and_then(|value| value.to_str().ok());
        let bearer = given(header::AUTHORIZATION).and_then(|value| value.split_once(' '));
        let bearer = bearer.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer")).map(|(_, key)| key);
        let key = bearer.or_else(|| given(FIREHOSE_KEY)).ok_or("a bearer key is required")?;
        // Hashes are compared: how long that takes tells nothing of the key.
        let hash = hash(key.trim());
        let account = self.0.iter().find(|(_, known)| *known == hash).map(|(account, _)| account.clone());
        account.map(Some).ok_or("the key is not known")
    }
}

fn hash(key: &str) -> Vec<u8> {
    digest(&SHA256, key.as_bytes()).as_ref().to_vec()
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn a_key_names_its_account() {
        let keys = Keys::new(&BTreeMap::from([("111111111111".to_owned(), "secret".to_owned())]));
        let with =
            |value: &'static str| HeaderMap::from_iter([(header::AUTHORIZATION, HeaderValue::from_static(value))]);
        assert_eq!(keys.account(&with("Bearer secret")), Ok(Some("111111111111".to_owned())));
        for headers in [with("Bearer secret2"), with("secret"), with("Basic secret"), with("Bearer "), HeaderMap::new()]
        {
            assert!(keys.account(&headers).is_err(), "{headers:?}");
        }
        let firehose = |key| HeaderMap::from_iter([(FIREHOSE_KEY, HeaderValue::from_static(key))]);
        assert_eq!(keys.account(&firehose("secret")), Ok(Some("111111111111".to_owned())));
        assert!(keys.account(&firehose("secret2")).is_err());
        let to = |host: &'static str| HeaderMap::from_iter([(header::HOST, HeaderValue::from_static(host))]);
        assert_eq!(Keys::default().account(&to("localhost:4318")), Ok(None));
        assert!(Keys::default().account(&to("evil.example")).is_err());
    }
}
