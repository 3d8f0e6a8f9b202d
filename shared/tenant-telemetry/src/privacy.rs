//! What of a tenant leaves the process: plain, as a keyed hash, or not at all, for each destination by itself.
//!
//! A bare hash of a guessable id can be undone by guessing; HMAC-SHA256 needs the key for that. The same key gives the same
//! pseudonym in every service, so that a tenant's spans still belong together.

use std::{
    str::FromStr,
    sync::{Arc, OnceLock},
};

use aws_lc_rs::hmac::{HMAC_SHA256, Key, sign};
use opentelemetry::{Array, KeyValue, StringValue, Value};
use opentelemetry_sdk::trace::SpanData;

use super::{TelemetryError, semconv, work::Ended};

/// Hex digits of a pseudonym: 128 bits.
const PSEUDONYM_DIGITS: usize = 32;
/// Hex digits of the alias in logs: enough to tell tenants apart in a support case.
#[cfg(feature = "json-logs")]
const ALIAS_DIGITS: usize = 10;

/// How tenant and user ids go to a destination.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TenantIds {
    Plain,
    Hmac,
    Drop,
}

impl FromStr for TenantIds {
    type Err = TelemetryError;
    fn from_str(text: &str) -> Result<Self, TelemetryError> {
        match text {
            "plain" => Ok(Self::Plain),
            "hmac" => Ok(Self::Hmac),
            "drop" => Ok(Self::Drop),
            _ => Err(TelemetryError::Privacy(format!("{text:?} is not plain, hmac or drop"))),
        }
    }
}

impl TenantIds {
    /// What `TENANT_ID_EXPORT` says of a destination: one word for all (`hmac`), or pairs (`otlp=hmac,xray-udp=plain`).
    /// `plain` where it says nothing.
    pub(super) fn of(destination: &str, setting: &str) -> Result<Self, TelemetryError> {
        let mut found = Self::Plain;
        for part in setting.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            match part.split_once('=') {
                None => found = part.parse()?,
                Some((name, ids)) => {
                    let ids = ids.parse()?;
                    if name == destination {
                        return Ok(ids);
                    }
                }
            }
        }
        Ok(found)
    }
}

/// The key of pseudonyms, once it is there.
#[derive(Debug, Default)]
pub(super) struct Pseudonyms(OnceLock<Key>);

impl Pseudonyms {
    pub(super) fn set_key(&self, secret: &[u8]) {
        let _already_set = self.0.set(Key::new(HMAC_SHA256, secret));
    }

    fn of(&self, id: &str, digits: usize) -> Option<String> {
        let tag = sign(self.0.get()?, id.as_bytes());
        let mut hex: String = tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        hex.truncate(digits);
        Some(hex)
    }

    /// A short name of a tenant for logs and support cases.
    #[cfg(feature = "json-logs")]
    pub(super) fn alias(&self, tenant: &tenancy::TenantLabel) -> Option<String> {
        self.of(tenant.tenant_id.as_str(), ALIAS_DIGITS)
    }

    /// The id as it may leave; `None` if it may not, or cannot be hashed for want of the key.
    fn export(&self, id: Arc<str>, ids: TenantIds) -> Option<StringValue> {
        match ids {
            TenantIds::Plain => Some(id.into()),
            TenantIds::Hmac => self.of(&id, PSEUDONYM_DIGITS).map(StringValue::from),
            TenantIds::Drop => None,
        }
    }

    /// The span with its tenant on it as `ids` allows, and without the attributes on `denied`. This happens once the
    /// invocation is over, so that spans which ended before the token was verified carry the tenant too.
    pub(super) fn stamp(&self, ended: Ended, ids: TenantIds, denied: &DenyList) -> SpanData {
        let tenant = ended.tenant().cloned();
        let mut span = ended.span;
        if let Some(tenant) = tenant {
            span.attributes.reserve_exact(4);
            let mut annotations = Vec::with_capacity(2);
            if let Some(id) = self.export(tenant.tenant_id.to_shared(), ids) {
                span.attributes.push(KeyValue::new(semconv::TENANT_ID, id));
                annotations.push(StringValue::from(semconv::TENANT_ID));
            }
            span.attributes.push(KeyValue::new(semconv::TENANT_TIER, tenant.tier.to_string()));
            annotations.push(StringValue::from(semconv::TENANT_TIER));
            if let Some(id) = tenant.user_id.and_then(|user| self.export(user.to_shared(), ids)) {
                span.attributes.push(KeyValue::new(semconv::ENDUSER_ID, id));
            }
            let annotations = Value::Array(Array::String(annotations));
            span.attributes.push(KeyValue::new(semconv::AWS_XRAY_ANNOTATIONS, annotations));
        }
        denied.apply(&mut span);
        span
    }
}

/// Span attributes that never leave, from `SPAN_ATTRIBUTE_DENY`: names separated by commas; a trailing `*` stands for any
/// ending.
#[derive(Debug, Clone, Default)]
pub(super) struct DenyList(Vec<String>);

impl DenyList {
    pub(super) fn parse(setting: &str) -> Self {
        Self(setting.split(',').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect())
    }

    fn denies(&self, name: &str) -> bool {
        self.0.iter().any(|denied| match denied.strip_suffix('*') {
            Some(prefix) => name.starts_with(prefix),
            None => name == denied,
        })
    }

    fn apply(&self, span: &mut SpanData) {
        if self.0.is_empty() {
            return;
        }
        span.attributes.retain(|attribute| !self.denies(attribute.key.as_str()));
        for event in &mut span.events.events {
            event.attributes.retain(|attribute| !self.denies(attribute.key.as_str()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_destination_has_its_own_policy() {
        for (setting, otlp, udp) in [
            ("", TenantIds::Plain, TenantIds::Plain),
            ("drop", TenantIds::Drop, TenantIds::Drop),
            ("otlp=hmac,xray-udp=plain", TenantIds::Hmac, TenantIds::Plain),
            ("hmac, xray-udp=plain", TenantIds::Hmac, TenantIds::Plain),
        ] {
            assert_eq!(TenantIds::of("otlp", setting).unwrap(), otlp, "{setting}");
            assert_eq!(TenantIds::of("xray-udp", setting).unwrap(), udp, "{setting}");
        }
        assert!(TenantIds::of("otlp", "plane").is_err());
    }

    #[test]
    fn the_same_tenant_has_the_same_pseudonym_under_the_same_key() {
        let [one, same, other] = ["secret", "secret", "another"].map(|secret| {
            let pseudonyms = Pseudonyms::default();
            pseudonyms.set_key(secret.as_bytes());
            pseudonyms.export("acme".into(), TenantIds::Hmac).unwrap()
        });
        assert_eq!(one, same);
        assert_ne!(one, other);
        assert_eq!(one.as_str().len(), PSEUDONYM_DIGITS);
    }

    #[test]
    fn without_a_key_nothing_leaves_that_should_have_been_hashed() {
        assert_eq!(Pseudonyms::default().export("acme".into(), TenantIds::Hmac), None);
    }

    #[test]
    fn a_deny_list_has_names_and_prefixes() {
        let denied = DenyList::parse("url.full, aws.*");
        let verdicts = ["url.full", "url.path", "aws.request_id", "awsome"].map(|name| denied.denies(name));
        assert_eq!(verdicts, [true, false, true, false]);
    }
}
