//! What of a tenant a destination gets.

use control_plane_model::otlp::scalar;
use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest,
    common::v1::{AnyValue, KeyValue, any_value::Value},
    trace::v1::Span,
};
use tenancy::{HiddenIds, PseudonymKey, TenantIds};

/// Attributes that name a tenant or its user, or say where from they ask.
const IDS: [&str; 3] = ["tenant.id", USER, "client.network"];
/// Names the attributes by which people find a trace: ids too, but for [`TIER`].
const ANNOTATIONS: &str = "aws.xray.annotations";
/// What is never hidden.
const TIER: &str = "tenant.tier";
/// The one of [`IDS`] that is looked for in texts, too. A tenant's is not: words in the names of services and queues may be the same.
const USER: &str = "enduser.id";

/// Addresses, of today's conventions and of those before, in which short ids are looked for too.
const ADDRESSES: [&str; 5] = ["url.path", "url.full", "url.query", "http.url", "http.target"];

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
                self.apply_to_span(span);
            }
        }
    }

    fn apply_to_span(&self, span: &mut Span) {
        let annotated = annotated(&span.attributes);
        let names = annotated.iter().map(String::as_str).chain([USER]);
        let mut hidden = HiddenIds::default();
        for id in names.filter_map(|name| of(&span.attributes, name)).filter_map(scalar) {
            hidden.add(&id, self.pseudonym(&id));
        }
        let of_events = span.events.iter_mut().map(|event| &mut event.attributes);
        let of_links = span.links.iter_mut().map(|link| &mut link.attributes);
        for attributes in of_events.chain(of_links).chain([&mut span.attributes]) {
            self.apply_to(attributes, &annotated);
            attributes.iter_mut().for_each(|attribute| hide_in_attribute(attribute, &hidden));
        }
        hide_in(&mut span.name, &hidden);
        span.status.iter_mut().for_each(|status| hide_in(&mut status.message, &hidden));
        span.events.iter_mut().for_each(|event| hide_in(&mut event.name, &hidden));
    }

    fn pseudonym(&self, id: &str) -> Option<String> {
        let key = self.key.as_ref().filter(|_| self.ids == TenantIds::Hmac)?;
        Some(key.pseudonym(id))
    }

    fn apply_to(&self, attributes: &mut Vec<KeyValue>, annotated: &[String]) {
        attributes.retain_mut(|attribute| {
            let name = &attribute.key;
            if !IDS.contains(&name.as_str()) && !annotated.contains(name) {
                return true;
            }
            // What has no text cannot be hashed, and must not go as it is. A number is an id as its text is one.
            let value = attribute.value.as_mut().and_then(|any| any.value.as_mut());
            let hashed = |value: &Value| self.pseudonym(&scalar(value)?);
            let Some((pseudonym, value)) = value.and_then(|value| Some((hashed(value)?, value))) else { return false };
            *value = Value::StringValue(pseudonym);
            true
        });
    }
}

fn hide_in_attribute(attribute: &mut KeyValue, hidden: &HiddenIds) {
    let is_address = ADDRESSES.contains(&attribute.key.as_str());
    match attribute.value.as_mut() {
        Some(AnyValue { value: Some(Value::StringValue(address)) }) if is_address => {
            if let Some(replaced) = hidden.replaced_in_address(address) {
                *address = replaced;
            }
        }
        Some(any) => hide(any, hidden),
        None => {}
    }
}

/// Replaces ids in all texts of a value.
fn hide(any: &mut AnyValue, hidden: &HiddenIds) {
    match &mut any.value {
        Some(Value::StringValue(text)) => hide_in(text, hidden),
        Some(Value::ArrayValue(array)) => array.values.iter_mut().for_each(|any| hide(any, hidden)),
        Some(Value::KvlistValue(list)) => {
            list.values.iter_mut().filter_map(|pair| pair.value.as_mut()).for_each(|any| hide(any, hidden));
        }
        _ => {}
    }
}

fn hide_in(text: &mut String, hidden: &HiddenIds) {
    if let Some(replaced) = hidden.replaced(text) {
        *text = replaced;
    }
}

/// The attribute of this name.
fn of<'a>(attributes: &'a [KeyValue], name: &str) -> Option<&'a Value> {
    attributes.iter().find(|attribute| attribute.key == name)?.value.as_ref()?.value.as_ref()
}

/// Names of the attributes by which a span is found, but for those that [`IDS`] and [`TIER`] name.
fn annotated(attributes: &[KeyValue]) -> Vec<String> {
    let Some(Value::ArrayValue(names)) = of(attributes, ANNOTATIONS) else { return Vec::new() };
    let names = names.values.iter().filter_map(|name| match &name.value {
        Some(Value::StringValue(name)) if name != TIER && !IDS.contains(&name.as_str()) => Some(name),
        _ => None,
    });
    names.cloned().collect()
}
