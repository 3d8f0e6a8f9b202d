//! From which network a request came: what of that leaves where ids do not leave as they are.

use std::sync::Arc;

use opentelemetry::StringValue;
use opentelemetry_sdk::trace::SpanData;

use super::semconv;

/// Puts in the place of the network what may leave of it, and takes it away where nothing may.
pub(super) fn hide(span: &mut SpanData, hidden: impl Fn(Arc<str>) -> Option<StringValue>) {
    span.attributes.retain_mut(|attribute| {
        if attribute.key.as_str() != semconv::CLIENT_NETWORK {
            return true;
        }
        let hidden = hidden(attribute.value.as_str().as_ref().into());
        hidden.map(|hidden| attribute.value = hidden.into()).is_some()
    });
}

#[cfg(test)]
mod tests {
    use opentelemetry::{
        InstrumentationScope, KeyValue, SpanId,
        trace::{SpanContext, SpanKind, Status},
    };
    use opentelemetry_sdk::trace::{SpanEvents, SpanLinks};

    use super::*;

    /// What of a network leaves, and how many attributes do.
    fn left(hidden: impl Fn(Arc<str>) -> Option<StringValue>) -> (Option<String>, usize) {
        let network = KeyValue::new("client.network", "203.0.113.0/24");
        let now = std::time::SystemTime::UNIX_EPOCH;
        let mut span = SpanData {
            span_context: SpanContext::empty_context(),
            parent_span_id: SpanId::INVALID,
            parent_span_is_remote: false,
            span_kind: SpanKind::Server,
            name: "GET".into(),
            start_time: now,
            end_time: now,
            attributes: vec![network, KeyValue::new("http.response.status_code", 404)],
            dropped_attributes_count: 0,
            events: SpanEvents::default(),
            links: SpanLinks::default(),
            status: Status::Unset,
            instrumentation_scope: InstrumentationScope::default(),
        };
        hide(&mut span, hidden);
        let network = span.attributes.iter().find(|attribute| attribute.key.as_str() == "client.network");
        (network.map(|network| network.value.as_str().into_owned()), span.attributes.len())
    }

    #[test]
    fn a_network_leaves_as_its_hash_or_not_at_all() {
        assert_eq!(
            left(|network| Some(format!("hash of {network}").into())),
            (Some("hash of 203.0.113.0/24".into()), 2)
        );
        assert_eq!(left(|_| None), (None, 1));
    }
}
