//! `[retention] max_age_hours` is what ClickHouse keeps spans for, also once it changes.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::{process::Command, time::Duration};

use testkit::{
    clickhouse::ClickHouse,
    control_plane::{Server, span},
    program,
};

/// Has the database look at once for what is over.
async fn merge(clickhouse: &ClickHouse, database: &str) {
    for table in ["spans", "traces"] {
        let sql = format!("OPTIMIZE TABLE {database}.{table} FINAL");
        let answer = reqwest::Client::new().post(&clickhouse.url).body(sql).send().await.unwrap();
        assert!(answer.status().is_success(), "{}", answer.text().await.unwrap());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_over_goes_and_nothing_before() {
    let clickhouse = ClickHouse::start();
    let database = format!("kept_for_{}", std::process::id());
    let store = format!("{}/{database}", clickhouse.url.replace("http", "clickhouse"));
    let migrated = Command::new(program("control-plane")).args(["migrate", "--store", &store]).output().unwrap();
    assert!(migrated.status.success());
    let dir = tempfile::tempdir().unwrap();
    let spans: Vec<_> = (0..3).map(|n| span(7, n)).collect();
    let trace = spans[0].trace_id.clone();
    for (hours, left) in [(1, 3), (0, 0)] {
        let config = format!("store = '{store}'\n[retention]\nmax_age_hours = {hours}");
        let mut server = Server::configured(dir.path(), &config);
        if left > 0 {
            assert_eq!(server.send(spans.clone()).await.unwrap().status(), 200);
        }
        merge(&clickhouse, &database).await;
        let found = server.trace(&trace).await.map_or(0, |trace| trace.spans.len());
        assert_eq!(found, left, "{hours} hours");
        server.kill();
        // From the next second on, all of it is older than no hours.
        tokio::time::sleep(Duration::from_millis(1_100)).await;
    }
}
