//! Export after the response. `Runtime::layer` wraps *around* the call that posts the response, so code after the inner service runs when the caller
//! already has its answer, and before the next invocation is asked for.

use std::{
    future::{Future, poll_fn},
    pin::{Pin, pin},
    task::{Context, Poll},
    time::{Duration, SystemTime},
};

use futures_util::future::{MaybeDone, maybe_done};
use lambda_runtime::LambdaInvocation;
use opentelemetry::trace::FutureExt as _;
use tokio::time::Instant;
use tower::{BoxError, Layer, Service};

use crate::{Telemetry, telemetry::FLUSH_WITHIN};

/// The time before an invocation's deadline at which its open spans are exported over an existing connection: a handler that has not answered by then
/// counts as timed out. As long before that, the spans that have ended are exported, which also replaces a connection that broke while the sandbox
/// was frozen.
const TIMEOUT_MARGIN: Duration = Duration::from_millis(200);

/// The margin for an invocation that may take this long. It is never more than an eighth of it.
fn margin(time: Duration) -> Duration {
    TIMEOUT_MARGIN.min(time / 8)
}

/// The most an invocation may take on Lambda.
const LONGEST_INVOCATION: Duration = Duration::from_secs(900);

/// The time until Lambda ends the invocation. A host that sets no deadline, or one that is past, counts as giving the most that Lambda allows.
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
        let deadline = Instant::now() + time_left(&invocation.context);
        let running = self.telemetry.begin();
        let cx = running.context();
        let entered = cx.clone().attach();
        let inner = self.inner.call(invocation).with_context(cx);
        drop(entered);
        Box::pin(async move {
            let mut inner = pin!(maybe_done(inner));
            let left = || deadline.saturating_duration_since(Instant::now());
            let margin = margin(left());
            if !answers_before(deadline - 2 * margin, inner.as_mut()).await {
                // A receiver that hangs takes nothing from what is to come.
                while_handling(inner.as_mut(), running.send_what_ended(left().saturating_sub(margin))).await;
            }
            if !answers_before(deadline - margin, inner.as_mut()).await {
                while_handling(inner.as_mut(), running.give_up(left())).await;
            }
            inner.as_mut().await;
            running.finish(FLUSH_WITHIN.min(left())).await;
            inner.as_mut().take_output().unwrap_or_else(|| Err("the handler's answer was taken".into()))
        })
    }
}

/// Waits until the handler has answered or this moment has come. Returns whether it has answered.
async fn answers_before<F: Future>(moment: Instant, handler: Pin<&mut MaybeDone<F>>) -> bool {
    tokio::time::timeout_at(moment, handler).await.is_ok()
}

/// Exports while the handler goes on, so that its answer does not wait for a receiver.
async fn while_handling<F: Future>(mut handler: Pin<&mut MaybeDone<F>>, export: impl Future<Output = ()>) {
    let mut export = pin!(export);
    poll_fn(|cx| {
        let _may_be_done = handler.as_mut().poll(cx);
        export.as_mut().poll(cx)
    })
    .await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_handler_is_waited_for_until_little_of_its_time_is_left() {
        for (time, margin) in [(900_000, 200), (3_000, 200), (1_600, 200), (800, 100), (0, 0)] {
            assert_eq!(super::margin(Duration::from_millis(time)), Duration::from_millis(margin));
        }
    }
}
