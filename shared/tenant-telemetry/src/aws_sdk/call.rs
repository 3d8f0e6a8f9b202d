//! One call as the SDK hands it to an interceptor, serialized, and how its spans begin.

use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_types::body::SdkBody;
use opentelemetry::{
    Context, KeyValue,
    trace::{SpanBuilder, SpanKind},
};

use super::json::{self, Object};
use crate::{semconv, start};

/// What is known of every call, whichever service it goes to.
#[derive(Debug)]
pub(super) struct Call<'a> {
    /// The service's id as the SDK has it: `DynamoDB`, `Secrets Manager`, `SFN`.
    pub(super) service: &'a str,
    pub(super) operation: &'a str,
    pub(super) region: Option<String>,
    pub(super) current: Context,
    /// The contexts of the entries of a batch, each in its own trace.
    pub(super) contexts: &'a [Context],
}

/// A span of a call: the call itself, or one of the messages it sends.
#[derive(Debug)]
pub(super) struct CallSpan {
    pub(super) cx: Context,
    /// The id by which the answer names the message, where a call sends several.
    pub(super) id: String,
}

/// The topic, queue or bus that messages are sent to.
#[derive(Debug, Clone)]
pub(super) struct MessageDestination {
    /// `messaging.system`.
    pub(super) system: &'static str,
    /// `messaging.destination.name`.
    pub(super) name: String,
    /// The service's own name for it, where semantic conventions have an attribute for that.
    pub(super) identity: Option<KeyValue>,
}

impl Call<'_> {
    /// Starts the CLIENT span of the call.
    pub(super) fn start(&self, attributes: impl IntoIterator<Item = KeyValue>) -> CallSpan {
        let mut all = self.attributes(4);
        all.extend(attributes);
        let builder = SpanBuilder::from_name(format!("{}.{}", self.service, self.operation))
            .with_kind(SpanKind::Client)
            .with_attributes(all);
        CallSpan { cx: start(builder, &self.current), id: String::new() }
    }

    /// Starts the PRODUCER span of the message with this index, in the trace that it belongs to.
    pub(super) fn start_send(&self, index: usize, id: String, to: &MessageDestination) -> CallSpan {
        let mut all = self.attributes(6);
        all.extend([
            KeyValue::new(semconv::MESSAGING_SYSTEM, to.system),
            KeyValue::new(semconv::MESSAGING_OPERATION_TYPE, "send"),
            KeyValue::new(semconv::MESSAGING_OPERATION_NAME, "send"),
            KeyValue::new(semconv::MESSAGING_DESTINATION_NAME, to.name.clone()),
        ]);
        all.extend(to.identity.clone());
        let builder =
            SpanBuilder::from_name(format!("send {}", to.name)).with_kind(SpanKind::Producer).with_attributes(all);
        CallSpan { cx: start(builder, self.contexts.get(index).unwrap_or(&self.current)), id }
    }

    /// The attributes of every call, in a list with room for `more`.
    fn attributes(&self, more: usize) -> Vec<KeyValue> {
        let mut attributes = Vec::with_capacity(5 + more);
        attributes.extend([
            KeyValue::new(semconv::RPC_SYSTEM, "aws-api"),
            KeyValue::new(semconv::RPC_SYSTEM_NAME, "aws-api"),
            KeyValue::new(semconv::RPC_SERVICE, self.service.to_owned()),
            KeyValue::new(semconv::RPC_METHOD, format!("{}/{}", self.service, self.operation)),
        ]);
        attributes.extend(self.region.clone().map(|region| KeyValue::new(semconv::CLOUD_REGION, region)));
        attributes
    }
}

/// Starts a span for each entry of a batch with `send`, which may change the entry. There are no spans where the entries cannot be read.
pub(super) fn send_entries(
    body: &mut Object<'_>,
    mut send: impl FnMut(usize, &mut Object<'_>) -> CallSpan,
) -> Option<Vec<CallSpan>> {
    let (mut spans, mut entries) = (Vec::new(), Vec::new());
    for (index, entry) in body.array("Entries")?.into_iter().enumerate() {
        let mut entry = Object::parse(entry)?;
        spans.push(send(index, &mut entry));
        entries.push(entry.to_string());
    }
    body.set("Entries", json::array(&entries));
    Some(spans)
}

/// The body as text, or `None` if it is a stream.
pub(super) fn text(request: &HttpRequest) -> Option<&str> {
    std::str::from_utf8(request.body().bytes()?).ok()
}

/// Whether the body may be replaced. A header that was computed from the body would be wrong with another one.
fn may_change(request: &HttpRequest) -> bool {
    let computed = |name: &str| {
        name.eq_ignore_ascii_case("content-md5")
            || name.eq_ignore_ascii_case("content-encoding")
            || name.get(..15).is_some_and(|start| start.eq_ignore_ascii_case("x-amz-checksum-"))
    };
    !request.headers().iter().any(|(name, _)| computed(name))
}

/// Replaces a request's body, unless a header was computed from the old one. The request is not signed yet.
pub(super) fn replace_body(request: &mut HttpRequest, body: String) {
    if !may_change(request) {
        return;
    }
    if request.headers().get("content-length").is_some() {
        request.headers_mut().insert("content-length", body.len().to_string());
    }
    *request.body_mut() = SdkBody::from(body);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_that_something_was_computed_from_stays() {
        let mut request = HttpRequest::new(SdkBody::from("old"));
        request.headers_mut().insert("content-length", "3");
        replace_body(&mut request, "newer".to_owned());
        assert_eq!((text(&request), request.headers().get("content-length")), (Some("newer"), Some("5")));
        for header in ["content-md5", "X-Amz-Checksum-Crc32", "content-encoding"] {
            let mut request = HttpRequest::new(SdkBody::from("old"));
            request.headers_mut().insert(header.to_owned(), "x");
            replace_body(&mut request, "newer".to_owned());
            assert_eq!(text(&request), Some("old"), "{header}");
        }
    }
}
