//! Servers side by side: all take spans and answer, one leads. However it goes, another takes over, and each five minutes are judged once.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::{
    io::{BufRead, BufReader, Read},
    path::Path,
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};
use base64::{Engine, prelude::BASE64_STANDARD};
use control_plane::{alerting::Alarm, api::SloAnswer, evaluator::Subject};
use flate2::read::GzDecoder;
use opentelemetry_proto::tonic::trace::v1::{Span, Status};
use parking_lot::Mutex;
use serde_json::{Value, json};
use testkit::{
    clickhouse::ClickHouse,
    control_plane::{Server, now_ns, text},
    dynamodb::Table,
    program,
};
use tokio::sync::watch;

const SLOT: i64 = 300;
const PATIENCE: Duration = Duration::from_secs(180);
/// A store of what was judged goes through while there are so many left; others wait for the gate.
const UNLIMITED: usize = usize::MAX / 2;

/// What the servers stored in the end, in order: by which of them, and until when was judged.
type Judged = Arc<Mutex<Vec<(usize, i64)>>>;

/// DynamoDB as one server sees it.
#[derive(Clone)]
struct Gate {
    server: usize,
    table: Arc<Table>,
    judged: Judged,
    /// Nothing gets through while it is shut.
    open: Arc<watch::Sender<bool>>,
    stores: Arc<AtomicUsize>,
    /// Stores wait until this is so.
    released: Arc<watch::Sender<bool>>,
    held: Arc<watch::Sender<usize>>,
    /// What became of those that waited.
    outcomes: Arc<Mutex<Vec<String>>>,
    /// How often the lease was looked at.
    looks: Arc<AtomicUsize>,
}

impl Gate {
    async fn start(server: usize, table: Arc<Table>, judged: Judged, stores: usize) -> (Self, String) {
        let gate = Self {
            server,
            table,
            judged,
            open: Arc::new(watch::Sender::new(false)),
            stores: Arc::new(AtomicUsize::new(stores)),
            released: Arc::new(watch::Sender::new(false)),
            held: Arc::new(watch::Sender::new(0)),
            outcomes: Arc::default(),
            looks: Arc::default(),
        };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let pass = |State(gate): State<Self>, headers: HeaderMap, body: Bytes| async move {
            if !*gate.open.borrow() {
                return StatusCode::SERVICE_UNAVAILABLE.into_response();
            }
            // It goes its way also when whoever sent it does not wait.
            tokio::spawn(async move { gate.pass(headers, body).await }).await.unwrap()
        };
        let router = Router::new().fallback(pass).with_state(gate.clone());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        (gate, url)
    }

    async fn pass(&self, mut headers: HeaderMap, body: Bytes) -> Response {
        let action = headers["x-amz-target"].to_str().unwrap().to_owned();
        let is_store = action.ends_with("TransactWriteItems");
        if action.ends_with("GetItem") {
            self.looks.fetch_add(1, Ordering::SeqCst);
        }
        let left = self.stores.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
        let waits = is_store && left.is_err();
        if !is_store {
            self.stores.fetch_add(usize::from(left.is_ok()), Ordering::SeqCst);
        } else if waits {
            self.held.send_modify(|held| *held += 1);
            self.released.subscribe().wait_for(|released| *released).await.unwrap();
        }
        headers.remove("host");
        let answer = reqwest::Client::new().post(&self.table.url).headers(headers).body(body.clone()).send();
        let answer = answer.await.unwrap();
        let status = answer.status();
        let text = answer.text().await.unwrap();
        if waits {
            self.outcomes.lock().push(text.clone());
        } else if is_store && status == 200 {
            self.judged.lock().push((self.server, until(&body)));
        }
        (status, [("content-type", "application/x-amz-json-1.0")], text).into_response()
    }
}

/// Until when was judged, in a request to store it.
fn until(body: &[u8]) -> i64 {
    let request: Value = serde_json::from_slice(body).unwrap();
    let items = request["TransactItems"].as_array().unwrap();
    let part = items.iter().find_map(|item| item["Put"]["Item"]["part"]["B"].as_str()).unwrap();
    let state: Value = serde_json::from_reader(GzDecoder::new(&*BASE64_STANDARD.decode(part).unwrap())).unwrap();
    state["until"].as_i64().unwrap()
}

/// How a server is started.
fn command(verb: &str, clickhouse: &str, database: &str, rest: &[&str]) -> Command {
    let store = format!("{}/{database}", clickhouse.replace("http", "clickhouse"));
    let mut command = Command::new(program("control-plane"));
    command.arg(verb).args(["--store", &store]).args(rest).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn serve(clickhouse: &str, database: &str, dir: &Path, rest: &[&str]) -> Command {
    let config = dir.join("control-plane.toml");
    std::fs::write(&config, "[slo]\nsettle_seconds = 0").unwrap();
    let mut command = command("serve", clickhouse, database, rest);
    command.args(["--listen", "127.0.0.1:0", "--data"]).arg(dir).arg("--config").arg(config);
    command
}

/// Reads where it listens.
fn listening(mut process: Child) -> Server {
    let mut line = String::new();
    BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let Some(url) = line.trim().strip_prefix("listening on ") else {
        let mut reason = String::new();
        process.stderr.take().unwrap().read_to_string(&mut reason).unwrap();
        panic!("{reason}");
    };
    // What it says, this test's reader sees.
    let mut said = BufReader::new(process.stderr.take().unwrap());
    std::thread::spawn(move || std::io::copy(&mut said, &mut std::io::stderr()));
    Server { url: url.to_owned(), process }
}

/// What a server that does not start says.
fn refusal(mut command: Command) -> String {
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{}", String::from_utf8_lossy(&output.stdout));
    String::from_utf8(output.stderr).unwrap()
}

fn signal(server: &Server, name: &str) {
    let sent = Command::new("kill").args([format!("-{name}"), server.process.id().to_string()]).status().unwrap();
    assert!(sent.success());
}

async fn eventually<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    while begun.elapsed() < PATIENCE {
        if let Some(found) = look().await {
            return found;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("{what}: not within {PATIENCE:?}");
}

/// An hour of two tenants, forty requests of each in five minutes; one fails often for half an hour.
fn hour(closed: i64) -> Vec<Span> {
    let span = |number: i64| {
        let slot = number / 80;
        let start = (closed - 3_600 + slot * SLOT + number % 80 * 3) as u64 * 1_000_000_000;
        let failed = number % 2 == 0 && (3..9).contains(&slot) && number % 8 == 0;
        Span {
            trace_id: (number as u128 + 1).to_be_bytes().to_vec(),
            span_id: (number as u64 + 1).to_be_bytes().to_vec(),
            name: "GET /bookings".into(),
            kind: 2,
            start_time_unix_nano: start,
            end_time_unix_nano: start + 5_000_000,
            attributes: vec![
                text("tenant.id", if number % 2 == 0 { "acme" } else { "globex" }),
                text("tenant.tier", "basic"),
            ],
            status: failed.then(|| Status { code: 2, ..Status::default() }),
            ..Span::default()
        }
    };
    (0..12 * 80).map(span).collect()
}

async fn get<T: serde::de::DeserializeOwned>(server: &Server, path: &str) -> T {
    reqwest::get(format!("{}{path}", server.url)).await.unwrap().json().await.unwrap()
}

async fn statuses(server: &Server, closed: i64) -> Option<SloAnswer> {
    let answer: SloAnswer = get(server, "/api/slo").await;
    (answer.at >= closed).then_some(answer)
}

/// Alerts as they were when this closed, the latest first.
async fn alerts(server: &Server, closed: i64) -> Vec<Alarm> {
    let mut alerts: Vec<Alarm> = get(server, "/api/alerts").await;
    alerts.retain(|alarm| alarm.alert.opened <= closed);
    alerts.iter_mut().for_each(|alarm| alarm.alert.closed = alarm.alert.closed.filter(|at| *at <= closed));
    alerts
}

/// Waits until whoever is behind this gate leads, by the number that this makes. It looks every three seconds: half a minute is ten looks, and a
/// leader reads what was judged.
async fn led(table: &Table, gate: &Gate, term: &str) {
    let looks = gate.looks.load(Ordering::SeqCst);
    let key = json!({ "pk": { "S": "CONTROL_PLANE" }, "sk": { "S": "LEASE" } });
    eventually("another leader", async || {
        let lease = table.ask("GetItem", &json!({ "TableName": table.name, "Key": key })).await;
        (lease["Item"]["term"]["N"] == term).then_some(())
    })
    .await;
    let looks = gate.looks.load(Ordering::SeqCst) - looks;
    assert!(looks <= 10 + 5, "{looks} looks until it leads");
}

/// Requests of acme that failed in thirty days.
fn failed(answer: &SloAnswer) -> u64 {
    let acme = answer.tenants.iter().find(|line| line.status.subject == Subject::Tenant("acme".into())).unwrap();
    acme.status.evaluation.budget.failed
}

#[tokio::test(flavor = "multi_thread")]
async fn each_five_minutes_are_judged_once_whoever_leads() {
    let (clickhouse, table) = (ClickHouse::start(), Arc::new(Table::start().await));
    let database = format!("led_{}", std::process::id());
    assert!(command("migrate", &clickhouse.url, &database, &[]).output().unwrap().status.success());
    let judged = Judged::default();
    let dirs = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let mut gates = Vec::new();
    let mut processes = Vec::new();
    for (number, dir) in dirs.iter().enumerate() {
        let (gate, url) = Gate::start(number, table.clone(), judged.clone(), 5).await;
        let mut command = serve(&clickhouse.url, &database, dir.path(), &["--states", "dynamodb:states"]);
        processes.push(command.envs(table.environment(&url)).spawn().unwrap());
        gates.push(gate);
    }
    let mut servers: Vec<Server> = processes.into_iter().map(listening).collect();

    // Both take spans, while nobody can lead: nothing is summed or judged.
    let closed = now_ns() / 1_000_000_000 / SLOT * SLOT;
    let spans = hour(closed);
    for (number, server) in servers.iter().enumerate() {
        let own = spans.iter().enumerate().filter(|(index, _)| index / 3 % 2 == number).map(|(_, span)| span.clone());
        let own = own.collect();
        assert_eq!(server.send(own).await.unwrap().status(), 200);
        assert_eq!(get::<SloAnswer>(server, "/api/slo").await.at, 0);
    }
    // One of them leads, and is stopped amid judging, with a store under way.
    gates.iter().for_each(|gate| assert!(!gate.open.send_replace(true)));
    let first = eventually("a leader", async || gates.iter().position(|gate| *gate.held.borrow() > 0)).await;
    let second = 1 - first;
    signal(&servers[first], "STOP");
    assert_eq!(judged.lock().len(), 5);
    gates[second].stores.store(UNLIMITED, Ordering::SeqCst);
    led(&table, &gates[second], "2").await;
    eventually("the rest", async || judged.lock().last().filter(|(by, at)| *by == second && *at >= closed).copied())
        .await;

    // What was under way is refused; who was stopped goes on, answers as the other does, and stores nothing.
    gates[first].released.send_replace(true);
    gates[first].stores.store(UNLIMITED, Ordering::SeqCst);
    signal(&servers[first], "CONT");
    let looks = gates[first].looks.load(Ordering::SeqCst);
    eventually("two looks", async || (gates[first].looks.load(Ordering::SeqCst) >= looks + 2).then_some(())).await;
    let of_both = eventually("the same answer", async || {
        let (a, b) = (statuses(&servers[0], closed).await?, statuses(&servers[1], closed).await?);
        let lines = |answer: &SloAnswer| serde_json::to_value((&answer.tenants, &answer.groups)).unwrap();
        (lines(&a) == lines(&b)).then_some(a)
    });
    assert_eq!(failed(&of_both.await), 6 * 10);
    assert_eq!(alerts(&servers[0], closed).await, alerts(&servers[1], closed).await);
    let outcomes = eventually("what became of those that waited", async || {
        let outcomes = gates[first].outcomes.lock().clone();
        (outcomes.len() == *gates[first].held.borrow()).then_some(outcomes)
    })
    .await;
    assert!(
        !outcomes.is_empty() && outcomes.iter().all(|text| text.contains("ConditionalCheckFailed")),
        "{outcomes:?}"
    );
    assert!(judged.lock()[5..].iter().all(|(by, _)| *by == second), "{:?}", judged.lock());

    // The second is killed: the first leads again. It knows of late spans, and makes sums of what the dead one acknowledged.
    let late = |number: i64| Span {
        trace_id: (number as u128 + 1_000_000).to_be_bytes().to_vec(),
        start_time_unix_nano: (closed - 86_400) as u64 * 1_000_000_000,
        end_time_unix_nano: (closed - 86_399) as u64 * 1_000_000_000,
        status: Some(Status { code: 2, ..Status::default() }),
        ..spans[0].clone()
    };
    assert_eq!(servers[second].send(vec![late(1)]).await.unwrap().status(), 200);
    servers[second].kill();
    assert_eq!(servers[first].send(vec![late(2)]).await.unwrap().status(), 200);
    led(&table, &gates[first], "3").await;
    eventually("late spans", async || (failed(&statuses(&servers[first], closed).await?) == 62).then_some(())).await;

    // Each five minutes once, none left out; and told of is what one server alone tells of the same spans.
    let ends: Vec<i64> = judged.lock().iter().map(|(_, at)| *at).collect();
    assert!(ends.windows(2).all(|pair| pair[1] - pair[0] == SLOT), "{ends:?}");
    assert!(ends[0] <= closed - 3_300 && *ends.last().unwrap() >= closed, "{ends:?}");
    let dir = tempfile::tempdir().unwrap();
    let alone = Server::configured(dir.path(), "[slo]\nsettle_seconds = 0");
    assert_eq!(alone.send(spans.clone()).await.unwrap().status(), 200);
    eventually("one server alone", async || statuses(&alone, closed).await).await;
    let expected = alerts(&alone, closed).await;
    assert!(expected.len() >= 3, "{expected:?}");
    assert_eq!(alerts(&servers[first], closed).await, expected);
}

#[test]
fn a_second_server_with_states_of_its_own_is_refused() {
    let clickhouse = ClickHouse::start();
    let database = format!("kept_{}", std::process::id());
    let [own, other] = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let serve = |dir: &tempfile::TempDir, rest: &[&str]| serve(&clickhouse.url, &database, dir.path(), rest);
    assert!(refusal(serve(&own, &[])).contains("control-plane migrate"));
    assert!(command("migrate", &clickhouse.url, &database, &[]).output().unwrap().status.success());
    let mut first = listening(serve(&own, &[]).spawn().unwrap());

    let reason = refusal(serve(&other, &[]));
    assert!(reason.contains(own.path().to_str().unwrap()) && reason.contains("--states dynamodb:TABLE"), "{reason}");
    let mut in_a_table = serve(&other, &["--states", "dynamodb:states"]);
    in_a_table.env("AWS_REGION", "us-east-1");
    assert!(refusal(in_a_table).contains(own.path().to_str().unwrap()));
    assert!(refusal(serve(&own, &[])).contains("holds this folder"));
    // Whoever was first comes back.
    first.kill();
    assert!(refusal(serve(&other, &[])).contains("another server keeps the alerts"));
    drop(listening(serve(&own, &[]).spawn().unwrap()));
}
