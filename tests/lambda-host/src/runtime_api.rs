//! The Lambda service that a function's process talks to: its Runtime API and its Extensions API.
//! <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html>

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, OnceLock},
    time::{Duration, Instant},
};

use axum::{
    Router,
    body::Body,
    extract::{Path, State},
    http::{HeaderMap, StatusCode},
    response::Response,
    routing::{get, post},
};
use bytes::Bytes;
use parking_lot::{Mutex, MutexGuard};
use rustix::process::Pid;
use tokio::sync::{Notify, oneshot};

use crate::function::{Outcome, cpu_of};

/// An invocation that the function has not been given yet.
pub(crate) struct QueuedInvocation {
    pub(crate) id: String,
    pub(crate) payload: Bytes,
    pub(crate) deadline: Duration,
    pub(crate) trace_id: Option<String>,
    pub(crate) handed_out: oneshot::Sender<()>,
}

/// The service, as one sandbox sees it.
#[derive(Default)]
pub(crate) struct LambdaService {
    pub(crate) state: Mutex<SandboxState>,
    /// Wakes a poll when an invocation is queued.
    pub(crate) queued: Notify,
    /// Wakes whoever waits for the function to ask for an invocation.
    pub(crate) polled: Notify,
    /// Whether there is an Extensions API.
    pub(crate) extensions: bool,
    pub(crate) name: String,
    pub(crate) pid: OnceLock<Pid>,
}

/// What the service knows of the sandbox at a time.
#[derive(Default)]
pub(crate) struct SandboxState {
    pub(crate) queue: VecDeque<QueuedInvocation>,
    pub(crate) waiting_polls: usize,
    pub(crate) polls: u64,
    pub(crate) last_poll: Option<Instant>,
    pub(crate) cpu_at_first_poll: Duration,
    pub(crate) first_answer: Option<FirstAnswer>,
    pub(crate) last_response: Option<Instant>,
    pub(crate) started: HashMap<String, Instant>,
    pub(crate) answers: HashMap<String, oneshot::Sender<Outcome>>,
    pub(crate) next_id: u64,
    /// Whether an extension has registered.
    pub(crate) registered: bool,
}

impl LambdaService {
    pub(crate) fn state(&self) -> MutexGuard<'_, SandboxState> {
        self.state.lock()
    }

    fn answer(&self, id: &str, result: Result<Bytes, Bytes>) {
        let now = Instant::now();
        let mut state = self.state();
        state.last_response = Some(now);
        if state.first_answer.is_none() {
            let cpu = self.pid.get().and_then(|pid| cpu_of(*pid).ok()).unwrap_or_default();
            state.first_answer = Some(FirstAnswer { at: now, cpu });
        }
        let response = state.started.remove(id).map(|started| now - started).unwrap_or_default();
        if let Some(answer) = state.answers.remove(id) {
            let _nobody_waits = answer.send(Outcome { result, response });
        }
    }
}

/// When a process had answered for the first time, and the CPU time it had taken by then.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FirstAnswer {
    pub(crate) at: Instant,
    pub(crate) cpu: Duration,
}

/// The routes of both APIs.
pub(crate) fn router(service: Arc<LambdaService>) -> Router {
    Router::new()
        .route("/2018-06-01/runtime/invocation/next", get(next))
        .route("/2018-06-01/runtime/invocation/{id}/response", post(response))
        .route("/2018-06-01/runtime/invocation/{id}/error", post(error))
        .route("/2018-06-01/runtime/init/error", post(init_error))
        .route("/2020-01-01/extension/register", post(register))
        .route("/2020-01-01/extension/event/next", get(extension_next))
        .with_state(service)
}

async fn next(State(service): State<Arc<LambdaService>>) -> Response {
    {
        let mut state = service.state();
        state.last_poll = Some(Instant::now());
        if state.polls == 0 {
            state.cpu_at_first_poll = service.pid.get().and_then(|pid| cpu_of(*pid).ok()).unwrap_or_default();
        }
        state.waiting_polls += 1;
        state.polls += 1;
    }
    service.polled.notify_waiters();
    let _counted = WaitingPoll(service.clone());
    loop {
        let queued = service.queued.notified();
        let next = service.state().queue.pop_front();
        if let Some(invocation) = next {
            // Others may be waiting for what is still queued.
            service.queued.notify_one();
            let deadline = jiff::Timestamp::now() + invocation.deadline;
            let mut answer = Response::builder()
                .header("lambda-runtime-aws-request-id", &invocation.id)
                .header("lambda-runtime-deadline-ms", deadline.as_millisecond())
                .header(
                    "lambda-runtime-invoked-function-arn",
                    format!("arn:aws:lambda:us-east-1:111111111111:function:{}", service.name),
                );
            if let Some(trace_id) = &invocation.trace_id {
                answer = answer.header("lambda-runtime-trace-id", trace_id);
            }
            let _nobody_waits = invocation.handed_out.send(());
            service.state().started.insert(invocation.id, Instant::now());
            return answer.body(Body::from(invocation.payload)).unwrap_or_default();
        }
        queued.await;
    }
}

/// Counts a poll as waiting until it is answered or its connection ends.
struct WaitingPoll(Arc<LambdaService>);

impl Drop for WaitingPoll {
    fn drop(&mut self) {
        self.0.state().waiting_polls -= 1;
    }
}

async fn response(State(service): State<Arc<LambdaService>>, Path(id): Path<String>, body: Bytes) -> StatusCode {
    service.answer(&id, Ok(body));
    StatusCode::ACCEPTED
}

async fn error(State(service): State<Arc<LambdaService>>, Path(id): Path<String>, body: Bytes) -> StatusCode {
    service.answer(&id, Err(body));
    StatusCode::ACCEPTED
}

async fn init_error() -> StatusCode {
    StatusCode::ACCEPTED
}

async fn register(State(service): State<Arc<LambdaService>>, _headers: HeaderMap) -> Response {
    if !service.extensions {
        return Response::builder().status(StatusCode::NOT_FOUND).body(Body::empty()).unwrap_or_default();
    }
    service.state().registered = true;
    Response::builder().header("lambda-extension-identifier", "extension-1").body(Body::from("{}")).unwrap_or_default()
}

async fn extension_next() -> StatusCode {
    std::future::pending().await
}
