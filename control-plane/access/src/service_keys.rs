//! Service keys, by which programs read the control plane.

use jiff::Timestamp;

use crate::{AccessError, Principal, Role, ServiceKeySettings, secrets};

/// What every key begins with, so that one that leaked is found by a scanner, and is not taken for a token.
const PREFIX: &str = "cpk_";

/// The keys that there are, by their hashes.
#[derive(Debug)]
pub(crate) struct ServiceKeys(Vec<(String, Timestamp, Principal)>);

impl ServiceKeys {
    /// The error says which key cannot be one.
    pub(crate) fn new(settings: &[ServiceKeySettings]) -> Result<Self, String> {
        let key = |key: &ServiceKeySettings| {
            let role = match key.role.as_str() {
                "viewer" => Role::Viewer,
                "operator" => Role::Operator,
                other => return Err(format!("service key {}: its role is viewer or operator, not {other}", key.name)),
            };
            let hash = key.sha256.to_ascii_lowercase();
            if hash.len() != 64 || !hash.bytes().all(|byte| byte.is_ascii_hexdigit()) {
                return Err(format!("service key {}: sha256 has 64 hexadecimal digits", key.name));
            }
            let (name, subject) = (key.name.clone(), String::new());
            let principal = Principal { name, subject, issued_by: "service key".into(), role };
            Ok((hash, key.expires, principal))
        };
        settings.iter().map(key).collect::<Result<_, _>>().map(Self)
    }

    /// Whether this is a key, good or not.
    pub(crate) fn is_one(bearer: &str) -> bool {
        bearer.starts_with(PREFIX)
    }

    /// The principal that this key belongs to.
    pub(crate) fn principal(&self, key: &str, now: Timestamp) -> Result<Principal, AccessError> {
        let hash = secrets::hash(key);
        let known = self.0.iter().find(|(known, expires, _)| *known == hash && now < *expires);
        known.map(|(_, _, principal)| principal.clone()).ok_or(AccessError::NotAuthenticated)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(role: &str, sha256: &str) -> ServiceKeySettings {
        let expires = "2027-01-01T00:00:00Z".parse().unwrap();
        ServiceKeySettings { name: "ci".into(), sha256: sha256.into(), role: role.into(), expires }
    }

    #[test]
    fn a_key_is_good_until_it_expires() {
        let keys = ServiceKeys::new(&[settings("viewer", &secrets::hash("cpk_right"))]).unwrap();
        let at = |time: &str| time.parse::<Timestamp>().unwrap();
        let principal = keys.principal("cpk_right", at("2026-12-31T23:59:59Z")).unwrap();
        assert_eq!((principal.name.as_str(), principal.role), ("ci", Role::Viewer));
        assert!(keys.principal("cpk_right", at("2027-01-01T00:00:00Z")).is_err());
        assert!(keys.principal("cpk_wrong", at("2026-12-31T23:59:59Z")).is_err());
    }

    #[test]
    fn what_cannot_be_a_key_is_refused() {
        assert!(ServiceKeys::new(&[settings("tenant", &secrets::hash("cpk_x"))]).is_err());
        assert!(ServiceKeys::new(&[settings("viewer", "cpk_x")]).is_err());
    }
}
