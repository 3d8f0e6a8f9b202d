//! Whatever was answered with 200 is there after `kill -9`, once, and counted once.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use control_plane_embedded::{Embedded, FILE, Retention};
use control_plane_model::{
    log_records::{LogQuery, LogStore},
    map::ServiceMap,
    metrics::{MetricQuery, MetricStore},
    store::Scope,
    trace::TraceId,
};
use testkit::{
    control_plane::{Server, now_ns},
    signals::SIGNALS,
};

const ROUNDS: u64 = 4;
/// Items of each round have numbers of their own.
const APART: u64 = 10_000;

#[tokio::test(flavor = "multi_thread")]
async fn acknowledged_spans_survive_a_kill() {
    let dir = tempfile::tempdir().unwrap();
    let mut acknowledged_of = [0; SIGNALS.len()];
    for round in 0..ROUNDS {
        let mut server = Server::start(dir.path());
        let acknowledged: [Arc<AtomicU64>; SIGNALS.len()] = Default::default();
        let senders: Vec<_> = SIGNALS
            .into_iter()
            .zip(acknowledged.clone())
            .map(|(signal, acknowledged)| {
                let url = format!("{}{}", server.url, signal.path);
                tokio::spawn(async move {
                    let client = reqwest::Client::new();
                    for n in 0.. {
                        let request = client.post(&url).header("content-type", "application/x-protobuf");
                        match request.body((signal.request)(round * APART + n)).send().await {
                            Ok(answer) if answer.status() == 200 => acknowledged.store(n + 1, Ordering::SeqCst),
                            _ => return,
                        }
                    }
                })
            })
            .collect();
        // At another point of their work each time, once all have begun.
        let has_begun = |acknowledged: &Arc<AtomicU64>| acknowledged.load(Ordering::SeqCst) > 0;
        while !acknowledged.iter().all(has_begun) && !senders.iter().any(tokio::task::JoinHandle::is_finished) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        tokio::time::sleep(Duration::from_millis(50 + 100 * round)).await;
        server.kill();
        for sender in senders {
            sender.await.unwrap();
        }
        for (all, of_round) in acknowledged_of.iter_mut().zip(&acknowledged) {
            *all += of_round.load(Ordering::SeqCst);
        }
    }
    let mut server = Server::start(dir.path());
    let spans = server.trace(&[7; 16]).await.unwrap().spans.len() as u64;
    let answer = reqwest::get(format!("{}/api/map", server.url)).await.unwrap();
    let map: ServiceMap = answer.json().await.unwrap();
    let counted: i64 = map.edges.iter().map(|edge| edge.stats.count).sum();
    assert_eq!(counted, i64::try_from(spans).unwrap(), "spans and sums are stored together or not at all");
    server.kill();
    let (points, lines) = measured(dir.path()).await;
    for (acknowledged, stored) in acknowledged_of.into_iter().zip([spans, points, lines]) {
        assert!(acknowledged >= ROUNDS, "{acknowledged} were acknowledged");
        // The one under way in each round may have been stored without its sender knowing.
        assert!(
            (acknowledged..=acknowledged + ROUNDS).contains(&stored),
            "{acknowledged} acknowledged, {stored} stored"
        );
    }
}

/// How many points are in the sums, and how many lines in the log.
async fn measured(dir: &Path) -> (u64, u64) {
    let store = Embedded::open(&dir.join(FILE), Retention::default()).unwrap();
    let now = now_ns() / 1_000_000_000;
    let (from, to) = (now - 3_600, now + 3_600);
    let query = MetricQuery { from, to, step: 60, metrics: vec![], service: None, account: None, by: vec![] };
    let metrics = store.lines(&Scope::All, query).await.unwrap();
    let points = metrics.iter().flat_map(|line| &line.steps).map(|step| step.summary.count).sum();
    let trace_id = TraceId::from_bytes(&[7; 16]).unwrap();
    let query = LogQuery { trace_id, span_id: None, limit: usize::MAX };
    let logs = store.logs(&Scope::All, query).await.unwrap();
    assert!(!logs.truncated);
    (points, logs.lines.len() as u64)
}
