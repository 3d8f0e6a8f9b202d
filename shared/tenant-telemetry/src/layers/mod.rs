//! Tower layers. From the outside in: [`ExportLayer`] around the runtime's own service, then around the handler either
//! [`HttpLayer`] for API Gateway or [`InvocationLayer`] for events.

mod export;
mod http;
mod invocation;

use opentelemetry::{
    KeyValue,
    trace::{SpanBuilder, SpanKind, TraceContextExt},
};

pub use export::{ExportLayer, ExportService};
pub use http::{HttpLayer, HttpService};
pub use invocation::{InvocationLayer, InvocationService, context_of_input, stream_document};

use super::{messages::fail_span, propagation::Parent, semconv, start_under};

/// Starts the SERVER span of an invocation under its parent.
fn start_invocation(
    name: String,
    parent: Parent,
    lambda: &lambda_runtime::Context,
    trigger: &'static str,
    cold_start: bool,
    attributes: impl IntoIterator<Item = KeyValue>,
) -> opentelemetry::Context {
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
    start_under(parent, builder, opentelemetry::Context::current())
}

/// Ends the span of an invocation whose future is dropped before it is done: a panic, or a runtime that gives up.
#[derive(Debug)]
pub(super) struct EndOnDrop(pub(super) opentelemetry::Context);

impl Drop for EndOnDrop {
    fn drop(&mut self) {
        let span = self.0.span();
        if span.is_recording() {
            fail_span(
                &self.0,
                if std::thread::panicking() { "panic" } else { "cancelled" },
                "the handler did not finish",
            );
            span.end();
        }
    }
}
