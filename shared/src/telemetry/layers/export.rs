//! Export after the response. `Runtime::layer` wraps *around* the call that posts the response, so what stands after
//! the inner service here runs when the caller already has its answer, and before the next invocation is asked for.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use lambda_runtime::LambdaInvocation;
use opentelemetry::trace::FutureExt as _;
use tower::{BoxError, Layer, Service};

use crate::telemetry::{Telemetry, Work};

/// Gives each invocation its own [`Work`] and exports that work's spans after the response.
#[derive(Debug, Clone)]
pub struct ExportLayer {
    telemetry: Telemetry,
}

impl ExportLayer {
    pub(in crate::telemetry) fn new(telemetry: Telemetry) -> Self {
        Self { telemetry }
    }
}

impl<S> Layer<S> for ExportLayer {
    type Service = ExportService<S>;
    fn layer(&self, inner: S) -> ExportService<S> {
        ExportService { inner, telemetry: self.telemetry.clone() }
    }
}

/// The service [`ExportLayer`] makes.
#[derive(Debug, Clone)]
pub struct ExportService<S> {
    inner: S,
    telemetry: Telemetry,
}

impl<S> Service<LambdaInvocation> for ExportService<S>
where
    S: Service<LambdaInvocation, Response = (), Error = BoxError>,
    S::Future: Send + 'static,
{
    type Response = ();
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<(), BoxError>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, invocation: LambdaInvocation) -> Self::Future {
        let work = Work::default();
        let telemetry = self.telemetry.clone();
        // A new context, not the current one: nothing of another invocation may come along.
        let cx = opentelemetry::Context::new().with_value(work.clone());
        let entered = cx.clone().attach();
        let inner = self.inner.call(invocation).with_context(cx);
        drop(entered);
        Box::pin(async move {
            let result = inner.await;
            telemetry.export(&work).await;
            result
        })
    }
}
