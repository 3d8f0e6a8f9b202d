//! A function process, and the Lambda service it talks to.
//! <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html>

use std::{
    collections::{HashMap, VecDeque},
    path::PathBuf,
    process::Stdio,
    sync::{Arc, OnceLock},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
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
use rustix::process::{Pid, Signal, kill_process};
use tokio::{
    process::{Child, Command},
    sync::{Notify, oneshot},
};

use crate::{output::Output, serve};

/// Where nobody listens (RFC 863's port, on loopback). A function finds AWS and its collector there unless it is told otherwise: left to
/// the SDKs' defaults it would send spans to a demo that happens to run on this machine, and calls to AWS itself.
const NOBODY: &str = "http://127.0.0.1:9";

/// The credentials of a function's role.
pub(crate) const ACCESS_KEY_ID: &str = "AKIDEXAMPLE";
pub(crate) const SECRET_ACCESS_KEY: &str = "secret";
pub(crate) const SESSION_TOKEN: &str = "token";

/// How long a function may take to start, to be idle again, and to end. Lambda gives it half a second for its end, which the function's own clock
/// counts; a machine that does much else may not let it run for as long.
const PATIENCE: Duration = Duration::from_secs(30);
const BETWEEN_LOOKS: Duration = Duration::from_millis(10);

/// What to run.
#[derive(Debug, Clone)]
pub struct Config {
    /// The function's `bootstrap`.
    pub binary: PathBuf,
    /// Function name.
    pub name: String,
    /// Environment besides Lambda's own; nothing else is inherited. Where it names no AWS and no collector, the function has none.
    pub env: Vec<(String, String)>,
    /// Invocations the process may serve at once (`AWS_LAMBDA_MAX_CONCURRENCY`).
    pub concurrency: Option<u32>,
    /// Whether there is an Extensions API.
    pub extensions: bool,
}

impl Config {
    /// A function of this name with this environment.
    pub fn new(binary: impl Into<PathBuf>, name: &str, env: &[(&str, &str)]) -> Self {
        let env = env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Self { binary: binary.into(), name: name.to_owned(), env, concurrency: None, extensions: true }
    }
}

/// What an invocation came to.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// The answer, or the error document.
    pub result: Result<Bytes, Bytes>,
    /// From handing out the invocation to having read the whole response.
    pub response: Duration,
}

impl Outcome {
    /// The JSON answer of a function behind API Gateway: status and body.
    pub fn http(&self) -> (u64, serde_json::Value) {
        let bytes = self.result.as_ref().unwrap_or_else(|error| error);
        let answer: serde_json::Value = serde_json::from_slice(bytes).unwrap_or_default();
        let body = answer["body"].as_str().and_then(|body| serde_json::from_str(body).ok());
        (answer["statusCode"].as_u64().unwrap_or_default(), body.unwrap_or_default())
    }
}

/// What an invocation came to that had little time.
#[derive(Debug)]
pub struct OutOfTime {
    /// None of one that was cut off.
    pub answer: Option<Outcome>,
    /// Whether everything had been sent when its time was over.
    pub sent_in_time: bool,
}

struct Queued {
    id: String,
    payload: Bytes,
    deadline: Duration,
    trace_id: Option<String>,
    handed_out: oneshot::Sender<()>,
}

#[derive(Default)]
struct Service {
    state: Mutex<Inner>,
    /// An invocation was queued.
    queued: Notify,
    /// The function asked for its next invocation.
    polled: Notify,
    extensions: bool,
    name: String,
    pid: OnceLock<Pid>,
}

#[derive(Default)]
struct Inner {
    queue: VecDeque<Queued>,
    waiting_polls: usize,
    polls: u64,
    last_poll: Option<Instant>,
    cpu_at_first_poll: Duration,
    first_answer: Option<FirstAnswer>,
    last_response: Option<Instant>,
    started: HashMap<String, Instant>,
    answers: HashMap<String, oneshot::Sender<Outcome>>,
    next_id: u64,
    registered: bool,
}

impl Service {
    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.state.lock()
    }

    fn answer(&self, id: &str, result: Result<Bytes, Bytes>) {
        let now = Instant::now();
        let mut inner = self.inner();
        inner.last_response = Some(now);
        if inner.first_answer.is_none() {
            let cpu = self.pid.get().and_then(|pid| cpu_of(*pid).ok()).unwrap_or_default();
            inner.first_answer = Some(FirstAnswer { at: now, cpu });
        }
        let response = inner.started.remove(id).map(|started| now - started).unwrap_or_default();
        if let Some(answer) = inner.answers.remove(id) {
            let _nobody_waits = answer.send(Outcome { result, response });
        }
    }
}

/// When a process had answered for the first time, and the CPU time it had taken by then.
#[derive(Debug, Clone, Copy)]
struct FirstAnswer {
    at: Instant,
    cpu: Duration,
}

/// A running function.
pub struct Function {
    service: Arc<Service>,
    spawned: Instant,
    process: Child,
    pid: Pid,
    output: Arc<Output>,
    /// From spawning the process to its first request for an invocation.
    pub first_poll: Duration,
    /// CPU time of the process up to then.
    pub cpu_at_first_poll: Duration,
}

impl Function {
    /// Starts the process and waits until it asks for an invocation.
    pub async fn start(config: &Config) -> Result<Self> {
        let service =
            Arc::new(Service { extensions: config.extensions, name: config.name.clone(), ..Service::default() });
        let router = Router::new()
            .route("/2018-06-01/runtime/invocation/next", get(next))
            .route("/2018-06-01/runtime/invocation/{id}/response", post(response))
            .route("/2018-06-01/runtime/invocation/{id}/error", post(error))
            .route("/2018-06-01/runtime/init/error", post(init_error))
            .route("/2020-01-01/extension/register", post(register))
            .route("/2020-01-01/extension/event/next", get(extension_next))
            .with_state(service.clone());
        let api = serve(router).await?;

        let mut command = Command::new(&config.binary);
        command
            .env_clear()
            .envs([
                ("AWS_LAMBDA_RUNTIME_API", api.to_string().as_str()),
                ("AWS_LAMBDA_FUNCTION_NAME", &config.name),
                ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
                // It starts before anybody asks for anything.
                ("AWS_LAMBDA_INITIALIZATION_TYPE", "provisioned-concurrency"),
                ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256"),
                ("AWS_REGION", "us-east-1"),
                ("AWS_ACCESS_KEY_ID", ACCESS_KEY_ID),
                ("AWS_SECRET_ACCESS_KEY", SECRET_ACCESS_KEY),
                ("AWS_SESSION_TOKEN", SESSION_TOKEN),
                ("AWS_EC2_METADATA_DISABLED", "true"),
                ("_HANDLER", "bootstrap"),
                ("AWS_ENDPOINT_URL", NOBODY),
                ("OTEL_EXPORTER_OTLP_ENDPOINT", NOBODY),
                ("AWS_XRAY_DAEMON_ADDRESS", "127.0.0.1:9"),
            ])
            .envs(config.concurrency.map(|limit| ("AWS_LAMBDA_MAX_CONCURRENCY", limit.to_string())))
            .envs(config.env.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        // Each sandbox has a log stream of its own.
        let log_stream = format!("2026/11/27/[$LATEST]{}", api.port());
        command.env("AWS_LAMBDA_LOG_STREAM_NAME", log_stream);
        let spawned = Instant::now();
        let mut process = command.spawn().with_context(|| format!("cannot start {}", config.binary.display()))?;
        let pid = process.id().and_then(|pid| Pid::from_raw(i32::try_from(pid).ok()?)).context("no process id")?;
        let _first_set = service.pid.set(pid);
        let (stdout, stderr) = process.stdout.take().zip(process.stderr.take()).context("no output")?;
        let output = Output::of([stdout.into_owned_fd()?, stderr.into_owned_fd()?])?;
        let mut function = Self {
            service,
            spawned,
            process,
            pid,
            output,
            first_poll: Duration::ZERO,
            cpu_at_first_poll: Duration::ZERO,
        };
        tokio::select! {
            polled = function.service_polled() => polled?,
            status = function.process.wait() => {
                bail!("the function ended ({}):\n{}", status?, function.logs().join("\n"));
            }
        }
        {
            let inner = function.service.inner();
            function.cpu_at_first_poll = inner.cpu_at_first_poll;
            function.first_poll = inner.last_poll.map(|at| at - spawned).unwrap_or_default();
        }
        Ok(function)
    }

    fn service_polled(&self) -> impl Future<Output = Result<()>> + use<> {
        let service = self.service.clone();
        async move {
            let waiting = async {
                loop {
                    let polled = service.polled.notified();
                    if service.inner().waiting_polls > 0 {
                        return;
                    }
                    polled.await;
                }
            };
            tokio::time::timeout(PATIENCE, waiting).await.context("the function did not ask for an invocation")
        }
    }

    /// Waits until the function asks for an invocation; how long it kept itself busy after its last response.
    pub async fn idle(&self) -> Result<Duration> {
        self.service_polled().await?;
        let inner = self.service.inner();
        let busy =
            inner.last_poll.zip(inner.last_response).map(|(poll, response)| poll.saturating_duration_since(response));
        Ok(busy.unwrap_or_default())
    }

    /// Queues an invocation; the future is its outcome, an error if there is none within the deadline. Lambda would then
    /// kill the process; so does [`Function::invoke`].
    pub fn queue(
        &self,
        payload: Bytes,
        deadline: Duration,
        trace_id: Option<&str>,
    ) -> impl Future<Output = Result<Outcome>> + use<> {
        let (begun, outcome) = self.enqueue(payload, deadline, trace_id);
        async move {
            tokio::time::timeout(PATIENCE, begun).await.context("nobody took the invocation")??;
            Ok(tokio::time::timeout(deadline, outcome).await.context("timed out")??)
        }
    }

    /// When it is handed out, and what it comes to.
    fn enqueue(
        &self,
        payload: Bytes,
        deadline: Duration,
        trace_id: Option<&str>,
    ) -> (oneshot::Receiver<()>, oneshot::Receiver<Outcome>) {
        let (answer, outcome) = oneshot::channel();
        let (handed_out, begun) = oneshot::channel();
        {
            let mut inner = self.service.inner();
            inner.next_id += 1;
            let id = format!("00000000-0000-4000-8000-{:012}", inner.next_id);
            inner.answers.insert(id.clone(), answer);
            let trace_id = trace_id.map(str::to_owned);
            inner.queue.push_back(Queued { id, payload, deadline, trace_id, handed_out });
        }
        self.service.queued.notify_one();
        (begun, outcome)
    }

    /// Invokes the function; kills it if it takes longer than `deadline`, as Lambda does.
    pub async fn invoke(&mut self, payload: impl Into<Bytes>, deadline: Duration) -> Result<Outcome> {
        let outcome = self.queue(payload.into(), deadline, None).await;
        if outcome.is_err() {
            self.kill().await?;
        }
        outcome
    }

    /// Invokes the function, tells it of this deadline, and waits for its answer also after that, as Lambda does not.
    pub async fn invoke_beyond(&self, deadline: Duration, payload: impl Into<Bytes>) -> Result<Outcome> {
        let (_begun, outcome) = self.enqueue(payload.into(), deadline, None);
        Ok(tokio::time::timeout(deadline + PATIENCE, outcome).await.context("no answer")??)
    }

    /// Invokes the function with less time than it may need. Once that is over, it is killed as soon as `sent` holds: on a machine that does much
    /// else, what it does shortly before its time is over may come later.
    pub async fn run_out_of_time(
        &mut self,
        payload: impl Into<Bytes>,
        deadline: Duration,
        sent: impl Fn() -> bool,
    ) -> Result<OutOfTime> {
        let (begun, mut outcome) = self.enqueue(payload.into(), deadline, None);
        tokio::time::timeout(PATIENCE, begun).await.context("nobody took the invocation")??;
        if let Ok(answer) = tokio::time::timeout(deadline, &mut outcome).await {
            return Ok(OutOfTime { answer: Some(answer?), sent_in_time: sent() });
        }
        let (over, sent_in_time) = (Instant::now(), sent());
        while !sent() && over.elapsed() < PATIENCE {
            tokio::time::sleep(BETWEEN_LOOKS).await;
        }
        // Whether it has answered meanwhile is known once it no longer can.
        self.freeze()?;
        let answer = outcome.try_recv().ok();
        match answer {
            Some(_) => self.thaw()?,
            None => self.kill().await?,
        }
        Ok(OutOfTime { answer, sent_in_time })
    }

    /// Its process.
    pub fn id(&self) -> i32 {
        self.pid.as_raw_nonzero().get()
    }

    /// From spawning the process to its first answer, if it gave one: time, and CPU time of the process.
    pub fn first_answer(&self) -> Option<(Duration, Duration)> {
        let answer = self.service.inner().first_answer?;
        Some((answer.at - self.spawned, answer.cpu))
    }

    /// What it wrote so far: all that it wrote before whatever is known of it, such as an answer.
    pub fn logs(&self) -> Vec<String> {
        self.output.lines()
    }

    /// Stops the process, as between invocations.
    pub fn freeze(&self) -> Result<()> {
        Ok(kill_process(self.pid, Signal::STOP)?)
    }

    /// Lets it go on.
    pub fn thaw(&self) -> Result<()> {
        Ok(kill_process(self.pid, Signal::CONT)?)
    }

    /// Ends the sandbox as Lambda does: SIGTERM if an extension is registered, then SIGKILL. Whether it ended by itself.
    pub async fn terminate(&mut self) -> Result<bool> {
        if self.service.inner().registered {
            kill_process(self.pid, Signal::TERM)?;
            // A frozen sandbox is thawed to shut down.
            self.thaw()?;
            if tokio::time::timeout(PATIENCE, self.process.wait()).await.is_ok() {
                return Ok(true);
            }
        }
        self.kill().await?;
        Ok(false)
    }

    /// SIGKILL.
    pub async fn kill(&mut self) -> Result<()> {
        Ok(self.process.kill().await?)
    }

    /// CPU time of all its threads, user and system.
    pub fn cpu(&self) -> Result<Duration> {
        Ok(cpu_of(self.pid)?)
    }

    /// The most memory it has held, in bytes.
    pub fn peak_rss(&self) -> Result<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid.as_raw_nonzero()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).context("no VmHWM")?;
        Ok(line.trim().trim_end_matches(" kB").parse::<u64>()? * 1024)
    }
}

fn cpu_of(pid: Pid) -> std::io::Result<Duration> {
    let mut nanoseconds = 0;
    for task in std::fs::read_dir(format!("/proc/{}/task", pid.as_raw_nonzero()))? {
        let statistics = std::fs::read_to_string(task?.path().join("schedstat")).unwrap_or_default();
        nanoseconds += statistics.split(' ').next().and_then(|text| text.parse::<u64>().ok()).unwrap_or_default();
    }
    Ok(Duration::from_nanos(nanoseconds))
}

async fn next(State(service): State<Arc<Service>>) -> Response {
    {
        let mut inner = service.inner();
        inner.last_poll = Some(Instant::now());
        if inner.polls == 0 {
            inner.cpu_at_first_poll = service.pid.get().and_then(|pid| cpu_of(*pid).ok()).unwrap_or_default();
        }
        inner.waiting_polls += 1;
        inner.polls += 1;
    }
    service.polled.notify_waiters();
    let _counted = Waiting(service.clone());
    loop {
        let queued = service.queued.notified();
        let next = service.inner().queue.pop_front();
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
            service.inner().started.insert(invocation.id, Instant::now());
            return answer.body(Body::from(invocation.payload)).unwrap_or_default();
        }
        queued.await;
    }
}

/// A poll that waits, until it does not.
struct Waiting(Arc<Service>);

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.inner().waiting_polls -= 1;
    }
}

async fn response(State(service): State<Arc<Service>>, Path(id): Path<String>, body: Bytes) -> StatusCode {
    service.answer(&id, Ok(body));
    StatusCode::ACCEPTED
}

async fn error(State(service): State<Arc<Service>>, Path(id): Path<String>, body: Bytes) -> StatusCode {
    service.answer(&id, Err(body));
    StatusCode::ACCEPTED
}

async fn init_error() -> StatusCode {
    StatusCode::ACCEPTED
}

async fn register(State(service): State<Arc<Service>>, _headers: HeaderMap) -> Response {
    if !service.extensions {
        return Response::builder().status(StatusCode::NOT_FOUND).body(Body::empty()).unwrap_or_default();
    }
    service.inner().registered = true;
    Response::builder().header("lambda-extension-identifier", "extension-1").body(Body::from("{}")).unwrap_or_default()
}

async fn extension_next() -> StatusCode {
    std::future::pending().await
}
