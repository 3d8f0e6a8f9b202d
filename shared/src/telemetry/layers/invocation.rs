//! The span of an invocation by an event source, which may carry messages of several tenants.

use std::{
    fmt::Display,
    future::Future,
    pin::Pin,
    sync::atomic::{AtomicBool, Ordering},
    task::{Context, Poll},
};

use lambda_runtime::LambdaEvent;
use opentelemetry::trace::{FutureExt as _, TraceContextExt};
use tower::{Layer, Service};

use super::{EndOnDrop, start_invocation};
use crate::telemetry::{messages::fail_span, propagation};

/// Opens the SERVER span of a batch invocation. It carries no tenant, since a batch may serve several; the spans of
/// its messages do.
#[derive(Debug, Clone)]
pub struct InvocationLayer {
    trigger: &'static str,
}

impl InvocationLayer {
    /// `trigger` is the FaaS trigger of semantic conventions: `pubsub` or `datasource`.
    pub fn new(trigger: &'static str) -> Self {
        Self { trigger }
    }
}

impl<S> Layer<S> for InvocationLayer {
    type Service = InvocationService<S>;
    fn layer(&self, inner: S) -> InvocationService<S> {
        InvocationService { inner, trigger: self.trigger }
    }
}

/// The service [`InvocationLayer`] makes.
#[derive(Debug, Clone)]
pub struct InvocationService<S> {
    inner: S,
    trigger: &'static str,
}

impl<S, T> Service<LambdaEvent<T>> for InvocationService<S>
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
        let nothing = std::collections::HashMap::new();
        let parent = propagation::parent(lambda.xray_trace_id.as_deref(), &nothing);
        let name = lambda.env_config.function_name.clone();
        let cold = COLD.swap(false, Ordering::Relaxed);
        let cx = start_invocation(name, parent, lambda, self.trigger, cold, []);
        let entered = cx.clone().attach();
        let inner = self.inner.call(event).with_context(cx.clone());
        drop(entered);
        Box::pin(async move {
            let guard = EndOnDrop(cx.clone());
            let result = inner.await;
            if let Err(error) = &result {
                fail_span(&cx, "invocation_failed", &error.to_string());
            }
            cx.span().end();
            drop(guard);
            result
        })
    }
}
