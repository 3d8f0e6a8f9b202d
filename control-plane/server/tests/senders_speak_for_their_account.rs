//! With keys configured, a sender needs one, and sends what is of its own account only.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceResponse;
use prost::Message;
use testkit::{
    control_plane::{Server, now_ns, request_of, span, text},
    signals::{SIGNALS, Signal, logs_of, metrics_of, record, sender, sum, value},
};

const KEYS: &str = "[intake.keys]\n\"111111111111\" = \"key of a\"\n\"222222222222\" = \"key of b\"";

async fn send(server: &Server, path: &str, key: Option<&str>, body: Vec<u8>) -> reqwest::Response {
    let client = reqwest::Client::new();
    let request = client.post(format!("{}{path}", server.url)).header("content-type", "application/x-protobuf");
    let request = key.into_iter().fold(request, |request, key| request.bearer_auth(key));
    request.body(body).send().await.unwrap()
}

/// How many were not taken, and why; answers of all signals have one form.
async fn rejected(answer: reqwest::Response) -> (i64, String) {
    assert_eq!(answer.status(), 200);
    let response = ExportTraceServiceResponse::decode(answer.bytes().await.unwrap()).unwrap();
    response.partial_success.map(|partial| (partial.rejected_spans, partial.error_message)).unwrap_or_default()
}

#[tokio::test]
async fn a_key_is_good_for_its_account() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::configured(dir.path(), KEYS);
    let key_of_b = Some("key of b");
    // What testkit sends is of account 111111111111.
    for Signal { path, request, .. } in SIGNALS {
        for key in [None, Some(""), Some("key of c")] {
            assert_eq!(send(&server, path, key, request(0)).await.status(), 401, "{path}, {key:?}");
        }
        assert_eq!(rejected(send(&server, path, Some("key of a"), request(0)).await).await, (0, String::new()));
        let (count, reason) = rejected(send(&server, path, key_of_b, request(1)).await).await;
        assert!(count == 1 && reason.contains("own account"), "{path}: {reason}");
    }
    // An account that one of several names counts more than its sender's.
    let of_b = || text("cloud.account.id", "222222222222");
    let (mut span_of_b, mut point_of_b, mut record_of_b) =
        (span(7, 1), value(now_ns().unsigned_abs(), 1.0), record(7, 1, "b"));
    span_of_b.attributes.push(of_b());
    point_of_b.attributes.push(of_b());
    record_of_b.attributes.push(of_b());
    let points = [point_of_b, value(now_ns().unsigned_abs(), 1.0)];
    let requests = [
        request_of(vec![span_of_b, span(7, 2)]),
        metrics_of(&sender(), vec![sum("requests", &points)]).encode_to_vec(),
        logs_of(&sender(), vec![record_of_b, record(7, 2, "a")]).encode_to_vec(),
    ];
    for (Signal { path, .. }, request) in SIGNALS.into_iter().zip(requests) {
        let (count, reason) = rejected(send(&server, path, key_of_b, request).await).await;
        assert!(count == 1 && reason.contains("own account"), "{path}: {reason}");
    }
    let stored = server.trace(&[7; 16]).await.unwrap().spans;
    let accounts: Vec<_> = stored.iter().map(|span| span.account.as_deref().unwrap()).collect();
    assert_eq!(accounts, ["111111111111", "222222222222"]);
}
