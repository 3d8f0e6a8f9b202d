//! Nobody waits for long for a store that hangs, and nothing is acknowledged that is not stored: 503, and when to come again.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::{process::Command, sync::Arc, time::Duration};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, Uri},
    response::IntoResponse,
};
use testkit::{
    clickhouse::ClickHouse,
    control_plane::{Server, span},
    program,
};
use tokio::sync::watch;

/// ClickHouse behind a door, which hangs while it is shut.
async fn door(clickhouse: &ClickHouse) -> (Arc<watch::Sender<bool>>, String) {
    let open = Arc::new(watch::Sender::new(true));
    let state = (open.clone(), clickhouse.url.clone());
    let pass = |State((open, url)): State<(Arc<watch::Sender<bool>>, String)>,
                uri: Uri,
                mut headers: HeaderMap,
                body: Bytes| async move {
        open.subscribe().wait_for(|open| *open).await.unwrap();
        for name in ["host", "transfer-encoding"] {
            headers.remove(name);
        }
        let answer =
            reqwest::Client::new().post(format!("{url}{uri}")).headers(headers).body(body).send().await.unwrap();
        let (status, mut headers) = (answer.status(), answer.headers().clone());
        headers.remove("transfer-encoding");
        (status, headers, answer.bytes().await.unwrap()).into_response()
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, Router::new().fallback(pass).with_state(state)).await.unwrap() });
    (open, url)
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_api_and_intake() {
    let clickhouse = ClickHouse::start();
    let (open, url) = door(&clickhouse).await;
    let store = format!("{}/hangs_{}", url.replace("http", "clickhouse"), std::process::id());
    let migrated = Command::new(program("control-plane")).args(["migrate", "--store", &store]).output().unwrap();
    assert!(migrated.status.success(), "{}", String::from_utf8_lossy(&migrated.stderr));
    let dir = tempfile::tempdir().unwrap();
    let server = Server::configured(dir.path(), &format!("store = '{store}'"));
    assert_eq!(server.send(vec![span(1, 0)]).await.unwrap().status(), 200);

    open.send_replace(false);
    let client = reqwest::Client::builder().timeout(Duration::from_secs(120)).build().unwrap();
    let paths =
        ["/api/map", "/api/traces", "/api/facets", "/api/cost", "/api/tenants/acme", "/", "/traces", "/tenant?id=acme"];
    let refused = |answer: reqwest::Response, what: &str| {
        assert_eq!((answer.status().as_u16(), answer.headers()["retry-after"].to_str().unwrap()), (503, "1"), "{what}");
        answer.headers()["content-type"].to_str().unwrap().to_owned()
    };
    let mut reads = tokio::task::JoinSet::new();
    for path in paths {
        let asking = client.get(format!("{}{path}", server.url)).timeout(Duration::from_secs(120)).send();
        reads.spawn(async move { (path, asking.await.expect(path)) });
    }
    let sending = server.send(vec![span(1, 1)]);
    let (sent, reads) = tokio::join!(sending, reads.join_all());
    refused(sent.unwrap(), "spans");
    for (path, answer) in reads {
        let kind = if path.starts_with("/api") { "application/problem+json" } else { "text/html; charset=utf-8" };
        assert_eq!(refused(answer, path), kind, "{path}");
    }

    // It goes on as if nothing had been; what was refused may be sent again.
    open.send_replace(true);
    assert_eq!(server.send(vec![span(1, 1)]).await.unwrap().status(), 200);
    assert_eq!(server.trace(&span(1, 0).trace_id).await.unwrap().spans.len(), 2);
    // Gone for good.
    drop(clickhouse);
    refused(server.send(vec![span(2, 0)]).await.unwrap(), "spans");
    refused(client.get(format!("{}/api/map", server.url)).send().await.unwrap(), "a map");
}
