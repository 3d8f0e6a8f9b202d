//! The span of one message: it continues the trace that sent the message and links to the invocation that carried it.
//!
//! Semantic conventions would only link the two. A child span keeps one trace id from the user's click to the ledger, which is what this project
//! promises.

use std::{borrow::Cow, future::Future, time::SystemTime};

use opentelemetry::{
    Context, KeyValue,
    propagation::Extractor,
    trace::{FutureExt as _, Link, SpanBuilder, SpanKind, Status, TraceContextExt},
};
use tenancy::TenantLabel;

use super::{
    Annotation, Work,
    layers::EndOnDrop,
    metrics::{TimedOperation, UnderWay},
    propagation::{self, Inbound, Thresholds},
    semconv, start_under,
    tracer::service_name,
    xray_header::Lineage,
};

/// Where a message came from, and the trace context it carries.
pub struct Received<'a> {
    /// `messaging.system`: `aws_sqs`, `aws.sns`, `aws.dynamodb`.
    pub system: &'static str,
    /// `messaging.destination.name`: the queue, topic or table it was received from.
    pub destination: &'a str,
    /// `messaging.message.id`.
    pub message_id: &'a str,
    /// Where `traceparent` is read from, such as the message's attributes.
    pub carrier: &'a dyn Extractor,
    /// An X-Ray header that came with the message. W3C context takes precedence.
    pub xray: Option<&'a str>,
    /// When it was sent, if it says so.
    pub sent: Option<SystemTime>,
    /// How many times it has been delivered, this time included, if that is known.
    pub deliveries: Option<u32>,
    /// Whether the sender's sampling thresholds are believed.
    pub thresholds: Thresholds,
}

/// Runs `handle` inside the CONSUMER span `process <destination>`. `tenant` is the tenant that the message names, if it names one; you may also name
/// it later with [`Work::serve`]. The span ends when the future does, with the error's text if it fails.
///
/// # Errors
///
/// The error of `handle`, unchanged.
pub fn process<T, E, F>(
    received: Received<'_>,
    tenant: Option<TenantLabel>,
    handle: F,
) -> impl Future<Output = Result<T, E>> + use<T, E, F>
where
    E: std::fmt::Display,
    F: Future<Output = Result<T, E>>,
{
    let span = MessageSpan::start(received, tenant);
    async move {
        let result = handle.with_context(span.context().clone()).await;
        span.finish(result.as_ref().err());
        result
    }
}

/// The CONSUMER span of one message, for code that works on several messages at once. If it is dropped before it is finished, the message counts as
/// cancelled.
#[derive(Debug)]
pub struct MessageSpan {
    timed: Option<TimedOperation>,
    span: EndOnDrop,
}

impl MessageSpan {
    /// Starts the span of a message that was received.
    pub fn start(received: Received<'_>, tenant: Option<TenantLabel>) -> Self {
        let (system, destination) = (received.system, received.destination);
        let (sent, deliveries) = (received.sent, received.deliveries);
        let cx = open(received, tenant);
        Self { timed: TimedOperation::message(&cx, system, destination, sent, deliveries), span: EndOnDrop(cx) }
    }

    /// Adds an annotation for this message, as [`Work::annotate`] does.
    pub fn annotate(&self, annotation: Annotation, value: &str) {
        if let Some(work) = self.context().get::<Work>() {
            work.annotate(annotation, value);
        }
    }

    /// The context in which to do the work for this message.
    pub fn context(&self) -> &Context {
        &self.span.0
    }

    /// Ends the span, as failed if there is an error.
    pub fn finish<E: std::fmt::Display>(self, error: Option<&E>) {
        const FAILED: &str = "message_failed";
        if let Some(error) = error {
            fail_span(self.context(), FAILED, &error.to_string());
        }
        if let Some(timed) = &self.timed {
            timed.end(error.map(|_| FAILED.into()));
        }
        self.context().span().end();
    }
}

impl Drop for MessageSpan {
    fn drop(&mut self) {
        if let Some(timed) = &self.timed {
            timed.end(Some(EndOnDrop::error_type().into()));
        }
    }
}

fn open(received: Received<'_>, tenant: Option<TenantLabel>) -> Context {
    let invocation = Context::current();
    let work = Work::current().for_a_message();
    if let Some(tenant) = tenant {
        work.serve(tenant);
    }
    let inbound = Inbound::of_carrier(received.carrier, received.thresholds);
    let xray = received.xray.filter(|_| !inbound.is_there());
    let parent = propagation::parent(xray, inbound);
    let carrying = invocation.span().span_context().clone();
    let links = if carrying.is_valid() { vec![Link::new(carrying, Vec::new(), 0)] } else { Vec::new() };
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
            KeyValue::new(semconv::AWS_LOCAL_SERVICE, service_name()),
        ]);
    let mut cx = Context::new().with_value(work);
    // The message has a trace of its own; the chain of calls that Lambda follows is the invocation's.
    if let Some(lineage) = invocation.get::<Lineage>() {
        cx = cx.with_value(lineage.clone());
    }
    if let Some(under_way) = invocation.get::<UnderWay>() {
        cx = cx.with_value(under_way.clone());
    }
    start_under(parent, builder, cx)
}

/// Marks the context's span as failed: status ERROR and `error.type`.
pub(crate) fn fail_span(cx: &Context, error_type: impl Into<Cow<'static, str>>, description: &str) {
    let span = cx.span();
    let error_type: Cow<'static, str> = error_type.into();
    span.set_attribute(KeyValue::new(semconv::ERROR_TYPE, error_type.into_owned()));
    span.set_status(Status::error(description.to_owned()));
}
