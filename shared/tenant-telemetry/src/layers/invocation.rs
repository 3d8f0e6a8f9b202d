//! The span of an invocation by an event source, which may carry messages of several tenants.

use std::{
    collections::HashMap,
    fmt::Display,
    future::Future,
    pin::Pin,
    sync::atomic::{AtomicBool, Ordering},
    task::{Context, Poll},
};

use lambda_runtime::LambdaEvent;
use opentelemetry::{
    KeyValue,
    trace::{FutureExt as _, TraceContextExt},
};
use serde_json::Value;
use tower::{Layer, Service};

use super::{Beginning, EndOnDrop, end_invocation, start_invocation};
use crate::{
    messages::fail_span,
    propagation::{self, Inbound, Thresholds, field},
    semconv,
};

/// Opens the SERVER span of a batch invocation. It carries no tenant, since a batch may serve several; the spans of
/// its messages do.
///
/// Its parent comes from Lambda's X-Ray header, or from the `traceparent` of a direct invocation, which [`crate::AwsSdkTracing`] puts into `custom`
/// of the client context.
///
/// `T` is the event.
#[derive(Debug, Clone)]
pub struct InvocationLayer<T> {
    trigger: &'static str,
    describe: fn(&T) -> Vec<KeyValue>,
    carrier: fn(&T) -> HashMap<String, String>,
}

impl<T> InvocationLayer<T> {
    /// `trigger` is the FaaS trigger of semantic conventions: `pubsub`, `timer`, `datasource` or `other`.
    pub fn new(trigger: &'static str) -> Self {
        Self { trigger, describe: |_| Vec::new(), carrier: |_| HashMap::new() }
    }

    /// Adds attributes to the span, which `describe` reads from the event.
    pub fn describing(self, describe: fn(&T) -> Vec<KeyValue>) -> Self {
        Self { describe, ..self }
    }

    /// Continues the trace whose context the event itself carries, such as a Step Functions input: [`context_of_input`].
    pub fn continuing(self, carrier: fn(&T) -> HashMap<String, String>) -> Self {
        Self { carrier, ..self }
    }
}

impl<S, T> Layer<S> for InvocationLayer<T> {
    type Service = InvocationService<S, T>;
    fn layer(&self, inner: S) -> InvocationService<S, T> {
        InvocationService { inner, trigger: self.trigger, describe: self.describe, carrier: self.carrier }
    }
}

/// The service [`InvocationLayer`] makes.
#[derive(Debug, Clone)]
pub struct InvocationService<S, T> {
    inner: S,
    trigger: &'static str,
    describe: fn(&T) -> Vec<KeyValue>,
    carrier: fn(&T) -> HashMap<String, String>,
}

/// The fields in an input's `metadata`, for [`InvocationLayer::continuing`]: a state machine that was started through
/// [`crate::AwsSdkTracing`] has them in its input, which it hands to its functions unless its definition says otherwise.
pub fn context_of_input(event: &Value) -> HashMap<String, String> {
    let metadata = event.get(field::METADATA).and_then(Value::as_object).into_iter().flatten();
    metadata.filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned()))).collect()
}

/// What semantic conventions ask for of an invocation by a DynamoDB stream, for [`InvocationLayer::describing`]: table, operation and
/// time of the first record, since records of one batch mostly tell the same.
/// <https://opentelemetry.io/docs/specs/semconv/faas/faas-spans/#datasource>
pub fn stream_document(event: &Value) -> Vec<KeyValue> {
    let record = &event["Records"][0];
    let operation = match record["eventName"].as_str() {
        Some("INSERT") => Some("insert"),
        Some("MODIFY") => Some("edit"),
        Some("REMOVE") => Some("delete"),
        _ => None,
    };
    // arn:aws:dynamodb:<region>:<account>:table/<table>/stream/<label>
    let table = record["eventSourceARN"].as_str().and_then(|arn| arn.split('/').nth(1));
    // Whole seconds, at times written as a floating-point number.
    let created = record["dynamodb"]["ApproximateCreationDateTime"].as_f64();
    let created = created.and_then(|seconds| jiff::Timestamp::from_second(seconds as i64).ok());
    let attributes = [
        (semconv::FAAS_DOCUMENT_COLLECTION, table.map(str::to_owned)),
        (semconv::FAAS_DOCUMENT_OPERATION, operation.map(str::to_owned)),
        (semconv::FAAS_DOCUMENT_TIME, created.map(|created| created.to_string())),
    ];
    attributes.into_iter().filter_map(|(key, value)| Some(KeyValue::new(key, value?))).collect()
}

impl<S, T> Service<LambdaEvent<T>> for InvocationService<S, T>
where
    S: Service<LambdaEvent<T>>,
    S::Future: Send + 'static,
    S::Response: Send,
    S::Error: Display + Send,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, event: LambdaEvent<T>) -> Self::Future {
        static COLD: AtomicBool = AtomicBool::new(true);
        let lambda = &event.context;
        let inbound = match &lambda.client_context {
            Some(client) if client.custom.contains_key(field::TRACEPARENT) => {
                Inbound::of_carrier(&client.custom, Thresholds::LeftOut)
            }
            _ => Inbound::of_carrier(&(self.carrier)(&event.payload), Thresholds::LeftOut),
        };
        let parent = propagation::parent(lambda.xray_trace_id.as_deref(), inbound);
        let name = lambda.env_config.function_name.clone();
        let cold = COLD.swap(false, Ordering::Relaxed);
        let beginning = Beginning { lambda, trigger: self.trigger, cold_start: cold, request: None };
        let cx = start_invocation(name, parent, beginning, (self.describe)(&event.payload));
        let entered = cx.clone().attach();
        let inner = self.inner.call(event).with_context(cx.clone());
        drop(entered);
        Box::pin(async move {
            let guard = EndOnDrop(cx.clone());
            let result = inner.await;
            const FAILED: &str = "invocation_failed";
            if let Err(error) = &result {
                fail_span(&cx, FAILED, &error.to_string());
            }
            end_invocation(&cx, result.is_err().then_some(FAILED.into()), None);
            cx.span().end();
            drop(guard);
            result
        })
    }
}
