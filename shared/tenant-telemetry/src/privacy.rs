//! How ids leave the process: plain, as a keyed hash, or not at all, for each destination by itself.

use std::{
    borrow::Cow,
    sync::{Arc, OnceLock},
};

use opentelemetry::{Array, KeyValue, StringValue, Value, trace::Status};
use opentelemetry_sdk::trace::SpanData;
use tenancy::{HiddenIds, InvalidTenantIds, PseudonymKey, TenantIds};

use super::{
    privacy_network, semconv,
    work::{About, Ended},
};

/// The policy that `TENANT_ID_EXPORT` gives for a destination. The variable is one word for all (`hmac`), or pairs (`otlp=hmac,xray-udp=plain`); a
/// destination that it does not name gets `plain`.
pub(super) fn tenant_ids(destination: &str, setting: &str) -> Result<TenantIds, InvalidTenantIds> {
    let mut found = TenantIds::Plain;
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

/// Makes pseudonyms, once the key is there.
#[derive(Debug, Default)]
pub(super) struct Pseudonyms(OnceLock<PseudonymKey>);

impl Pseudonyms {
    pub(super) fn set_key(&self, secret: &[u8]) {
        let _already_set = self.0.set(PseudonymKey::new(secret));
    }

    /// A short pseudonym of a tenant or a user for logs and support cases. There is none without the key.
    pub(super) fn alias(&self, id: &str) -> Option<String> {
        Some(self.0.get()?.alias(id))
    }

    /// The id in the form in which it may leave. It is `None` if it may not leave, or if the key to hash it is missing.
    pub(super) fn export(&self, id: Arc<str>, ids: TenantIds) -> Option<StringValue> {
        match ids {
            TenantIds::Plain => Some(id.into()),
            TenantIds::Hmac => Some(self.0.get()?.pseudonym(&id).into()),
            TenantIds::Drop => None,
        }
    }
}

/// What may leave the process for one destination.
#[derive(Debug, Clone, Copy)]
pub(super) struct Policy<'a> {
    /// How tenants, users and annotations are named.
    pub(super) ids: TenantIds,
    pub(super) pseudonyms: &'a Pseudonyms,
    /// Attributes of spans and log records that never leave.
    pub(super) denied: &'a DenyList,
}

impl Policy<'_> {
    pub(super) fn id(self, id: Arc<str>) -> Option<StringValue> {
        self.pseudonyms.export(id, self.ids)
    }

    /// Adds the tenant and the annotations to a span as the policy allows, and removes the denied attributes. This happens once the invocation is
    /// over, so that spans which ended before the token was verified or the annotation was made have them too.
    pub(super) fn stamp(self, ended: Ended) -> SpanData {
        let (mut span, about) = (ended.item, ended.about);
        let named = self.named(&about);
        span.attributes.reserve_exact(4 + named.annotations.len());
        let mut indexed = Vec::with_capacity(2 + named.annotations.len());
        if let Some(tenant) = about.tenant() {
            if let Some(id) = self.id(tenant.tenant_id.to_shared()) {
                span.attributes.push(KeyValue::new(semconv::TENANT_ID, id));
                indexed.push(StringValue::from(semconv::TENANT_ID));
            }
            span.attributes.push(KeyValue::new(semconv::TENANT_TIER, tenant.tier.to_string()));
            indexed.push(StringValue::from(semconv::TENANT_TIER));
        }
        hide(&mut span, &named.hidden());
        if self.ids != TenantIds::Plain {
            privacy_network::hide(&mut span, |network| self.id(network));
        }
        if let Some(ExportedId { exported: Some(id), .. }) = named.user {
            span.attributes.push(KeyValue::new(semconv::ENDUSER_ID, id));
        }
        for (name, annotation) in named.annotations {
            if let Some(id) = annotation.exported {
                span.attributes.push(KeyValue::new(name, id));
                indexed.push(StringValue::from(name));
            }
        }
        if !indexed.is_empty() {
            let indexed = Value::Array(Array::String(indexed));
            span.attributes.push(KeyValue::new(semconv::AWS_XRAY_ANNOTATIONS, indexed));
        }
        self.denied.apply(&mut span);
        span
    }

    /// How the user and the annotations of a unit of work may leave.
    pub(super) fn named(self, about: &About) -> NamedIds {
        let named = |id: Arc<str>| ExportedId { exported: self.id(Arc::clone(&id)), id };
        let annotations = about.annotations().into_iter();
        NamedIds {
            plain: self.ids == TenantIds::Plain,
            user: about.tenant().and_then(|tenant| tenant.user_id.as_ref()).map(|user| named(user.to_shared())),
            annotations: annotations.map(|(annotation, id)| (annotation.name(), named(id))).collect(),
        }
    }
}

/// An id, and the form in which it leaves.
#[derive(Debug)]
pub(super) struct ExportedId {
    id: Arc<str>,
    exported: Option<StringValue>,
}

/// The ids of a work's user and annotations.
#[derive(Debug)]
pub(super) struct NamedIds {
    plain: bool,
    user: Option<ExportedId>,
    annotations: Vec<(&'static str, ExportedId)>,
}

impl NamedIds {
    /// The ids that may not leave unchanged, to replace them in texts.
    pub(super) fn hidden(&self) -> HiddenIds {
        let mut hidden = HiddenIds::default();
        if !self.plain {
            for named in self.annotations.iter().map(|(_, named)| named).chain(&self.user) {
                hidden.add(&named.id, named.exported.as_ref().map(ToString::to_string));
            }
        }
        hidden
    }
}

/// The attributes that are addresses, in which short ids are replaced too.
const ADDRESSES: [&str; 3] = [semconv::URL_PATH, semconv::URL_FULL, semconv::URL_QUERY];

/// Replaces ids that may not leave unchanged in all texts of a span: an address such as `/orders/7T42H7MK`, the message of an exception, a name.
fn hide(span: &mut SpanData, hidden: &HiddenIds) {
    if hidden.is_empty() {
        return;
    }
    hide_in(&mut span.name, hidden);
    if let Status::Error { description } = &mut span.status {
        hide_in(description, hidden);
    }
    span.events.events.iter_mut().for_each(|event| hide_in(&mut event.name, hidden));
    let of_events = span.events.events.iter_mut().flat_map(|event| &mut event.attributes);
    let of_links = span.links.links.iter_mut().flat_map(|link| &mut link.attributes);
    for attribute in span.attributes.iter_mut().chain(of_events).chain(of_links) {
        let is_address = ADDRESSES.contains(&attribute.key.as_str());
        match &mut attribute.value {
            Value::String(text) if is_address => {
                if let Some(replaced) = hidden.replaced_in_address(text.as_str()) {
                    *text = replaced.into();
                }
            }
            Value::String(text) => hide_in_value(text, hidden),
            Value::Array(Array::String(texts)) => texts.iter_mut().for_each(|text| hide_in_value(text, hidden)),
            _ => {}
        }
    }
}

fn hide_in(text: &mut Cow<'static, str>, hidden: &HiddenIds) {
    if let Some(replaced) = hidden.replaced(text) {
        *text = replaced.into();
    }
}

fn hide_in_value(text: &mut StringValue, hidden: &HiddenIds) {
    if let Some(replaced) = hidden.replaced(text.as_str()) {
        *text = replaced.into();
    }
}

/// Attributes of spans and log records that never leave, from `SPAN_ATTRIBUTE_DENY`: names separated by commas; a trailing `*` stands for
/// any ending.
#[derive(Debug, Clone, Default)]
pub(super) struct DenyList(Vec<String>);

impl DenyList {
    pub(super) fn parse(setting: &str) -> Self {
        Self(setting.split(',').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect())
    }

    pub(super) fn denies(&self, name: &str) -> bool {
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
    use opentelemetry::{
        InstrumentationScope, SpanId,
        trace::{Event, Link, SpanContext, SpanKind},
    };
    use opentelemetry_sdk::trace::{SpanEvents, SpanLinks};

    use super::*;

    #[test]
    fn each_destination_has_its_own_policy() {
        for (setting, otlp, udp) in [
            ("", TenantIds::Plain, TenantIds::Plain),
            ("drop", TenantIds::Drop, TenantIds::Drop),
            ("otlp=hmac,xray-udp=plain", TenantIds::Hmac, TenantIds::Plain),
            ("hmac, xray-udp=plain", TenantIds::Hmac, TenantIds::Plain),
        ] {
            assert_eq!(tenant_ids("otlp", setting).unwrap(), otlp, "{setting}");
            assert_eq!(tenant_ids("xray-udp", setting).unwrap(), udp, "{setting}");
        }
        assert!(tenant_ids("otlp", "plane").is_err());
    }

    #[test]
    fn without_a_key_nothing_leaves_that_should_have_been_hashed() {
        assert_eq!(Pseudonyms::default().export("acme".into(), TenantIds::Hmac), None);
    }

    #[test]
    fn what_may_not_leave_is_replaced_in_all_texts_of_a_span() {
        let text = || KeyValue::new("url.path", "/orders/7T42H7MK");
        let texts = Value::Array(Array::String(vec!["ORDER#7T42H7MK".into()]));
        let now = std::time::SystemTime::UNIX_EPOCH;
        let event = Event::new("7T42H7MK", now, vec![text()], 0);
        let mut links = SpanLinks::default();
        links.links.push(Link::new(SpanContext::empty_context(), vec![text()], 0));
        let mut events = SpanEvents::default();
        events.events.push(event);
        let mut span = SpanData {
            span_context: SpanContext::empty_context(),
            parent_span_id: SpanId::INVALID,
            parent_span_is_remote: false,
            span_kind: SpanKind::Server,
            name: "GET 7T42H7MK".into(),
            start_time: now,
            end_time: now,
            attributes: vec![text(), KeyValue::new("keys", texts), KeyValue::new("http.response.status_code", 404)],
            dropped_attributes_count: 0,
            events,
            links,
            status: Status::error("no order 7T42H7MK"),
            instrumentation_scope: InstrumentationScope::default(),
        };
        let mut hidden = HiddenIds::default();
        hidden.add("7T42H7MK", None);
        hide(&mut span, &hidden);
        let told = format!("{span:?}");
        assert_eq!((told.matches("[redacted]").count(), told.contains("7T42H7MK")), (7, false), "{told}");
    }

    #[test]
    fn a_deny_list_has_names_and_prefixes() {
        let denied = DenyList::parse("url.full, aws.*");
        let verdicts = ["url.full", "url.path", "aws.request_id", "awsome"].map(|name| denied.denies(name));
        assert_eq!(verdicts, [true, false, true, false]);
    }
}
