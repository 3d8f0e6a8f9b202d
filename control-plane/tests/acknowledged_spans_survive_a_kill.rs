//! Whatever was answered with 200 is there after `kill -9`, once, and counted once.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use control_plane::store::ServiceMap;
use testkit::control_plane::{Server, span};

#[tokio::test(flavor = "multi_thread")]
async fn acknowledged_spans_survive_a_kill() {
    let dir = tempfile::tempdir().unwrap();
    let mut acknowledged_of: [u64; 4] = [0; 4];
    for round in 0..4_u8 {
        let mut server = Server::start(dir.path());
        let acknowledged = Arc::new(AtomicU64::new(0));
        let sender = {
            let (url, acknowledged) = (server.url.clone(), acknowledged.clone());
            tokio::spawn(async move {
                let client = reqwest::Client::new();
                for n in 0.. {
                    let request = client.post(format!("{url}/v1/traces"));
                    let request = request.header("content-type", "application/x-protobuf");
                    match request.body(testkit::control_plane::request_of(vec![span(round + 1, n)])).send().await {
                        Ok(answer) if answer.status() == 200 => acknowledged.store(n + 1, Ordering::SeqCst),
                        _ => return,
                    }
                }
            })
        };
        // At another point of its work each time, once it has begun.
        while acknowledged.load(Ordering::SeqCst) == 0 && !sender.is_finished() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        tokio::time::sleep(Duration::from_millis(50 + 100 * u64::from(round))).await;
        server.kill();
        sender.await.unwrap();
        acknowledged_of[usize::from(round)] = acknowledged.load(Ordering::SeqCst);
    }
    let server = Server::start(dir.path());
    let mut all = 0;
    for (round, acknowledged) in (0_u8..).zip(acknowledged_of) {
        assert!(acknowledged > 0, "nothing was acknowledged in round {round}");
        let stored = server.trace(&[round + 1; 16]).await.unwrap().spans.len() as u64;
        // The one under way may have been stored without its sender knowing.
        assert!((acknowledged..=acknowledged + 1).contains(&stored), "{acknowledged} acknowledged, {stored} stored");
        all += stored;
    }
    let answer = reqwest::get(format!("{}/api/map", server.url)).await.unwrap();
    let map: ServiceMap = answer.json().await.unwrap();
    let counted: i64 = map.edges.iter().map(|edge| edge.stats.count).sum();
    assert_eq!(counted, i64::try_from(all).unwrap(), "spans and sums are stored together or not at all");
}
