//! In a cluster every table is a replica on each of its servers, an insert waits for most of them, and whoever makes sums for what the
//! others wrote. No cluster can be had here: this is what it would be asked, as the engine of one server reads it.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::{Arc, Mutex};

use axum::{Router, http::Uri};
use control_plane_clickhouse::ClickHouse;
use control_plane_model::store::SpanStore;
use testkit::clickhouse::ClickHouse as Server;
use tokio::net::TcpListener;

/// What was asked, each with the query of its address.
type RequestLog = Arc<Mutex<Vec<(String, String)>>>;

/// Answers what an empty database would; what it is asked.
async fn listening() -> (RequestLog, String) {
    let asked = RequestLog::default();
    let known = asked.clone();
    let answer = move |uri: Uri, sql: String| async move {
        let answer = match sql.as_str() {
            of if of.contains("SELECT count() FROM system.tables") => 0_u64.to_le_bytes().to_vec(),
            _ => Vec::new(),
        };
        known.lock().unwrap().push((uri.query().unwrap_or_default().to_owned(), sql));
        answer
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, Router::new().fallback(answer)).await });
    (asked, format!("clickhouse://{address}/spans_of_all?cluster=main"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_is_asked_for_replicas() {
    let (asked, address) = listening().await;
    let clickhouse = ClickHouse::new(&address.parse().unwrap());
    clickhouse.migrate().await.unwrap();
    clickhouse.make_sums().await.unwrap();
    let asked = asked.lock().unwrap().clone();
    let server = Server::start();
    ClickHouse::new(&server.store().parse().unwrap()).migrate().await.unwrap();
    let mut made = Vec::new();
    for (_, sql) in asked.iter().filter(|(_, sql)| sql.contains("CREATE ") && !sql.contains("CREATE DATABASE")) {
        let quoted = sql.replace('\\', "\\\\").replace('\'', "\\'");
        let read = server.sql(&format!("SELECT formatQuery('{quoted}') FORMAT TSVRaw")).await;
        let name = read.split(" IF NOT EXISTS ").nth(1).unwrap().split_once(" ON CLUSTER main").unwrap().0.to_owned();
        let of_one = format!("SELECT engine FROM system.tables WHERE database = currentDatabase() AND name = '{name}'");
        let of_one = server.sql(&of_one).await;
        let engine = read
            .split("\nENGINE = ")
            .nth(1)
            .map_or("", |rest| rest.split(['\n', '(']).next().unwrap().trim_matches('`'));
        match of_one.trim() {
            view if view.ends_with("View") => assert_eq!(engine, "", "{name}"),
            "Null" => assert_eq!(engine, "Null", "{name}"),
            of_one => {
                assert_eq!(engine, format!("Replicated{of_one}"), "{name}");
                let replica = "('/clickhouse/tables/{shard}/{database}/{table}', '{replica}'";
                assert!(read.contains(&format!("ENGINE = {engine}{replica}")), "{read}");
            }
        }
        made.push(name);
    }
    let all = "SELECT count() FROM system.tables WHERE database = currentDatabase()";
    assert_eq!(server.sql(all).await.trim(), made.len().to_string());
    assert!(asked.iter().any(|(_, sql)| sql.contains("CREATE DATABASE") && sql.contains("ON CLUSTER `main`")));
    let synced: Vec<_> = asked.iter().filter(|(_, sql)| sql.contains("SYSTEM SYNC REPLICA")).collect();
    let is_synced = |table: &str| synced.iter().any(|(_, sql)| sql.contains(&format!("\r\n{table}\r\n")));
    assert!(["changed", "spans", "sums", "cells"].into_iter().all(is_synced), "{synced:?}");
    assert!(!["metric_points", "log_records"].into_iter().any(is_synced), "nothing waits for what no sum is made of");
    assert!(asked.iter().all(|(settings, _)| settings.contains("insert_quorum=auto")), "{asked:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_server_is_not() {
    let (asked, address) = listening().await;
    let clickhouse = ClickHouse::new(&address.replace("?cluster=main", "").parse().unwrap());
    clickhouse.migrate().await.unwrap();
    clickhouse.make_sums().await.unwrap();
    let asked = asked.lock().unwrap().clone();
    for of_a_cluster in ["ON CLUSTER", "Replicated", "SYNC REPLICA", "insert_quorum"] {
        assert!(!asked.iter().any(|(settings, sql)| settings.contains(of_a_cluster) || sql.contains(of_a_cluster)));
    }
}
