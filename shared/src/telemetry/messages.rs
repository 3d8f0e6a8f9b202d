//! The span of one message: it continues the trace that sent the message and links to the invocation that carried it.
//!
//! Semantic conventions would only link; a child keeps one trace id from the click to the ledger, which is the promise.

use std::{borrow::Cow, future::Future};

use opentelemetry::{
    Context, KeyValue,
    propagation::Extractor,
    trace::{FutureExt as _, Link, SpanBuilder, SpanKind, Status, TraceContextExt},
};

use super::{Work, propagation, semconv, start};
use crate::{events::IncomingMessage, tenant::TenantContext};

/// Where a message came from, and the trace context it carries.
pub struct Received<'a> {
    /// `messaging.system`: `aws_sqs`, `aws.sns`, `aws.dynamodb`.
    pub system: &'static str,
    /// `messaging.destination.name`: the queue, topic or table it was received from.
    pub destination: &'a str,
    /// `messaging.message.id`.
    pub message_id: &'a str,
    /// Where `traceparent` stands.
    pub carrier: &'a dyn Extractor,
    /// An X-Ray header that came beside the message; W3C context goes before it.
    pub xray: Option<&'a str>,
}

impl<'a> From<&'a IncomingMessage> for Received<'a> {
    fn from(message: &'a IncomingMessage) -> Self {
        Self {
            system: message.system,
            destination: &message.source,
            message_id: &message.message_id,
            carrier: &message.attributes,
            xray: message.aws_trace_header.as_deref(),
        }
    }
}

/// Runs `handle` inside the CONSUMER span `process <destination>`. `tenant` is whom the message is for, where it says so;
/// it may also be told later by [`Work::serve`]. The span ends as the future does, with the error's text if it fails.
pub async fn process<T, E: std::fmt::Display>(
    received: Received<'_>,
    tenant: Option<TenantContext>,
    handle: impl Future<Output = Result<T, E>>,
) -> Result<T, E> {
    let cx = open(received, tenant);
    let result = handle.with_context(cx.clone()).await;
    if let Err(error) = &result {
        fail_span(&cx, "message_failed", &error.to_string());
    }
    cx.span().end();
    result
}

fn open(received: Received<'_>, tenant: Option<TenantContext>) -> Context {
    let invocation = Context::current();
    let work = Work::current().sibling();
    if let Some(tenant) = tenant {
        work.serve(tenant);
    }
    let mut parent = propagation::parent(None, received.carrier);
    if parent.span.is_none() {
        parent = propagation::parent(received.xray, received.carrier);
    }
    let links = Some(invocation.span().span_context().clone()).filter(|span| span.is_valid());
    let links = links.map(|span| Link::new(span, Vec::new(), 0)).into_iter().collect();
    let service = std::env::var("OTEL_SERVICE_NAME").unwrap_or_default();
    let builder = SpanBuilder::from_name(format!("process {}", received.destination))
        .with_kind(SpanKind::Consumer)
        .with_links(links)
        .with_attributes([
            KeyValue::new(semconv::MESSAGING_SYSTEM, received.system),
            KeyValue::new(semconv::MESSAGING_OPERATION_TYPE, "process"),
            KeyValue::new(semconv::MESSAGING_OPERATION_NAME, "process"),
            KeyValue::new(semconv::MESSAGING_DESTINATION_NAME, received.destination.to_owned()),
            KeyValue::new(semconv::MESSAGING_MESSAGE_ID, received.message_id.to_owned()),
            KeyValue::new(semconv::AWS_SPAN_KIND, "LOCAL_ROOT"),
            KeyValue::new(semconv::AWS_LOCAL_SERVICE, service),
        ]);
    let mut cx = Context::new().with_value(work);
    if let Some(span) = parent.span {
        cx = cx.with_remote_span_context(span);
    }
    super::ids::with_root(parent.root, || start(builder, &cx))
}

/// Marks the context's span as failed: status ERROR and `error.type`.
pub fn fail_span(cx: &Context, error_type: impl Into<Cow<'static, str>>, description: &str) {
    let span = cx.span();
    let error_type: Cow<'static, str> = error_type.into();
    span.set_attribute(KeyValue::new(semconv::ERROR_TYPE, error_type.into_owned()));
    span.set_status(Status::error(description.to_owned()));
}
