//! OTLP/HTTP, for each signal: spans are stored as sent and once; what cannot be stored gets an answer its sender understands, and spoils
//! nothing beside it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::{
    io::{BufRead, BufReader, Write},
    net::TcpStream,
    time::Duration,
};

use control_plane::{api::UnverifiedAnswer, intake::MAX_BODY_BYTES};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceResponse;
use prost::Message;
use testkit::{
    control_plane::{Server, access_log_delivery, gzip, now_ns, refused_line, span},
    signals::{SIGNALS, Signal, metrics_of, sender, sum, value},
};

const PROTOBUF: &str = "application/x-protobuf";

fn server() -> (Server, tempfile::TempDir) {
    let dir = tempfile::tempdir().unwrap();
    (Server::start(dir.path()), dir)
}

#[tokio::test]
async fn a_span_is_read_back_as_it_was_sent() {
    let (server, _dir) = server();
    let mut child = span(7, 1);
    child.parent_span_id = span(7, 0).span_id;
    let answer = server.send(vec![span(7, 0), child]).await.unwrap();
    assert_eq!((answer.status().as_u16(), answer.headers()["content-type"].as_bytes()), (200, PROTOBUF.as_bytes()));

    let trace = server.trace(&[7; 16]).await.unwrap();
    assert_eq!(trace.xray_trace_id, "1-07070707-070707070707070707070707");
    let [root, child] = &trace.spans[..] else { panic!("{} spans", trace.spans.len()) };
    assert_eq!(
        (root.name.as_str(), root.kind.as_str(), root.service.as_str()),
        ("operation 0", "SERVER", "booking-api")
    );
    assert_eq!((root.account.as_deref(), root.tenant.as_deref()), (Some("111111111111"), Some("acme")));
    assert_eq!((root.duration_ns, &root.parent_span_id), (5_000_000, &None));
    assert_eq!(child.parent_span_id.as_ref(), Some(&root.span_id));
}

#[tokio::test]
async fn a_span_sent_again_is_stored_once() {
    let (server, _dir) = server();
    let mut later = span(7, 0);
    later.name = "something else".into();
    for spans in [vec![span(7, 0)], vec![span(7, 0), span(7, 0)], vec![later]] {
        assert_eq!(server.send(spans).await.unwrap().status(), 200);
    }
    let trace = server.trace(&[7; 16]).await.unwrap();
    assert_eq!(trace.spans.iter().map(|span| span.name.as_str()).collect::<Vec<_>>(), ["operation 0"]);
}

#[tokio::test]
async fn gzip_is_unpacked_within_limits() {
    let (server, _dir) = server();
    // 64 MB of nothing in 64 kB.
    let bomb = gzip(&vec![0; 64 << 20]);
    for Signal { path, request, .. } in SIGNALS {
        for (body, status) in [(gzip(&request(0)), 200), (b"not gzip".to_vec(), 400), (bomb.clone(), 413)] {
            let sent = reqwest::Client::new().post(format!("{}{path}", server.url)).header("content-type", PROTOBUF);
            let answer = sent.header("content-encoding", "gzip").body(body).send().await.unwrap();
            assert_eq!(answer.status().as_u16(), status, "{path}");
        }
    }
    assert!(server.trace(&[7; 16]).await.is_some());
}

#[tokio::test]
async fn invalid_spans_are_counted_and_the_rest_is_stored() {
    let (server, _dir) = server();
    let broken = |change: fn(&mut opentelemetry_proto::tonic::trace::v1::Span)| {
        let mut span = span(7, 9);
        change(&mut span);
        span
    };
    let spans = vec![
        broken(|span| span.trace_id = vec![0; 16]),
        broken(|span| span.trace_id = vec![1; 15]),
        broken(|span| span.span_id = vec![0; 8]),
        broken(|span| span.span_id = vec![]),
        broken(|span| span.parent_span_id = vec![1; 3]),
        broken(|span| span.end_time_unix_nano = u64::MAX),
        span(7, 0),
    ];
    let answer = server.send(spans).await.unwrap();
    assert_eq!(answer.status(), 200);
    let response = ExportTraceServiceResponse::decode(answer.bytes().await.unwrap()).unwrap();
    let partial = response.partial_success.unwrap();
    assert_eq!(partial.rejected_spans, 6);
    assert!(partial.error_message.contains("trace id"));
    assert_eq!(server.trace(&[7; 16]).await.unwrap().spans.len(), 1);
}

#[tokio::test]
async fn what_is_no_otlp_is_refused() {
    let (server, _dir) = server();
    for Signal { path, .. } in SIGNALS {
        let post = |content_type, body| server.post_to(path, content_type, body);
        assert_eq!(post(PROTOBUF, b"\xff\xff\xff".to_vec()).await.status(), 400, "{path}");
        assert_eq!(post("text/plain", vec![]).await.status(), 415, "{path}");
        assert_eq!(post(PROTOBUF, vec![0; 17 << 20]).await.status(), 413, "{path}");
        assert_eq!(post(PROTOBUF, vec![]).await.status(), 200, "an empty request is a valid one: {path}");
        assert_eq!(reqwest::get(format!("{}{path}", server.url)).await.unwrap().status(), 405, "{path}");
    }
    for (id, status) in
        [("nonsense", 400), ("00000000000000000000000000000000", 400), ("07070707070707070707070707070707", 404)]
    {
        let answer = reqwest::get(format!("{}/api/traces/{id}", server.url)).await.unwrap();
        assert_eq!(answer.status(), status, "{id}");
        assert_eq!(answer.headers()["content-type"], "application/problem+json");
    }
}

/// `google.rpc.Status`, as far as errors carry it.
#[derive(Clone, PartialEq, Message)]
struct Status {
    #[prost(int32, tag = "1")]
    code: i32,
    #[prost(string, tag = "2")]
    message: String,
}

/// Other signals and other methods.
#[tokio::test]
async fn what_is_not_served_is_told_in_the_senders_encoding() {
    let (server, _dir) = server();
    let client = reqwest::Client::new();
    for (request, status) in [
        (client.post(format!("{}/v1/profiles", server.url)), 404),
        (client.put(format!("{}/v1/traces", server.url)), 405),
        (client.put(format!("{}/v1/metrics", server.url)), 405),
        (client.put(format!("{}/v1/logs", server.url)), 405),
    ] {
        let answer = request.try_clone().unwrap().header("content-type", PROTOBUF).send().await.unwrap();
        assert_eq!(
            (answer.status().as_u16(), answer.headers()["content-type"].as_bytes()),
            (status, PROTOBUF.as_bytes())
        );
        assert_eq!(Status::decode(answer.bytes().await.unwrap()).unwrap().code, 12);
        let answer = request.header("content-type", "application/json").send().await.unwrap();
        assert_eq!(
            (answer.status().as_u16(), answer.headers()["content-type"].as_bytes()),
            (status, &b"application/json"[..])
        );
        assert_eq!(answer.json::<serde_json::Value>().await.unwrap()["code"], 12);
    }
}

/// Media types and content codings as HTTP has them: in any case, and as old senders name them.
#[tokio::test]
async fn types_and_codings_in_any_case() {
    let (server, _dir) = server();
    for signal in SIGNALS {
        types_and_codings(&server, signal).await;
    }
    assert_eq!(server.trace(&[7; 16]).await.unwrap().spans.len(), 1);
}

async fn types_and_codings(server: &Server, Signal { path, request, .. }: Signal) {
    let body = request(0);
    let (one, other) = (gzip(&body[..body.len() / 2]), gzip(&body[body.len() / 2..]));
    for (content_type, coding, body, status) in [
        ("Application/X-Protobuf", "", body.clone(), 200),
        ("application/x-protobuf; charset=binary", "identity", body.clone(), 200),
        ("APPLICATION/JSON;charset=UTF-8", "", b"{}".to_vec(), 200),
        (PROTOBUF, "GZIP", gzip(&body), 200),
        (PROTOBUF, "x-gzip", gzip(&body), 200),
        (PROTOBUF, "X-GZip", gzip(&body), 200),
        (PROTOBUF, "identity, gzip", gzip(&body), 200),
        (PROTOBUF, "gzip, gzip", gzip(&gzip(&body)), 200),
        (PROTOBUF, "gzip", [one, other].concat(), 200),
        ("application/json", "gzip", gzip(b"{}"), 200),
        (PROTOBUF, "gzip", body.clone(), 400),
        (PROTOBUF, "br", body.clone(), 415),
        (PROTOBUF, "gzip, gzip, gzip", body.clone(), 415),
        ("text/plain", "", body.clone(), 415),
    ] {
        let request = reqwest::Client::new().post(format!("{}{path}", server.url)).header("content-type", content_type);
        let request = if coding.is_empty() { request } else { request.header("content-encoding", coding) };
        let answer = request.body(body).send().await.unwrap();
        assert_eq!(answer.status().as_u16(), status, "{path} {content_type} {coding}");
    }
}

/// A slow sender writes its whole request before it reads: the connection must not close under it.
#[test]
fn a_sender_of_too_much_hears_so() {
    let (server, _dir) = server();
    let mut connection = TcpStream::connect(server.url.strip_prefix("http://").unwrap()).unwrap();
    let size = 2 * MAX_BODY_BYTES;
    let head = format!(
        "POST /v1/traces HTTP/1.1\r\nhost: localhost\r\ncontent-type: {PROTOBUF}\r\ncontent-length: {size}\r\n\r\n"
    );
    connection.write_all(head.as_bytes()).unwrap();
    let chunk = vec![0; 1 << 20];
    for _ in 0..size / chunk.len() {
        connection.write_all(&chunk).unwrap();
        std::thread::sleep(Duration::from_millis(10));
    }
    let mut answer = String::new();
    BufReader::new(connection).read_line(&mut answer).unwrap();
    assert_eq!(answer, "HTTP/1.1 413 Payload Too Large\r\n");
}

#[tokio::test]
async fn errors_are_in_the_encoding_of_the_request() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::configured(dir.path(), "[intake.keys]\n\"111111111111\" = \"k\"\n");
    let client = reqwest::Client::new();
    for (content_type, key, coding, body, status) in [
        (PROTOBUF, "k", "identity", b"\xff".to_vec(), 400),
        (PROTOBUF, "wrong", "identity", vec![], 401),
        (PROTOBUF, "k", "identity", vec![0; 17 << 20], 413),
        (PROTOBUF, "k", "gzip", gzip(&vec![0; 17 << 20]), 413),
        (PROTOBUF, "k", "br", vec![], 415),
        ("application/protobuf", "k", "identity", vec![], 415),
    ] {
        let types = [content_type, if content_type == PROTOBUF { "application/json" } else { "text/json" }];
        for (content_type, Signal { path, .. }) in types.into_iter().flat_map(|of| SIGNALS.map(|signal| (of, signal))) {
            let request = client.post(format!("{}{path}", server.url)).header("content-type", content_type);
            let request = request.header("authorization", format!("Bearer {key}")).header("content-encoding", coding);
            let answer = request.body(body.clone()).send().await.unwrap();
            assert_eq!(answer.status().as_u16(), status, "{content_type}");
            let is_json = content_type.contains("json");
            assert_eq!(answer.headers()["content-type"], if is_json { "application/json" } else { PROTOBUF });
            let bytes = answer.bytes().await.unwrap();
            let message = if is_json {
                serde_json::from_slice::<serde_json::Value>(&bytes).unwrap()["message"].as_str().unwrap().to_owned()
            } else {
                Status::decode(bytes).unwrap().message
            };
            assert!(!message.is_empty());
        }
    }
}

#[tokio::test]
async fn access_logs_are_taken_as_firehose_delivers_them() {
    let dir = tempfile::tempdir().unwrap();
    let server =
        Server::configured(dir.path(), "[intake]\nhmac_key = \"k\"\n[intake.keys]\n\"111111111111\" = \"key of a\"\n");
    let client = reqwest::Client::new();
    let deliver = async |key: &str, body: Vec<u8>| {
        let request = client.post(format!("{}/v1/access-logs", server.url)).header("x-amz-firehose-access-key", key);
        let request = request.header("content-type", "application/json").header("x-amz-firehose-request-id", "a-b-c");
        let answer = request.header("content-encoding", "gzip").body(gzip(&body)).send().await.unwrap();
        let status = answer.status().as_u16();
        let told: serde_json::Value = answer.json().await.unwrap();
        assert_eq!((&told["requestId"], told["timestamp"].is_i64()), (&"a-b-c".into(), true));
        assert_eq!(told["errorMessage"].is_string(), status != 200, "{told}");
        status
    };
    let now = now_ns() / 1_000_000;
    let lines = [
        (now, refused_line(401, "UNAUTHORIZED", "192.0.2.17")),
        (now, refused_line(401, "UNAUTHORIZED", "::ffff:192.0.2.18")),
        (now, refused_line(401, "UNAUTHORIZED", "192.0.2.17")),
        (now, refused_line(403, "WAF_FILTERED", "2001:db8:1:2::3")),
        (now, refused_line(200, "-", "203.0.113.1")),
    ];
    let of = |account: &str| access_log_delivery(account, "booking-dev", &lines).to_string().into_bytes();
    for (key, body, status) in [
        ("", of("111111111111"), 401),
        ("key of b", of("111111111111"), 401),
        ("key of a", b"{".to_vec(), 400),
        ("key of a", b"{}".to_vec(), 400),
        ("key of a", vec![b' '; 17 << 20], 413),
        // What would be the same if it were sent again is left out.
        ("key of a", br#"{"records":[{"data":"?"},{"data":"e30="},{"data":"bm8="}]}"#.to_vec(), 200),
        ("key of a", of("222222222222"), 200),
        // And what is sent again counts once.
        ("key of a", of("111111111111"), 200),
        ("key of a", of("111111111111"), 200),
    ] {
        assert_eq!(deliver(key, body).await, status, "{key}");
    }
    // Nobody else counts them.
    let forged =
        metrics_of(&sender(), vec![sum("apigateway.requests.refused", &[value(now_ns().unsigned_abs(), 1e6)])]);
    let request = client.post(format!("{}/v1/metrics", server.url)).header("content-type", PROTOBUF);
    let answer = request.bearer_auth("key of a").body(forged.encode_to_vec()).send().await.unwrap();
    let answer = ExportTraceServiceResponse::decode(answer.bytes().await.unwrap()).unwrap();
    assert_eq!(answer.partial_success.unwrap().rejected_spans, 1);
    let get = async |path: &str| reqwest::get(format!("{}{path}", server.url)).await.unwrap().text().await.unwrap();
    let json = get("/api/turned-away/unverified?window=15m").await;
    let answer: UnverifiedAnswer = serde_json::from_str(&json).unwrap();
    let lines =
        answer.lines.iter().map(|line| (&*line.api, &*line.reason, &*line.network, line.addresses, line.requests));
    let expected = [
        ("booking-dev", "unauthorized", "192.0.2.0/24", 2, 3),
        ("booking-dev", "waf_filtered", "2001:db8:1::/48", 1, 1),
    ];
    assert_eq!((lines.collect::<Vec<_>>(), answer.requests, answer.more), (expected.to_vec(), 4, false));
    assert!(answer.lines.iter().all(|line| line.address_hashes.iter().all(|hash| hash.len() == 32)));
    let csv = get("/api/turned-away/unverified?window=15m&format=csv&limit=1").await;
    assert!(csv.lines().count() == 2 && csv.contains(",unauthorized,192.0.2.0/24,2,"), "{csv}");
    let page = get("/turned-away?window=15m").await;
    assert!(page.contains("Before anybody was known") && page.contains("2001:db8:1::/48"));
    let narrowed = get("/turned-away?window=15m&api=booking-dev&network=192.0.2.0/24&refused_as=unauthorized").await;
    assert!(narrowed.contains("192.0.2.0/24") && !narrowed.contains("2001:db8:1::/48"), "{narrowed}");
    for answer in [json, csv, page, narrowed, get("/api/metrics?window=15m").await] {
        assert!(!answer.contains("192.0.2.1") && !answer.contains("2001:db8:1:2"), "{answer}");
    }
    assert!(get("/api/turned-away/unverified?network=192.0.2.0/24&api=mileage-dev").await.contains("\"lines\":[]"));
}
