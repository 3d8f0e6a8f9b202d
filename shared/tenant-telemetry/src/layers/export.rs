//! Export after the response. `Runtime::layer` wraps *around* the call that posts the response, so what stands after
//! the inner service here runs when the caller already has its answer, and before the next invocation is asked for.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
    time::{Duration, SystemTime},
};

use lambda_runtime::LambdaInvocation;
use opentelemetry::trace::FutureExt as _;
use tower::{BoxError, Layer, Service};

use crate::{Telemetry, telemetry::FLUSH_WITHIN};

/// What must be left of an invocation's time for its spans to get out.
const TIMEOUT_MARGIN: Duration = Duration::from_millis(300);

/// The margin of an invocation with so much time: never more than a quarter of it.
fn margin(time: Duration) -> Duration {
    TIMEOUT_MARGIN.min(time / 4)
}

/// The most an invocation may take on Lambda.
const LONGEST_INVOCATION: Duration = Duration::from_secs(900);

/// Until Lambda ends the invocation. A host that sets no deadline, or one that is past, is taken to give the most there is.
fn time_left(context: &lambda_runtime::Context) -> Duration {
    context.deadline().duration_since(SystemTime::now()).unwrap_or(LONGEST_INVOCATION)
}

/// Gives each invocation its own [`Work`](crate::Work) and exports that work's spans after the response.
#[derive(Debug, Clone)]
pub struct ExportLayer {
    telemetry: Telemetry,
}

impl ExportLayer {
    pub(crate) fn new(telemetry: Telemetry) -> Self {
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
        let deadline = tokio::time::Instant::now() + time_left(&invocation.context);
        let running = self.telemetry.begin();
        let cx = running.context();
        let entered = cx.clone().attach();
        let inner = self.inner.call(invocation).with_context(cx);
        drop(entered);
        Box::pin(async move {
            let mut inner = std::pin::pin!(inner);
            let left = |until: tokio::time::Instant| until.saturating_duration_since(tokio::time::Instant::now());
            let result = tokio::select! {
                biased;
                result = &mut inner => result,
                () = tokio::time::sleep_until(deadline - margin(left(deadline))) => {
                    running.run_out_of_time(left(deadline)).await;
                    inner.await
                }
            };
            running.finish(FLUSH_WITHIN.min(left(deadline))).await;
            result
        })
    }
}
