//! ClickHouse refuses, hangs, is cut off or killed amid a request: a sender is told 503 and when to try again, what it was told 200 for is
//! there, and once it has tried again everything is there once, and counted once.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod proxy;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use control_plane_clickhouse::ClickHouse;
use control_plane_model::{listing::SearchResult, map::ServiceMap};
use opentelemetry_proto::tonic::trace::v1::Span;
use proxy::{Mode, Proxy};
use testkit::control_plane::{Server, request_of, span};
use tokio::time::sleep;

/// Spans of a trace: more than fit into one packet.
const SPANS: u64 = 300;
/// Far longer than the engine is waited for, which is eight seconds.
const ENOUGH: Duration = Duration::from_secs(120);

struct Setup {
    database: testkit::clickhouse::ClickHouse,
    proxy: Proxy,
    server: Server,
    dir: tempfile::TempDir,
}

impl Setup {
    async fn start() -> Self {
        let database = testkit::clickhouse::ClickHouse::start();
        ClickHouse::new(&database.store().parse().unwrap()).migrate().await.unwrap();
        let proxy = Proxy::start(&database.url).await;
        let dir = tempfile::tempdir().unwrap();
        let server = Server::configured(dir.path(), &config(&proxy, &database));
        Self { database, proxy, server, dir }
    }

    /// Waits until the map counts so many spans, and sees that it does not count more.
    async fn counts(&self, expected: u64) {
        let mut counted = 0;
        let begun = Instant::now();
        while counted != expected as i64 {
            assert!(begun.elapsed() < ENOUGH, "{counted} spans are counted, not {expected}");
            sleep(Duration::from_millis(200)).await;
            let answer = reqwest::get(format!("{}/api/map", self.server.url)).await.unwrap();
            if answer.status() == 200 {
                let map: ServiceMap = answer.json().await.unwrap();
                counted = map.edges.iter().map(|edge| edge.stats.count).sum();
            }
        }
    }

    async fn listed(&self) -> Vec<usize> {
        let answer = reqwest::get(format!("{}/api/traces?limit=200", self.server.url)).await.unwrap();
        let found: SearchResult = answer.json().await.unwrap();
        found.traces.iter().map(|trace| trace.spans).collect()
    }
}

fn config(proxy: &Proxy, database: &testkit::clickhouse::ClickHouse) -> String {
    let through = database.store().replace(&proxy::host(&database.url), &proxy.address.to_string());
    format!("store = {through:?}\n")
}

fn trace(number: u8) -> Vec<Span> {
    (0..SPANS).map(|n| span(number, n)).collect()
}

async fn refused(server: &Server, spans: Vec<Span>) {
    let answer = server.send(spans).await.unwrap();
    assert_eq!(answer.status(), 503);
    assert!(answer.headers()["retry-after"].to_str().unwrap().parse::<u32>().unwrap() > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_refused_or_cut_off_ends_right() {
    let setup = Setup::start().await;
    let faults = [
        Mode::Refuse,
        Mode::CutInsert("spans"),
        Mode::CutAnswer("spans"),
        Mode::CutInsert("changed"),
        Mode::CutAnswer("changed"),
    ];
    for (number, fault) in (1_u8..).zip(faults) {
        let struck = setup.proxy.struck();
        setup.proxy.set(fault);
        refused(&setup.server, trace(number)).await;
        assert!(setup.proxy.struck() > struck, "{fault:?}");
        setup.proxy.set(Mode::Pass);
        // All of a trace or nothing.
        let stored = setup.server.trace(&[number; 16]).await.map_or(0, |trace| trace.spans.len() as u64);
        assert!(matches!(stored, 0 | SPANS), "{fault:?}: {stored} spans");
        assert!(!matches!(fault, Mode::Refuse | Mode::CutInsert("spans")) || stored == 0, "{fault:?}: {stored} spans");
        for _ in 0..2 {
            assert_eq!(setup.server.send(trace(number)).await.unwrap().status(), 200, "{fault:?}");
        }
        assert_eq!(setup.server.trace(&[number; 16]).await.unwrap().spans.len() as u64, SPANS, "{fault:?}");
        setup.counts(u64::from(number) * SPANS).await;
        assert_eq!(setup.listed().await, vec![SPANS as usize; usize::from(number)], "{fault:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_hangs_is_not_waited_for() {
    let setup = Setup::start().await;
    assert_eq!(setup.server.send(trace(1)).await.unwrap().status(), 200);
    setup.counts(SPANS).await;
    setup.proxy.set(Mode::Hang);
    let begun = Instant::now();
    let read = async |path: &str| reqwest::get(format!("{}{path}", setup.server.url)).await.unwrap().status().as_u16();
    // More than may wait, so that some are told at once.
    let burst = futures_util::future::join_all((0..200).map(|n| setup.server.send(vec![span(3, n)])));
    let intake = async {
        let (_, burst) = tokio::join!(refused(&setup.server, trace(2)), burst);
        // Those behind waited no longer than those before.
        assert!(begun.elapsed() < ENOUGH / 2, "{:?}", begun.elapsed());
        burst
    };
    let (map, page, burst) = tokio::join!(read("/api/map"), read("/traces"), intake);
    assert!(begun.elapsed() < ENOUGH, "{:?}", begun.elapsed());
    assert!(map >= 500 && page >= 500, "{map}, {page}");
    assert!(burst.iter().all(|answer| answer.as_ref().unwrap().status() == 503));
    assert_eq!(read("/healthz").await, 200);
    setup.proxy.set(Mode::Pass);
    // Until those that gave up are out of the way.
    while setup.server.send(trace(2)).await.unwrap().status() == 503 {
        assert!(begun.elapsed() < 2 * ENOUGH);
        sleep(Duration::from_millis(100)).await;
    }
    setup.counts(2 * SPANS).await;
}

/// Senders that try until they are told 200, while the database is killed again and again, and connections are cut.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_or_counted_twice_whatever_fails() {
    let mut setup = Setup::start().await;
    let url = Arc::new(format!("{}/v1/traces", setup.server.url));
    let senders: Vec<_> = (1..=4_u8)
        .map(|sender| {
            let url = url.clone();
            tokio::spawn(async move {
                let client = reqwest::Client::new();
                let (mut requests, mut refused) = (0, 0);
                for first in (0..SPANS).step_by(15) {
                    let body = request_of((first..first + 15).map(|n| span(sender, n)).collect());
                    loop {
                        let request = client.post(&*url).header("content-type", "application/x-protobuf");
                        let status = request.body(body.clone()).send().await.unwrap().status();
                        requests += 1;
                        match status.as_u16() {
                            200 => break,
                            503 => refused += 1,
                            other => panic!("{other}"),
                        }
                        sleep(Duration::from_millis(20)).await;
                    }
                }
                (requests, refused)
            })
        })
        .collect();
    let mut random = fastrand::Rng::with_seed(9);
    let mut kills = 0;
    while !senders.iter().all(tokio::task::JoinHandle::is_finished) {
        let faults = [Mode::CutInsert("spans"), Mode::CutAnswer("spans"), Mode::CutAnswer("changed"), Mode::Refuse];
        setup.proxy.set(faults[random.usize(..4)]);
        sleep(Duration::from_millis(random.u64(1..60))).await;
        while setup.proxy.struck() == 0 && !senders.iter().all(tokio::task::JoinHandle::is_finished) {
            sleep(Duration::from_millis(1)).await;
        }
        setup.proxy.set(Mode::Pass);
        sleep(Duration::from_millis(random.u64(50..300))).await;
        if kills < 2 && setup.database.is_own() {
            kills += 1;
            setup.database.restart();
            setup.proxy.moved(&setup.database.url);
        }
    }
    for sender in senders {
        let (requests, refused) = sender.await.unwrap();
        eprintln!("{requests} requests, {refused} refused");
    }
    setup.counts(4 * SPANS).await;
    assert_eq!(setup.listed().await, vec![SPANS as usize; 4]);
    assert!(setup.proxy.struck() > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn acknowledged_spans_survive_a_kill_of_both() {
    let mut setup = Setup::start().await;
    let mut acknowledged = 0;
    for n in 0..40 {
        assert_eq!(setup.server.send(vec![span(1, n)]).await.unwrap().status(), 200);
        acknowledged += 1;
    }
    // One more is on its way.
    let (url, body) = (format!("{}/v1/traces", setup.server.url), request_of(vec![span(1, 40)]));
    let last = tokio::spawn(
        reqwest::Client::new().post(url).header("content-type", "application/x-protobuf").body(body).send(),
    );
    setup.server.kill();
    if setup.database.is_own() {
        setup.database.restart();
        setup.proxy.moved(&setup.database.url);
    }
    acknowledged += u64::from(last.await.unwrap().is_ok_and(|answer| answer.status() == 200));
    setup.server = Server::configured(setup.dir.path(), &config(&setup.proxy, &setup.database));
    let stored = setup.server.trace(&[1; 16]).await.unwrap().spans.len() as u64;
    assert!((acknowledged..=41).contains(&stored), "{acknowledged} acknowledged, {stored} stored");
    setup.counts(stored).await;
}
