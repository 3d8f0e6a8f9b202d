//! A proxy between the functions and AWS that makes calls fail at a chosen point: before AWS has done what it was asked, or after.
//! It keeps what was asked, and with whose credentials.

use std::{
    collections::{HashMap, HashSet},
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use axum::body::{Body, Bytes, to_bytes};
use hyper::{Request, Response, body::Incoming, service::service_fn};
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use procfs::process::{FDTarget, Process, all_processes};
use rustix::process::{Pid, Signal, kill_process};
use tokio::net::TcpListener;

use crate::signed::{Session, Signed};

/// What can happen to a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The connection ends before AWS hears of it.
    LoseRequest,
    /// AWS does it; the connection ends before the answer.
    LoseAnswer,
    /// The function's process is killed before AWS hears of it.
    KillBefore,
    /// AWS does it; the process is killed before the answer.
    KillAfter,
    /// AWS does it; the answer takes this long.
    HoldAnswer(Duration),
    /// The request takes this long to reach AWS, which does it then, whether or not anybody still waits.
    HoldRequest(Duration),
    /// AWS refuses.
    Refuse(Refusal),
}

/// How AWS refuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// Too many requests.
    Throttled,
    /// Another transaction is at the same items.
    Conflict,
    /// 400 for lack of rights: what no retry mends.
    Denied,
    /// 500 or 503.
    Broken(u16),
}

/// Which calls a fault befalls.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Name of the calling function.
    pub function: &'static str,
    /// The action, such as `TransactWriteItems`; any if none.
    pub action: Option<&'static str>,
    /// How many matching calls pass before.
    pub skip: usize,
    /// How many it befalls.
    pub times: usize,
    /// What befalls them.
    pub fault: Fault,
}

/// A plan under way. It ends when it is let go.
#[derive(Debug)]
pub struct Armed {
    id: u64,
    injected: Arc<AtomicUsize>,
    state: Arc<Mutex<State>>,
}

impl Armed {
    /// How often it has struck.
    pub fn injected(&self) -> usize {
        self.injected.load(Ordering::SeqCst)
    }
}

impl Drop for Armed {
    fn drop(&mut self) {
        self.state.lock().plans.retain(|(id, ..)| *id != self.id);
    }
}

/// A call that came by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// Name of the calling function.
    pub function: String,
    /// What it asked for.
    pub action: String,
}

#[derive(Debug, Default)]
struct State {
    target: String,
    plans: Vec<(u64, Plan, Arc<AtomicUsize>)>,
    next_id: u64,
    calls: Vec<Call>,
    signed: Vec<Signed>,
    /// Processes that have called.
    callers: HashSet<Pid>,
    /// Sessions that were given out, by access key.
    sessions: HashMap<String, Session>,
}

/// The proxy.
#[derive(Debug, Clone)]
pub struct Proxy {
    /// Its URL, for `AWS_ENDPOINT_URL` of the functions.
    pub url: String,
    state: Arc<Mutex<State>>,
}

/// Who called.
#[derive(Debug, Clone)]
struct Caller {
    pid: Pid,
    function: String,
}

impl Proxy {
    /// Listens on a free port; it passes on to nobody yet.
    pub async fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(Mutex::new(State::default()));
        let client = reqwest::Client::new();
        tokio::spawn(accept(listener, address, state.clone(), client));
        Self { url: format!("http://{address}"), state }
    }

    /// Passes on to this endpoint from now on.
    pub fn forward_to(&self, endpoint: &str) {
        self.state.lock().target = endpoint.to_owned();
    }

    /// Makes calls fail as planned from now on.
    pub fn arm(&self, plan: Plan) -> Armed {
        let injected = Arc::new(AtomicUsize::new(0));
        let mut state = self.state.lock();
        state.next_id += 1;
        let id = state.next_id;
        state.plans.push((id, plan, injected.clone()));
        drop(state);
        Armed { id, injected, state: self.state.clone() }
    }

    /// The calls since this was last asked.
    pub fn take_calls(&self) -> Vec<Call> {
        std::mem::take(&mut self.state.lock().calls)
    }

    /// How often a function has called an action since the calls were last taken.
    pub fn seen(&self, function: &str, action: &str) -> usize {
        let state = self.state.lock();
        state.calls.iter().filter(|call| call.function == function && call.action == action).count()
    }

    /// Ends every function's process that has called, as Lambda ends a sandbox: with SIGTERM, upon which it sends its last spans. The next
    /// invocation is a cold one.
    pub async fn end_functions(&self) {
        let callers = std::mem::take(&mut self.state.lock().callers);
        let is_there = |pid: &Pid| Process::new(pid.as_raw_nonzero().get()).is_ok_and(|process| process.is_alive());
        for pid in callers.iter().filter(|pid| is_there(pid)) {
            let _ended_already = kill_process(*pid, Signal::TERM);
        }
        let started = Instant::now();
        while callers.iter().any(is_there) {
            assert!(started.elapsed() < Duration::from_secs(60), "a function does not end");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// The signed requests since this was last asked.
    pub fn take_signed(&self) -> Vec<Signed> {
        std::mem::take(&mut self.state.lock().signed)
    }
}

async fn accept(listener: TcpListener, address: SocketAddr, state: Arc<Mutex<State>>, client: reqwest::Client) {
    while let Ok((stream, peer)) = listener.accept().await {
        let _small_answers_at_once = stream.set_nodelay(true);
        let (state, client) = (state.clone(), client.clone());
        tokio::spawn(async move {
            let caller = tokio::task::spawn_blocking(move || caller(peer, address)).await.ok().flatten();
            let service = service_fn(move |request| call(state.clone(), client.clone(), caller.clone(), request));
            let _broken_on_purpose =
                hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

/// The process at the other end of a connection.
fn caller(peer: SocketAddr, here: SocketAddr) -> Option<Caller> {
    let sockets = procfs::net::tcp().ok()?;
    let inode = sockets.into_iter().find(|entry| entry.local_address == peer && entry.remote_address == here)?.inode;
    let holds = |process: &Process| {
        let mut files = process.fd().into_iter().flatten().flatten();
        files.any(|file| matches!(file.target, FDTarget::Socket(found) if found == inode))
    };
    let process = all_processes().ok()?.flatten().find(holds)?;
    let environment: HashMap<_, _> = process.environ().ok()?;
    let function = environment.get(std::ffi::OsStr::new("AWS_LAMBDA_FUNCTION_NAME"))?.to_str()?.to_owned();
    Some(Caller { pid: Pid::from_raw(process.pid)?, function })
}

/// A connection that ends without an answer.
type Lost = std::io::Error;

fn lost() -> Lost {
    std::io::ErrorKind::ConnectionAborted.into()
}

async fn call(
    state: Arc<Mutex<State>>,
    client: reqwest::Client,
    caller: Option<Caller>,
    request: Request<Incoming>,
) -> Result<Response<Body>, Lost> {
    let (parts, body) = request.into_parts();
    let body = to_bytes(Body::new(body), usize::MAX).await.map_err(|_| lost())?;
    let action = action(&parts, &body);
    let function = caller.as_ref().map(|caller| caller.function.clone()).unwrap_or_default();
    let (target, fault) = {
        let mut state = state.lock();
        let fault = state.plans.iter_mut().find_map(|(_, plan, injected)| {
            if plan.function != function || plan.action.is_some_and(|wanted| wanted != action) || plan.times == 0 {
                return None;
            }
            if plan.skip > 0 {
                plan.skip -= 1;
                return None;
            }
            plan.times -= 1;
            injected.fetch_add(1, Ordering::SeqCst);
            Some(plan.fault)
        });
        let signed = Signed::read(&function, &action, &parts, &body, &state.sessions);
        state.signed.extend(signed);
        state.calls.push(Call { function, action });
        state.callers.extend(caller.as_ref().map(|caller| caller.pid));
        (state.target.clone(), fault)
    };
    let is_json = parts.headers.contains_key("x-amz-target");
    let kill = || {
        let killed = caller.as_ref().map(|caller| kill_process(caller.pid, Signal::KILL));
        assert!(killed.is_some(), "a plan matched a caller without a process");
    };
    match fault {
        Some(Fault::Refuse(refusal)) => return Ok(refuse(refusal, is_json)),
        Some(Fault::LoseRequest) => return Err(lost()),
        Some(Fault::KillBefore) => {
            kill();
            return Err(lost());
        }
        _ => {}
    }
    // On a task of its own: what is under way reaches AWS although its caller may have ended.
    let forwarded = tokio::spawn(async move {
        if let Some(Fault::HoldRequest(hold)) = fault {
            tokio::time::sleep(hold).await;
        }
        let answer = forward(&client, &target, parts, body.clone()).await?;
        state.lock().sessions.extend(Session::given_out(&body, answer.body()));
        Ok(answer.map(Body::from))
    });
    let answer = forwarded.await.map_err(|_| lost())?;
    match fault {
        Some(Fault::LoseAnswer) => Err(lost()),
        Some(Fault::KillAfter) => {
            kill();
            Err(lost())
        }
        Some(Fault::HoldAnswer(hold)) => {
            tokio::time::sleep(hold).await;
            answer
        }
        _ => answer,
    }
}

async fn forward(
    client: &reqwest::Client,
    target: &str,
    parts: hyper::http::request::Parts,
    body: Bytes,
) -> Result<Response<Bytes>, Lost> {
    let path = parts.uri.path_and_query().map(ToString::to_string).unwrap_or_default();
    // The host stays: it is signed.
    let sent = client.request(parts.method, format!("{target}{path}")).headers(parts.headers).body(body).send().await;
    let answer = sent.map_err(|_| lost())?;
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = answer.status();
    *response.headers_mut() = answer.headers().clone();
    response.headers_mut().remove("transfer-encoding");
    *response.body_mut() = answer.bytes().await.map_err(|_| lost())?;
    Ok(response)
}

/// `TransactWriteItems`, `PublishBatch`, `AssumeRole`, `GET jwks.json`.
fn action(parts: &hyper::http::request::Parts, body: &Bytes) -> String {
    let target = parts.headers.get("x-amz-target").and_then(|value| value.to_str().ok());
    let of_target = target.and_then(|target| target.split('.').next_back()).map(str::to_owned);
    let of_form = || {
        let text = String::from_utf8_lossy(body);
        text.split('&').find_map(|pair| pair.strip_prefix("Action=")).map(str::to_owned)
    };
    let of_path = || format!("{} {}", parts.method, parts.uri.path().rsplit('/').next().unwrap_or_default());
    of_target.or_else(of_form).unwrap_or_else(of_path)
}

fn refuse(refusal: Refusal, is_json: bool) -> Response<Body> {
    let (status, code) = match refusal {
        Refusal::Throttled if is_json => (400, "ProvisionedThroughputExceededException"),
        Refusal::Throttled => (400, "Throttling"),
        Refusal::Conflict => (400, "TransactionCanceledException"),
        Refusal::Denied => (400, "AccessDeniedException"),
        Refusal::Broken(500) => (500, "InternalServerError"),
        Refusal::Broken(status) => (status, "ServiceUnavailable"),
    };
    let reasons = (refusal == Refusal::Conflict)
        .then(|| serde_json::json!([{ "Code": "TransactionConflict", "Message": "injected" }, { "Code": "None" }]));
    let (content_type, body) = if is_json {
        let kind = format!("com.amazonaws.dynamodb.v20120810#{code}");
        let body = serde_json::json!({ "__type": kind, "message": "injected", "CancellationReasons": reasons });
        ("application/x-amz-json-1.0", body.to_string())
    } else {
        let error = format!("<Error><Type>Sender</Type><Code>{code}</Code><Message>injected</Message></Error>");
        ("text/xml", format!("<ErrorResponse>{error}<RequestId>injected</RequestId></ErrorResponse>"))
    };
    let answer = Response::builder().status(status).header("content-type", content_type);
    answer.body(Body::from(body)).unwrap_or_default()
}

/// Waits until a plan has struck as often as it was to.
pub async fn struck(armed: &Armed, times: usize, within: Duration) -> bool {
    let started = Instant::now();
    while armed.injected() < times && started.elapsed() < within {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    armed.injected() >= times
}
