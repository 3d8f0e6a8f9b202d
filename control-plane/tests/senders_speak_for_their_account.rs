//! With keys configured, a sender needs one, and sends spans of its own account only.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceResponse;
use prost::Message;
use testkit::control_plane::{Server, request_of, span, text};

#[tokio::test]
async fn a_key_is_good_for_its_account() {
    let dir = tempfile::tempdir().unwrap();
    let config = "[intake.keys]\n\"111111111111\" = \"key of a\"\n\"222222222222\" = \"key of b\"";
    let server = Server::configured(dir.path(), config);
    let send = async |key: Option<&str>, spans| {
        let client = reqwest::Client::new();
        let request = client.post(format!("{}/v1/traces", server.url)).header("content-type", "application/x-protobuf");
        let request = key.into_iter().fold(request, |request, key| request.bearer_auth(key));
        request.body(request_of(spans)).send().await.unwrap()
    };
    for key in [None, Some(""), Some("key of c")] {
        assert_eq!(send(key, vec![span(7, 0)]).await.status(), 401, "{key:?}");
    }
    assert!(server.trace(&[7; 16]).await.is_none());
    // Spans of testkit are of account 111111111111.
    assert_eq!(send(Some("key of a"), vec![span(7, 0)]).await.status(), 200);
    let mut of_b = span(7, 1);
    of_b.attributes.push(text("cloud.account.id", "222222222222"));
    let answer = send(Some("key of b"), vec![of_b, span(7, 2)]).await;
    let partial = ExportTraceServiceResponse::decode(answer.bytes().await.unwrap()).unwrap().partial_success.unwrap();
    assert_eq!((partial.rejected_spans, partial.error_message.contains("own account")), (1, true));
    let stored = server.trace(&[7; 16]).await.unwrap().spans;
    let accounts: Vec<_> = stored.iter().map(|span| span.account.as_deref().unwrap()).collect();
    assert_eq!(accounts, ["111111111111", "222222222222"]);
}
