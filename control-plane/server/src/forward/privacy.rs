//! What of a tenant a destination gets.

use control_plane_model::otlp::scalar;
use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest,
    common::v1::{KeyValue, any_value::Value},
};
use tenancy::{PseudonymKey, TenantIds};

/// Attributes that name a tenant or its user.
const IDS: [&str; 2] = ["tenant.id", "enduser.id"];

/// How tenant and user ids go out, and the key of pseudonyms: the same that functions with the same key export.
#[derive(Debug, Clone)]
pub struct Privacy {
    pub(crate) ids: TenantIds,
    /// Without one, what is to be a pseudonym goes not at all.
    pub(crate) key: Option<PseudonymKey>,
}

impl Privacy {
    pub(super) fn apply(&self, request: &mut ExportTraceServiceRequest) {
        if self.ids == TenantIds::Plain {
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
        let key = self.key.as_ref().filter(|_| self.ids == TenantIds::Hmac);
        attributes.retain_mut(|attribute| {
            if !IDS.contains(&attribute.key.as_str()) {
                return true;
            }
            // What has no text cannot be hashed, and must not go as it is. A number is an id as its text is one.
            let value = attribute.value.as_mut().and_then(|any| any.value.as_mut());
            let hashed = |value: &Value| Some(key?.pseudonym(&scalar(value)?));
            let Some((pseudonym, value)) = value.and_then(|value| Some((hashed(value)?, value))) else { return false };
            *value = Value::StringValue(pseudonym);
            true
        });
    }
}
