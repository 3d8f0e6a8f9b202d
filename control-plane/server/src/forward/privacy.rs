//! What of a tenant a destination gets.

use aws_lc_rs::hmac;
use control_plane_model::otlp::scalar;
use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest,
    common::v1::{KeyValue, any_value::Value},
};

/// Attributes that name a tenant or its user.
const IDS: [&str; 2] = ["tenant.id", "enduser.id"];
/// Hexadecimal digits of a pseudonym, as the functions make them too.
const PSEUDONYM_DIGITS: usize = 32;

/// How tenant and user ids go out.
#[derive(Debug, Clone)]
pub enum TenantIds {
    /// As they are.
    Plain,
    /// As HMAC-SHA256 with this key, 32 hexadecimal digits: the same pseudonyms as functions with the same key export.
    Hmac(Box<hmac::Key>),
    /// Not at all.
    Drop,
}

impl TenantIds {
    /// Pseudonyms by this secret.
    pub fn hashed(secret: &str) -> Self {
        Self::Hmac(Box::new(hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes())))
    }

    pub(super) fn apply(&self, request: &mut ExportTraceServiceRequest) {
        if matches!(self, Self::Plain) {
            return;
        }
        for group in &mut request.resource_spans {
            for attributes in group.resource.iter_mut().map(|resource| &mut resource.attributes) {
                self.apply_to(attributes);
            }
            for span in group.scope_spans.iter_mut().flat_map(|scope| &mut scope.spans) {
                self.apply_to(&mut span.attributes);
                span.events.iter_mut().for_each(|event| self.apply_to(&mut event.attributes));
                span.links.iter_mut().for_each(|link| self.apply_to(&mut link.attributes));
            }
        }
    }

    fn apply_to(&self, attributes: &mut Vec<KeyValue>) {
        let is_id = |attribute: &KeyValue| IDS.contains(&attribute.key.as_str());
        match self {
            Self::Plain => {}
            Self::Drop => attributes.retain(|attribute| !is_id(attribute)),
            Self::Hmac(key) => {
                // What has no text cannot be hashed, and must not go as it is.
                attributes.retain_mut(|attribute| {
                    if !is_id(attribute) {
                        return true;
                    }
                    let Some(value) = attribute.value.as_mut().and_then(|any| any.value.as_mut()) else { return false };
                    // A number is an id as its text is one.
                    let Some(hashed) = scalar(value).map(|id| pseudonym(key, &id)) else { return false };
                    *value = Value::StringValue(hashed);
                    true
                });
            }
        }
    }
}

fn pseudonym(key: &hmac::Key, id: &str) -> String {
    let tag = hmac::sign(key, id.as_bytes());
    tag.as_ref().iter().take(PSEUDONYM_DIGITS / 2).map(|byte| format!("{byte:02x}")).collect()
}
