//! Error rates, budgets, costs and alerts of each tenant follow from spans alone, and equal a recount of them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::{
    collections::BTreeSet,
    process::Command,
    sync::{Arc, Mutex},
    time::Duration,
};

use aws_lc_rs::hmac;
use axum::{Router, body::Bytes, extract::State, http::HeaderMap, routing::post};
use control_plane::{
    alerting::Alarm,
    api::{SloAnswer, TenantAnswer, TurnedAwayAnswer},
    evaluator::Subject,
};
use control_plane_clickhouse::ClickHouse;
use control_plane_model::refusals::RefusalLine;
use opentelemetry_proto::tonic::trace::v1::Span;
use serde_json::{Value, json};
use slo::Condition;
use testkit::{
    control_plane::{Server, access_log_delivery, now_ns, number, refused_line, request_of, text},
    program,
};

const SLOT: u64 = 300;
const DAY: u64 = 86_400;
const PRICES: &str = "[prices]\ncurrency = \"USD\"\n[prices.default]\nper_million_requests = 4.7\nper_gb_second = 0.0000133334\nmemory_mb = 256\n";

/// A request as one span: what a recount needs to know of it.
#[derive(Debug, Clone, Copy)]
struct Request {
    tenant: &'static str,
    tier: &'static str,
    start: u64,
    duration_ns: u64,
    status: i64,
}

/// The end of the five minutes that are closed, a minute at least before the next are.
async fn closed() -> u64 {
    loop {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
        let left = SLOT - now % SLOT;
        if left > 60 {
            return now / SLOT * SLOT;
        }
        tokio::time::sleep(Duration::from_secs(left)).await;
    }
}

/// Four days as usual; in the last ten minutes globex fails at 8 %, oceanic is four times as slow, and one in ten of acme's is throttled. In the last
/// five a user of acme guesses booking numbers.
fn requests(closed: u64) -> Vec<Request> {
    let mut all = Vec::new();
    for (tenant, tier) in [("acme", "basic"), ("globex", "standard"), ("oceanic", "premium")] {
        let usual = |n: u64| 40_000_000 + (n * 7_919 % 100) * 1_000_000;
        for day in 1..=4 {
            for n in 0..240 {
                let start = closed - day * DAY - 3_600 + n;
                all.push(Request { tenant, tier, start, duration_ns: usual(n), status: 200 });
            }
        }
        for n in 0..1_200 {
            let start = closed - 3_600 + n * 3;
            let hurt = start >= closed - 2 * SLOT;
            let slower = if hurt && tenant == "oceanic" { 4 } else { 1 };
            let status = match tenant {
                "globex" if hurt && n % 12 == 0 => 503,
                "acme" if hurt && n % 10 == 0 => 429,
                "acme" if start >= closed - SLOT && n % 3 == 0 => 404,
                _ => 200,
            };
            all.push(Request { tenant, tier, start, duration_ns: usual(n) * slower, status });
        }
    }
    all
}

fn span(index: usize, request: &Request) -> Span {
    let start = request.start * 1_000_000_000 + 1;
    Span {
        trace_id: (index as u128 + 1).to_be_bytes().to_vec(),
        span_id: (index as u64 + 1).to_be_bytes().to_vec(),
        name: "GET /bookings".into(),
        kind: 2,
        start_time_unix_nano: start,
        end_time_unix_nano: start + request.duration_ns,
        attributes: vec![
            text("tenant.id", request.tenant),
            text("tenant.tier", request.tier),
            number("http.response.status_code", request.status),
        ]
        .into_iter()
        .chain(
            (request.status == 404)
                .then(|| [text("enduser.id", "eve"), text("problem.code", "no_such_booking")])
                .into_iter()
                .flatten(),
        )
        .collect(),
        ..Span::default()
    }
}

async fn get<T: serde::de::DeserializeOwned>(server: &Server, path: &str) -> T {
    reqwest::get(format!("{}{path}", server.url)).await.unwrap().json().await.unwrap()
}

/// Waits for a pass that has seen all there is.
async fn evaluated(server: &Server, at: u64) -> SloAnswer {
    for _ in 0..900 {
        let answer: SloAnswer = get(server, "/api/slo").await;
        if answer.at >= i64::try_from(at).unwrap() && answer.tenants.len() == 3 {
            return answer;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("no evaluation");
}

type Taken = Arc<Mutex<Vec<(HeaderMap, Bytes)>>>;

/// A receiver of alerts that fails at first.
async fn webhook() -> (Taken, String) {
    let taken = Taken::default();
    let failures = Arc::new(Mutex::new(1));
    let state = (taken.clone(), failures);
    let take = |State((taken, failures)): State<(Taken, Arc<Mutex<u32>>)>, headers: HeaderMap, body: Bytes| async move {
        let mut failures = failures.lock().unwrap();
        if *failures > 0 {
            *failures -= 1;
            return axum::http::StatusCode::BAD_GATEWAY;
        }
        taken.lock().unwrap().push((headers, body));
        axum::http::StatusCode::OK
    };
    let router = Router::new().route("/alerts", post(take)).with_state(state);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/alerts", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    (taken, url)
}

#[tokio::test(flavor = "multi_thread")]
async fn on_the_embedded_engine() {
    numbers_alerts_and_costs("").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_clickhouse() {
    let database = testkit::clickhouse::ClickHouse::start();
    ClickHouse::new(&database.store().parse().unwrap()).migrate().await.unwrap();
    numbers_alerts_and_costs(&format!("store = {:?}\n", database.store())).await;
}

async fn numbers_alerts_and_costs(store: &str) {
    let (taken, webhook) = webhook().await;
    let dir = tempfile::tempdir().unwrap();
    let config = format!(
        "{store}[slo]\nsettle_seconds = 0\nexcluded_tenants = [\"canary\"]\n
         [alerts]\ncontrol_plane_url = \"http://cp.example\"\n[[alerts.webhook]]\nurl = \"{webhook}\"\nsecret = \"s\"\n{PRICES}"
    );
    let mut server = Server::configured(dir.path(), &config);
    let closed = closed().await;
    let requests = requests(closed);
    // In one request, so that no pass sees a part of it.
    let spans = requests.iter().enumerate().map(|(index, request)| span(index, request)).collect();
    assert_eq!(server.send(spans).await.unwrap().status(), 200);
    let answer = evaluated(&server, closed).await;

    for line in &answer.tenants {
        let Subject::Tenant(tenant) = &line.status.subject else { panic!("{line:?}") };
        let own: Vec<&Request> = requests.iter().filter(|request| request.tenant == tenant).collect();
        // If five minutes closed meanwhile, they were quiet.
        let latest: Vec<&&Request> =
            own.iter().filter(|request| i64::try_from(request.start).unwrap() >= answer.at - 300).collect();
        let failed = |requests: &[&&Request]| requests.iter().filter(|request| request.status == 503).count() as u64;
        let evaluation = &line.status.evaluation;
        assert_eq!(
            (evaluation.latest.requests, evaluation.latest.failed),
            (latest.len() as u64, failed(&latest)),
            "{tenant}"
        );
        let all: Vec<&&Request> = own.iter().collect();
        assert_eq!(
            (evaluation.budget.requests, evaluation.budget.failed),
            (own.len() as u64, failed(&all)),
            "{tenant}"
        );
        let allowed = own.len() as f64 * evaluation.objectives.availability.allowed();
        assert!(
            (evaluation.budget.allowed - allowed).abs() < 1e-9 && evaluation.budget.consumed == failed(&all) as f64
        );
        if !latest.is_empty() {
            let mut durations: Vec<u64> = latest.iter().map(|request| request.duration_ns).collect();
            durations.sort_unstable();
            let exact = durations[(durations.len() as f64 * 0.99).ceil() as usize - 1] as f64;
            assert!((evaluation.latest.p99_ns.unwrap() / exact - 1.0).abs() < 0.05, "{tenant}");
        }
    }

    // Each of the two is alerted on for what it suffers; the links lead to what caused it.
    let alerts: Vec<Alarm> = get(&server, "/api/alerts").await;
    let of = |tenant: &str| -> Vec<String> {
        alerts
            .iter()
            .filter(|alarm| alarm.alert.scope.tenant() == Some(tenant))
            .map(|alarm| format!("{:?}", alarm.alert.condition))
            .collect()
    };
    assert!(of("globex").contains(&"ErrorRate".to_owned()), "{alerts:?}");
    assert!(of("oceanic").contains(&"Latency".to_owned()), "{alerts:?}");
    // What is throttled alone is no reason to alert on.
    assert_eq!(of("acme"), ["Refusals"]);
    let guessed = requests.iter().filter(|request| request.status == 404).count();
    let alarm = alerts.iter().find(|alarm| alarm.alert.scope.tenant() == Some("acme")).unwrap();
    assert!(
        alarm.summary.starts_with(&format!("acme (basic): {guessed} of 100 requests were turned away")),
        "{alarm:?}"
    );
    let away: TurnedAwayAnswer = get(&server, &format!("/api{}", alarm.traces)).await;
    let [line] = &away.lines[..] else { panic!("{away:?}") };
    let RefusalLine { user, reason, requests: refused, .. } = &line.refused;
    assert_eq!(
        (user.as_deref(), reason.as_str(), *refused, line.of),
        (Some("eve"), "no_such_booking", guessed as u64, Some(100))
    );
    for (tenant, condition) in [("globex", "ErrorRate"), ("oceanic", "Latency")] {
        let alarm = alerts
            .iter()
            .find(|alarm| {
                alarm.alert.scope.tenant() == Some(tenant) && format!("{:?}", alarm.alert.condition) == condition
            })
            .unwrap();
        let found: Value = get(&server, &format!("/api{}", alarm.traces)).await;
        assert!(found["matched"].as_u64().unwrap() > 0, "{}: {found}", alarm.traces);
    }

    // The receiver got them, signed, with whole links, after it had failed once.
    let expected: BTreeSet<_> = alerts.iter().map(|alarm| alarm.id.clone()).collect();
    let told = || {
        let taken = taken.lock().unwrap();
        let opened = taken.iter().map(|(_, body)| serde_json::from_slice::<Alarm>(body).unwrap());
        opened.filter(|alarm| alarm.alert.closed.is_none()).map(|alarm| alarm.id).collect::<Vec<_>>()
    };
    for _ in 0..600 {
        if told().len() >= expected.len() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!((told().len(), told().into_iter().collect::<BTreeSet<_>>()), (expected.len(), expected));
    for (headers, body) in &*taken.lock().unwrap() {
        let signed = [headers["webhook-timestamp"].as_bytes(), b".", body].concat();
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, b"s"), &signed);
        let hex: String = tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(headers["webhook-signature"], format!("sha256={hex}"));
        let alarm: Alarm = serde_json::from_slice(body).unwrap();
        let page = if alarm.alert.condition == Condition::Refusals { "turned-away" } else { "traces" };
        assert!(alarm.traces.starts_with(&format!("http://cp.example/{page}?")), "{}", alarm.traces);
    }

    // The tenant's page: over time, its services, its slowest trace.
    let tenant: TenantAnswer = get(&server, "/api/tenants/oceanic?window=2h").await;
    assert_eq!(tenant.points.iter().map(|point| point.summary.requests).sum::<u64>(), 1_200);
    assert_eq!(tenant.services[0].service, "booking-api");
    assert!(tenant.slowest[0].duration_ns >= 400_000_000 && !tenant.alerts.is_empty());

    // What was throttled is counted as that, and is nobody's failure.
    let [acme, oceanic]: [TenantAnswer; 2] =
        [get(&server, "/api/tenants/acme?window=2h").await, get(&server, "/api/tenants/oceanic?window=2h").await];
    assert_eq!((acme.throttled.requests, acme.failed.matched, oceanic.throttled.requests), (20, 0, 0));
    let ten_minutes_ago = i64::try_from(closed - 2 * SLOT).unwrap();
    assert!(acme.throttled.points.iter().all(|point| point.start + acme.width > ten_minutes_ago), "{acme:?}");
    assert_eq!(acme.throttled.points.iter().map(|point| point.requests).sum::<i64>(), 20);
    let page = reqwest::get(format!("{}/tenant?id=acme&window=2h", server.url)).await.unwrap().text().await.unwrap();
    assert!(page.contains("<dt>Throttled in the window (429)</dt><dd>20</dd>"), "{page}");

    // Costs add up to the total, and to a recount.
    let report: slo::CostReport = get(&server, "/api/cost?window=10d").await;
    let sum = |lines: &[slo::Line]| lines.iter().map(|line| line.share.micros.unwrap()).sum::<u64>();
    let total = report.total.micros.unwrap();
    assert!(
        total > 0
            && [&report.tenants, &report.tiers, &report.services, &report.lines]
                .iter()
                .all(|lines| sum(lines) == total)
    );
    assert_eq!(report.total.requests, requests.len() as f64);
    for line in &report.tenants {
        let own = requests.iter().filter(|request| Some(request.tenant) == line.tenant.as_deref());
        let (count, time) =
            own.fold((0.0, 0.0), |(count, time), request| (count + 1.0, time + request.duration_ns as f64));
        assert!(line.share.requests == count && (line.share.seconds - time / 1e9).abs() < 1e-9);
    }
    let csv = reqwest::get(format!("{}/api/cost?format=csv", server.url)).await.unwrap();
    assert!(csv.headers()["content-type"].to_str().unwrap().starts_with("text/csv"));

    // A pipeline can gate on it.
    let run = |arguments: &[&str]| {
        let mut command = Command::new(program("control-plane"));
        command.args(arguments).args(["--url", &server.url]).output().unwrap()
    };
    let slo = run(&["slo"]);
    assert_eq!(slo.status.code(), Some(1), "{}", String::from_utf8_lossy(&slo.stdout));
    assert_eq!(run(&["slo", "--tenant", "acme"]).status.code(), Some(0));
    assert_eq!(run(&["alerts", "--tenant", "globex"]).status.code(), Some(1));
    let cost = run(&["cost", "--json"]);
    assert_eq!(serde_json::from_slice::<slo::CostReport>(&cost.stdout).unwrap().total, report.total);

    // A restart tells nothing twice; late spans count.
    server.kill();
    let server = Server::configured(dir.path(), &config);
    evaluated(&server, closed).await;
    let after: Vec<Alarm> = get(&server, "/api/alerts").await;
    assert_eq!(
        after.iter().map(|alarm| &alarm.id).collect::<Vec<_>>(),
        alerts.iter().map(|alarm| &alarm.id).collect::<Vec<_>>()
    );
    let late = Request { tenant: "acme", tier: "basic", start: closed - 2 * DAY, duration_ns: 1, status: 503 };
    assert_eq!(server.post("application/x-protobuf", request_of(vec![span(1_000_000, &late)])).await.status(), 200);
    for _ in 0..900 {
        let answer: SloAnswer = get(&server, "/api/slo").await;
        let acme = answer.tenants.iter().find(|line| line.status.subject == Subject::Tenant("acme".into())).unwrap();
        if acme.status.evaluation.budget.failed == 1 {
            assert_eq!(acme.status.evaluation.budget.requests, 4 * 240 + 1_200 + 1);
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("the late span was not counted");
}

/// Alerts as they were when this closed.
fn as_they_were(alerts: &Value, closed: u64) -> Value {
    let was = |alert: &Value, what: &str| alert[what].as_u64().is_some_and(|at| at <= closed);
    let opened = alerts.as_array().unwrap().iter().filter(|alert| was(alert, "opened")).cloned();
    let as_it_was = |mut alert: Value| {
        if !was(&alert, "closed") {
            alert["closed"] = Value::Null;
        }
        alert
    };
    opened.map(as_it_was).collect()
}

/// What the control plane says of acme, over a window that is over.
async fn of_acme(server: &Server, closed: u64) -> Value {
    let window = format!("from={}&to={closed}", closed - 3_600);
    let ask = async |path: &str| get::<Value>(server, path).await;
    let mut tenant = ask(&format!("/api/tenants/acme?{window}")).await;
    // How it is now may have been judged once more, the burndown ends now, and everybody together is not acme.
    for of_others in ["now", "conditions", "burndown", "beside"] {
        tenant.as_object_mut().unwrap().remove(of_others);
    }
    tenant["alerts"] = as_they_were(&tenant["alerts"], closed);
    let cost = ask(&format!("/api/cost?{window}")).await;
    let cost = cost["tenants"].as_array().unwrap().iter().find(|line| line["tenant"] == "acme").cloned().unwrap();
    json!({
        "tenant": tenant,
        "turned away": ask(&format!("/api/turned-away?tenant=acme&{window}")).await,
        "map": ask(&format!("/api/map?tenant=acme&{window}")).await,
        "traces": ask(&format!("/api/traces?tenant=acme&{window}")).await["matched"],
        "requests and seconds": [cost["requests"], cost["seconds"]],
        "alerts": as_they_were(&ask("/api/alerts").await, closed),
        "tenants": ask("/api/facets").await["tenants"],
    })
}

/// What is left of acme's error budget over the last 30 days, from both servers as of the same five minutes.
async fn burndowns(servers: [&Server; 2]) -> [Value; 2] {
    let ask = async |server| get::<Value>(server, "/api/tenants/acme").await["burndown"].take();
    loop {
        let both = [ask(servers[0]).await, ask(servers[1]).await];
        if both[0][0]["start"] == both[1][0]["start"] {
            return both;
        }
    }
}

/// Sends so many requests whose tokens nobody could verify, each of which names acme, and looks at what became of acme's figures.
async fn nothing_moves(unverified: u64) {
    let dirs = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let server = Server::configured(dirs[0].path(), "[slo]\nsettle_seconds = 0\n");
    // The same without those requests, for what changes as time goes by.
    let untouched = Server::configured(dirs[1].path(), "[slo]\nsettle_seconds = 0\n");
    let closed = closed().await;
    let requests = requests(closed);
    for server in [&server, &untouched] {
        let spans = requests.iter().enumerate().map(|(index, request)| span(index, request)).collect();
        assert_eq!(server.send(spans).await.unwrap().status(), 200);
        evaluated(server, closed).await;
    }
    let before = of_acme(&server, closed).await;
    assert!(before["turned away"]["requests"].as_u64() > Some(0), "{before}");
    // As the functions tell of them: with the reason, and without what a token says that is not verified.
    let of = |n: u64| {
        let start = (closed - 1 - n % 3_000) * 1_000_000_000;
        Span {
            trace_id: (u128::from(n) | 1 << 100).to_be_bytes().to_vec(),
            start_time_unix_nano: start,
            end_time_unix_nano: start + 1_000_000,
            attributes: vec![
                text("url.path", "/bookings/acme"),
                text("problem.code", "invalid_token"),
                number("http.response.status_code", 401),
            ],
            ..span(usize::try_from(n).unwrap(), &requests[0])
        }
    };
    for first in (0..unverified).step_by(2_000) {
        let batch = (first..(first + 2_000).min(unverified)).map(of).collect();
        assert_eq!(server.send(batch).await.unwrap().status(), 200);
    }
    let found: Value =
        get(&server, &format!("/api/traces?from={}&to={closed}&filter=http.status+%3D+401", closed - 3_600)).await;
    assert!(found["matched"].as_u64() > Some(0), "{found}");
    // As the gateway tells of them, and more than it does.
    let at = now_ns() / 1_000_000;
    let line = |n: u64| {
        let mut line = refused_line(401, "UNAUTHORIZED", &format!("192.0.2.{}", n % 250));
        line["request_id"] = n.to_string().into();
        for said in ["tenant.id", "tenant", "enduser.id", "authorization", "error.type", "client.network"] {
            line[said] = "acme".into();
        }
        (at, line)
    };
    for first in (0..unverified).step_by(2_000) {
        let lines: Vec<_> = (first..(first + 2_000).min(unverified)).map(line).collect();
        let delivery = access_log_delivery("111111111111", "booking-dev", &lines);
        let answer = server.post_to("/v1/access-logs", "application/json", delivery.to_string().into_bytes()).await;
        assert_eq!(answer.status(), 200);
    }
    let refused: Value = get(&server, "/api/turned-away/unverified?window=1h").await;
    assert_eq!(refused["requests"], unverified, "{refused}");
    assert!(!refused.to_string().contains("acme"), "{refused}");
    let after = of_acme(&server, closed).await;
    for (what, figures) in before.as_object().unwrap() {
        for (part, figure) in figures.as_object().into_iter().flatten() {
            assert_eq!(&after[what][part], figure, "{what}: {part}");
        }
        assert_eq!(&after[what], figures, "{what}");
    }
    let [burndown, expected] = burndowns([&server, &untouched]).await;
    assert!(expected[0]["left"].is_number(), "{expected}");
    assert_eq!(burndown, expected);
}

#[tokio::test]
async fn tokens_that_nobody_verified_move_nothing_of_the_tenant_that_they_name() {
    nothing_moves(4_000).await;
}

#[tokio::test]
#[ignore = "it takes minutes"]
async fn a_million_tokens_that_nobody_verified_move_nothing_of_the_tenant_that_they_name() {
    nothing_moves(1_000_000).await;
}
