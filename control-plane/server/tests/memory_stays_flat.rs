//! The embedded server needs no more than 300 MB, and after it has taken spans and been asked for a long time no more than before.
//!
//! `MINUTES=30 cargo test --workspace --test memory_stays_flat -- --ignored --nocapture`
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::time::{Duration, Instant};

use testkit::{
    control_plane::{Server, now_ns, request_by_service},
    traffic::{Plan, Traffic},
};

/// Bytes are counted by 2^20, as everywhere here.
const MAX_MB: f64 = 300.0;
/// From the second quarter to the last.
const MAX_GROWTH: f64 = 1.05;
const TRACES_A_SECOND: u32 = 100;
const AT_FIRST: u32 = 200_000;
const READS: [&str; 8] = [
    "/api/map",
    "/api/map?tenant=tenant-3",
    "/api/traces?filter=fault",
    "/api/traces?tenant=tenant-1",
    "/api/tenants/tenant-2?window=2h",
    "/api/slo",
    "/api/cost?window=2d",
    "/",
];

/// What the process holds, in MB: now, or at its peak.
fn memory(pid: u32, line: &str) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|text| text.strip_prefix(line)).unwrap();
    line.trim().trim_end_matches(" kB").parse::<f64>().unwrap() / 1_024.0
}

fn median(samples: &[f64]) -> f64 {
    let mut sorted = samples.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[sorted.len() / 2]
}

#[tokio::test]
#[ignore = "it takes MINUTES, or five"]
async fn memory_stays_flat() {
    let minutes: f64 = std::env::var("MINUTES").map_or(5.0, |text| text.parse().unwrap());
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    // First what fills caches of fixed sizes, as quickly as may be.
    let seconds = (minutes * 60.0) as u32;
    let (from, traces) = (now_ns() / 1_000_000_000 - 3_600, seconds * TRACES_A_SECOND + AT_FIRST);
    let plan = Plan { seed: 4, tenants: 1_000, traces, from, seconds: 3_600 };
    let mut traffic = Traffic::new(plan);
    let mut samples = Vec::new();
    let mut spans = 0;
    let mut send = async |traces: u32| {
        let batch = traffic.batch(traces);
        spans += batch.len();
        for piece in batch.chunks(300) {
            assert_eq!(server.post("application/x-protobuf", request_by_service(piece)).await.status(), 200);
        }
    };
    for _ in 0..AT_FIRST / 1_000 {
        send(1_000).await;
    }
    let begun = Instant::now();
    for second in 0..seconds {
        send(TRACES_A_SECOND).await;
        let read = READS[second as usize % READS.len()];
        assert_eq!(reqwest::get(format!("{}{read}", server.url)).await.unwrap().status(), 200, "{read}");
        samples.push(["VmRSS:", "RssAnon:"].map(|line| memory(server.process.id(), line)));
        tokio::time::sleep(Duration::from_secs(u64::from(second) + 1).saturating_sub(begun.elapsed())).await;
    }
    let quarter = samples.len() / 4;
    let quarters = [0, 1].map(|which| {
        let of: Vec<f64> = samples.iter().map(|sample| sample[which]).collect();
        [0, 1, 2, 3].map(|number| median(&of[number * quarter..(number + 1) * quarter]))
    });
    let peak = memory(server.process.id(), "VmHWM:");
    eprintln!(
        "{spans} spans, {minutes} min after the first {AT_FIRST} traces: MB by quarters {:.1?}, of them not of files {:.1?}, {peak:.1} at the peak",
        quarters[0], quarters[1]
    );
    let [_, second, _, last] = quarters[0];
    assert!(peak <= MAX_MB && last <= second * MAX_GROWTH);
}
