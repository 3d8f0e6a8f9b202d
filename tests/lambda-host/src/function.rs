//! A function's process, which is started, invoked, frozen and ended as Lambda does it.

use std::{
    path::PathBuf,
    process::Stdio,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use bytes::Bytes;
use rustix::process::{Pid, Signal, kill_process};
use tokio::{
    process::{Child, Command},
    sync::oneshot,
};

use crate::{
    output::Output,
    runtime_api::{self, LambdaService, QueuedInvocation},
    serve,
};

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

/// A running function.
pub struct Function {
    service: Arc<LambdaService>,
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
        let service = Arc::new(LambdaService {
            extensions: config.extensions,
            name: config.name.clone(),
            ..LambdaService::default()
        });
        let api = serve(runtime_api::router(service.clone())).await?;

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
            let state = function.service.state();
            function.cpu_at_first_poll = state.cpu_at_first_poll;
            function.first_poll = state.last_poll.map(|at| at - spawned).unwrap_or_default();
        }
        Ok(function)
    }

    fn service_polled(&self) -> impl Future<Output = Result<()>> + use<> {
        let service = self.service.clone();
        async move {
            let waiting = async {
                loop {
                    let polled = service.polled.notified();
                    if service.state().waiting_polls > 0 {
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
        let state = self.service.state();
        let busy =
            state.last_poll.zip(state.last_response).map(|(poll, response)| poll.saturating_duration_since(response));
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
            let mut state = self.service.state();
            state.next_id += 1;
            let id = format!("00000000-0000-4000-8000-{:012}", state.next_id);
            state.answers.insert(id.clone(), answer);
            let trace_id = trace_id.map(str::to_owned);
            state.queue.push_back(QueuedInvocation { id, payload, deadline, trace_id, handed_out });
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
        let answer = self.service.state().first_answer?;
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
        if self.service.state().registered {
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

/// The CPU time that all threads of a process have taken, user and system.
pub(crate) fn cpu_of(pid: Pid) -> std::io::Result<Duration> {
    let mut nanoseconds = 0;
    for task in std::fs::read_dir(format!("/proc/{}/task", pid.as_raw_nonzero()))? {
        let statistics = std::fs::read_to_string(task?.path().join("schedstat")).unwrap_or_default();
        nanoseconds += statistics.split(' ').next().and_then(|text| text.parse::<u64>().ok()).unwrap_or_default();
    }
    Ok(Duration::from_nanos(nanoseconds))
}
