//! The oldest spans go when they are too old or there is no room; newer ones, the sums and the audit stay.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::time::Duration;

use testkit::control_plane::{Server, span, text};

async fn traces(server: &Server) -> Vec<u8> {
    let mut there = Vec::new();
    for n in 1..=60_u8 {
        if server.trace(&[n; 16]).await.is_some() {
            there.push(n);
        }
    }
    there
}

#[tokio::test]
async fn what_is_too_old_goes() {
    let dir = tempfile::tempdir().unwrap();
    let mut server = Server::start(dir.path());
    for n in 1..=3 {
        server.send(vec![span(n, 0)]).await.unwrap();
    }
    server.kill();
    // From the next second on, all of it is older than no hours.
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    let server = Server::configured(dir.path(), "[retention]\nmax_age_hours = 0");
    for _ in 0..600 {
        if traces(&server).await.is_empty() {
            let answer = reqwest::get(format!("{}/api/map", server.url)).await.unwrap();
            let map: serde_json::Value = answer.json().await.unwrap();
            assert_eq!(map["edges"][0]["stats"]["count"], 3, "what was counted stays counted");
            let found = reqwest::get(format!("{}/api/traces", server.url)).await.unwrap();
            assert_eq!(found.json::<serde_json::Value>().await.unwrap()["matched"], 0);
            let audit = reqwest::get(format!("{}/api/audit", server.url)).await.unwrap();
            let audit: serde_json::Value = audit.json().await.unwrap();
            let numbers: Vec<_> = audit["records"].as_array().unwrap().iter().map(|record| &record["number"]).collect();
            assert_eq!(numbers, [2, 1], "both configurations are on record for good");
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("old traces are still there");
}

#[tokio::test]
async fn what_there_is_no_room_for_goes_the_oldest_first() {
    let dir = tempfile::tempdir().unwrap();
    let mut server = Server::start(dir.path());
    for n in 1..=60 {
        let mut large = span(n, 0);
        // Nothing that compression could make small.
        let noise =
            (0..100_000_u64).map(|at| format!("{:02x}", at.wrapping_mul(at).wrapping_mul(2_654_435_761) >> 20 & 0xff));
        large.attributes.push(text("blob", &noise.collect::<String>()));
        server.send(vec![large]).await.unwrap();
    }
    assert_eq!(traces(&server).await.len(), 60);
    server.kill();
    let server = Server::configured(dir.path(), "[retention]\nmax_bytes = 4000000");
    for _ in 0..600 {
        let there = traces(&server).await;
        if there.len() < 25 {
            assert!(there.len() > 10 && there.last() == Some(&60) && there.is_sorted(), "{there:?}");
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("there is still too much");
}
