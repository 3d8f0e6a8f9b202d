//! What of a tenant a destination gets.

use control_plane_model::otlp::scalar;
use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest,
    common::v1::{KeyValue, any_value::Value},
};
use tenancy::{PseudonymKey, TenantIds};

/// Attributes that name a tenant or its user.
const IDS: [&str; 2] = ["tenant.id", "enduser.id"];
/// Names the attributes by which people find a trace: ids too, but for [`TIER`].
const ANNOTATIONS: &str = "aws.xray.annotations";
/// What is never hidden.
const TIER: &str = "tenant.tier";
/// Addresses, which may hold such an id.
const ADDRESSES: [&str; 3] = ["url.path", "url.full", "url.query"];

/// How ids of tenants, of users and of what they work on go out, and the key of pseudonyms: the same that functions with the same key export.
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
                self.apply_to(attributes, &[]);
            }
            for span in group.scope_spans.iter_mut().flat_map(|scope| &mut scope.spans) {
                let annotated = annotated(&span.attributes);
                self.apply_to(&mut span.attributes, &annotated);
                span.events.iter_mut().for_each(|event| self.apply_to(&mut event.attributes, &annotated));
                span.links.iter_mut().for_each(|link| self.apply_to(&mut link.attributes, &annotated));
            }
        }
    }

    fn apply_to(&self, attributes: &mut Vec<KeyValue>, annotated: &[Annotated]) {
        let key = self.key.as_ref().filter(|_| self.ids == TenantIds::Hmac);
        attributes.retain_mut(|attribute| {
            let name = attribute.key.as_str();
            if !IDS.contains(&name) && !annotated.iter().any(|annotated| annotated.name == name) {
                return !(ADDRESSES.contains(&name) && annotated.iter().any(|annotated| annotated.is_in(attribute)));
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

/// What a span is found by.
struct Annotated {
    name: String,
    value: String,
}

impl Annotated {
    fn is_in(&self, address: &KeyValue) -> bool {
        let text = address.value.as_ref().and_then(|any| scalar(any.value.as_ref()?));
        !self.value.is_empty() && text.is_some_and(|text| text.contains(&self.value))
    }
}

fn annotated(attributes: &[KeyValue]) -> Vec<Annotated> {
    let of = |name: &str| attributes.iter().find(|attribute| attribute.key == name)?.value.as_ref()?.value.as_ref();
    let Some(Value::ArrayValue(names)) = of(ANNOTATIONS) else { return Vec::new() };
    let names = names.values.iter().filter_map(|name| match &name.value {
        Some(Value::StringValue(name)) if name != TIER && !IDS.contains(&name.as_str()) => Some(name),
        _ => None,
    });
    names
        .map(|name| Annotated { name: name.clone(), value: of(name).and_then(scalar).unwrap_or_default().to_string() })
        .collect()
}
