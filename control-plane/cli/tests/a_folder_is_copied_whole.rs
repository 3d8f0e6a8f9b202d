//! `control-plane copy`: what was in a data folder is in ClickHouse, once, whether it was begun once or twice; and a server on it answers alike.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::process::{Command, Output};

use serde_json::Value;
use testkit::{
    clickhouse::ClickHouse,
    control_plane::{Server, journey, request_by_service},
    program,
};

fn run(args: &[&str]) -> Output {
    Command::new(program("control-plane")).args(args).output().unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

async fn get(server: &Server, path: &str) -> Value {
    reqwest::get(format!("{}{path}", server.url)).await.unwrap().json().await.unwrap()
}

/// The list of traces, two of them, the edges of the map, and costs.
async fn answers(server: &Server) -> Vec<Value> {
    let mut found = get(server, "/api/traces?window=2h&limit=500").await;
    found.as_object_mut().unwrap().retain(|key, _| ["traces", "matched"].contains(&key.as_str()));
    let map = get(server, "/api/map?window=2h").await;
    let mut edges: Vec<Value> =
        map["edges"].as_array().unwrap().iter().map(|edge| edge["stats"]["count"].clone()).collect();
    edges.sort_by_key(ToString::to_string);
    let cost = get(server, "/api/cost?window=2d").await;
    let traces = [1_u128, 150].map(|trace| format!("/api/traces/{trace:032x}"));
    vec![found, get(server, &traces[0]).await, get(server, &traces[1]).await, edges.into(), cost["tenants"].clone()]
}

#[tokio::test]
async fn a_folder_becomes_a_database() {
    let dir = tempfile::tempdir().unwrap();
    let mut server = Server::start(dir.path());
    for n in 0..200 {
        // In two requests, and one of them twice, as senders do.
        let spans = journey(n, n % 20 == 0);
        for part in [&spans[..4], &spans[4..], &spans[..4]] {
            assert_eq!(server.post("application/x-protobuf", request_by_service(part)).await.status(), 200);
        }
    }
    let expected = answers(&server).await;
    let (clickhouse, data) = (ClickHouse::start(), dir.path().to_str().unwrap());
    let database = |name: &str| {
        let host = clickhouse.url.replace("http://", "clickhouse://");
        format!("{host}/copied_{name}_{}", std::process::id())
    };
    let store = database("whole");
    let copy = ["copy", "--data", data, "--store", &store];
    let in_use = run(&copy);
    assert_eq!(in_use.status.code(), Some(2), "{}", said(&in_use));
    assert!(said(&in_use).contains("holds this folder"), "{}", said(&in_use));
    server.kill();
    let no_tables = run(&copy);
    assert_eq!(no_tables.status.code(), Some(2));
    assert!(said(&no_tables).contains("control-plane migrate"), "{}", said(&no_tables));

    for store in [&store, &database("too")] {
        assert!(run(&["migrate", "--store", store]).status.success());
        let copied = run(&["copy", "--data", data, "--store", store]);
        assert_eq!(copied.status.code(), Some(0), "{}", said(&copied));
        assert!(
            said(&copied).contains("1800 spans here, 1800 in the sums there; 0 of 200 traces differ"),
            "{}",
            said(&copied)
        );
    }
    // Cut off before it had noted how far it was; the second database was the last one that it noted.
    let noted = dir.path().join("copied");
    let text = std::fs::read_to_string(&noted).unwrap();
    let (to, rest) = text.split_once(' ').unwrap();
    assert_eq!(rest.split_whitespace().last(), Some("1800"), "{text}");
    std::fs::write(&noted, format!("{to} 100 450\n")).unwrap();
    let again = run(&["copy", "--data", data, "--store", &database("too")]);
    assert!(
        said(&again).contains("1800 spans here, 1800 in the sums there; 0 of 200 traces differ"),
        "{}",
        said(&again)
    );

    let server = Server::configured(dir.path(), &format!("store = '{store}'"));
    assert_eq!(answers(&server).await, expected);
}

#[test]
fn what_is_not_there_is_not_copied() {
    let dir = tempfile::tempdir().unwrap();
    let copy = run(&["copy", "--data", dir.path().to_str().unwrap(), "--store", "clickhouse://127.0.0.1:1"]);
    assert_eq!(copy.status.code(), Some(2));
    assert!(said(&copy).contains("there is no"), "{}", said(&copy));
    assert!(std::fs::read_dir(dir.path()).unwrap().next().is_none(), "and nothing is made");
}
