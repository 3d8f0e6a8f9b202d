//! Tower layers. From the outside in: [`ExportLayer`] around the runtime's own service, then around the handler either
//! [`HttpLayer`] for API Gateway or [`InvocationLayer`] for events.

mod export;
mod http;
mod invocation;

use std::borrow::Cow;

use opentelemetry::{
    KeyValue,
    trace::{SpanBuilder, SpanKind, TraceContextExt},
};

pub use export::{ExportLayer, ExportService};
pub use http::{HttpLayer, HttpService};
pub use invocation::{InvocationLayer, InvocationService, context_of_input, stream_document};

use super::{
    messages::fail_span,
    metrics::{HttpRequest, InvocationStart, Outcome},
    propagation::Parent,
    semconv, start_under,
    startup::Initialization,
};

/// An invocation as far as its span and its metrics describe it.
struct Beginning<'a> {
    lambda: &'a lambda_runtime::Context,
    trigger: &'static str,
    cold_start: bool,
    request: Option<HttpRequest>,
}

/// Starts the SERVER span of an invocation under its parent. In the first invocation of a sandbox, it also records a span for the sandbox's start.
fn start_invocation(
    name: String,
    parent: Parent,
    beginning: Beginning<'_>,
    attributes: impl IntoIterator<Item = KeyValue>,
) -> opentelemetry::Context {
    let Beginning { lambda, trigger, cold_start, request } = beginning;
    let arn = lambda.invoked_function_arn.as_str();
    let mut all = vec![
        KeyValue::new(semconv::FAAS_INVOCATION_ID, lambda.request_id.clone()),
        KeyValue::new(semconv::FAAS_COLDSTART, cold_start),
        KeyValue::new(semconv::FAAS_TRIGGER, trigger),
        KeyValue::new(semconv::AWS_LAMBDA_INVOKED_ARN, arn.to_owned()),
        KeyValue::new(semconv::CLOUD_RESOURCE_ID, arn.to_owned()),
    ];
    if let Some(account) = arn.split(':').nth(4) {
        all.push(KeyValue::new(semconv::CLOUD_ACCOUNT_ID, account.to_owned()));
    }
    all.extend(attributes);
    let builder = SpanBuilder::from_name(name).with_kind(SpanKind::Server).with_attributes(all);
    let cx = start_under(parent, builder, opentelemetry::Context::current());
    let initialization = cx.get::<Initialization>();
    if let Some(initialization) = initialization {
        initialization.make_span(&cx);
    }
    if let Some(outcome) = cx.get::<Outcome>() {
        let init = initialization.map(|initialization| initialization.took);
        outcome.begin(&cx, InvocationStart { trigger, cold: cold_start, init, request });
    }
    cx
}

/// Tells metrics how an invocation ended. The span records that by itself.
fn end_invocation(cx: &opentelemetry::Context, error: Option<Cow<'static, str>>, status: Option<u16>) {
    if let Some(outcome) = cx.get::<Outcome>() {
        outcome.end(error, status);
    }
}

/// Ends the span of an invocation whose future is dropped before it is done: a panic, or a runtime that gives up.
#[derive(Debug)]
pub(super) struct EndOnDrop(pub(super) opentelemetry::Context);

impl EndOnDrop {
    /// The error type of an invocation whose future is dropped before it is done.
    pub(super) fn error_type() -> &'static str {
        if std::thread::panicking() { "panic" } else { "cancelled" }
    }
}

impl Drop for EndOnDrop {
    fn drop(&mut self) {
        let span = self.0.span();
        let error_type = Self::error_type();
        end_invocation(&self.0, Some(error_type.into()), None);
        if span.is_recording() {
            fail_span(&self.0, error_type, "the handler did not finish");
            span.end();
        }
    }
}
